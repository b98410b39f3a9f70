"""What follows a job: pipelines, error handlers, groups, chords, in a queue and between queues."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from huey.api import chord, group
from huey.exceptions import TaskException
from huey.utils import SKIPPED, Error

from jobdesk.broker.connection import Broker
from jobdesk.broker.exchange import Finish
from jobdesk.engine import continuations
from jobdesk.engine import queue as queue_module
from jobdesk.engine.consumer import Consumer
from jobdesk.engine.context import current_job
from jobdesk.engine.group import QueueGroup
from jobdesk.engine.queue import Queue
from jobdesk.errors import JobFailed, WaitTimeout
from jobdesk.models import JobOptions
from tests import invariants

pytestmark = pytest.mark.usefixtures("redis_server", "settings")

DEADLINE_S = 20.0
ONCE = JobOptions(attempts=1)


@contextmanager
def working(*queues: Queue, threads: int = 2) -> Iterator[Consumer]:
    """A worker on these queues."""
    consumer = Consumer(QueueGroup(queues), workers=threads, check_worker_health=False)
    consumer.start()
    try:
        yield consumer
    finally:
        consumer.stop(graceful=True)


def run_one(queue: Queue) -> Any:
    """Take a job, which must be there, and run it."""
    task = queue.dequeue()
    assert task is not None, f"{queue.name} is empty"
    return queue.execute(task)


class Ends:
    """A pool that only notes how runs end."""

    def __init__(self) -> None:
        self.finishes: list[Finish] = []

    def book(self, run: object, finish: Finish, *, comes_by: bool) -> None:
        self.finishes.append(finish)


def book_and_die(queue: Queue) -> None:
    """Run a job as a worker that is killed when Redis has its end, before it reads the answer."""
    task = queue.dequeue()
    ends = queue.pool = Ends()
    queue.execute(task)
    queue.pool = None
    answer = queue.transitions.exchange("killed", 1, 0, 30_000, ends.finishes)
    assert answer.statuses == ["OK"]


def until(true: Callable[[], Any]) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + DEADLINE_S
    while not true():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.01)


class Numbers:
    """A queue that calculates."""

    def __init__(self, name: str) -> None:
        self.queue = queue = Queue(name, defaults=ONCE)

        @queue.task()
        def add(a: int, b: int) -> int:
            return a + b

        @queue.task()
        def total(of: list[Any]) -> int:
            return sum(n for n in of if isinstance(n, int))

        @queue.task()
        def fail(*_: Any) -> None:
            raise ValueError("no")

        @queue.task()
        def keep(*args: Any) -> None:
            self.kept.append(args)

        self.add, self.total, self.fail, self.keep = add, total, fail, keep
        self.kept: list[Any] = []


@pytest.fixture
def here() -> Numbers:
    return Numbers("here")


@pytest.fixture
def there() -> Numbers:
    return Numbers("there")


def test_each_step_gets_the_result_of_the_one_before(here: Numbers) -> None:
    steps = here.queue.enqueue(here.add.s(1, 2).then(here.add, 10).then(here.add, 100))

    with working(here.queue):
        values = [step.wait(DEADLINE_S) for step in steps]

    assert values == [3, 13, 113]


def test_a_pipeline_goes_from_queue_to_queue_and_back(
    here: Numbers, there: Numbers, broker: Broker
) -> None:
    steps = here.queue.enqueue(here.add.s(1, 2).then(there.add, 10).then(here.add, 100))

    with working(here.queue, there.queue):
        assert list(steps)[-1].wait(DEADLINE_S) == 113

    assert [step.queue for step in steps] == ["here", "there", "here"]
    assert [step.status().state for step in steps] == ["completed"] * 3
    assert broker.client.llen(broker.keys("here").outgoing) == 0
    for name in ("here", "there"):
        invariants.check(broker, name)


def test_a_step_of_a_queue_that_this_worker_does_not_have_goes_its_way(
    here: Numbers, there: Numbers, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = here.queue.enqueue(here.add.s(1, 2).then(there.add, 10))
    with monkeypatch.context() as without:
        without.delitem(queue_module._known, "there")  # a worker that has not imported it
        here.queue.execute(here.queue.dequeue())

    there.queue.execute(there.queue.dequeue())

    assert [step.wait(DEADLINE_S) for step in steps] == [3, 13]


def test_the_steps_after_a_failed_one_are_not_added_and_tell_its_error(here: Numbers) -> None:
    steps = here.queue.enqueue(here.fail.s().then(here.add, 1).then(here.add, 2))
    run_one(here.queue)

    assert here.queue.dequeue() is None
    for step in list(steps):
        with pytest.raises(TaskException, match="no"):
            step.get()
        with pytest.raises(JobFailed, match="ValueError: no"):
            step.wait(1)


def test_waiting_for_a_step_that_is_still_to_come_ends_with_the_time_given(here: Numbers) -> None:
    steps = here.queue.enqueue(here.add.s(1, 2).then(here.add, 3))

    with pytest.raises(WaitTimeout):
        list(steps)[-1].wait(0.05)


def test_a_step_that_does_not_fit_its_function_fails_where_all_can_see_it(here: Numbers) -> None:
    steps = here.queue.enqueue(here.add.s(1, 2).then(here.add, 3, 4))
    run_one(here.queue)

    assert here.queue.dequeue() is None
    status = list(steps)[-1].status()
    assert status.state == "failed"
    assert "InvalidJobData" in (status.failed_reason or "")


def test_a_step_is_added_once_when_the_job_before_it_runs_twice(
    here: Numbers, broker: Broker
) -> None:
    here.queue.enqueue(here.add.s(1, 2).then(here.add, 3))
    first = here.queue.dequeue()
    broker.client.zadd(broker.keys("here").active, {first.id: 1})  # its lease is over
    here.queue.transitions.exchange("other", 1, 0, 30_000, housekeeping=True)
    second = here.queue.dequeue()
    assert second.id == first.id

    here.queue.execute(second)
    here.queue.execute(first)  # too late: another run has it

    assert run_one(here.queue) == 6
    assert here.queue.dequeue() is None


def test_what_a_killed_worker_left_between_two_queues_is_delivered_by_another(
    here: Numbers, there: Numbers, broker: Broker
) -> None:
    steps = here.queue.enqueue(here.add.s(1, 2).then(there.add, 10))
    book_and_die(here.queue)
    (left,) = broker.client.lrange(broker.keys("here").outgoing, 0, -1)
    assert there.queue.dequeue() is None

    continuations.deliver_left_behind(here.queue)
    assert there.queue.dequeue() is None, "its own worker may still be at it"
    aged = json.loads(left) | {"at": time.time() - 2 * continuations.LEFT_BEHIND_S}
    broker.client.lset(broker.keys("here").outgoing, 0, json.dumps(aged))
    with working(here.queue, there.queue):  # its housekeeping does it
        assert list(steps)[-1].wait(DEADLINE_S) == 13

    assert broker.client.llen(broker.keys("here").outgoing) == 0


def test_what_cannot_be_read_stays_and_does_not_hold_up_what_is_behind_it(
    here: Numbers, there: Numbers, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(continuations, "DELIVERED_AT_ONCE", 2)
    name, job = continuations.packing.continued_job(there.add.s(1, 2), there.queue)
    good = json.loads(continuations.outgoing_job(name, job)) | {"at": 1.0}
    bad = [b"{}", b"not JSON", b"[1]", b'{"to": "there", "job": {"at": 7}, "at": 1}']
    broker.client.rpush(broker.keys("here").outgoing, *bad, json.dumps(good))

    continuations.deliver_left_behind(here.queue)

    assert run_one(there.queue) == 3
    assert broker.client.lrange(broker.keys("here").outgoing, 0, -1) == bad


def test_what_is_delivered_twice_is_there_once(here: Numbers, there: Numbers) -> None:
    task = there.add.s(1, 2)
    name, job = continuations.packing.continued_job(task, there.queue)
    entry = continuations.outgoing_job(name, job)

    continuations.deliver(here.queue, [entry, entry])

    assert run_one(there.queue) == 3
    assert there.queue.dequeue() is None


def test_an_error_handler_gets_class_message_traceback_and_job(here: Numbers) -> None:
    handle = here.queue.enqueue(here.fail.s().error(here.keep))
    run_one(here.queue)
    run_one(here.queue)

    ((error,),) = here.kept
    assert isinstance(error, TaskException)
    assert (type(error).__name__, repr(error)) == ("ValueError", "ValueError('no')")
    assert error.metadata["class"] == "ValueError"
    assert error.metadata["message"] == "no"
    assert error.metadata["task_id"] == handle.id
    assert 'raise ValueError("no")' in error.metadata["traceback"]


def test_an_error_handler_runs_for_each_failed_attempt(here: Numbers, broker: Broker) -> None:
    here.queue.enqueue(here.fail.s(retries=2, retry_delay=0).error(here.keep))

    with working(here.queue):
        until(lambda: len(here.kept) == 3)

    assert {error.metadata["message"] for (error,) in here.kept} == {"no"}
    invariants.check(broker, "here")


def test_an_error_handler_may_be_another_queues(here: Numbers, there: Numbers) -> None:
    here.queue.enqueue(here.fail.s().error(there.keep))

    with working(here.queue, there.queue):
        until(lambda: there.kept)

    ((error,),) = there.kept
    assert error.metadata["class"] == "ValueError"


def test_a_group_gives_the_results_of_all_its_jobs(here: Numbers) -> None:
    results = here.queue.enqueue(group([here.add.s(n, n) for n in range(5)]))

    with working(here.queue):
        assert results.get(blocking=True, timeout=DEADLINE_S) == [0, 2, 4, 6, 8]


def test_a_chord_over_two_queues_calls_back_once_with_all_results_in_order(
    here: Numbers, there: Numbers, broker: Broker
) -> None:
    members = [(here if n % 2 else there).add.s(n, 0) for n in range(6)]
    result = here.queue.enqueue(chord(members, there.keep.s()))

    with working(here.queue, there.queue):
        result.callback.wait(DEADLINE_S)

    assert there.kept == [([0, 1, 2, 3, 4, 5],)]
    assert result.callback.queue == "there"
    assert broker.client.llen(broker.keys("here").outgoing) == 0
    assert broker.client.llen(broker.keys("there").outgoing) == 0


def test_a_chord_goes_on_when_a_member_fails_or_is_revoked(here: Numbers) -> None:
    result = here.queue.enqueue(
        chord([here.add.s(1, 1), here.fail.s(), here.add.s(2, 2)], here.keep.s())
    )
    list(result.results)[2].revoke()

    with working(here.queue):
        result.callback.wait(DEADLINE_S)

    ((values,),) = here.kept
    assert values[0] == 2
    assert isinstance(values[1], Error)
    assert values[1].metadata["class"] == "ValueError"
    assert values[2] is SKIPPED


def test_a_chord_counts_a_member_that_runs_twice_once(here: Numbers) -> None:
    config_of = here.queue.enqueue(chord([here.add.s(1, 1), here.add.s(2, 2)], here.total.s()))
    first = here.queue.dequeue()
    here.queue.execute(first)
    entry = continuations.outgoing_member(first.chord_config, 2)

    continuations.deliver(here.queue, [entry])  # as by a worker that did not know

    assert here.queue.pending_count() == 1
    run_one(here.queue)
    assert run_one(here.queue) == 6
    assert config_of.callback.wait(1) == 6


def test_a_group_with_a_callback_is_a_chord(here: Numbers, there: Numbers) -> None:
    result = here.queue.enqueue(group([here.add.s(1, 1), there.add.s(2, 2)]).then(here.total))

    with working(here.queue, there.queue):
        assert result.callback.wait(DEADLINE_S) == 6


def test_revoked_jobs_end_without_a_run_and_restored_ones_run(here: Numbers) -> None:
    for_good, restored, by_type = here.add(1, 1), here.add(2, 2), here.total([1])
    for_good.revoke()
    restored.revoke()
    assert restored.is_revoked()
    restored.restore()
    here.total.revoke()

    with working(here.queue):
        assert restored.wait(DEADLINE_S) == 4
        for refused in (for_good, by_type):
            with pytest.raises(JobFailed, match="JobRevoked"):
                refused.wait(DEADLINE_S)
            assert refused.get() is None
            with pytest.raises(TaskException, match="JobRevoked"):
                refused.get(blocking=True, timeout=DEADLINE_S)
    assert here.total.restore()
    assert not here.total.is_revoked()


def test_a_blocking_result_ends_with_a_job_that_returned_nothing(here: Numbers) -> None:
    handle = here.keep(1)
    run_one(here.queue)

    assert handle.get(blocking=True, timeout=DEADLINE_S) is None


def test_a_job_with_a_delay_runs_when_it_is_due_and_not_before(here: Numbers) -> None:
    started = time.monotonic()
    handle = here.add.schedule((1, 2), delay=0.5)
    assert here.queue.dequeue() is None
    assert here.queue.scheduled_count() == 1

    with working(here.queue):
        assert handle.wait(DEADLINE_S) == 3

    assert time.monotonic() - started >= 0.5


def test_hooks_and_signals_are_called_for_each_run(here: Numbers) -> None:
    seen: list[Any] = []
    here.queue.pre_execute()(lambda task: seen.append(("before", current_job().id)))
    here.queue.post_execute()(lambda task, value, exc: seen.append(("after", value)))
    here.queue.signal()(lambda name, task, *rest: seen.append((name, task.id)))

    handle = here.add(1, 2)
    run_one(here.queue)

    assert seen == [
        ("enqueued", handle.id), ("executing", handle.id), ("before", handle.id), ("after", 3),
        ("complete", handle.id),
    ]  # fmt: skip
