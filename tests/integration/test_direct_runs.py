"""The usual run takes none of Huey's steps, and nobody can tell: what would see one, gets one."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from huey.api import Huey
from huey.exceptions import CancelExecution, RetryTask
from huey.signals import SIGNAL_COMPLETE, SIGNAL_ERROR, SIGNAL_EXECUTING

from jobdesk import PermanentError, Queue, RetryLater
from jobdesk.engine import directrun
from tests.bench import Bench

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker


@pytest.fixture
def bench(broker: Broker) -> Bench:
    return Bench(broker)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the jobs that were run directly."""
    found: list[str] = []
    plain = directrun.execute

    def noted(queue: Any, task: Any, run: Any, timestamp: Any) -> Any:
        found.append(task.id)
        return plain(queue, task, run, timestamp)

    monkeypatch.setattr(directrun, "execute", noted)
    return found


def _give(value: object) -> Callable[[], object]:
    return lambda: value


def _fail(exc: BaseException) -> Callable[[], object]:
    def fail() -> object:
        raise exc

    return fail


ENDS: dict[str, Callable[[], Callable[[], object]]] = {
    "a value": lambda: _give({"a": [1, None]}),
    "nothing": lambda: _give(None),
    "what JSON cannot carry": lambda: _give(object()),
    "an error": lambda: _fail(ValueError("no")),
    "for good": lambda: _fail(PermanentError("never")),
    "again, by Huey's word": lambda: _fail(RetryTask(delay=7)),
    "later": lambda: _fail(RetryLater(5, counts=False)),
    "later, and it counts": lambda: _fail(RetryLater(5)),
    "cancelled": lambda: _fail(CancelExecution(retry=False)),
    "exit": lambda: lambda: sys.exit(3),
    "memory": lambda: _fail(MemoryError()),
    "an exit signal": lambda: _fail(KeyboardInterrupt()),
}


def outcome(bench: Bench, act: Callable[[], object], attempts: int, *, directly: bool) -> object:
    """What is known of a job that did this."""

    class Own(Queue):
        pass

    Own.runs_directly = directly
    queue = Own("thumbs", broker=bench.broker)

    @queue.task(attempts=attempts, backoff="fixed:9")
    def run() -> object:
        return act()

    handle = run()
    task = queue.dequeue()
    assert task.id == handle.id
    queue.execute(task)
    job = bench.job(handle.id)
    return (
        job.state, job.attempts_made, job.error, job.return_value, job.failed_reason,
        [attempt.outcome for attempt in job.history], bool(job.stacktrace), bench.events(handle.id),
    )  # fmt: skip


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("attempts", [1, 3])
def test_every_end_is_what_huey_makes_of_it(
    bench: Bench, runs: list[str], end: str, attempts: int
) -> None:
    directly = outcome(bench, ENDS[end](), attempts, directly=True)
    assert len(runs) == 1
    bench.control.empty_queue("thumbs")

    assert outcome(bench, ENDS[end](), attempts, directly=False) == directly
    assert len(runs) == 1


def test_the_traceback_of_an_error_begins_in_the_task(bench: Bench, runs: list[str]) -> None:
    @bench.queue.task(attempts=1)
    def breaks() -> None:
        raise ValueError("no")

    handle = breaks()
    bench.run_one()

    (trace,) = bench.job(handle.id).stacktrace
    assert runs == [handle.id]
    assert "in breaks" in trace
    assert "directrun.py" not in trace
    assert "ValueError: no" in trace


def test_a_job_that_runs_is_in_flight_for_who_asks_huey(bench: Bench, runs: list[str]) -> None:
    seen: list[list[str]] = []

    @bench.queue.task()
    def looks() -> None:
        seen.append([task.id for task in bench.queue._tasks_in_flight])

    handle = looks()
    bench.run_one()

    assert seen == [[handle.id]]
    assert runs == [handle.id]
    assert not bench.queue._tasks_in_flight


# --- who would see Huey's steps


def _signals(*names: str) -> Callable[[Queue, list[str]], None]:
    def connect(queue: Queue, seen: list[str]) -> None:
        queue.signal(*names)(lambda signal, *_: seen.append(signal))

    return connect


def _before(queue: Queue, seen: list[str]) -> None:
    queue.pre_execute()(lambda _task: seen.append("before"))


def _after(queue: Queue, seen: list[str]) -> None:
    queue.post_execute()(lambda _task, _value, _exc: seen.append("after"))


