"""The next hour of a queue: what arrives when, and how long the line takes."""

from __future__ import annotations

import time

import pytest

from jobdesk.broker.control import Control
from jobdesk.broker.inspector import Inspector
from jobdesk.broker.reading import forecast
from jobdesk.broker.registry import WorkerBeat
from tests.bench import Bench
from tests.queue_builder import QueueBuilder

MINUTE = 60_000


@pytest.fixture
def jobs(broker) -> QueueBuilder:
    return QueueBuilder(broker)


@pytest.fixture
def now(broker) -> int:
    return Inspector(broker).now_ms()


def beat(broker, slots=4, queues=("thumbs",)):
    WorkerBeat(broker, "host:1:w", "host", 1, queues, slots, "1").beat()


def ran(broker, jobs, now, *, jobs_per_minute, bucket=10):
    """Each of the last five minutes so many jobs ended, each in about 2^bucket ms."""
    for at in range(1, 6):
        number = now // MINUTE - at
        broker.client.hset(jobs.keys.figures("m", number), mapping={"c": jobs_per_minute})
    broker.client.hset(jobs.keys.figures("h", now // (60 * MINUTE)), f"r{bucket}", 100)


def due(broker, jobs, job_id, at_ms):
    jobs.delayed(job_id)
    broker.client.zadd(jobs.keys.delayed, {job_id: at_ms})


def test_what_is_delayed_is_counted_by_the_minute_in_which_it_is_due(broker, jobs, now):
    beat(broker)
    ran(broker, jobs, now, jobs_per_minute=60, bucket=0)
    jobs.waiting("w")
    due(broker, jobs, "overdue", now - 5000)
    due(broker, jobs, "soon", now + 10 * MINUTE)
    due(broker, jobs, "soon2", now + 10 * MINUTE)
    due(broker, jobs, "later", now + 61 * MINUTE)
    jobs.change("soon", am=1)

    found = forecast.read(broker, "thumbs")

    assert [(one.delayed, one.retrying) for one in found.minutes] == [(1, 0), (2, 1)]
    assert found.minutes[0].at_ms == found.now_ms
    assert found.minutes[1].at_ms == (now + 10 * MINUTE) // MINUTE * MINUTE
    assert (found.waiting, found.later, found.arriving) == (1, 1, 3)


def test_the_line_is_drained_at_the_measured_rate_while_there_is_one(broker, jobs, now):
    beat(broker)
    ran(broker, jobs, now, jobs_per_minute=60)
    jobs.waiting(*(f"w{n}" for n in range(100)))
    for n in range(40):
        due(broker, jobs, f"d{n}", now + MINUTE)

    found = forecast.read(broker, "thumbs")

    assert found.pace.how == "measured"
    # 300 jobs in five minutes and as much of this one as is over
    assert 0.8 <= found.pace.per_second <= 1.0
    assert found.drained_ms == pytest.approx(1000 * 100 / found.pace.per_second, abs=2)
    (one,) = found.minutes
    assert 70 <= one.line <= 140
    assert one.drained_ms == pytest.approx(1000 * one.line / found.pace.per_second, rel=0.02)


def test_with_nobody_in_the_line_the_slots_and_run_times_say_what_is_possible(broker, jobs, now):
    beat(broker, slots=4)
    ran(broker, jobs, now, jobs_per_minute=6, bucket=10)

    free = forecast.read(broker, "thumbs").pace
    Control(broker).set_max_active("thumbs", 2)
    bound = forecast.read(broker, "thumbs").pace
    Control(broker).set_rate_limit("thumbs", (60, 60))
    limited = forecast.read(broker, "thumbs").pace

    assert (free.how, free.run_ms) == ("slots", 768)
    assert free.per_second == pytest.approx(4 / 0.768)
    assert bound.per_second == pytest.approx(2 / 0.768)
    assert (limited.per_second, limited.limited) == (1.0, True)


def test_paused_without_worker_or_without_any_run_nothing_is_promised(broker, jobs):
    jobs.waiting("w")

    without = forecast.read(broker, "thumbs")
    beat(broker)
    unknown = forecast.read(broker, "thumbs")
    Control(broker).pause_queue("thumbs")
    paused = forecast.read(broker, "thumbs")

    assert [one.pace.how for one in (without, unknown, paused)] == [
        "no-worker", "unknown", "paused",
    ]  # fmt: skip
    assert without.drained_ms is None


def test_while_jobs_wait_and_none_ends_the_slots_promise_nothing(broker, jobs, now):
    beat(broker)
    broker.client.hset(jobs.keys.figures("h", now // (60 * MINUTE)), "r10", 100)
    jobs.waiting("w")

    fresh = forecast.read(broker, "thumbs").pace.how
    jobs.change("w", ts=now - 10 * MINUTE)
    late = forecast.read(broker, "thumbs").pace.how

    assert (fresh, late) == ("slots", "stuck")


def test_schedules_arrive_at_their_slots_unless_they_are_paused(broker):
    bench = Bench(broker)
    spec = b'{"type": "%b", "crontab": "*/10 * * * *", "timezone": "UTC"}'
    for name in (b"sweep", b"rest"):
        broker.client.hset(bench.keys.sched, name + b":spec", spec % name)
    Control(broker).pause_schedule("thumbs", "rest")

    found = forecast.read(broker, "thumbs")

    assert [dict(one.scheduled) for one in found.minutes] == [{"sweep": 1}] * 6
    assert found.paused == ("rest",)


def test_more_delayed_jobs_than_are_looked_at_are_not_told_apart_and_cost_no_more(
    broker, jobs, now
):
    for start in range(0, 300, 100):
        jobs.delayed(*(f"d{n}" for n in range(start, start + 100)), delay_ms=10 * MINUTE)
    client = broker.client

    before, began = client.info("stats")["total_commands_processed"], time.monotonic()
    found = forecast.read(broker, "thumbs")
    cost = client.info("stats")["total_commands_processed"] - before

    assert sum(one.delayed for one in found.minutes) == 300
    assert all(one.retrying is None for one in found.minutes)
    assert cost < 100
    assert time.monotonic() - began < 2
