"""The whole loop: what Redis holds is on the screen, and what is pressed changes Redis."""

from __future__ import annotations

from jobdesk.broker.inspector import Inspector
from jobdesk.models import JobState
from jobdesk.tui import policy
from jobdesk.tui.screens.dialogs import ConfirmScreen
from jobdesk.tui.screens.job import JobScreen
from jobdesk.tui.screens.jobs import JobsScreen
from jobdesk.tui.screens.queues import QueuesScreen
from jobdesk.tui.widgets.jobpreview import JobPreview
from tests.tui.conftest import registered
from tests.tui.driving import NARROW, drive, picture, press, until


async def on_board(pilot, app, rows=1):
    await until(pilot, lambda: isinstance(app.screen, QueuesScreen), "the board")
    await until(pilot, lambda: app.screen.listing.total >= rows, "queues on the board")


async def in_list(pilot, app, total):
    await until(pilot, lambda: isinstance(app.screen, JobsScreen), "the list")
    await until(pilot, lambda: app.screen.jobs.total == total, f"{total} jobs")
    await until(pilot, lambda: app.screen.jobs.current, "rows")


def notes(app):
    return [note.message for note in app._notifications]


def test_the_board_shows_every_queue_the_worst_first(run_desk, broker, thumbs):
    thumbs.completed("c1", "c2")
    registered(broker, "mails").failed("f1")

    async def act(pilot, app):
        await on_board(pilot, app, 2)
        shown = picture(app)

        assert shown.index("mails") < shown.index("thumbs")
        assert "no worker" in shown
        assert app.screen.listing.current.name == "mails"

    run_desk(act)


def test_enter_opens_a_queue_where_it_is_worst_and_then_the_job(run_desk, thumbs):
    thumbs.completed("c1")
    thumbs.failed("f1", "f2", error="ReadTimeout: timed out")

    async def act(pilot, app):
        await on_board(pilot, app)
        await press(pilot, "enter")
        await in_list(pilot, app, 2)
        assert app.screen.state is JobState.FAILED
        preview = app.screen.query_one("#preview", JobPreview)
        await until(pilot, lambda: preview.job is not None, "the preview")
        assert "ReadTimeout: timed out, in full" in picture(app)

        await press(pilot, "enter")
        await until(pilot, lambda: isinstance(app.screen, JobScreen) and app.screen.job, "the job")
        await press(pilot, "escape")

        assert isinstance(app.screen, JobsScreen)

    run_desk(act)


def test_retrying_is_done_at_once_and_can_be_taken_back(run_desk, broker, thumbs):
    thumbs.failed("f1")

    async def act(pilot, app):
        await on_board(pilot, app)
        await press(pilot, "enter")
        await in_list(pilot, app, 1)
        await press(pilot, "r")
        stats = Inspector(broker).stats
        await until(pilot, lambda: stats("thumbs").waiting == 1, "the retry")
        await until(pilot, lambda: any("Retried f1" in note for note in notes(app)), "a word of it")
        (note,) = notes(app)
        assert "u takes back what no worker has taken by then." in note

        await press(pilot, "u")

        await until(pilot, lambda: stats("thumbs").failed == 1, "the undo")

    run_desk(act)


def test_removing_many_asks_with_the_exact_command_and_a_count(run_desk, broker, thumbs):
    thumbs.failed(*(f"f{n:03}" for n in range(120)))

    async def act(pilot, app):
        await on_board(pilot, app)
        await press(pilot, "R")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen), "the question")
        shown = picture(app)
        assert "Retry all 120 failed jobs of thumbs" in shown
        assert "$ jobdesk retry thumbs --all --yes" in shown
        await press(pilot, "1", "2", "enter")
        assert isinstance(app.screen, ConfirmScreen), "a wrong number does nothing"

        await press(pilot, "0", "enter")

        await until(pilot, lambda: Inspector(broker).stats("thumbs").waiting == 120, "the retry")

    run_desk(act)


def test_a_question_answered_with_no_changes_nothing(run_desk, broker, thumbs):
    thumbs.failed("f1")

    async def act(pilot, app):
        await on_board(pilot, app)
        await press(pilot, "enter")
        await in_list(pilot, app, 1)
        await press(pilot, "d")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen), "the question")
        await press(pilot, "enter")
        await until(pilot, lambda: isinstance(app.screen, JobsScreen), "the list again")

        assert Inspector(broker).stats("thumbs").failed == 1

    run_desk(act)


