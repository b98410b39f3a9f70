"""The windowed list: rows stay where they are, and a deep list costs what the screen shows."""

from __future__ import annotations

from dataclasses import replace

from jobdesk.models import JobState
from jobdesk.tui.link.reads import WindowRows
from jobdesk.tui.screens.jobs import JobsScreen
from tests import stored
from tests.tui.driving import press, until


async def open_list(pilot, app, queue, state, total):
    app.open_jobs(queue, state)
    await until(pilot, lambda: isinstance(app.screen, JobsScreen), "the list")
    await until(pilot, lambda: app.screen.jobs.total == total, f"{total} jobs")
    await until(pilot, lambda: app.screen.jobs.current, "rows")


def test_the_row_under_the_cursor_stays_while_jobs_arrive_above(run_desk, thumbs):
    thumbs.completed(*(f"c{n:04}" for n in range(300)))

    async def act(pilot, app):
        await until(pilot, lambda: app.link.status.usable)
        await open_list(pilot, app, "thumbs", JobState.COMPLETED, 300)
        jobs = app.screen.jobs
        await press(pilot, *["j"] * 10)
        here, line = jobs.current.id, jobs.cursor - jobs.scroll_offset.y
        for batch in range(6):
            thumbs.completed(*(f"n{batch}{n:02}" for n in range(7)))
            total = 300 + 7 * (batch + 1)
            await until(pilot, lambda total=total: jobs.total == total, "the new ones")

            assert jobs.current.id == here
            assert jobs.cursor - jobs.scroll_offset.y == line
        assert jobs.came_above == 42
        assert not jobs.following

        await press(pilot, "f")
        await until(pilot, lambda: jobs.current and jobs.current.id.startswith("n5"), "the newest")

    run_desk(act)


def test_an_answer_asked_for_while_the_list_followed_does_not_move_the_row(run_desk, thumbs):
    thumbs.completed(*(f"c{n:04}" for n in range(40)))

    async def act(pilot, app):
        await until(pilot, lambda: app.link.status.usable)
        await open_list(pilot, app, "thumbs", JobState.COMPLETED, 40)
        jobs = app.screen.jobs
        rows = tuple(jobs.row_at(place) for place in range(40))
        new = tuple(replace(rows[0], id=f"n{n}") for n in range(7))
        await press(pilot, *"jjj")
        here = jobs.current.id

        jobs.show_window(WindowRows((*new, *rows), first=0, total=47), jobs.now_ms)

        assert jobs.current.id == here
        assert jobs.came_above == 7

    run_desk(act)


def test_at_the_first_row_the_list_follows(run_desk, thumbs):
    thumbs.completed("c1", "c2")

    async def act(pilot, app):
        await until(pilot, lambda: app.link.status.usable)
        await open_list(pilot, app, "thumbs", JobState.COMPLETED, 2)
        thumbs.completed("c3")
        jobs = app.screen.jobs

        await until(pilot, lambda: jobs.current and jobs.current.id == "c3", "the newest")

        assert jobs.cursor == 0

    run_desk(act)


def test_two_hundred_thousand_jobs_cost_what_the_screen_shows(
    run_desk, broker, thumbs, monkeypatch
):
    now, keys = 1_800_000_000_000, broker.keys("thumbs")
    thumbs.completed("sample")
    broker.client.eval(
        "for i = 1, ARGV[1] do redis.call('zadd', KEYS[1], ARGV[2] + i, 'm' .. i) end",
        1, keys.completed, 200_000, now,
    )  # fmt: skip
    pipe = broker.pipeline()
    for n in (*range(1, 200), *range(99_000, 101_200), *range(199_700, 200_001)):
        stored.write(pipe, keys, f"m{n}", st="c", ep=1, t="resize", ts=now, fon=now + n)
    pipe.execute()

    def commands():
        return int(broker.client.info("stats")["total_commands_processed"])

    async def act(pilot, app):
        await until(pilot, lambda: app.link.status.usable)
        await open_list(pilot, app, "thumbs", JobState.COMPLETED, 200_001)
        jobs, page = app.screen.jobs, app.screen.jobs.page
        app.link.pace(60)
        for key in ("G", "g", "pagedown", "G"):
            await pilot.pause(0.3)
            before = commands()
            await press(pilot, key)
            await until(pilot, lambda: jobs.row_at(jobs.cursor) is not None, "rows")
            await pilot.pause(0.2)

            # a move asks for its window, once it rests for the preview, and the listener idles
            assert commands() - before <= 3 * (3 * page + 5 + 16)
        assert jobs.cursor == 200_000

    run_desk(act)
