"""What is done to queues and schedules by keys: each effect read back through a desk."""

from __future__ import annotations

import pytest

from jobdesk.broker.control import Control
from jobdesk.broker.inspector import Inspector
from jobdesk.broker.registry import WorkerBeat
from jobdesk.cron import crontab
from jobdesk.desk import Desk
from jobdesk.engine.publishing import publish
from jobdesk.models import JobState
from jobdesk.tui.commands.queues import CleanJobs, EmptyQueue
from jobdesk.tui.screens.dialogs import ConfirmScreen
from jobdesk.tui.screens.forecast import ForecastScreen
from jobdesk.tui.screens.job import JobScreen
from jobdesk.tui.screens.jobs import JobsScreen
from jobdesk.tui.screens.queuedialogs import CleanScreen, LimitsScreen
from jobdesk.tui.screens.queues import QueuesScreen
from jobdesk.tui.screens.schedules import SchedulesScreen
from jobdesk.tui.screens.why import WhyScreen
from tests.bench import Bench
from tests.tui.conftest import registered
from tests.tui.driving import picture, until


@pytest.fixture
def run_desk(run_quickly):
    return run_quickly


@pytest.fixture
def desk(settings, broker) -> Desk:
    return Desk(settings, broker=broker)


@pytest.fixture
def stats(desk):
    """The counts of ``thumbs`` now."""
    return lambda: desk.get_queue_stats("thumbs")


async def on_board(pilot, app, rows=1):
    await until(pilot, lambda: isinstance(app.screen, QueuesScreen), "the board")
    await until(pilot, lambda: app.screen.listing.total >= rows, "queues on the board")


async def at(pilot, app, kind):
    await until(pilot, lambda: isinstance(app.screen, kind), kind.__name__)


async def typed(pilot, app, name, text):
    """Put ``text`` into a field of a dialog."""
    app.screen.query_one(f"#{name}").value = text
    await pilot.pause()


async def chosen(pilot, app, words, shown):
    """Find an action by its name, and do it."""
    await pilot.press("colon", *words)
    await until(pilot, lambda: shown in picture(app), shown)
    await pilot.press("enter")


def notes(app):
    return [note.message for note in app._notifications]


def test_pausing_all_lists_them_and_is_taken_back_and_resumed(run_desk, broker, desk, thumbs):
    thumbs.waiting("w1")
    registered(broker, "mails").waiting("m1")
    registered(broker, "pdf")
    Control(broker).pause_queue("pdf")

    def paused():
        known = ("mails", "pdf", "thumbs")
        return [one for one in known if desk.get_queue_stats(one).paused]

    async def act(pilot, app):
        await on_board(pilot, app, 3)
        await pilot.press("S")
        await at(pilot, app, ConfirmScreen)
        assert "Pause 2 queues" in picture(app)
        assert "$ jobdesk pause mails thumbs" in picture(app)
        await pilot.press("y")
        await until(pilot, lambda: paused() == ["mails", "pdf", "thumbs"], "all paused")
        await until(pilot, lambda: "S resume all" in picture(app), "another label")

        await pilot.press("u")
        await at(pilot, app, ConfirmScreen)
        await pilot.press("y")
        await until(pilot, lambda: paused() == ["pdf"], "as it was")
        await until(pilot, lambda: "S pause all" in picture(app), "the label of before")

        await pilot.press("S", "y")
        await until(pilot, lambda: len(paused()) == 3, "all paused again")
        await until(pilot, lambda: "S resume all" in picture(app), "another label")
        await pilot.press("S")
        await at(pilot, app, ConfirmScreen)
        assert "$ jobdesk resume mails pdf thumbs" in picture(app)
        await pilot.press("y")
        await until(pilot, lambda: not paused(), "all resumed")

    run_desk(act)


