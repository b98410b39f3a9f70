"""Huey's locks and rate limits, on jobs that may run twice and workers that may vanish."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from huey.exceptions import RateLimitExceeded, TaskLockedException

from jobdesk.broker.connection import Broker
from jobdesk.engine.queue import Queue
from jobdesk.models import JobOptions

pytestmark = pytest.mark.usefixtures("redis_server", "settings")


@pytest.fixture
def queue() -> Queue:
    return Queue("locked", defaults=JobOptions(attempts=1))


def run_one(queue: Queue) -> Any:
    task = queue.dequeue()
    assert task is not None
    return queue.execute(task)


def test_a_lock_lets_one_in_at_a_time(queue: Queue) -> None:
    with queue.lock_task("a"):
        assert queue.is_locked("a")
        with pytest.raises(TaskLockedException, match="a"), queue.lock_task("a"):
            pytest.fail("two are in")

    assert not queue.is_locked("a")


def test_locks_of_different_queues_have_nothing_to_do_with_each_other(queue: Queue) -> None:
    other = Queue("elsewhere")

    with queue.lock_task("a"), other.lock_task("a"):
        assert other.is_locked("a")


def test_leaving_an_expired_lock_does_not_free_the_next_holders(queue: Queue) -> None:
    first, second = queue.lock_task("a", ttl=0.05), queue.lock_task("a")
    first.acquire()
    deadline = time.monotonic() + 5
    while queue.is_locked("a"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    second.acquire()

    first.__exit__(None, None, None)

    assert queue.is_locked("a")
    second.__exit__(None, None, None)
    assert not queue.is_locked("a")


def test_one_lock_object_serves_many_threads(queue: Queue) -> None:
    lock, inside, refused = queue.lock_task("a"), threading.Event(), threading.Event()
    answers: list[str] = []

    def hold() -> None:
        with lock:
            inside.set()
            refused.wait(5)
        answers.append("held")

    holder = threading.Thread(target=hold)
    holder.start()
    inside.wait(5)
    with pytest.raises(TaskLockedException):
        lock.acquire()
    lock.__exit__(None, None, None)  # this thread does not hold it
    assert queue.is_locked("a")
    refused.set()
    holder.join(5)

    assert answers == ["held"]
    assert not queue.is_locked("a")


def test_a_job_that_does_not_get_its_lock_has_had_an_attempt(queue: Queue) -> None:
    @queue.task(retries=1)
    @queue.lock_task("a")
    def alone() -> str:
        return "done"

    handle = alone()
    with queue.lock_task("a"):
        run_one(queue)
    assert handle.status().state == "waiting"
    assert handle.status().attempts_made == 1

    assert run_one(queue) == "done"
    assert handle.status().attempts_made == 2


def test_locks_are_flushed_by_name_and_all_known_ones_without(queue: Queue) -> None:
    for name in ("a", "b", "c"):
        queue.lock_task(name).acquire()
    other_process = Queue("locked")  # knows none of them

    assert other_process.flush_locks() == set()
    assert other_process.flush_locks("a", "nothing") == {"a"}
    assert queue.flush_locks() == {"b", "c"}


def test_hueys_own_names_for_a_lock_are_the_same_lock(queue: Queue) -> None:
    queue.put_if_empty("locked.lock.a", "1")

    assert queue.is_locked("a")
    assert queue.delete("locked.lock.a")
    assert not queue.is_locked("a")


def test_a_rate_limit_lets_so_many_through_in_a_window(queue: Queue) -> None:
    limit = queue.rate_limit("calls", limit=2, per=60)
    for _ in range(2):
        with limit:
            pass

    with pytest.raises(RateLimitExceeded) as refused, limit:
        pytest.fail("three got in")

    assert 0 < refused.value.delay <= 60
    assert limit.current_usage() == 3
    limit.reset()
    with limit:
        assert limit.current_usage() == 1


def test_a_rate_limit_opens_again_with_its_next_window(queue: Queue) -> None:
    limit = queue.rate_limit("calls", limit=1, per=0.1)
    with limit:
        pass
    deadline = time.monotonic() + 5
    while True:
        try:
            with limit:
                break
        except RateLimitExceeded:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_a_rate_limited_job_comes_back_later_without_an_attempt(
    queue: Queue, broker: Broker
) -> None:
    @queue.task()
    @queue.rate_limit("calls", limit=1, per=60)
    def call(n: int) -> int:
        return n

    first, second = call(1), call(2)
    assert run_one(queue) == 1
    run_one(queue)

    assert first.status().state == "completed"
    status = second.status()
    assert (status.state, status.attempts_made) == ("delayed", 0)
    due = broker.client.zscore(broker.keys("locked").delayed, second.id)
    assert 0 < due / 1000 - time.time() <= 60


def test_a_limit_that_does_not_retry_fails_the_job(queue: Queue) -> None:
    @queue.task()
    @queue.rate_limit("calls", limit=1, per=60, retry=False)
    def call(n: int) -> int:
        return n

    call(1)
    second = call(2)
    run_one(queue)
    run_one(queue)

    assert second.status().state == "failed"
    assert "RateLimitExceeded" in (second.status().failed_reason or "")


def test_a_queues_own_rate_limit_is_another_thing(broker: Broker) -> None:
    queue = Queue("metered", rate_limit=(5, 1), broker=broker)

    assert queue.job_rate == (5, 1000)
    assert callable(queue.rate_limit)
