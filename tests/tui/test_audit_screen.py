"""The audit as a screen: who did what, the newest first, and the command to copy."""

from __future__ import annotations

from jobdesk.broker.control import Control
from jobdesk.tui.screens.audit import AuditScreen
from tests.tui.conftest import registered
from tests.tui.driving import picture, press, until


def test_the_newest_command_of_all_queues_comes_first_and_can_be_copied(run_desk, broker, thumbs):
    thumbs.failed("f1")
    registered(broker, "mails").waiting("m1", "m2")
    Control(broker, who="omar@ops-2").remove_job("thumbs", "f1")
    Control(broker, who="evil\x1b[2J@host").empty_queue("mails")
    copied: list[str] = []

    async def act(pilot, app):
        app.copy_to_clipboard = copied.append
        await press(pilot, "at")
        await until(pilot, lambda: isinstance(app.screen, AuditScreen), "the audit")
        await until(pilot, lambda: app.screen.listing.total == 2, "two commands")
        shown = picture(app)
        assert shown.index("empty") < shown.index("remove")
        assert "evil\\x1b[2J@host" in shown
        assert "as the operator's machine says, no proof" in shown
        assert "Redis knows them as default" in shown

        await press(pilot, "enter", "j", "ctrl+y")
        assert copied == ["jobdesk empty mails --yes", "jobdesk remove thumbs f1"]
        assert "omar@ops-2  as the operator's machine says" in picture(app)

        Control(broker, who="omar@ops-2").pause_queue("mails")
        app.link.refresh()
        await until(pilot, lambda: app.screen.listing.total == 3, "the third")
        assert app.screen.listing.current.job_id == "f1", "the cursor stays with its command"

    run_desk(act, read_only=True)


def test_with_nothing_changed_it_says_so(run_desk):
    async def act(pilot, app):
        await press(pilot, "at")
        await until(pilot, lambda: "Nobody has changed anything yet." in picture(app), "a word")
        await press(pilot, "enter", "y")

        assert isinstance(app.screen, AuditScreen)

    run_desk(act)
