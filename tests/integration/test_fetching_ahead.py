"""Short jobs are fetched ahead, and the next answer is read late: no job may pay for that."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from jobdesk.engine.pool import Pool
from jobdesk.engine.publishing import publish
from jobdesk.models import JobOptions, Retention
from tests.bench import Bench, eventually

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker


class LongAmongShort:
    """300 jobs of no time, one that goes on until it is let go, 300 more."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.begun, self.let_go = threading.Event(), threading.Event()
        queue = bench.new_queue(defaults=JobOptions(remove_on_complete=Retention()))

        @queue.task()
        def brief(n: int) -> int:
            return n

        @queue.task()
        def long() -> None:
            self.begun.set()
            self.let_go.wait(30)

        self.add = lambda count: [brief(n=n) for n in range(count)]
        self.add(300)
        long()
        self.add(300)

    def count(self, state: str) -> int:
        return self.bench.counts().get(state, 0)


@pytest.fixture
def jobs(broker: Broker) -> Iterator[LongAmongShort]:
    made = LongAmongShort(Bench(broker))
    yield made
    made.let_go.set()


def test_a_long_job_holds_up_none_of_the_short_ones_behind_it(jobs: LongAmongShort) -> None:
    with jobs.bench.worker(slots=2):
        eventually(lambda: jobs.count("completed") == 600, 10)
        assert jobs.count("active") == 1
        jobs.let_go.set()
        eventually(lambda: jobs.count("completed") == 601, 10)


def test_what_one_slot_cannot_run_goes_back_to_others(jobs: LongAmongShort) -> None:
    """Also what an answer brought that nobody has read: the long job has the only thread."""
    with jobs.bench.worker(slots=1):
        assert jobs.begun.wait(10)
        eventually(lambda: jobs.count("active") == 1, 5)
        assert jobs.count("completed") + jobs.count("waiting") == 600
        jobs.let_go.set()
        eventually(lambda: jobs.count("completed") == 601, 10)


def test_a_worker_that_stops_between_request_and_answer_keeps_no_job(jobs: LongAmongShort) -> None:
    jobs.let_go.set()
    jobs.add(2000)

    with jobs.bench.worker(slots=2):
        eventually(lambda: jobs.count("completed") > 200, 10)

    assert jobs.count("active") == 0
    assert jobs.count("completed") + jobs.count("waiting") == 2601


def test_a_job_added_after_the_request_is_not_forgotten_with_its_answer(broker: Broker) -> None:
    """The marker was heard, and then an older answer says that there is nothing."""
    bench = Bench(broker)

    @bench.queue.task()
    def brief() -> None: ...

    pool = Pool([bench.queue], 2, "host:1:one", alone=True)
    pool._send(pool.feeds[0], 5)
    brief()
    pool._wait_for_marker()

    started = time.monotonic()
    assert pool.next_task() is not None
    assert time.monotonic() - started < 0.5


def test_a_full_worker_learns_from_an_end_that_jobs_wait(broker: Broker) -> None:
    """Nobody listens for a queue that is full, so its marker lies there unheard."""
    bench = Bench(broker)

    @bench.queue.task()
    def brief() -> None: ...

    brief()
    pool = Pool([bench.queue], 1, "host:1:one", alone=True)
    pool.exchange_feed(pool.feeds[0], 5)
    task = pool.next_task()
    brief()
    bench.queue.pool = pool
    bench.queue.execute(task)

    started = time.monotonic()
    assert pool.next_task() is not None
    assert time.monotonic() - started < 0.5
    bench.queue.pool = None


def test_a_queue_that_is_paused_gets_back_what_was_fetched_ahead(broker: Broker) -> None:
    bench = Bench(broker)
    ran: list[int] = []

    @bench.queue.task()
    def brief(n: int) -> None:
        ran.append(n)

    for n in range(20):
        brief(n=n)
    pool = bench.queue.pool = Pool([bench.queue], 1, "host:1:one", alone=True)
    pool.exchange_feed(pool.feeds[0], 10)
    bench.queue.execute(pool.next_task())
    bench.control.pause_queue("thumbs")
    pool.serve(pool.feeds[0])  # sends the first end, and hears of it
    pool.serve(pool.feeds[0])

    assert bench.counts() == {"completed": 1, "waiting": 19}
    assert ran == [0]
    assert not pool.runs()
    bench.queue.pool = None


def test_short_jobs_behind_a_long_one_run_within_the_rate_all_the_same(broker: Broker) -> None:
    """They counted when they were fetched ahead, and do not when they have gone back."""
    bench = Bench(broker)
    queue = bench.new_queue(rate_limit=(12, 4.0))
    publish(queue)
    began: list[float] = []

    @queue.task()
    def brief() -> None:
        began.append(time.monotonic())

    @queue.task()
    def long() -> None:
        began.append(time.monotonic())
        time.sleep(0.6)

    for _ in range(4):
        brief()
    long()
    for _ in range(7):
        brief()
    with bench.worker(1):
        eventually(lambda: bench.counts() == {"completed": 12})
    assert began[-1] - began[0] < 2


def test_threads_that_are_renewed_all_the_time_fail_no_job(broker: Broker) -> None:
    bench = Bench(broker)

    @bench.queue.task()
    def brief() -> None: ...

    for _ in range(60):
        brief()
    with handled_signals():
        consumer = bench.queue.create_consumer(
            workers=1, periodic=False, max_tasks=4, health_check_interval=0.3
        )
        consumer.start()
        checked = time.monotonic()
        deadline = checked + 30
        while bench.counts().get("completed", 0) < 60 and time.monotonic() < deadline:
            checked = consumer.loop(checked)
        consumer.stop(graceful=True)
    assert bench.counts() == {"completed": 60}
    assert all(job.attempts_made == 1 for job in map(bench.job, bench.ids("completed")))


@contextmanager
def handled_signals() -> Iterator[None]:
    """A consumer handles signals from its start on: put back what was there."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
