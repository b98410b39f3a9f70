"""Jobs that come again: Bull's repeat, here the schedules of periodic tasks.

Slots are fired for an instant in the past, step by step, as a worker's scheduler would have.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from jobdesk.cron import crontab
from jobdesk.engine import publishing
from jobdesk.engine.schedules import Ticker

START = datetime(2017, 2, 7, 9, 24, 30, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class Clock:
    """A scheduler that is asked at instants of the test's choice."""

    def __init__(self, bench):
        self.bench = bench
        self.now = START
        self.ticker = Ticker([bench.queue])
        self.ticker.tick(self.now)

    def forward(self, span, step):
        """Go on by steps, running what is fired; (type, minutes since the start) of each job."""
        until = self.now + span
        ran = []
        while self.now < until:
            self.now += step
            self.ticker.tick(self.now)
            for job_id in self.bench.run_all():
                _, kind, slot = job_id.split(".")
                ran.append((kind, (int(slot) - START.timestamp()) / 60 + 0.5))
        return ran


def every_two_minutes(bench, name="nightly"):
    @bench.queue.periodic_task(crontab(minute="*/2"), name=name)
    def task():
        pass

    return task


def test_a_schedule_adds_a_job_at_each_of_its_slots(bench):
    every_two_minutes(bench)
    clock = Clock(bench)

    assert clock.forward(8 * MINUTE, MINUTE) == [("nightly", m) for m in (2, 4, 6, 8)]
    assert bench.events().count("waiting") == 4


def test_two_schedules_may_have_the_same_pattern(bench):
    every_two_minutes(bench, "first")
    every_two_minutes(bench, "second")
    clock = Clock(bench)

    assert sorted(clock.forward(4 * MINUTE, MINUTE)) == [
        ("first", 2), ("first", 4), ("second", 2), ("second", 4),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "span", "step", "days"),
    [
        (crontab(minute="0", hour="1"), 5 * DAY, HOUR, [8, 9, 10, 11, 12]),
        (crontab(minute="25", hour="9", day="7"), 40 * DAY, 6 * HOUR, [7, 7]),
    ],
)
def test_a_pattern_of_days_fires_on_these_days(bench, pattern, span, step, days):
    @bench.queue.periodic_task(pattern)
    def nightly():
        pass

    clock = Clock(bench)

    fired = [START + timedelta(minutes=m - 0.5) for _, m in clock.forward(span, step)]

    assert [at.day for at in fired] == days
    assert {(str(at.hour), str(at.minute)) for at in fired} == {
        ("1", "0") if len(days) == 5 else ("9", "25")
    }


@pytest.mark.parametrize(
    ("first", "last", "minutes"),
    [(4, 8, [4, 6, 8]), (-60, 4, [2, 4]), (2, 60, [2, 4, 6, 8, 10])],
)
def test_a_function_of_the_time_may_begin_and_end_a_schedule(bench, first, last, minutes):
    """Bull's startDate and endDate, and its ``every``: whatever a function can say."""

    def due(at):
        since = (at.replace(tzinfo=UTC) - START) / MINUTE + 0.5
        return first <= since <= last and since % 2 == 0

    @bench.queue.periodic_task(due)
    def nightly():
        pass

    clock = Clock(bench)

    assert [m for _, m in clock.forward(10 * MINUTE, MINUTE)] == minutes


def test_many_schedulers_fire_a_slot_once(bench):
    every_two_minutes(bench)
    tickers = [Ticker([bench.queue]) for _ in range(3)]

    for minutes in (0, 2, 4):
        for ticker in tickers:
            ticker.tick(START + minutes * MINUTE)

    assert len(bench.ids()) == 2
    assert len(set(bench.ids())) == 2


def test_workers_publish_their_schedules_by_name(bench):
    every_two_minutes(bench, "first")

    @bench.queue.periodic_task(crontab(hour="3", minute="0"))
    def second():
        pass

    publishing.publish(bench.queue)

    found = bench.inspector.schedules("thumbs")
    assert [(s.name, s.crontab, s.paused) for s in found] == [
        ("first", "*/2 * * * *", False),
        ("second", "0 3 * * *", False),
    ]
    assert all(s.next_ms > bench.inspector.now_ms() for s in found)


def test_a_schedule_that_is_unregistered_fires_no_more_until_it_is_registered_again(bench):
    task = every_two_minutes(bench)
    clock = Clock(bench)
    assert [m for _, m in clock.forward(2 * MINUTE, MINUTE)] == [2]

    task.unregister()
    assert clock.forward(4 * MINUTE, MINUTE) == []

    every_two_minutes(bench)
    assert clock.forward(4 * MINUTE, MINUTE)[-1] == ("nightly", 10)


def test_a_paused_schedule_lets_its_slots_pass(bench):
    every_two_minutes(bench)
    publishing.publish(bench.queue)
    clock = Clock(bench)
    bench.control.pause_schedule("thumbs", "nightly")
    assert clock.forward(4 * MINUTE, MINUTE) == []

    bench.control.resume_schedule("thumbs", "nightly")

    assert [m for _, m in clock.forward(4 * MINUTE, MINUTE)] == [6, 8]


def test_delayed_jobs_that_are_due_run_by_priority(bench):
    @bench.queue.task()
    def resize():
        pass

    jobs = {p: resize.options(priority=p, delay=60)() for p in (1, 3, 2)}
    bench.make_due(*(job.id for job in jobs.values()))

    assert bench.run_all() == [jobs[p].id for p in (1, 2, 3)]
