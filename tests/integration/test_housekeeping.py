"""Failed jobs are removed over all queues when they are old enough, and only then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobdesk.broker.keys import queues
from jobdesk.engine.housekeeping import clean_failed
from tests.queue_builder import QueueBuilder

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker

WEEK_S = 7 * 86_400


@pytest.fixture
def two(broker: Broker) -> tuple[QueueBuilder, QueueBuilder]:
    """Two queues, each with an old failed job, a new one, and an old completed one."""
    builders = QueueBuilder(broker, "email"), QueueBuilder(broker, "pdf")
    for jobs in builders:
        jobs.failed("old", "new")
        jobs.completed("done")
        jobs.end_at("failed", "old", 1_000)
        jobs.end_at("completed", "done", 1_000)
    broker.client.sadd(queues(broker.namespace), "email", "pdf", "empty")
    return builders


def test_old_failed_jobs_of_all_queues_go(
    broker: Broker, two: tuple[QueueBuilder, QueueBuilder]
) -> None:
    result = clean_failed(WEEK_S, broker=broker)

    assert result == {"removed": 2, "queues": {"email": 1, "pdf": 1}}
    for jobs in two:
        assert jobs.order("failed") == ["new"]
        assert jobs.order("completed") == ["done"]


def test_a_dry_run_counts_and_removes_nothing(
    broker: Broker, two: tuple[QueueBuilder, QueueBuilder]
) -> None:
    result = clean_failed(WEEK_S, dry_run=True, broker=broker)

    assert result == {"removed": 2, "queues": {"email": 1, "pdf": 1}}
    for jobs in two:
        assert sorted(jobs.order("failed")) == ["new", "old"]


def test_it_stops_when_told(broker: Broker, two: tuple[QueueBuilder, QueueBuilder]) -> None:
    result = clean_failed(WEEK_S, broker=broker, go_on=lambda: False)

    assert result == {"removed": 0, "queues": {}}
    assert all(sorted(jobs.order("failed")) == ["new", "old"] for jobs in two)