def test_cleaning_counts_by_age_asks_and_is_taken_back(run_desk, broker, thumbs, stats):
    thumbs.failed(*(f"f{n}" for n in range(4)), error="ReadTimeout: timed out")
    thumbs.completed("c1")
    now = Inspector(broker).now_ms()
    for n in range(3):
        thumbs.end_at("failed", f"f{n}", now - 7_200_000)

    async def act(pilot, app):
        await on_board(pilot, app)
        await pilot.press("C")
        await at(pilot, app, CleanScreen)
        await pilot.press("f")
        await typed(pilot, app, "grace", "1x")
        assert "'1x' is no span of time" in picture(app)
        await pilot.press("ctrl+s")
        assert isinstance(app.screen, CleanScreen), "a fault is not passed on"
        await typed(pilot, app, "grace", "9d")
        await until(pilot, lambda: "None of 4 failed jobs is over 9d old" in picture(app), "none")
        await pilot.press("ctrl+s")
        assert isinstance(app.screen, CleanScreen), "there is nothing to do"
        await typed(pilot, app, "limit", "no")
        assert "at most is a number" in picture(app)
        await typed(pilot, app, "limit", "2")
        await typed(pilot, app, "grace", "1h")
        await until(pilot, lambda: "2 of 4 failed jobs over 1h old would go" in picture(app))
        await typed(pilot, app, "limit", "")
        await until(pilot, lambda: "3 of 4 failed jobs over 1h old would go" in picture(app))
        await pilot.press("ctrl+s")
        await at(pilot, app, ConfirmScreen)
        shown = picture(app)
        assert "Remove all 3 failed jobs of thumbs over 1h old" in shown
        assert "$ jobdesk clean thumbs --status failed --grace 1h --yes" in shown
        assert "ReadTimeout: timed out" in shown
        await pilot.press("y")
        await until(pilot, lambda: stats().failed == 1, "the removal")
        assert stats().completed == 1

        await until(pilot, lambda: any("u takes it back" in note for note in notes(app)))
        await pilot.press("u")

        await until(pilot, lambda: stats().failed == 4, "the undo")

    run_desk(act)


def test_a_clean_up_is_stopped_between_two_batches(broker, thumbs, stats):
    thumbs.completed(*(f"c{n}" for n in range(600)))
    thumbs.waiting(*(f"w{n}" for n in range(300)))
    control = Control(broker, who="tester@here")

    cleaned = CleanJobs("thumbs", 600, JobState.COMPLETED).run(control, lambda *_: False)
    emptied = EmptyQueue("thumbs", 300).run(control, lambda *_: False)

    assert (stats().completed, stats().waiting) == (500, 200)
    assert cleaned.text == "Removed 100 jobs of thumbs, then it was stopped; there were 600"
    assert not cleaned.whole
    assert not emptied.whole
    assert cleaned.undo is not None


def test_emptying_and_limits_take_what_was_typed(run_desk, thumbs, stats):
    thumbs.waiting("w1", "w2")
    thumbs.delayed("d1")

    async def act(pilot, app):
        await on_board(pilot, app)
        await pilot.press("E")
        await at(pilot, app, ConfirmScreen)
        assert "Remove all 3 waiting and delayed jobs of thumbs" in picture(app)
        await pilot.press("y")
        await until(pilot, lambda: stats().waiting + stats().delayed == 0, "the removal")
        await at(pilot, app, QueuesScreen)

        await pilot.press("i")
        await at(pilot, app, LimitsScreen)
        await pilot.press("x")
        assert "at once is a number of 1 or more" in picture(app)
        await pilot.press("backspace", "5", "tab", *"100")
        assert "so many starts in which span?" in picture(app)
        await pilot.press("tab", *"2w")
        assert "rate_limit is (jobs, seconds)" in picture(app)
        await pilot.press("backspace", "m")
        assert "$ jobdesk limits thumbs --max-active 5 --rate 100/120" in picture(app)
        await pilot.press("enter")
        await until(pilot, lambda: stats().max_active == 5, "one limit")
        await until(pilot, lambda: stats().rate_limit == (100, 120), "the other")

        await at(pilot, app, QueuesScreen)
        await until(pilot, lambda: app.screen.listing.current.stats.max_active == 5, "it is shown")
        await pilot.press("i")
        await at(pilot, app, LimitsScreen)
        assert "As they are now." in picture(app)
        await typed(pilot, app, "most", "")
        assert "$ jobdesk limits thumbs --max-active none" in picture(app)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: stats().max_active is None, "it is lifted")
        await until(pilot, lambda: sum("no limits" in n or "100 started" in n
                                       for n in notes(app)) >= 2)  # fmt: skip

        await pilot.press("u")

        await until(pilot, lambda: stats().max_active == 5, "as it was")
        assert stats().rate_limit == (100, 120)

    run_desk(act)