def test_marks_are_acted_on_together_and_go_with_what_was_done(run_desk, broker, thumbs):
    thumbs.failed("f1", "f2", "f3")

    async def act(pilot, app):
        await on_board(pilot, app)
        await press(pilot, "enter")
        await in_list(pilot, app, 3)
        await press(pilot, "space", "space", "D")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen), "the question")
        assert "Remove 2 marked jobs" in picture(app)
        await press(pilot, "y")
        await until(pilot, lambda: Inspector(broker).stats("thumbs").failed == 1, "the removal")
        await in_list(pilot, app, 1)

        await until(pilot, lambda: not app.screen.jobs.marked, "no marks")

    run_desk(act)


def test_a_key_that_does_nothing_now_says_why(run_desk, thumbs):
    thumbs.waiting("w1")

    async def act(pilot, app):
        await on_board(pilot, app)
        await press(pilot, "enter")
        await in_list(pilot, app, 1)

        await press(pilot, "r")

        await until(pilot, lambda: "Only failed jobs can be retried, this one is waiting."
                    in notes(app))  # fmt: skip

    run_desk(act)


def test_pausing_a_queue_shows_and_the_key_then_resumes(run_desk, broker, thumbs):
    thumbs.waiting("w1")

    async def act(pilot, app):
        await on_board(pilot, app)
        await press(pilot, "s")
        await until(pilot, lambda: "paused" in picture(app), "the pause")
        assert "s resume" in picture(app)

        await press(pilot, "s")

        await until(pilot, lambda: not Inspector(broker).stats("thumbs").paused, "the resume")

    run_desk(act)


def test_read_only_changes_nothing_and_says_why(run_desk, broker, thumbs):
    thumbs.failed("f1")

    async def act(pilot, app):
        await on_board(pilot, app)
        before = Inspector(broker).all_stats()
        for key in ("s", "R", "E"):
            await press(pilot, key)
        await press(pilot, "enter")
        await in_list(pilot, app, 1)
        for key in ("r", "d", "x", "t", "R", "u"):
            await press(pilot, key)

        assert set(notes(app)) == {policy.READ_ONLY}
        assert Inspector(broker).all_stats() == before
        assert "READ-ONLY" in picture(app)
        assert app.link._writer is None

    run_desk(act, read_only=True)


def test_what_jobs_say_cannot_steer_the_terminal(run_desk, thumbs):
    thumbs.failed("f1", error="ValueError: [/foo] \x1b[31mred العربية [bold]")

    async def act(pilot, app):
        await on_board(pilot, app)
        await press(pilot, "enter")
        await in_list(pilot, app, 1)
        shown = picture(app)

        assert "[/foo]" in shown
        assert "\\x1b[31mred" in shown
        assert "\x1b" not in shown
        await until(pilot, lambda: "العربية" in picture(app), "Arabic in the preview")

    run_desk(act, size=(160, 40))


def test_nothing_is_wider_than_the_terminal(run_desk, thumbs):
    thumbs.failed("f" * 100, error="ValueError: " + "x" * 200)

    async def act(pilot, app):
        await on_board(pilot, app)
        for keys in (("enter",), ("question_mark",), ("escape", "1"), ("4",), ("5",), ("6",)):
            await press(pilot, *keys)
            await pilot.pause(0.1)
            assert max(len(line) for line in picture(app).splitlines()) <= 80

    run_desk(act, size=NARROW)


def test_a_terminal_too_small_says_what_it_needs(run_desk, thumbs):
    thumbs.failed("f1")

    async def act(pilot, app):
        await until(pilot, lambda: "jobdesk needs 60x16" in picture(app), "the size")
        await until(pilot, lambda: "1 failed" in picture(app), "the counts")
        await pilot.resize_terminal(*NARROW)
        await on_board(pilot, app)

        assert "thumbs" in picture(app)

    run_desk(act, size=(50, 6))


def test_a_pane_takes_the_whole_screen_and_gives_it_back(run_desk, thumbs):
    thumbs.failed("f1")

    async def act(pilot, app):
        await on_board(pilot, app)
        await press(pilot, "enter")
        await in_list(pilot, app, 1)
        await press(pilot, "z")
        assert not app.screen.query_one("#preview-panel").display
        await press(pilot, "escape")

        assert app.screen.query_one("#preview-panel").display

    run_desk(act)


