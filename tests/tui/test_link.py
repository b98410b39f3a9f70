"""The connection: what is shown when Redis is away, frozen or far; that it comes back by itself."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import pytest
from textual import events

from jobdesk import settings as settings_module
from jobdesk.broker.connection import Broker
from jobdesk.models import JobState
from jobdesk.tui.link.listener import HINT_S
from jobdesk.tui.link.status import LinkState
from jobdesk.tui.screens.connect import ConnectScreen
from jobdesk.tui.screens.jobs import JobsScreen
from jobdesk.tui.screens.queues import QueuesScreen
from tests.tui.conftest import registered
from tests.tui.delayed import Delayed
from tests.tui.driving import drive, picture, press, until

#: What the screens promise.
BANNER_S = 2.0
ROUND_TRIP_S = 0.1


def alone(server):
    return settings_module.load(redis_url=server.url, _env_file=None)


def toasts(app, text):
    return [note for note in app._notifications if text in note.message]


async def on_a_job(pilot, app, queue, job_id):
    """The list of completed jobs, the cursor on its fourth, with its preview."""
    await until(pilot, lambda: app.link.status.usable, "live")
    app.open_jobs(queue, JobState.COMPLETED)
    await until(pilot, lambda: isinstance(app.screen, JobsScreen) and app.screen.snapshot)
    await until(pilot, lambda: app.screen.jobs.current, "rows")
    await press(pilot, *"jjj")
    await until(pilot, lambda: f'"{job_id}"' in picture(app) or job_id in picture(app), "it")


@pytest.mark.quiet
def test_losing_redis_keeps_what_is_known_and_finding_it_again_goes_on(make_server, tmp_path):
    server = make_server(tcp=True)
    settings = alone(server)
    with Broker(settings) as broker:
        registered(broker, "thumbs").completed(*(f"c{n:02}" for n in range(20)))

    async def act(pilot, app):
        copied = []
        app.copy_to_clipboard = copied.append
        await on_a_job(pilot, app, "thumbs", "c16")
        jobs = app.screen.jobs
        server.kill()
        began = time.monotonic()
        await until(pilot, lambda: "Redis is away" in picture(app), "the banner")
        assert time.monotonic() - began < BANNER_S
        assert "Data from" in picture(app)
        assert "offline" in picture(app)

        # what has been read can be looked at and copied; what would change something says why not
        assert jobs.current.id == "c16"
        await press(pilot, "y")
        assert copied == ["c16"]
        await press(pilot, "j", "j")
        assert jobs.current.id == "c14"
        assert "c14" in picture(app)
        await press(pilot, "d")
        assert toasts(app, "Redis has been away")
        await pilot.pause(0.6)
        app.clear_notifications()

        server.start()
        began = time.monotonic()
        await until(pilot, lambda: app.link.status.usable, "live again", 15)
        assert time.monotonic() - began < BANNER_S
        with Broker(settings) as broker:
            registered(broker, "thumbs").completed("again")
        await until(pilot, lambda: jobs.total == 1 and "again" in picture(app), "new data")
        assert "Data from" not in picture(app)
        await pilot.pause(0.3)
        assert len(toasts(app, "Back after")) == 1

    app = drive(settings, tmp_path / "tui.json", act)
    assert app._exception is None


def test_without_redis_nothing_is_done_nor_said_of_what_has_not_been_read(make_server, tmp_path):
    server = make_server(tcp=True)
    settings = alone(server)
    with Broker(settings) as broker:
        registered(broker, "thumbs").failed("f1")

    async def act(pilot, app):
        await until(pilot, lambda: app.link.status.usable, "live")
        app.open_jobs("thumbs", JobState.FAILED)
        await until(pilot, lambda: "f1" in picture(app), "the list")
        await press(pilot, "D")
        await until(pilot, lambda: "Remove the one failed job" in picture(app), "the question")
        server.kill()
        await until(pilot, lambda: app.link.status.state is LinkState.OFFLINE, "offline")
        await press(pilot, "y")
        await until(pilot, lambda: toasts(app, "has been away"), "the refusal")
        assert app._at_work is None
        await press(pilot, "enter")
        await until(pilot, lambda: "has not been read before" in picture(app), "the job")
        assert "failed  resize" in picture(app)
        assert "ValueError: no" in picture(app)
        await press(pilot, "4")
        await until(pilot, lambda: "jobdesk  workers" in picture(app), "the workers")
        assert "No workers are up" not in picture(app)

    drive(settings, tmp_path / "tui.json", act, size=(80, 24))


def test_never_reaching_redis_says_where_and_why(make_server, tmp_path):
    server = make_server(tcp=True)
    server.kill()

    async def act(pilot, app):
        await until(pilot, lambda: isinstance(app.screen, ConnectScreen), "the connect screen")
        await until(pilot, lambda: str(server.port) in picture(app), "the address")
        assert "Redis cannot be reached" in picture(app)
        server.start()
        await until(pilot, lambda: isinstance(app.screen, QueuesScreen), "the board", 15)

    drive(alone(server), tmp_path / "tui.json", act)


def test_a_frozen_redis_is_slow_and_then_away_while_the_keys_go_on(make_server, tmp_path):
    server = make_server()
    settings = alone(server)
    with Broker(settings) as broker:
        registered(broker, "thumbs").completed(*(f"c{n:02}" for n in range(20)))

    async def act(pilot, app):
        await on_a_job(pilot, app, "thumbs", "c16")
        os.kill(server.pid, signal.SIGSTOP)
        try:
            app.link.refresh()
            await until(pilot, lambda: app.link.status.state is LinkState.SLOW, "slow")
            await until(pilot, lambda: "slow" in picture(app), "so it is said")
            for job_id in ("c15", "c14", "c13"):
                await press(pilot, "j")
                assert job_id in picture(app)
                assert app.screen.jobs.current.id == job_id
            await until(pilot, lambda: "Redis is away" in picture(app), "the banner", 15)
            await press(pilot, "k")
            assert app.screen.jobs.current.id == "c14"
        finally:
            os.kill(server.pid, signal.SIGCONT)
        await until(pilot, lambda: app.link.status.usable, "live again", 10)
        await until(pilot, lambda: toasts(app, "Back after"), "that it is back")

    drive(settings, tmp_path / "tui.json", act)


@pytest.mark.quiet
def test_far_from_redis_the_cursor_is_at_hand_and_data_takes_three_round_trips(
    redis_server, settings, tmp_path, thumbs
):
    thumbs.completed(*(f"c{n:03}" for n in range(300)))

    async def act(pilot, app):
        await until(pilot, lambda: app.link.status.usable, "live", 20)
        app.open_jobs("thumbs", JobState.COMPLETED)
        await until(pilot, lambda: isinstance(app.screen, JobsScreen) and app.screen.snapshot)
        jobs, rounds = app.screen.jobs, app.link._reader._ticks.source.rounds
        await until(pilot, lambda: jobs.current, "rows")
        took = []
        for n in range(6):
            began = time.perf_counter()
            # Pilot's own press waits for much else
            app.post_message(events.Key("j", "j"))
            while jobs.cursor != n + 1 or app.screen._dirty_widgets:  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.001)
            took.append(time.perf_counter() - began)
            await pilot.pause()
        # a round trip would show in every one
        assert sorted(took)[1] < 0.05, took

        await press(pilot, "f")
        await pilot.pause(0.5)
        began = time.perf_counter()
        thumbs.completed("new")
        await until(pilot, lambda: jobs.current and jobs.current.id == "new", "the new job")
        # half a round trip until the event is there
        assert time.perf_counter() - began < HINT_S + 3.5 * ROUND_TRIP_S

        app.link.pace(60)
        await pilot.pause(0.5)
        trips, at = rounds.trips, app.link._reader.read_at
        app.link.refresh()
        await until(pilot, lambda: app.link._reader.read_at > at, "a tick")
        assert rounds.trips - trips <= 3

    with Delayed(redis_server.socket, ROUND_TRIP_S) as far:
        drive(settings.model_copy(update={"redis_url": far.url}), tmp_path / "tui.json", act)
