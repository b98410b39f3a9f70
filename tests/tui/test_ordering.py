"""What is said of other operators before one does something that weighs."""

from __future__ import annotations

from jobdesk.broker.control import Control
from jobdesk.broker.inspector import Inspector
from jobdesk.broker.operators import others, presence
from jobdesk.broker.operators.undo import Bin
from jobdesk.models import JobState
from jobdesk.tui import ordering
from jobdesk.tui.commands import base as commands
from jobdesk.tui.screens.dialogs import ConfirmScreen
from jobdesk.tui.screens.jobs import JobsScreen
from tests.tui.driving import picture, press, until


def look(broker, who="me@here", later_ms=0):
    return others.look(broker, ("thumbs",), who, Inspector(broker).now_ms() + later_ms)


def test_what_others_took_away_lately_is_told_and_what_they_took_back_is_not(broker, thumbs):
    thumbs.failed("f1", "f2", "f3", "f4")
    thumbs.completed("c1", "c2")
    sara, me = Control(broker, who="sara@ops"), Control(broker, who="me@here")
    sara.pause_queue("thumbs")
    sara.clean_jobs("thumbs", JobState.COMPLETED, grace=0)
    sara.remove_job("thumbs", "f1")
    sara.undo("thumbs", sara.operation)
    me.remove_job("thumbs", "f2")
    sara.retry_all("thumbs")

    found = look(broker)

    assert [(one.who, one.action, one.count) for one in found.deeds] == [
        ("sara@ops", "retry all", 3), ("sara@ops", "clean completed", 2),
    ]  # fmt: skip
    assert look(broker, later_ms=others.LATELY_MS + 5000).deeds == ()
    assert [one.who for one in look(broker, who="sara@ops").deeds] == ["me@here"]


def test_what_another_is_doing_at_this_moment_comes_first(broker, thumbs):
    thumbs.failed("f1", "f2")
    Control(broker, who="omar@ops").remove_job("thumbs", "f1")
    bin_ = Bin("clean failed", "sara@ops")
    broker.run("remove_job", thumbs.keys.prefix, "f2", "", "r" * 16, *bin_.args())
    presence.seen(broker, "sara@ops")
    presence.seen(broker, "lea@ops")

    now = Inspector(broker).now_ms()
    said = ordering.told(look(broker), now, present=True).splitlines()

    assert said[0] == "sara@ops: clean failed on thumbs, 1 job, at this moment."
    assert said[1].startswith("omar@ops: remove on thumbs, 1 job, ")
    assert said[2] == "lea@ops is at work here too."


def test_where_nobody_else_is_there_is_nothing_to_say(broker, thumbs):
    thumbs.failed("f1")

    assert ordering.told(look(broker), 0, present=True) == ""


def test_retrying_and_undoing_take_nothing_away():
    jobs = (("thumbs", "f1"),)

    assert ordering.takes_away(commands.RemoveJobs(jobs))
    assert ordering.takes_away(commands.CancelJobs(jobs))
    assert not ordering.takes_away(commands.RetryJobs(jobs))
    assert not ordering.takes_away(commands.Undo(jobs))


def test_the_question_says_who_did_what_before(run_desk, broker, thumbs):
    thumbs.failed("f1", "f2", "f3")
    Control(broker, who="evil\x1b[2J@ops").remove_job("thumbs", "f3")
    presence.seen(broker, "lea@ops")

    async def act(pilot, app):
        await until(pilot, lambda: isinstance(app.screen, JobsScreen), "the list")
        app.open_jobs("thumbs", JobState.FAILED)
        await until(pilot, lambda: app.screen.jobs.total == 2, "two jobs")
        await until(pilot, lambda: "lea@ops" in picture(app).splitlines()[0], "who is there")
        await press(pilot, "d")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen), "the question")
        shown = picture(app)
        assert "evil\\x1b[2J@ops: remove on thumbs, 1 job," in shown
        assert "lea@ops is at work here too." in shown
        await press(pilot, "n")
        assert isinstance(app.screen, JobsScreen)

        # of those that ask nothing by themselves, what takes jobs away asks now
        app.order(commands.RemoveJobs((("thumbs", "f1"),)), tier=0)
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen), "the question")
        await press(pilot, "y")
        await until(pilot, lambda: Inspector(broker).stats("thumbs").failed == 1, "the removal")

        await press(pilot, "r")
        await until(pilot, lambda: Inspector(broker).stats("thumbs").waiting == 1, "the retry")

    run_desk(act, mode="jobs")


def test_who_leaves_is_no_longer_seen_at_work(run_desk, thumbs, broker):
    def at_work():
        return [one.who for one in presence.present(broker)]

    async def act(pilot, app):
        await until(pilot, lambda: at_work() == ["tester@here"], "seen at work")

    run_desk(act)

    assert at_work() == []
