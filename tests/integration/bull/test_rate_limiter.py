"""At most so many jobs in such a span: Bull's limiter."""

from __future__ import annotations

import pytest

from jobdesk.engine.queue import Queue
from jobdesk.errors import InvalidRateLimit


@pytest.fixture
def resize(bench):
    @bench.queue.task()
    def resize():
        pass

    return resize


@pytest.mark.parametrize("limit", [(5,), 5, (0, 1.0), (5, 0), ("5", 1)])
def test_a_limit_without_both_its_parts_is_refused(bench, limit):
    with pytest.raises(InvalidRateLimit):
        bench.control.set_rate_limit("thumbs", limit)
    with pytest.raises(InvalidRateLimit):
        Queue("other", rate_limit=limit, broker=bench.broker)


def test_a_worker_keeps_to_the_limit(bench, resize):
    bench.control.set_rate_limit("thumbs", (2, 0.3))
    jobs = [resize() for _ in range(6)]

    with bench.worker(slots=4):
        for job in jobs:
            job.wait(10)

    began = [e.timestamp_ms for e in bench.told() if e.name == "active"]
    assert began[2] - began[0] >= 299
    assert began[4] - began[2] >= 299
    assert began[5] - began[0] < 1500


def test_jobs_over_the_limit_stay_where_they_are_in_the_order_of_their_priority(bench, resize):
    bench.control.set_rate_limit("thumbs", (1, 60))
    low = resize.options(priority=9)()
    last = resize()
    high = resize.options(priority=1)()

    assert bench.run_all() == [high.id]

    assert bench.ids() == [low.id, last.id]
    assert bench.counts() == {"completed": 1, "waiting": 2}


def test_every_worker_counts_towards_the_same_limit(bench, resize):
    bench.control.set_rate_limit("thumbs", (3, 60))
    for _ in range(5):
        resize()
    other = bench.queue.transitions

    assert bench.run_one()
    taken = other.exchange("host:2:other", 1, 5, 30_000)

    assert len(taken.jobs) == 2
    assert 59_000 < other.exchange("host:2:other", 2, 5, 30_000).opens_ms <= 60_000
