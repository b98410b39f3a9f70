"""Schedules as they are read: their next time, and what their last run came to."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from jobdesk.broker.inspector import Inspector
from jobdesk.broker.reading import timetable
from jobdesk.cron import crontab
from jobdesk.engine.publishing import publish
from jobdesk.engine.schedules import fire
from jobdesk.models import JobState, ScheduleInfo
from tests.bench import Bench

MINUTE = 60_000


@pytest.fixture
def bench(broker) -> Bench:
    made = Bench(broker)

    @made.queue.periodic_task(crontab(minute="*/5"))
    def sweep() -> str:
        """Look for what is old."""
        return "nothing"

    @made.queue.periodic_task(crontab(hour="3", minute="0"), attempts=1)
    def broken() -> None:
        raise ValueError("no disk")

    publish(made.queue)
    return made


def schedules(bench):
    return {one.name: one for one in bench.inspector.schedules("thumbs")}


def test_the_next_time_is_found_anew_when_the_one_that_a_worker_wrote_is_over(bench, broker):
    spec = b'{"type": "sweep", "crontab": "*/5 * * * *", "timezone": "UTC", "next": 1000}'
    broker.client.hset(bench.keys.sched, "sweep:spec", spec)
    now = Inspector(broker).now_ms()

    upcoming = schedules(bench)["sweep"].next_ms

    assert upcoming is not None
    assert 0 < upcoming - now <= 5 * MINUTE
    assert upcoming % (5 * MINUTE) == 0


def test_a_schedule_that_is_a_function_keeps_what_its_worker_said(bench, broker):
    spec = b'{"type": "sweep", "crontab": "on_mondays", "timezone": "UTC", "next": 1000}'
    broker.client.hset(bench.keys.sched, "sweep:spec", spec)

    assert schedules(bench)["sweep"].next_ms == 1000


def test_the_slots_of_an_hour_are_read_in_the_zone_of_the_schedule():
    one = ScheduleInfo(name="s", queue="q", type="s", crontab="0,30 9 * * *", paused=False,
                       last_ms=None, next_ms=None, timezone="Asia/Riyadh")  # fmt: skip
    six = round(datetime(2026, 3, 1, 5, 59, tzinfo=UTC).timestamp() * 1000)

    found = list(timetable.slots(one, six, six + 60 * MINUTE))

    assert found == [six + MINUTE, six + 31 * MINUTE]


def test_what_the_last_slot_came_to_is_told_even_when_its_job_is_gone(bench, broker):
    slot = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    for name in ("sweep", "broken"):
        broker.client.hset(bench.keys.sched, name, 1)  # seen before
        assert fire(bench.queue, bench.queue.types[name], slot) == "FIRED"
    bench.run_all()
    known = tuple(schedules(bench).values())

    last = timetable.last_runs(broker, known)

    assert last["thumbs", "sweep"].state is JobState.COMPLETED
    assert last["thumbs", "sweep"].row is not None
    assert last["thumbs", "broken"].state is JobState.FAILED
    assert last["thumbs", "broken"].error == "ValueError: no disk"
    bench.control.remove_job("thumbs", last["thumbs", "sweep"].job_id)
    gone = timetable.last_runs(broker, known)["thumbs", "sweep"]
    assert (gone.row, gone.state) == (None, None)


def test_what_never_ran_has_no_last_run(bench, broker):
    assert timetable.last_runs(broker, tuple(schedules(bench).values())) == {}
