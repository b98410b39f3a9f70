"""Several schedulers, one of them late or frozen: every slot makes one job."""

from __future__ import annotations

import signal
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.workers import Starter, Watch, until

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker

QUICK = 2


def slots(watched: Watch, schedule: str) -> list[int]:
    """The slots that made a job, in order, each once: seconds."""
    added = Counter(
        event.job_id or ""
        for event in watched.events()
        if event.name == "waiting" and "prev" not in event.fields
    )
    assert set(added.values()) <= {1}, added
    assert watched.times("duplicated") == {}
    return sorted(int(job_id.removeprefix(f"cron.{schedule}.")) for job_id in added)


def in_a_row(found: list[int], every: int) -> bool:
    return found == list(range(found[0], found[0] + every * len(found), every))


def test_two_hosts_started_apart_fire_three_slots_three_times(
    start: Starter, broker: Broker
) -> None:
    watched = Watch(broker, "ticking")
    start.huey_consumer("-w", "1", "-q", queue="ticking", host="one")
    time.sleep(0.7)
    start.huey_consumer("-w", "1", "-q", queue="ticking", host="two")

    watched.wait_for("completed", 3, timeout=20)

    found = slots(watched, "tick")
    assert len(found) == 3
    assert in_a_row(found, QUICK)
    assert watched.times("completed") == {f"cron.tick.{slot}": 1 for slot in found}


def test_a_scheduler_frozen_over_a_slot_neither_repeats_nor_skips_one(
    start: Starter, broker: Broker
) -> None:
    watched = Watch(broker, "ticking")
    first = start.huey_consumer("-w", "1", "-q", queue="ticking", host="one")
    start.huey_consumer("-w", "1", "-q", queue="ticking", host="two")
    watched.wait_for("completed", 1, timeout=20)

    first.signal(signal.SIGSTOP)
    until(lambda: len(slots(watched, "tick")) >= 3)  # the other goes on
    first.signal(signal.SIGCONT)
    until(lambda: len(slots(watched, "tick")) >= 5)

    assert in_a_row(slots(watched, "tick"), QUICK)


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("freeze", [False, True])
def test_three_minutes_of_a_crontab_make_three_jobs(
    freeze: bool, start: Starter, broker: Broker
) -> None:
    watched = Watch(broker, "minutely")
    first = start.huey_consumer("-w", "1", "-q", queue="minutely", host="one")
    time.sleep(5)
    start.huey_consumer("-w", "1", "-q", queue="minutely", host="two")
    if freeze:
        first.signal(signal.SIGSTOP)
        until(lambda: len(slots(watched, "each-minute")) >= 1, timeout=130)
        first.signal(signal.SIGCONT)

    until(lambda: len(slots(watched, "each-minute")) >= 3, timeout=250)
    time.sleep(2)

    found = slots(watched, "each-minute")
    assert len(found) == 3
    assert in_a_row(found, 60)