def test_a_queue_is_obliterated_only_when_paused_and_by_typing_its_name(run_desk, desk, thumbs):
    thumbs.completed("c1", "c2")
    thumbs.waiting("w1")

    async def act(pilot, app):
        await on_board(pilot, app)
        await chosen(pilot, app, "oblit", "obliterate")
        await until(pilot, lambda: "thumbs is not paused: pause it first." in notes(app), "why not")
        await pilot.press("s")
        await until(pilot, lambda: app.screen.listing.current.stats.paused, "the pause")

        await chosen(pilot, app, "oblit", "obliterate")
        await at(pilot, app, ConfirmScreen)
        assert "Delete queue thumbs with its 3 jobs" in picture(app)
        assert "$ jobdesk obliterate thumbs --yes" in picture(app)
        assert "This cannot be undone." in picture(app)
        await pilot.press(*"thumb", "enter")
        assert isinstance(app.screen, ConfirmScreen), "that is not its name"
        await pilot.press("s", "enter")

        await until(pilot, lambda: "thumbs" not in desk.inspector.queues(), "the end")
        assert desk.inspector.stats("thumbs").completed == 0

    run_desk(act)


def test_why_and_forecast_say_what_keeps_a_queue_and_what_comes(run_desk, broker, thumbs):
    thumbs.waiting("w1", "w2", priority=3)
    thumbs.delayed("d1")
    now = Inspector(broker).now_ms()
    broker.client.zadd(thumbs.keys.delayed, {"d1": now + 20 * 60_000})
    WorkerBeat(broker, "h:1:w", "h", 1, ["thumbs"], 4, "1").beat()
    broker.client.hset(thumbs.keys.figures("m", now // 60_000 - 1), "c", 60)
    Control(broker).pause_queue("thumbs")

    async def act(pilot, app):
        await on_board(pilot, app)
        await until(pilot, lambda: "3: 2" in picture(app), "the line by priority below the board")
        await pilot.press("w")
        await at(pilot, app, WhyScreen)
        await until(pilot, lambda: "Queue thumbs is paused." in picture(app), "the reason")
        assert "waiting by priority" in picture(app)
        await pilot.press("escape", "b")
        await at(pilot, app, ForecastScreen)
        await until(pilot, lambda: app.screen.listing.total == 2, "now, and one minute")
        assert "thumbs is paused: its line gets no shorter." in picture(app)
        assert "1 arrive within the hour" in picture(app)

        Control(broker).resume_queue("thumbs")
        app.link.refresh()

        await until(pilot, lambda: "drained in" in picture(app), "how long it takes")
        assert "measured in the last minutes" in picture(app)
        await pilot.press("j", "enter")
        await at(pilot, app, JobsScreen)
        await until(pilot, lambda: app.screen.state is JobState.DELAYED, "what is delayed")

    run_desk(act)


def test_a_schedule_is_run_paused_and_its_last_run_is_told(run_desk, broker, desk):
    bench = Bench(broker)

    @bench.queue.periodic_task(crontab(minute="*/5"))
    def sweep() -> str:
        """Look for what is old."""
        return "nothing"

    @bench.queue.periodic_task(crontab(hour="3", minute="0"), attempts=1)
    def broken() -> None:
        raise ValueError("no disk")

    publish(bench.queue)

    def known():
        return {one.name: one.paused for one in desk.get_schedules("thumbs")}

    async def act(pilot, app):
        await at(pilot, app, SchedulesScreen)
        await until(pilot, lambda: app.screen.listing.total == 2, "both")
        assert picture(app).count("never") == 2
        with bench.worker():
            await pilot.press("t")
            await until(pilot, lambda: "✓ completed" in picture(app), "what it came to")
            assert any("$ jobdesk schedule run sweep --queue=thumbs" in n for n in notes(app))
            await pilot.press("j", "t")
            await until(pilot, lambda: "✗ failed  ValueError: no disk" in picture(app))
        assert "1 failed last" in picture(app)
        assert [job.type for job in desk.get_jobs("thumbs", "completed")] == ["sweep"]

        await pilot.press("s")
        await until(pilot, lambda: known() == {"sweep": False, "broken": True}, "the pause")
        assert any("$ jobdesk schedule pause broken" in note for note in notes(app))
        await until(pilot, lambda: "paused" in picture(app), "it is shown")
        await pilot.press("s")
        await until(pilot, lambda: not any(known().values()), "it goes on")

        await pilot.press("enter")
        await at(pilot, app, JobScreen)
        await until(pilot, lambda: app.screen.job and app.screen.job.type == "broken", "the job")
        await pilot.press("escape")
        await at(pilot, app, SchedulesScreen)

    run_desk(act, mode="schedules")


@pytest.mark.parametrize("size", [(120, 35), (80, 24), (60, 16)], ids=lambda size: str(size[0]))
def test_dialogs_and_screens_fit_the_terminal(run_desk, broker, thumbs, size):
    thumbs.failed("f1")
    thumbs.waiting("w1", priority=3)
    thumbs.delayed("d1")
    broker.client.hset(
        thumbs.keys.sched, "a-rather-long-name-of-one:spec",
        b'{"type": "a-rather-long-name-of-one", "crontab": "*/10 * * * *", "timezone": "UTC"}',
    )  # fmt: skip

    def fits(app, *words):
        shown = picture(app)
        assert max(map(len, shown.splitlines())) <= size[0]
        for word in words:
            assert word in shown, f"{word}\n{shown}"

    async def act(pilot, app):
        await on_board(pilot, app)
        fits(app, "QUEUE", "STATE", "WAITING", "OLDEST", "FAILED")
        await pilot.press("C")
        await at(pilot, app, CleanScreen)
        await until(pilot, lambda: "None of" in picture(app) or "would go" in picture(app))
        fits(app, "state", "completed  failed  waiting  delayed", "older than", "at most")
        fits(app, "the oldest first; empty: all", "jobdesk clean thumbs", "Remove …", "Leave it")
        await pilot.press("escape", "i")
        await at(pilot, app, LimitsScreen)
        fits(app, "at once", "over all workers; empty: no limit", "starts", "in a span of", "Set")
        await pilot.press("escape", "w")
        await at(pilot, app, WhyScreen)
        await until(pilot, lambda: "no-worker" in picture(app), "a reason")
        fits(app, "waiting by priority", "3: 1", "$ jobdesk why thumbs")
        await pilot.press("escape", "b")
        await at(pilot, app, ForecastScreen)
        await until(pilot, lambda: app.screen.listing.total >= 2, "what comes")
        fits(app, "ARRIVE", "LINE", "AND THEN", "not drained", "No worker has thumbs")
        await pilot.press("escape", "5")
        await at(pilot, app, SchedulesScreen)
        await until(pilot, lambda: app.screen.listing.total == 1, "the schedule")
        fits(app, "SCHEDULE", "NEXT", "LAST", "CAME TO", "never")

    run_desk(act, size=size)


def test_on_production_a_question_says_which_key_takes_a_pause_back(run_desk, thumbs, stats):
    thumbs.waiting("w1")

    async def act(pilot, app):
        await on_board(pilot, app)
        for said, paused in (("s resumes it.", True), ("s pauses it again.", False)):
            await pilot.press("s")
            await at(pilot, app, ConfirmScreen)
            assert said in picture(app)
            assert "cannot be undone" not in picture(app)
            word = "pause" if paused else "resume"
            assert f"$ jobdesk --context prod {word} thumbs" in picture(app)
            await pilot.press("y")
            await until(pilot, lambda want=paused: stats().paused is want, said)
            label = "s resume" if paused else "s pause"
            await until(pilot, lambda shown=label: shown in picture(app), label)

    run_desk(act, production=True)


def test_what_the_help_says_goes_on_below_its_own_words(run_desk, thumbs):
    async def act(pilot, app):
        await on_board(pilot, app)
        await pilot.press("question_mark")
        await until(pilot, lambda: "or again" in picture(app), "the help")
        lines = picture(app).splitlines()
        (at,) = (n for n, line in enumerate(lines) if "Start no more jobs" in line)

        column = lines[at].index("Start")
        assert lines[at + 1][column:].startswith("or again")

    run_desk(act, size=(60, 16))