WATCHERS: dict[str, tuple[Callable[[Queue, list[str]], None], list[str]]] = {
    "before": (_before, ["before"]),
    "after": (_after, ["after"]),
    "executing": (_signals(SIGNAL_EXECUTING), [SIGNAL_EXECUTING]),
    "complete": (_signals(SIGNAL_COMPLETE), [SIGNAL_COMPLETE]),
    "all": (_signals(), [SIGNAL_EXECUTING, SIGNAL_COMPLETE]),
}


@pytest.mark.parametrize("watcher", WATCHERS)
def test_hooks_and_signals_are_told(bench: Bench, runs: list[str], watcher: str) -> None:
    connect, told = WATCHERS[watcher]
    seen: list[str] = []
    connect(bench.queue, seen)

    @bench.queue.task()
    def plain() -> int:
        return 1

    plain()
    seen.clear()  # what was told of adding it
    bench.run_one()

    assert seen == told
    assert runs == []


def test_an_error_is_told_to_who_listens_for_errors_alone(bench: Bench, runs: list[str]) -> None:
    seen: list[str] = []
    bench.queue.signal(SIGNAL_ERROR)(lambda _signal, task, _exc: seen.append(task.id))

    @bench.queue.task(attempts=1)
    def breaks() -> None:
        raise ValueError("no")

    handle = breaks()
    bench.run_one()

    assert seen == runs == [handle.id]


def test_who_asks_to_be_told_before_runs_while_one_runs_is_not_told_of_it_afterwards(
    bench: Bench, runs: list[str]
) -> None:
    seen: list[str] = []

    @bench.queue.task(attempts=1)
    def breaks() -> None:
        _before(bench.queue, seen)
        _signals(SIGNAL_EXECUTING)(bench.queue, seen)
        raise ValueError("no")

    handle = breaks()
    bench.run_one()

    assert runs == [handle.id]
    assert seen == []
    assert bench.job(handle.id).error == "ValueError: no"


@pytest.mark.parametrize("name", ["execute", "_execute"])
def test_who_patches_huey_sees_every_run(
    bench: Bench, runs: list[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    seen: list[str] = []
    plain = getattr(Huey, name)

    def patched(huey: Any, task: Any, timestamp: Any = None) -> Any:
        seen.append(task.id)
        return plain(huey, task, timestamp)

    monkeypatch.setattr(Huey, name, patched)

    @bench.queue.task()
    def plain_task() -> int:
        return 1

    handle = plain_task()
    bench.run_one()

    assert seen == [handle.id]
    assert runs == []


def test_a_queue_that_says_itself_what_is_ready_is_asked(broker: Broker, runs: list[str]) -> None:
    asked: list[str] = []

    class Own(Queue):
        def ready_to_run(self, task: Any, timestamp: Any = None) -> bool:
            asked.append(task.id)
            return bool(super().ready_to_run(task, timestamp))

    queue = Own("thumbs", broker=broker)

    @queue.task()
    def plain() -> int:
        return 1

    handle = plain()
    queue.execute(queue.dequeue())

    assert asked == [handle.id]
    assert runs == []


def test_a_queue_of_ones_own_class_is_asked(broker: Broker, runs: list[str]) -> None:
    seen: list[str] = []

    class Own(Queue):
        def _emit(self, signal: str, task: Any, *args: Any, **kwargs: Any) -> None:
            seen.append(signal)
            super()._emit(signal, task, *args, **kwargs)

    queue = Own("thumbs", broker=broker)

    @queue.task()
    def plain() -> int:
        return 1

    plain()
    queue.execute(queue.dequeue())

    assert SIGNAL_COMPLETE in seen
    assert runs == []


def test_a_task_that_sees_itself_has_all_that_huey_writes_there(
    bench: Bench, runs: list[str]
) -> None:
    left: list[float] = []

    @bench.queue.task(context=True, timeout=50)
    def knows(task: Any = None) -> None:
        left.append(task.time_remaining)

    knows()
    bench.run_one()

    assert 40 < left[0] <= 50
    assert runs == []


def test_hueys_log_tells_of_every_run_where_it_is_on(
    bench: Bench, runs: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    @bench.queue.task()
    def plain() -> int:
        return 1

    plain()
    with caplog.at_level(logging.INFO, "huey"):
        bench.run_one()

    assert any("executed in" in record.getMessage() for record in caplog.records)
    assert runs == []
