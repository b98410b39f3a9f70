"""The JSON shapes: names and units that monitors rely on."""

from datetime import UTC, datetime, timedelta

import pytest

from jobdesk.broker.events import Gap
from jobdesk.cli import shapes
from jobdesk.models import Backoff, Event, JobOptions, JobState, QueueStats


def test_a_queue_has_the_fields_of_the_original_and_no_others():
    stats = QueueStats(name="email", waiting=5, active=2, completed=1000, failed=10, max_active=4)

    assert shapes.stats(stats) == {
        "name": "email", "waiting": 5, "active": 2, "completed": 1000, "failed": 10, "delayed": 0,
        "paused": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        (JobOptions(), {}),
        (JobOptions(priority=1, delay=5, timeout=timedelta(seconds=1.5)),
         {"priority": 1, "delay": 5000, "timeout": 1500}),
        (JobOptions(attempts=5, backoff=Backoff.fixed(10)),
         {"attempts": 5, "backoff": {"type": "fixed", "delay": 10_000}}),
        (JobOptions(backoff=Backoff.exponential(2, max_delay=60, jitter=0.5)),
         {"backoff": {"type": "exponential", "delay": 2000, "maxDelay": 60_000, "jitter": 0.5}}),
        (JobOptions(backoff=Backoff.geometric(1, 3)),
         {"backoff": {"type": "geometric", "delay": 1000, "factor": 3.0}}),
        (JobOptions(expires=60), {"expires": 60_000}),
        (JobOptions(expires=datetime(1970, 1, 2, tzinfo=UTC)), {"expires": 86_400_000}),
        (JobOptions(remove_on_complete=True, remove_on_fail={"age": 86_400, "count": 10}),
         {"removeOnComplete": True, "removeOnFail": {"age": 86_400, "count": 10}}),
        (JobOptions(lifo=True), {"lifo": True}),
    ],
)  # fmt: skip
def test_options_are_in_milliseconds_but_for_ages(options, shape):
    assert shapes.options(options) == shape


def test_waiting_is_called_paused_while_its_queue_is():
    assert shapes.state(JobState.WAITING, paused=True) == "paused"
    assert shapes.state(JobState.WAITING, paused=False) == "waiting"
    assert shapes.state(JobState.ACTIVE, paused=True) == "active"


def test_an_event_has_its_extras_under_long_names():
    event = Event(
        id="5-0", n=1, queue="email", name="retrying", timestamp_ms=5, job_id="a", type="bulk",
        fields={"a": "2", "delay": "2000", "err": "ValueError: no", "w": "host:1:w"},
    )  # fmt: skip

    assert shapes.event(event) == {
        "queue": "email", "event": "retrying", "jobId": "a", "type": "bulk", "timestamp": 5,
        "attempt": 2, "delay": 2000, "error": "ValueError: no", "worker": "host:1:w",
    }  # fmt: skip


def test_an_event_of_a_queue_names_no_job():
    event = Event(id="5-0", n=1, queue="email", name="drained", timestamp_ms=5)

    assert shapes.event(event) == {"queue": "email", "event": "drained", "timestamp": 5}


def test_an_extra_cannot_pass_for_one_of_the_fields():
    event = Event(
        id="5-0", n=1, queue="email", name="failed", timestamp_ms=5, job_id="a", type="bulk",
        fields={"queue": "pdf", "count": "many", "forced": "1"},
    )  # fmt: skip

    shape = shapes.event(event)

    assert shape["queue"] == "email"
    assert shape["count"] == "many"
    assert shape["forced"] is True


def test_a_gap_says_how_many_are_missing_where_that_is_known():
    assert shapes.gap(Gap("email", 3)) == {"queue": "email", "event": "gap", "missed": 3}
    assert shapes.gap(Gap("email", None))["missed"] is None
