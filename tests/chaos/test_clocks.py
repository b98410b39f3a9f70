"""Clocks that are wrong, and Redis data from an hour ago: nothing depends on either."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from jobdesk.broker import scripts
from jobdesk.broker.exchange import Outcome
from tests import invariants
from tests.chaos import guards
from tests.queue_builder import QueueBuilder

HOUR_MS = 3_600_000


@pytest.fixture
def jobs(broker):
    made = QueueBuilder(broker, "clocks")
    yield made
    invariants.check(broker, "clocks")


def server_ms(jobs: QueueBuilder) -> int:
    seconds, us = jobs.broker.client.time()
    return int(seconds) * 1000 + int(us) // 1000


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_client_whose_clock_is_an_hour_off_changes_nothing(hours, jobs, monkeypatch):
    """Delays, leases, retries and ends are all by the server's clock."""
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + hours * 3600)
    now = server_ms(jobs)
    jobs.delayed("d1", delay_ms=60_000)
    (job,) = jobs.active("a1")
    lease = jobs.broker.client.zscore(jobs.keys.active, "a1")
    told = '"o":"failed","w":"","err":"E","tb":""}'
    jobs.finish(job, Outcome.RETRY, error="E", attempt=told, delay_ms=5000)
    due = {i: int(jobs.broker.client.zscore(jobs.keys.delayed, i)) - now for i in ("d1", "a1")}

    assert 60_000 <= due["d1"] < 65_000
    assert 5_000 <= due["a1"] < 10_000
    assert 30_000 <= lease - now < 35_000
    assert jobs.take() == []


def test_no_script_takes_the_time_from_anywhere_but_the_server():
    callers = [
        guards.name_of(path)
        for path in guards.files()
        if re.search(r"call\(\s*'time'|os\.(time|date|clock)", path.read_text("utf-8"))
    ]

    assert callers == ["include/time"]
    assert len(scripts.names()) > 20


def test_when_the_servers_clock_steps_back_epochs_go_on_rising(jobs):
    """The last epoch lies an hour ahead, as after such a step."""
    ahead = (server_ms(jobs) + HOUR_MS) * 1000
    jobs.broker.client.set(jobs.keys.epoch, ahead)
    first, second = (jobs.active(name)[0] for name in ("a1", "a2"))

    assert [int(first.epoch), int(second.epoch)] == [ahead + 1, ahead + 2]
    assert jobs.finish(first) == jobs.finish(second) == "OK"


def test_when_the_servers_clock_steps_forward_a_lease_ends_early_and_the_job_runs_again(jobs):
    (first,) = jobs.active("a1")
    jobs.broker.client.zincrby(jobs.keys.active, -HOUR_MS, "a1")
    jobs.moves.exchange("h:2:w", 1, 0, 30_000, housekeeping=True)
    (second,) = jobs.take()

    assert jobs.finish(first) == "STALE"
    assert jobs.finish(second) == "OK"
    assert [name for name, _, _ in jobs.events()].count("completed") == 1


def test_after_a_restore_of_older_data_a_worker_from_before_is_refused(jobs):
    """A failover that lost the last writes, or a backup: the newest run's lease is not there."""
    client: Any = jobs.broker.client
    jobs.waiting("a1")
    before = {key: client.dump(key) for key in client.keys(jobs.keys.prefix + "*")}
    (lost,) = jobs.take()

    client.delete(*client.keys(jobs.keys.prefix + "*"))
    for key, value in before.items():
        client.restore(key, 0, value)
    (again,) = jobs.take()

    assert int(again.epoch) > int(lost.epoch)
    assert jobs.finish(lost) == "STALE"
    assert jobs.moves.renew(30_000, [("a1", lost.epoch)]) == ["STALE"]
    assert jobs.finish(again) == "OK"
