"""The doctor as a screen: what `jobdesk doctor` finds, kept up to date, and where it leads."""

from __future__ import annotations

from jobdesk.broker.control import Control
from jobdesk.broker.diagnosis import diagnose
from jobdesk.broker.reading.findings import Finding, Level
from jobdesk.models import JobState
from jobdesk.tui.screens.doctor import DoctorScreen
from jobdesk.tui.screens.job import JobScreen
from jobdesk.tui.screens.jobs import JobsScreen
from jobdesk.tui.screens.queues import QueuesScreen
from tests.tui.conftest import registered
from tests.tui.driving import picture, press, until


async def found(pilot, app):
    await until(pilot, lambda: app.screen.listing.total, "findings")


def go_to(listing, check):
    listing.move_to(next(n for n, row in enumerate(listing._rows) if row.check == check))


def said(findings):
    return {(one.check, one.queue, one.message) for one in findings}


def test_what_is_wrong_comes_first_with_what_it_means_and_what_to_do(run_desk, broker, thumbs):
    thumbs.waiting("w1", "w2")
    registered(broker, "mails").waiting("m1")
    thumbs.change("w2", st="f")
    registered(broker, "resting").waiting("r1")
    Control(broker).pause_queue("resting")
    keys: list[str] = []

    async def act(pilot, app):
        app.copy_to_clipboard = keys.append
        await press(pilot, "exclamation_mark")
        await until(pilot, lambda: isinstance(app.screen, DoctorScreen), "the doctor")
        await found(pilot, app)
        shown = picture(app)
        assert "3 faults" in shown
        assert "1 job waiting, and no worker takes them" in shown
        assert app.screen.listing.current.level is Level.FAULT
        # It tells of the memory in use, which may change between two looks: one of its own is next.
        await until(
            pilot,
            lambda: said(app.screen.listing._rows) == said(diagnose(broker)),
            "the same",
            within=15,
        )

        await press(pilot, "y")
        assert keys == ["jobdesk worker mails"]
        assert "$ jobdesk worker mails" in shown
        assert "Nothing is lost: the jobs wait" in shown

        await press(pilot, "enter")
        await until(pilot, lambda: isinstance(app.screen, JobsScreen), "the jobs")
        assert (app.screen.queue, app.screen.state) == ("mails", JobState.WAITING)

        await press(pilot, "exclamation_mark")
        await found(pilot, app)
        go_to(app.screen.listing, "paused")
        await press(pilot, "enter")
        await until(pilot, lambda: isinstance(app.screen, QueuesScreen), "the board")
        await until(pilot, lambda: app.screen.listing.total, "queues")
        assert app.screen.listing.current.name == "resting"

        await press(pilot, "exclamation_mark")
        await found(pilot, app)
        go_to(app.screen.listing, "record")
        await press(pilot, "enter")
        await until(pilot, lambda: isinstance(app.screen, JobScreen), "the damaged job")
        assert app.screen.job_id == "w2"

    run_desk(act)


def test_where_nothing_is_wrong_it_says_so_plainly(run_desk, broker, thumbs):
    thumbs.completed("c1")
    broker.client.config_set("appendonly", "yes")

    async def act(pilot, app):
        await until(pilot, lambda: isinstance(app.screen, QueuesScreen), "the board")
        await press(pilot, "exclamation_mark")
        await found(pilot, app)
        shown = picture(app)

        assert "all is well" in shown
        assert "no faults   no warnings" in shown

        await press(pilot, "exclamation_mark", "escape")
        assert isinstance(app.screen, QueuesScreen), "it lies over the board once"

    try:
        run_desk(act, read_only=True)
    finally:
        broker.client.config_set("appendonly", "no")


def test_a_command_is_told_from_the_advice_around_it():
    def command(advice):
        return Finding(level=Level.FAULT, check="idle", message="", advice=advice).command

    assert command("jobdesk resume mails") == "jobdesk resume mails"
    assert command("see the workers' logs; jobdesk why mails") == "jobdesk why mails"
    assert command("was Redis written to? jobdesk remove a b") == "jobdesk remove a b"
    assert command("start a worker (jobdesk worker) or add a job") == ""


def test_every_check_says_what_it_means():
    from pathlib import Path

    from jobdesk.broker import diagnosis
    from jobdesk.broker.reading import findings, serverhealth

    text = "".join(Path(module.__file__).read_text() for module in (diagnosis, serverhealth))

    for check in findings._MEANINGS:
        assert f'"{check}"' in text
