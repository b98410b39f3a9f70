"""What Huey asks and reports of the job in hand.

Huey calls its storage for the value of a job, its error, its retry, its revocation. While a worker
runs a job, its :class:`~jobdesk.engine.run.Run` notes all of it, or knows the answer already: the
job is then booked by one request. Outside of a worker, Huey's own ways are taken.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from huey import signals
from huey.api import Huey
from huey.exceptions import RateLimitExceeded, RetryTask
from huey.utils import Error

from jobdesk.engine import continuations
from jobdesk.engine.interrupts import armed
from jobdesk.engine.packing import to_ms
from jobdesk.engine.run import Run, in_hand

if TYPE_CHECKING:
    from huey.api import Task


class InHand(Huey):  # type: ignore[misc]  # huey has no types
    """A Huey that knows which job this thread has in hand."""

    def put_result(self, key: str, data: Any) -> Any:
        run = in_hand.run
        if run is not None and key == run.taken.id:
            if isinstance(data, Error):
                run.metadata = data.metadata
            return None  # it goes with the finish
        return super().put_result(key, data)

    def delete(self, key: str) -> Any:
        run = in_hand.run
        if run is not None and not run.taken.revoked and key == f"r:{run.taken.id}":
            return False
        return super().delete(key)

    def is_revoked(self, task: Any, timestamp: Any = None, peek: bool = True) -> Any:
        run = in_hand.run
        if run is not None and task is run.task and not run.taken.revoked:
            return False  # its flags came along when it was taken
        return super().is_revoked(task, timestamp, peek)

    def _emit(self, signal: str, task: Any, *args: Any, **kwargs: Any) -> None:
        run = in_hand.run
        if run is not None and run.task is task:
            run.signal = signal
        receivers = self._signal.receivers
        if receivers["any"] or signal in receivers:
            super()._emit(signal, task, *args, **kwargs)

    def _run_pre_execute(self, task: Any) -> None:
        run = in_hand.run
        if run is None or not run.has_run:
            super()._run_pre_execute(task)

    def _run_post_execute(self, task: Any, task_value: Any, exception: Any) -> None:
        run = in_hand.run
        if run is not None and run.task is task:
            run.ran = True
            run.value = task_value
            run.exception = exception
        super()._run_post_execute(task, task_value, exception)

    def _requeue_task(self, task: Any, timestamp: Any, retry_eta: Any = None) -> None:
        run = in_hand.run
        if run is None or run.task is not task:
            super()._requeue_task(task, timestamp, retry_eta)
            return
        run.requeued = True
        if retry_eta is not None:
            run.delay_ms = max(0, round((retry_eta - timestamp).total_seconds() * 1000))
        elif run.delay_ms is None:
            exc = run.exception
            if isinstance(exc, RetryTask | RateLimitExceeded):
                run.delay_ms = round((run.task.retry_delay or 0) * 1000)
            else:
                run.delay_ms = run.queue.backoff_ms(run, exc or RuntimeError())
        if run.delay_ms >= 0:
            self._emit(signals.SIGNAL_SCHEDULED if run.delay_ms else signals.SIGNAL_ENQUEUED, task)

    def add_schedule(self, task: Any) -> None:
        run = in_hand.run
        if run is None or run.task is not task:
            super().add_schedule(task)
            return
        run.due_ms = to_ms(run.task.eta, self.utc)
        self._emit(signals.SIGNAL_SCHEDULED, task)

    def _check_chord(self, config: Any, value: Any) -> None:
        run = in_hand.run
        if run is None:
            super()._check_chord(config, value)
            return
        run.outgoing.append(continuations.outgoing_member(config, value))

    def _timeout_context(self, task: Task) -> Any:
        run: Run | None = getattr(task, "run", None)
        if run is None:
            return super()._timeout_context(task)
        return nullcontext() if run.has_run else armed(run)
