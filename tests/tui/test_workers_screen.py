"""The workers: what each has in hand, who was lost with what, and how one is stopped."""

from __future__ import annotations

import json
import socket
import time

from jobdesk.broker import keys
from jobdesk.broker.inspector import Inspector
from jobdesk.broker.registry import WorkerBeat
from jobdesk.tui.screens.dialogs import ConfirmScreen
from jobdesk.tui.screens.job import JobScreen
from jobdesk.tui.screens.jobs import JobsScreen
from jobdesk.tui.screens.workers import WorkersScreen
from tests.acceptance import trouble
from tests.acceptance.jobs import add
from tests.acceptance.workers import Starter, Watch
from tests.queue_builder import WORKER
from tests.tui.driving import picture, press, until


async def on_workers(pilot, app, count):
    await until(pilot, lambda: isinstance(app.screen, WorkersScreen), "the workers")
    await until(pilot, lambda: app.screen.listing.total >= count, f"{count} workers", within=20)
    return app.screen


def beating(broker, worker=WORKER, host="elsewhere", *, ago_s=0.0, in_hand=None, **more):
    """A worker that was last heard of some seconds ago."""
    beat = WorkerBeat(broker, worker, host, 1, ["thumbs"], 4, "1", **more)
    beat.beat(in_hand or {})
    if ago_s:
        name = keys.worker_last(broker.namespace, worker)
        told = json.loads(broker.client.get(name))
        told["beat_ms"] = round((time.time() - ago_s) * 1000)
        broker.client.set(name, json.dumps(told))
        broker.client.delete(keys.worker_info(broker.namespace, worker))
    return beat


def notes(app):
    return " ".join(note.message for note in app._notifications)


def test_what_is_in_hand_and_what_lost_ones_held(run_desk, broker, thumbs):
    thumbs.active("a1", "a2")
    thumbs.completed("c1")
    beating(broker)
    beating(broker, "gone:2:x", ago_s=35, in_hand={"thumbs": ["c1", "vanished"], "}{": ["\x1b"]})
    beating(broker, "evil\x1b[31m:3:x" + "y" * 90, host="\x1b[2J")

    async def act(pilot, app):
        screen = await on_workers(pilot, app, 3)
        while screen.listing.current.id != WORKER:
            await press(pilot, "j")
        shown = picture(app)
        assert "\x1b" not in shown
        assert "2/4" in shown
        assert "2 up   1 lost   2 of 8 slots busy" in shown
        assert "held 3 jobs" in shown
        assert f"In hand of {WORKER}" in shown
        assert {screen.hand.row_at(n).id for n in (0, 1)} == {"a1", "a2"}

        # of another host: it says why not, and what to run there
        await press(pilot, "x")
        assert isinstance(app.screen, WorkersScreen)
        assert f"runs on elsewhere, this is {socket.gethostname()}" in notes(app)
        assert f"run there: jobdesk stop {WORKER} --kill" in notes(app)

        await press(pilot, "w", "enter")
        await until(pilot, lambda: isinstance(app.screen, JobScreen), "the job")
        await press(pilot, "escape", "w", "G")
        await until(pilot, lambda: screen.listing.current.id == "gone:2:x", "the lost one")
        assert [screen.hand.row_at(n).id for n in range(screen.hand.total)] == ["c1"]
        assert "Held by gone:2:x, lost 3" in picture(app)
        assert "2 gone" in picture(app)
        await press(pilot, "s")
        assert "It is lost" in notes(app)
        await press(pilot, "enter")
        assert screen.hand.has_focus
        await press(pilot, "w")

        for size in ((60, 16), (80, 24)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            lines = picture(app).splitlines()
            assert "held 3 jobs" in picture(app)
            assert all(len(line) <= size[0] for line in lines)

        while screen.listing.current.id != WORKER:
            await press(pilot, "k")
        await press(pilot, "enter")
        await until(pilot, lambda: isinstance(app.screen, JobsScreen), "its jobs")
        await until(pilot, lambda: app.screen.jobs.total == 2, "its jobs")

    run_desk(act, mode="workers")


def test_a_read_only_session_stops_nobody(run_desk, broker):
    beating(broker, host=socket.gethostname())

    async def act(pilot, app):
        await on_workers(pilot, app, 1)
        await press(pilot, "x", "s")

        assert isinstance(app.screen, WorkersScreen)
        assert "read-only" in notes(app)

    run_desk(act, mode="workers", read_only=True)


def test_a_worker_killed_from_the_screen_loses_no_job_and_one_told_to_stop_neither(
    run_desk, broker, environment, tmp_path
):
    marks = tmp_path / "marks"
    marks.mkdir()
    watched = Watch(broker, trouble.queue.name)
    starter = Starter(environment, tmp_path)
    starter.jobdesk_worker("trouble", processes=1, concurrency=3)

    async def act(pilot, app):
        screen = await on_workers(pilot, app, 1)
        # each takes long the first time it runs
        ids = add("linger", 2, folder=str(marks))
        await until(pilot, lambda: screen.hand.total == 2, "two jobs in hand", within=30)
        first = screen.listing.current
        assert "linger" in picture(app)
        await press(pilot, "x")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen), "the question")
        assert f"$ jobdesk stop {first.id} --kill --yes" in picture(app)
        assert "which has 2 jobs in hand" in picture(app)
        await press(pilot, "y")

        await until(pilot, lambda: watched.count("completed") == 2, "their ends", within=40)
        assert watched.times("completed") == dict.fromkeys(ids, 1)
        assert watched.ended() == 2
        await until(pilot, lambda: "held 2 jobs" in picture(app), "the lost one")
        await until(pilot, lambda: screen.listing.total == 2, "another", within=30)
        (entry,) = Inspector(broker).audit("trouble")
        assert (entry.action, entry.who, entry.count) == ("kill worker", "tester@here", 2)
        assert entry.command == f"jobdesk stop {first.id} --kill --yes"

        # told to stop, it ends what it has
        (job_id,) = add("nap", 1, seconds=3.0)
        second = screen.listing.row_at(0)
        assert second.id != first.id
        while screen.listing.current.id != second.id:
            await press(pilot, "k")
        await until(pilot, lambda: watched.count("active") == 1, "the nap")
        await press(pilot, "s")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen), "the question")
        await press(pilot, "y")
        await until(pilot, lambda: "ends" in picture(app), "what it does")
        await until(pilot, lambda: watched.count("completed") == 3, "its end", within=20)
        assert watched.job(job_id).attempts_made == 1
        up = Inspector(broker).workers
        await until(pilot, lambda: second.id not in [one.id for one in up()], "its leaving", 20)
        assert [one.id for one in Inspector(broker).workers(lost=True) if one.ended_ms] == [
            first.id
        ]

    try:
        run_desk(act, mode="workers")
    finally:
        starter.clear_away()
