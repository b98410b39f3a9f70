"""Undoing what an operator did."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from jobdesk.broker.connection import Broker
from jobdesk.broker.control import Control
from jobdesk.broker.exchange import Outcome
from jobdesk.broker.inspector import Inspector
from jobdesk.broker.operators import undo
from jobdesk.errors import OperationNotFound
from tests import invariants, stored
from tests.queue_builder import QueueBuilder

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def jobs(broker: Broker) -> Iterator[QueueBuilder]:
    builder = QueueBuilder(broker)
    yield builder
    invariants.check(broker, builder.queue)


@pytest.fixture
def control(broker: Broker) -> Control:
    return Control(broker, "ada@desk")


def numbered(prefix: str, n: int) -> tuple[str, ...]:
    return tuple(f"{prefix}{i:04}" for i in range(n))


def everything(jobs: QueueBuilder, job_id: str) -> dict[str, object]:
    """All that Redis keeps of a job, and its place."""
    client, keys = jobs.broker.client, jobs.keys
    return {
        "record": jobs.record(job_id),
        "payload": jobs.payload(job_id),
        "result": stored.result(client, keys, job_id),
        "attempts": client.lrange(keys.attempts(job_id), 0, -1),
        "log": client.lrange(keys.log(job_id), 0, -1),
        "expire": client.zscore(keys.expire, job_id),
        "places": {
            state: client.zscore(keys.state(state), job_id)
            for state in ("waiting", "active", "delayed", "completed", "failed")
        },
    }


# --- removals


@pytest.mark.parametrize("state", ["waiting", "delayed", "completed", "failed"])
def test_a_removed_job_comes_back_as_it_was(jobs, control, state):
    own = {"fields": {"rc": "60000:", "rf": "60000:"}}
    jobs.waiting("before")
    jobs.take()
    getattr(jobs, state)("a1", payload=b'{"path":"\xc3\xa4"}', **own)
    jobs.broker.client.rpush(jobs.keys.log("a1"), *(f"line {n}" for n in range(250)))
    was = everything(jobs, "a1")

    control.remove_job("thumbs", "a1")
    assert everything(jobs, "a1")["record"] == {}
    undone = control.undo("thumbs", control.last_operations("thumbs")[0].id)

    assert everything(jobs, "a1") == was
    assert (undone.restored, undone.refused, undone.done) == (("a1",), (), True)


def test_the_order_of_the_line_is_the_old_one(jobs, control):
    jobs.waiting("a1", "a2", "a3")
    jobs.waiting("urgent", priority=1)

    control.remove_job("thumbs", "a2")
    operation = control.operation
    jobs.waiting("a4")
    control.undo("thumbs", operation)

    assert jobs.order() == ["urgent", "a1", "a2", "a3", "a4"]


def test_a_job_removed_while_it_ran_waits_at_its_old_place(jobs, control):
    (job,) = jobs.active("a1")
    jobs.waiting("a2")

    control.remove_job("thumbs", "a1", force=True)
    control.undo("thumbs", control.operation)

    assert jobs.order() == ["a1", "a2"]
    assert jobs.finish(job) == "STALE"


def test_an_id_that_exists_again_is_not_overwritten(jobs, control):
    jobs.waiting("a1", "a2", payload=b'{"old":1}')
    touched = control.remove_jobs("thumbs", ["a1", "a2"])
    jobs.waiting("a1", payload=b'{"new":1}')

    undone = control.undo("thumbs", touched.operation)

    assert undone.restored == ("a2",)
    assert undone.refused == (("a1", "a job of that id has been added since"),)
    assert Inspector(jobs.broker).job("thumbs", "a1").data == {"new": 1}


def test_what_waits_again_wakes_a_worker_and_is_told(jobs, control):
    jobs.waiting("a1")
    jobs.delayed("d1")
    touched = control.empty_queue("thumbs")
    jobs.broker.client.delete(jobs.keys.wake)

    control.undo("thumbs", touched.operation)

    assert jobs.broker.client.zcard(jobs.keys.wake) == 1
    told = [(name, job_id, fields.get("reason")) for name, job_id, fields in jobs.events()[-2:]]
    assert told == [("waiting", "a1", "undo"), ("delayed", "d1", "undo")]
    assert [job.id for job in jobs.take()] == ["a1"]


@pytest.mark.parametrize("state", ["completed", "failed"])
def test_an_ended_job_that_comes_back_is_told_as_restored(jobs, control, state):
    getattr(jobs, state)("a1")
    touched = control.clean_jobs("thumbs", state, grace=0)

    control.undo("thumbs", touched.operation)

    assert jobs.events()[-1] == ("restored", "a1", {"state": state})


@pytest.mark.parametrize("state", ["waiting", "delayed", "completed", "failed"])
def test_a_clean_over_several_calls_is_one_operation(jobs, control, state):
    ids = numbered("a", 600)
    getattr(jobs, state)(*ids)
    order = jobs.order(state)
    steps: list[tuple[int, int]] = []

    touched = control.clean_jobs("thumbs", state, grace=0)
    assert jobs.order(state) == []
    undone = control.undo(
        "thumbs", touched.operation, lambda done, total: steps.append((done, total))
    )

    assert jobs.order(state) == order
    assert len(undone.restored) == 600
    assert steps[0] == (100, 600)
    assert steps[-1] == (600, 600)


def test_marked_jobs_are_removed_as_one_operation(jobs, control):
    jobs.waiting("a1", "a2", "a3")
    jobs.take()

    touched = control.remove_jobs("thumbs", ["a1", "a2", "nope", "a3"])

    assert (touched.count, touched.ids) == (2, ("a2", "a3"))
    assert [o.count for o in control.last_operations("thumbs")] == [2]
    assert control.undo("thumbs", touched.operation).restored == ("a2", "a3")


def test_a_group_that_was_removed_comes_back(jobs, control):
    fp = "00112233445566ff"
    for job in jobs.active("a1", "a2"):
        jobs.finish(job, Outcome.FAILED, value=fp.encode(), error="E: x",
                    attempt='"o":"failed","w":"","err":"E: x","tb":""}')  # fmt: skip

    touched = control.remove_group("thumbs", fp)
    control.undo("thumbs", touched.operation)

    assert jobs.order("failed") == ["a1", "a2"]


# --- retries


def fail(jobs, *ids):
    jobs.failed(*ids, fields={"rf": "60000:"})


@pytest.mark.parametrize("how", ["one", "all", "marked"])
def test_a_retried_job_has_failed_again_after_the_undo(jobs, control, how):
    fail(jobs, "a1")
    was = everything(jobs, "a1")

    if how == "one":
        control.retry_job("thumbs", "a1")
    elif how == "all":
        control.retry_all("thumbs")
    else:
        control.retry_jobs("thumbs", ["a1"])
    assert jobs.order() == ["a1"]
    undone = control.undo("thumbs", control.operation)

    assert everything(jobs, "a1") == was
    assert undone.restored == ("a1",)


def test_a_retry_that_a_worker_has_taken_stands(jobs, control):
    fail(jobs, "a1", "a2", "a3")
    operation = control.retry_all("thumbs").operation
    (job,) = jobs.take()
    (given_back,) = jobs.take()
    jobs.finish(given_back, Outcome.RELEASED, attempt='"o":"released","w":"","err":"","tb":""}')

    undone = control.undo("thumbs", operation)

    why = "a worker has taken it since, or it is gone"
    assert undone.restored == ("a3",)
    assert undone.refused == (("a1", why), ("a2", why))
    assert jobs.finish(job) == "OK"


def test_a_retry_that_was_retried_again_stands(jobs, control):
    fail(jobs, "a1")
    first = control.retry_all("thumbs").operation
    control.cancel_job("thumbs", "a1")
    second = control.retry_all("thumbs").operation

    assert control.undo("thumbs", first).restored == ()
    assert control.undo("thumbs", second).restored == ("a1",)


def test_many_retries_are_one_operation(jobs, control):
    ids = numbered("a", 250)
    fail(jobs, *ids)

    operation = control.retry_all("thumbs").operation
    control.undo("thumbs", operation)

    assert jobs.order("failed") == list(ids)
    assert jobs.order() == []


# --- what can be undone, and what not


def test_the_last_operations_are_listed_the_newest_first(jobs, control):
    jobs.waiting("a1", "a2")
    control.remove_job("thumbs", "a1")
    control.empty_queue("thumbs")

    newest, before = control.last_operations("thumbs")

    assert (newest.action, newest.who, newest.count) == ("empty", "ada@desk", 1)
    assert (before.action, before.count) == ("remove", 1)
    assert newest.until_ms - newest.at_ms == 900_000
    assert control.last_operations("thumbs", 1) == (newest,)
    assert control.last_operations("thumbs", 0) == ()
    keys = jobs.keys.trash, jobs.keys.operation(newest.id)
    assert all(880_000 < jobs.broker.client.pttl(key) <= 900_000 for key in keys)


def test_an_operation_is_undone_once(jobs, control):
    jobs.waiting("a1")
    control.remove_job("thumbs", "a1")
    operation = control.operation
    control.undo("thumbs", operation)

    with pytest.raises(OperationNotFound, match="15 minutes"):
        control.undo("thumbs", operation)

    assert control.last_operations("thumbs") == ()


def test_an_undo_that_was_stopped_goes_on_later(jobs, control):
    jobs.waiting(*numbered("a", 250))
    operation = control.empty_queue("thumbs").operation

    first = control.undo("thumbs", operation, lambda done, total: False)
    left = control.last_operations("thumbs")[0].count
    second = control.undo("thumbs", operation)

    assert (len(first.restored), first.done, left) == (100, False, 150)
    assert (len(second.restored), second.done) == (150, True)


def test_an_undo_sent_again_has_one_effect(jobs, control):
    jobs.waiting("a1")
    control.remove_job("thumbs", "a1")
    args = (jobs.keys.prefix, control.operation, 100, "request-1")

    first = jobs.broker.run("undo_operation", *args)
    events = jobs.events()
    again = jobs.broker.run("undo_operation", *args)

    assert first[3] == again[3] == [b"a1"]
    assert jobs.events() == events


def test_over_a_thousand_jobs_cannot_be_undone(jobs, control):
    jobs.waiting(*numbered("a", undo.MAX_JOBS + 1))

    touched = control.empty_queue("thumbs")

    assert (touched.count, touched.operation) == (undo.MAX_JOBS + 1, "")
    assert control.operation == ""
    assert control.last_operations("thumbs") == ()
    assert control.no_undo("thumbs", undo.MAX_JOBS) == ""
    assert control.no_undo("thumbs", undo.MAX_JOBS + 1) == "over 1,000 jobs"


def test_over_four_mebibytes_cannot_be_undone(jobs, control):
    big = json.dumps({"text": "x" * 100_000}).encode()
    jobs.waiting(*numbered("a", 50), payload=big)

    touched = control.empty_queue("thumbs")

    assert (touched.count, touched.operation) == (50, "")
    assert control.last_operations("thumbs") == ()
    assert not list(jobs.broker.client.scan_iter(match=jobs.keys.operation("*")))


def test_the_trash_holds_a_hundred_operations(jobs, control):
    jobs.waiting(*numbered("a", undo.MAX_OPERATIONS + 3))
    for job_id in numbered("a", undo.MAX_OPERATIONS + 3):
        control.remove_job("thumbs", job_id)

    kept = control.last_operations("thumbs", undo.MAX_OPERATIONS)

    assert len(kept) == undo.MAX_OPERATIONS
    assert len(list(jobs.broker.client.scan_iter(match=jobs.keys.operation("*")))) == 100


def test_nothing_is_kept_for_who_has_no_name_or_says_so(jobs, broker):
    jobs.waiting("a1", "a2")

    Control(broker).remove_job("thumbs", "a1")
    Control(broker, "cleanup", undo=False).remove_job("thumbs", "a2")

    assert Control(broker).last_operations("thumbs") == ()


def test_a_refused_command_cannot_be_undone(jobs, control):
    jobs.waiting("a1")
    control.remove_job("thumbs", "a1")
    assert control.operation

    touched = control.remove_jobs("thumbs", ["nope"])

    assert (touched.count, touched.operation) == (0, "")


def test_with_little_memory_left_nothing_is_kept_and_the_work_is_done(make_server, settings):
    server = make_server()
    with Broker(settings.model_copy(update={"redis_url": server.url})) as broker:
        jobs, control = QueueBuilder(broker), Control(broker, "ada@desk")
        jobs.failed("f1", "f2")
        jobs.completed("c1")
        jobs.waiting("w1", "w2")
        kept = control.remove_jobs("thumbs", ["w1"]).operation
        broker.client.config_set("maxmemory", 1)

        assert control.no_undo("thumbs", 1) == "Redis uses over 80% of its memory"
        control.retry_job("thumbs", "f1")
        assert control.operation == ""
        assert control.retry_all("thumbs").operation == ""
        assert control.clean_jobs("thumbs", "completed", grace=0).operation == ""
        assert control.undo("thumbs", kept).restored == ("w1",)
        assert control.empty_queue("thumbs").operation == ""
        assert invariants.check(broker, "thumbs") == {}


def test_a_user_who_may_not_ask_for_the_memory_can_undo_all_the_same(make_server, settings):
    server = make_server()
    admin = server.client()
    admin.acl_setuser("ops", enabled=True, nopass=True, keys="*", categories=["+@all"],
                      commands=["-info"])  # fmt: skip
    url = server.url.replace("unix://", "unix://ops:x@")
    with Broker(settings.model_copy(update={"redis_url": url})) as broker:
        jobs, control = QueueBuilder(broker), Control(broker, "ada@desk")
        jobs.waiting("a1")

        touched = control.remove_jobs("thumbs", ["a1"])

        assert control.no_undo("thumbs", 1) == ""
        assert control.undo("thumbs", touched.operation).restored == ("a1",)


def test_an_obliterated_queue_leaves_no_trash(jobs, control):
    jobs.waiting("a1")
    control.remove_job("thumbs", "a1")
    control.pause_queue("thumbs")

    control.obliterate_queue("thumbs")

    assert not list(jobs.broker.client.scan_iter(match=jobs.keys.operation("*")))
    assert not jobs.broker.client.exists(jobs.keys.trash)