def test_keys_can_be_remapped_by_their_ids(settings, tmp_path, broker, thumbs):
    thumbs.failed("f1")
    changed = settings.model_copy(update={"tui_keymap": {"job.retry": "f8"}})

    async def act(pilot, app):
        await on_board(pilot, app)
        await press(pilot, "enter")
        await in_list(pilot, app, 1)
        await press(pilot, "r")
        assert Inspector(broker).stats("thumbs").failed == 1
        assert "f8 retry" in picture(app)

        await press(pilot, "f8")

        await until(pilot, lambda: Inspector(broker).stats("thumbs").waiting == 1, "the retry")

    drive(changed, tmp_path / "tui.json", act)


def test_the_palette_does_what_the_key_does(run_desk, broker, thumbs):
    thumbs.waiting("w1")

    async def act(pilot, app):
        await on_board(pilot, app)
        await press(pilot, "colon", *"pause")
        await until(pilot, lambda: "queue: pause" in picture(app), "the action")
        await press(pilot, "enter", "enter")

        await until(pilot, lambda: Inspector(broker).stats("thumbs").paused, "the pause")

    run_desk(act)


def test_every_screen_opens_by_its_number(run_desk, thumbs):
    thumbs.completed("c1")

    async def act(pilot, app):
        await on_board(pilot, app)
        for key, word in zip("123456", ("overview", "jobs", "queues", "workers", "schedules",
                                        "events"), strict=True):  # fmt: skip
            await press(pilot, key)
            await until(pilot, lambda word=word: f"jobdesk  {word}" in picture(app), word)

    run_desk(act)


def test_a_number_leads_to_its_screen_whatever_was_left_lying_on_it(run_desk, thumbs):
    thumbs.failed("f1")

    async def act(pilot, app):
        await on_board(pilot, app)
        await press(pilot, "enter", "enter")
        await until(pilot, lambda: "thumbs › f1" in picture(app), "the job")
        await press(pilot, "2")
        await until(pilot, lambda: "thumbs › failed" in picture(app), "the list, from the job")
        await press(pilot, "6", "exclamation_mark")
        await until(pilot, lambda: "jobdesk  doctor" in picture(app), "the doctor")
        await press(pilot, "6")
        await until(pilot, lambda: "jobdesk  events" in picture(app), "the events, from there")
        await press(pilot, "2", "enter", "1", "2")
        await until(pilot, lambda: "thumbs › failed" in picture(app), "the list, from elsewhere")
        await press(pilot, "enter")
        await until(pilot, lambda: "thumbs › f1" in picture(app), "the job again")
        await press(pilot, "3", "enter")
        await until(pilot, lambda: "thumbs › failed" in picture(app), "the list, by its queue")

    run_desk(act)


def test_a_list_without_jobs_has_no_job_beside_it(run_desk, thumbs):
    thumbs.delayed("d1")

    async def act(pilot, app):
        await on_board(pilot, app)
        await press(pilot, "enter")
        await in_list(pilot, app, 1)
        preview = app.screen.query_one("#preview", JobPreview)
        await until(pilot, lambda: preview.job is not None, "the preview")

        await press(pilot, "[")
        assert app.screen.state is JobState.ACTIVE
        await until(pilot, lambda: preview.job is None, "no preview")
        assert "d1" not in picture(app)

    run_desk(act)


def test_a_job_that_was_delayed_waits_since_it_was_due(run_desk, broker, thumbs):
    thumbs.waiting("w1")
    now = Inspector(broker).now_ms()
    thumbs.change("w1", ts=now - 7_200_000, ra=now - 300_000)

    async def act(pilot, app):
        await on_board(pilot, app)
        await until(pilot, lambda: "5m 0" in picture(app), "the age on the board")
        await press(pilot, "enter")
        await in_list(pilot, app, 1)

        assert "5m 0" in picture(app)
        assert "2h 00m" not in picture(app).splitlines()[3]
        await press(pilot, "1")
        await until(pilot, lambda: "oldest 5m 0" in picture(app), "the age in the overview")

    run_desk(act)
