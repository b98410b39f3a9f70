"""Jobs whose end their own thread does not book: what follows them follows all the same."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from huey.api import chord
from huey.signals import SIGNAL_CANCELED, SIGNAL_ERROR, SIGNAL_TIMEOUT

from jobdesk import Queue
from jobdesk.broker.registry import WorkerBeat
from jobdesk.engine.pool import Pool
from jobdesk.engine.supervisor import Supervisor
from tests.bench import Bench, eventually

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker


@pytest.fixture
def bench(broker: Broker) -> Bench:
    return Bench(broker)


@pytest.mark.parametrize("directly", [True, False])
@pytest.mark.parametrize("by", ["timeout", "operator"])
def test_signals_and_handlers_see_why_a_run_was_broken_off(
    broker: Broker, by: str, directly: bool
) -> None:
    class Own(Queue):
        pass

    Own.runs_directly = directly
    queue, bench = Own("thumbs", broker=broker), Bench(broker)
    seen: list[str] = []
    handled: list[str] = []
    queue.signal(SIGNAL_TIMEOUT, SIGNAL_ERROR, SIGNAL_CANCELED)(
        lambda signal, task, *_: seen.append(signal) if task.name != "handler" else None
    )

    @queue.task(timeout=0.2 if by == "timeout" else 60, attempts=1)
    def slow() -> None:
        while True:
            time.sleep(0.001)

    @queue.task()
    def handler(exc: Any) -> None:
        handled.append(exc.metadata["class"])

    with bench.worker(2, queue):
        handle = queue.enqueue(slow.s().error(handler))
        if by == "operator":
            eventually(lambda: bench.counts().get("active"))
            bench.control.cancel_job("thumbs", handle.id)
        eventually(lambda: handled and seen)
    assert seen == [SIGNAL_TIMEOUT if by == "timeout" else SIGNAL_CANCELED]
    assert handled == ["TaskTimeout" if by == "timeout" else "CancelExecution"]


def test_the_handler_of_a_job_that_is_late_in_c_code_runs_once_an_attempt(bench: Bench) -> None:
    """Its thread hears of it after the end has been booked."""
    handled: list[str] = []

    @bench.queue.task(timeout=0.1, attempts=2, backoff="fixed:0.001")
    def late() -> None:
        time.sleep(0.3)

    @bench.queue.task()
    def handler(exc: Any) -> None:
        handled.append(exc.metadata["task_id"])

    with bench.worker(6):
        handles = [bench.queue.enqueue(late.s().error(handler)) for _ in range(5)]
        eventually(lambda: bench.counts() == {"failed": 5, "completed": 10})
    assert sorted(handled) == sorted(2 * [handle.id for handle in handles])


def test_a_chord_hears_of_a_member_whose_time_was_up(bench: Bench) -> None:
    results: list[Any] = []

    @bench.queue.task(timeout=0.1, attempts=1)
    def late() -> None:
        time.sleep(0.3)

    @bench.queue.task()
    def after(before: Any) -> None: ...

    @bench.queue.task()
    def quick() -> int:
        return 1

    @bench.queue.task()
    def done(found: list[Any]) -> None:
        results.append(found)

    bench.queue.enqueue(chord([late.s().then(after), quick.s()], done.s()))
    with bench.worker(3):
        eventually(lambda: results)
    ((failure, one),) = results
    assert one == 1
    assert "TaskTimeout" in str(failure)


def test_what_the_thread_notes_of_a_run_that_was_ended_for_it_counts_no_more(
    bench: Bench,
) -> None:
    """It was late by so little that it had its value already: the next step is not added."""
    after_ran: list[int] = []

    @bench.queue.task(timeout=0.1, attempts=1)
    def late() -> int:
        time.sleep(0.2)
        return 1

    @bench.queue.task()
    def after(value: int) -> None:
        after_ran.append(value)

    with bench.worker(2):
        bench.queue.enqueue(late.s().then(after))
        eventually(lambda: bench.counts() == {"failed": 1})
        time.sleep(0.3)
    assert bench.counts() == {"failed": 1}
    assert not after_ran


def test_a_job_whose_record_is_damaged_holds_up_none_that_were_taken_with_it(bench: Bench) -> None:
    @bench.queue.task()
    def plain(n: int) -> int:
        return n

    handles = [plain(n) for n in range(5)]
    bench.change(handles[0].id, at="x")
    with bench.worker(1):
        eventually(lambda: bench.counts() == {"completed": 4, "failed": 1})
    job = bench.job(handles[0].id)
    assert job.failed_reason.startswith("CorruptRecord: the record of job")


def test_a_job_that_was_cancelled_before_it_began_is_told_to_its_chord(bench: Bench) -> None:
    results: list[Any] = []

    @bench.queue.task()
    def member() -> int:
        return 1

    @bench.queue.task()
    def done(found: list[Any]) -> None:
        results.append(found)

    bench.queue.enqueue(chord([member.s(), member.s()], done.s()))
    pool = bench.queue.pool = Pool([bench.queue], 2, "host:1:one", alone=True)
    pool.exchange_feed(pool.feeds[0], 2)
    beat = WorkerBeat(bench.broker, pool.worker, "host", 1, ["thumbs"], 2, "1")
    Supervisor(pool, beat, on_stuck=lambda _: None)._cancel(pool.runs()[0])
    pool.serve(pool.feeds[0])
    pool.stop()
    pool.give_back("the test ends")
    bench.queue.pool = None
    with bench.worker(1):
        eventually(lambda: results)
    assert sum(value == 1 for value in results[0]) == 1
