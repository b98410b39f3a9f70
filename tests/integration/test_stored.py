"""What a job's record says, and where its payload lies, through all that happens to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobdesk.broker import registry
from jobdesk.broker import stored as texts
from jobdesk.broker.control import Control
from jobdesk.broker.exchange import Outcome
from jobdesk.broker.inspector import Inspector
from jobdesk.broker.keys import SCHEMA_VERSION
from jobdesk.errors import SchemaTooNew, SchemaTooOld, UnknownType
from tests import invariants, stored
from tests.queue_builder import LEASE_MS, QueueBuilder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobdesk.broker.connection import Broker

LARGE = b'{"path":"' + b"x" * 2000 + b'"}'
SMALL = b'{"path":"a"}'


@pytest.fixture
def jobs(broker: Broker) -> Iterator[QueueBuilder]:
    made = QueueBuilder(broker)
    yield made
    invariants.check(broker, made.queue)


def beside(jobs: QueueBuilder, field: str) -> bool:
    """Whether a payload lies beside the record; a result, of the id with a colon."""
    return bool(jobs.broker.client.hexists(jobs.keys.aside(field.rstrip(":")), field))


def status(jobs: QueueBuilder, job_id: str) -> bytes | None:
    raw: bytes | None = jobs.broker.client.hget(jobs.keys.record(job_id), f"{job_id}:")
    return raw


def test_a_job_that_waits_has_no_status_until_something_happens_to_it(jobs):
    jobs.waiting("a1")
    assert status(jobs, "a1") is None

    (job,) = jobs.take()
    jobs.finish(job, value=b"1")

    record = jobs.record("a1")
    assert set(record) == {"ts", "t", "bk", "st", "ep", "am", "fon", "pon", "w"}
    assert (record["st"], record["am"], record["ep"]) == ("c", "1", job.epoch.decode())


@pytest.mark.parametrize("payload", [SMALL, LARGE])
def test_a_worker_gets_the_payload_wherever_it_lies(jobs, payload):
    jobs.waiting("a1", payload=payload)
    assert beside(jobs, "a1") is (payload is LARGE)

    (job,) = jobs.take()

    assert (job.payload, job.attempts, job.attempts_made) == (payload, 3, 0)
    assert jobs.finish(job, Outcome.RETRY, error="no", delay_ms=0) == "OK"
    (again,) = jobs.take()
    assert (again.payload, again.attempts_made) == (payload, 1)


@pytest.mark.parametrize("value", [b"", b"1", b'"' + b"y" * 2000 + b'"'])
@pytest.mark.parametrize("progress", ["", "50"])
def test_a_result_lies_where_its_size_puts_it(jobs, value, progress):
    control = Control(jobs.broker, "ada@desk")
    (job,) = jobs.active("a1")

    assert jobs.finish(job, value=value, progress=progress) == "OK"

    kept = value or None
    assert stored.result(jobs.broker.client, jobs.keys, "a1") == kept
    assert Inspector(jobs.broker).result("thumbs", "a1").result == kept
    assert beside(jobs, "a1:") is (len(value) > 1024)
    control.remove_job("thumbs", "a1")
    assert not beside(jobs, "a1:")
    control.undo("thumbs", control.operation)
    assert stored.result(jobs.broker.client, jobs.keys, "a1") == kept


@pytest.mark.parametrize(("first", "then"), [(SMALL, LARGE), (LARGE, SMALL), (LARGE, LARGE)])
def test_other_data_lies_where_its_size_puts_it(jobs, first, then):
    jobs.waiting("a1", payload=first)

    Control(jobs.broker).update_data("thumbs", "a1", then)

    assert jobs.payload("a1") == then
    assert beside(jobs, "a1") is (then is LARGE)
    assert jobs.take()[0].payload == then


@pytest.mark.parametrize("payload", [SMALL, LARGE])
def test_a_removed_job_leaves_nothing_and_comes_back_whole(jobs, payload):
    control = Control(jobs.broker, "ada@desk")
    jobs.waiting("a1", payload=payload)
    record = jobs.record("a1")

    control.remove_job("thumbs", "a1")
    assert (jobs.record("a1"), jobs.payload("a1")) == ({}, None)

    control.undo("thumbs", control.operation)
    assert (jobs.record("a1"), jobs.payload("a1")) == (record, payload)


def test_a_take_that_is_sent_again_brings_a_payload_from_beside_again(jobs):
    jobs.waiting("a1", payload=LARGE)

    one, two = (jobs.moves.exchange("host:1:w", 7, 1, LEASE_MS).jobs for _ in range(2))

    assert one == two
    assert one[0].payload == LARGE


def test_what_an_operator_changes_counts_before_what_was_added(jobs):
    control = Control(jobs.broker)
    jobs.waiting("a1", priority=5)
    jobs.waiting("a2", priority=4)

    control.change_priority("thumbs", "a1", 1)

    assert jobs.order() == ["a1", "a2"]
    assert jobs.record("a1")["p"] == "1"
    (job,) = jobs.take()
    jobs.finish(job, Outcome.RETRY, error="no", delay_ms=0)
    assert jobs.order() == ["a1", "a2"]


def test_a_field_that_the_status_empties_is_not_there(jobs):
    jobs.failed("a1", fields={"ex": 4_000_000_000_000})
    assert jobs.record("a1")["ex"] == "4000000000000"

    Control(jobs.broker).retry_job("thumbs", "a1")

    assert "ex" not in jobs.record("a1")
    (job,) = jobs.take()
    assert job.expires_ms is None
    jobs.finish(job)
    assert "ex" not in jobs.record("a1")


def test_nothing_in_an_error_or_a_result_can_break_the_record(jobs):
    hostile = "a\tst=w\n\tam=9="
    jobs.failed("a1", error=hostile)
    jobs.completed("c1", value=hostile)

    record = jobs.record("a1")
    assert (record["st"], record["am"], record["er"]) == ("f", "1", "a st=w  am=9=")
    assert jobs.record("c1")["st"] == "c"


def test_progress_with_any_text_in_it_is_read_back(jobs):
    (job,) = jobs.active("a1")

    jobs.moves.progress(job.id, job.epoch, '{"said":"a=b\\tc"}')

    assert jobs.record("a1")["pg"] == '{"said":"a=b\\tc"}'
    jobs.finish(job)
    assert jobs.record("a1")["pg"] == '{"said":"a=b\\tc"}'


@pytest.mark.parametrize("kind", ["", "a b", "a\tb", "a\nb"])
def test_a_type_that_would_break_the_record_is_refused(kind):
    with pytest.raises(UnknownType, match="cannot name a type"):
        texts.spec(kind, (), 11, False)


def test_a_record_that_was_written_by_hand_is_read_as_far_as_it_goes():
    assert texts.fields(None, b"w\t0") is None
    assert texts.fields(b"", b"") == {"ts": "", "t": "", "st": "", "ep": ""}
    assert texts.fields(b"x\ty\tz\n\xff", b"?\t\tp=\tq") == {
        "ts": "x",
        "t": "y",
        "st": "?",
        "ep": "",
    }


# --- what another release has written


def publish(broker: Broker) -> None:
    registry.publish_queue(
        broker, "thumbs", types={}, schedules={}, keep_completed=":", keep_failed=":",
        max_stalled=3, max_active=None, rate_limit=None,
    )  # fmt: skip


def test_a_queue_of_a_newer_release_is_left_alone(broker, jobs):
    broker.client.hset(jobs.keys.meta, "schema", 99)

    with pytest.raises(SchemaTooNew, match="uses schema 99"):
        publish(broker)


def test_jobs_of_an_older_release_are_left_alone_and_an_empty_queue_goes_on(broker, jobs):
    broker.client.hset(jobs.keys.meta, "schema", 1)
    jobs.waiting("a1")
    with pytest.raises(SchemaTooOld, match="has jobs of schema 1"):
        publish(broker)

    Control(broker).remove_job("thumbs", "a1")
    publish(broker)

    assert broker.client.hget(jobs.keys.meta, "schema") == str(SCHEMA_VERSION).encode()
