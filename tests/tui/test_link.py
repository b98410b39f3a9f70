"""The connection: what is shown when Redis is away, and that it comes back by itself."""

from __future__ import annotations

import time

from jobdesk import settings as settings_module
from jobdesk.broker.connection import Broker
from jobdesk.tui.linkstatus import LinkState
from jobdesk.tui.screens.connect import ConnectScreen
from jobdesk.tui.screens.queues import QueuesScreen
from tests.tui.conftest import registered
from tests.tui.driving import drive, picture, press, until


def test_losing_redis_keeps_the_picture_and_finding_it_again_goes_on(make_server, tmp_path):
    server = make_server(tcp=True)
    settings = settings_module.load(redis_url=server.url, _env_file=None)
    with Broker(settings) as broker:
        registered(broker, "thumbs").failed("f1")

    async def act(pilot, app):
        await until(pilot, lambda: isinstance(app.screen, QueuesScreen)
                    and app.screen.listing.total == 1, "the board")  # fmt: skip
        server.kill()
        await until(pilot, lambda: app.link.status.state is LinkState.OFFLINE, "offline")
        await until(pilot, lambda: "Data from" in picture(app), "the banner")
        assert "offline" in picture(app)
        assert "thumbs" in picture(app)
        await press(pilot, "s")
        assert any("Redis has been away" in note.message for note in app._notifications)

        server.start()
        with Broker(settings) as broker:
            registered(broker, "mails").waiting("w1")

        await until(pilot, lambda: app.link.status.usable, "live again", 15)
        await until(pilot, lambda: "mails" in picture(app), "new data")
        assert "Data from" not in picture(app)
        assert any("Back after" in note.message for note in app._notifications)

    drive(settings, tmp_path / "tui.json", act)


def test_never_reaching_redis_says_where_and_why(make_server, tmp_path):
    server = make_server(tcp=True)
    server.kill()
    settings = settings_module.load(redis_url=server.url, _env_file=None)

    async def act(pilot, app):
        await until(pilot, lambda: isinstance(app.screen, ConnectScreen), "the connect screen")
        await until(pilot, lambda: str(server.port) in picture(app), "the address")
        assert "Redis cannot be reached" in picture(app)
        server.start()
        await until(pilot, lambda: isinstance(app.screen, QueuesScreen), "the board", 15)

    drive(settings, tmp_path / "tui.json", act)


def test_a_redis_that_hangs_counts_as_slow_until_it_answers(make_server, tmp_path):
    import os
    import signal

    server = make_server()
    settings = settings_module.load(redis_url=server.url, _env_file=None)

    async def act(pilot, app):
        await until(pilot, lambda: app.link.status.state is LinkState.LIVE, "live")
        os.kill(server.pid, signal.SIGSTOP)
        try:
            app.link.refresh()
            await until(pilot, lambda: app.link.status.state is LinkState.SLOW, "slow")
            begun = time.monotonic()
            await press(pilot, "4", "3")

            assert time.monotonic() - begun < 1, "keys work while Redis hangs"
        finally:
            os.kill(server.pid, signal.SIGCONT)
        await until(pilot, lambda: app.link.status.state is LinkState.LIVE, "live again", 10)

    drive(settings, tmp_path / "tui.json", act)
