"""What a clean-up would remove, counted before it, against what it then removes."""

from __future__ import annotations

import pytest

from jobdesk.broker.control import Control
from jobdesk.broker.inspector import Inspector
from jobdesk.broker.reading import ages
from jobdesk.errors import InvalidDelay, InvalidLimit, InvalidState
from jobdesk.models import JobState
from tests.queue_builder import QueueBuilder

HOUR_MS = 3_600_000


@pytest.fixture
def jobs(broker) -> QueueBuilder:
    return QueueBuilder(broker)


@pytest.fixture
def now(broker) -> int:
    return Inspector(broker).now_ms()


@pytest.mark.parametrize("limit", [0, 1, 5])
@pytest.mark.parametrize("state", ["completed", "failed", "waiting", "delayed"])
def test_the_count_is_what_cleaning_then_removes(broker, jobs, now, state, limit):
    getattr(jobs, state)("a", "b", "c")
    for job_id in ("a", "b"):
        jobs.change(job_id, ts=now - 2 * HOUR_MS)
        if state in ("completed", "failed"):
            jobs.end_at(state, job_id, now - 2 * HOUR_MS)

    found = ages.older(broker, "thumbs", state, grace=3600, limit=limit)
    touched = Control(broker).clean_jobs("thumbs", state, grace=3600, limit=limit)

    assert (found.count, found.exact, found.total) == (touched.count, True, 3)
    assert found.count == (1 if limit == 1 else 2)


def test_of_more_waiting_jobs_than_are_looked_at_there_is_a_bound(broker, jobs, now):
    for start in range(0, 2100, 100):
        jobs.waiting(*(f"w{n}" for n in range(start, start + 100)))
    jobs.change("w0", ts=now - 2 * HOUR_MS)

    found = ages.older(broker, "thumbs", "waiting", grace=3600)

    assert (found.count, found.exact, found.total) == (101, False, 2100)
    assert ages.older(broker, "thumbs", "waiting", grace=3600, limit=1).exact
    assert ages.older(broker, "thumbs", "waiting") == ages.Older(count=2100, exact=True, total=2100)


def test_the_examples_are_those_that_go_first(broker, jobs, now):
    for at, job_id in enumerate(("new", "old", "older"), 1):
        jobs.failed(job_id)
        jobs.end_at("failed", job_id, now - at * HOUR_MS)

    rows = ages.oldest(broker, "thumbs", JobState.FAILED, 2)

    assert [row.id for row in rows] == ["older", "old"]


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"state": "active"}, InvalidState),
        ({"grace": -1}, InvalidDelay),
        ({"limit": -1}, InvalidLimit),
        ({"limit": True}, InvalidLimit),
    ],
)
def test_what_cannot_be_cleaned_cannot_be_counted(broker, given, error):
    told = {"state": "failed", **given}

    with pytest.raises(error):
        ages.older(broker, "thumbs", told.pop("state"), **told)
