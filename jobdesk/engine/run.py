"""A job in hand: :class:`Run`, from the moment it was taken until its end is booked.

While a job runs, Huey reports what happens to it (its value, an error, a retry, a continuation)
by the same calls with which it would write to its storage. They are noted here; :meth:`conclude`
makes of them the one :class:`~jobdesk.broker.exchange.Finish` that is sent.
"""

from __future__ import annotations

import json
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import huey
from huey.exceptions import RateLimitExceeded, RetryTask, TaskTimeout

from jobdesk.broker.exchange import Finish, Outcome, Taken
from jobdesk.engine.codec import decode_value, encode_value
from jobdesk.engine.context import JobContext, slot
from jobdesk.engine.fingerprint import fingerprint
from jobdesk.errors import (
    JobCancelled,
    JobdeskError,
    JobExpired,
    JobFailed,
    JobRevoked,
    JobTimeout,
    PermanentError,
    RetryLater,
    WorkerDied,
)
from jobdesk.models import NewJob

if TYPE_CHECKING:
    from huey.api import Task

    from jobdesk.engine.queue import Queue

MAX_TRACEBACK = 16_384
MAX_MESSAGE = 2_048


class Run:
    """One run of one job. Thread-safe where it says so; else its own thread's."""

    __slots__ = (
        "_context",
        "_lock",
        "adds",
        "cancelling",
        "child",
        "closed",
        "deadline",
        "delay_ms",
        "due_ms",
        "encoded",
        "exception",
        "has_run",
        "interrupt",
        "lease_until",
        "metadata",
        "outgoing",
        "queue",
        "ran",
        "requeued",
        "signal",
        "started",
        "taken",
        "taken_at",
        "task",
        "thread",
        "value",
        "worker",
    )  # fmt: skip

    def __init__(self, queue: Queue, taken: Taken, worker: str, lease_until: float) -> None:
        self.queue = queue
        self.taken = taken
        self.worker = worker
        #: monotonic; after it, without a renewal, the job must be taken for lost
        self.lease_until = lease_until
        self.taken_at = time.monotonic()
        self.started = 0.0
        self.deadline: float | None = None
        #: the thread that runs it may be interrupted while ``interrupt`` is armed
        self.thread: int | None = None
        self.task: Task | None = None
        #: runs the task in a process of its own, where it may not run here
        self.child: Callable[[Any], Any] | None = None
        self.interrupt: type[BaseException] | None = None
        self.cancelling = False
        self.closed = False
        self._lock = threading.Lock()
        #: its function was called without Huey, and what it raised is on its way through Huey now
        self.has_run = False
        # what Huey reports
        self.ran = False
        self.value: Any = None
        self.encoded: bytes | None = None
        self.exception: BaseException | None = None
        #: what Huey would store of the error: its repr, the retries left, an application's own
        self.metadata: dict[str, Any] | None = None
        self.requeued = False
        self.delay_ms: int | None = None
        #: not to be run yet
        self.due_ms: int | None = None
        self.signal: str | None = None
        self.adds: list[NewJob] = []
        self.outgoing: list[bytes] = []
        self._context: JobContext | None = None

    @property
    def context(self) -> JobContext:
        """What the task sees of this run: made when somebody asks."""
        context = self._context
        if context is None:
            taken = self.taken
            context = self._context = JobContext(
                self,
                id=taken.id,
                queue=self.queue.name,
                type=taken.type,
                attempt=taken.attempts_made + 1,
                generation=taken.generation,
                fence=int(taken.epoch),
                last_progress=json.loads(taken.progress) if taken.progress else None,
            )
        return context

    @property
    def id(self) -> str:
        return self.taken.id

    @property
    def suspect(self) -> bool:
        """Its worker vanished while it ran before: it runs alone, so that it harms no other."""
        return self.taken.stalls > 0

    @property
    def attempts_left(self) -> int:
        """After this one."""
        return max(0, self.taken.attempts - self.taken.attempts_made - 1)

    # --- the context's line to Redis

    def progress(self, value: str) -> str:
        if self.closed:
            return "STALE"
        status = self.queue.transitions.progress(self.taken.id, self.taken.epoch, value)
        if status == "CANCEL":
            self.cancelling = True
        return status

    def log(self, line: str) -> str:
        if self.closed:
            return "STALE"
        return self.queue.transitions.log(self.taken.id, self.taken.epoch, [line])

    def cancelled(self) -> bool:
        return self.cancelling or self.closed or time.monotonic() > self.lease_until

    # --- the end

    def close(self) -> bool:
        """Claim the right to say how this run ended; only the first caller gets True."""
        with self._lock:
            if self.closed:
                return False
            self.closed = True
            return True

    def let_go(self) -> None:
        """Drop what holds this run in turn, so that none of it waits for the garbage collector."""
        self.task = self.exception = self._context = None

    def conclude(self, backoff_ms: Callable[[Run, BaseException], int]) -> Finish:
        """The finish of what was noted. ``backoff_ms``: how long a retry rests, below 0 none."""
        noted: dict[str, Any] = {"adds": tuple(self.adds), "outgoing": tuple(self.outgoing)}
        exc = self.exception
        if self.requeued and exc is not None:
            counts = not isinstance(exc, RetryTask) and not (
                isinstance(exc, RateLimitExceeded) and exc.retry
            )
            delay = self.delay_ms if self.delay_ms is not None else backoff_ms(self, exc)
            if counts and delay < 0:
                return self._error(Outcome.FAILED, exc, **noted)
            return self._error(
                Outcome.RETRY if counts else Outcome.AGAIN, exc, delay_ms=delay, **noted
            )
        if self.due_ms is not None:
            return self._finish(Outcome.NOT_DUE, value=str(self.due_ms).encode(), **noted)
        if self.ran and exc is None:
            return self._finish(Outcome.COMPLETED, value=self.encoded or b"", **noted)
        if self.ran and exc is not None:
            return self._error(Outcome.FAILED, exc, **noted)
        if self.signal == "revoked":
            return self._error(Outcome.REFUSED, JobRevoked("revoked before it started"), **noted)
        if self.signal == "expired":
            return self._error(Outcome.REFUSED, JobExpired("expired before it started"), **noted)
        if self.signal == "canceled":
            by = JobCancelled("cancelled by a pre-execute hook")
            return self._error(Outcome.REFUSED, by, **noted)
        if self.signal == "interrupted":
            return self._broken_off("the worker was told to stop")
        without = JobFailed("the run ended without an outcome")
        return self._error(Outcome.FAILED, exc or without, **noted)

    def failed(self, exc: BaseException, backoff_ms: Callable[[Run, BaseException], int]) -> Finish:
        """The finish of an error seen from outside the task: a timeout, an unreadable payload.

        Without what the task's thread has noted, which may be about to say that it has completed;
        :func:`~jobdesk.engine.continuations.after_failure` says what follows.
        """
        if self.attempts_left and not isinstance(exc, PermanentError):
            delay = backoff_ms(self, exc)
            if delay >= 0:
                return self._error(Outcome.RETRY, exc, delay_ms=delay)
        return self._error(Outcome.FAILED, exc)

    def refused(self, exc: BaseException) -> Finish:
        """The finish of a job that cannot be run at all, or is to run no more."""
        return self._error(Outcome.REFUSED, exc)

    def released(self, why: str) -> Finish:
        """The finish that gives the job back at its old place, without an attempt.

        One that nobody has begun may come back as often as it likes.
        """
        return self._broken_off(why) if self.started else self._finish(Outcome.UNBEGUN)

    def _broken_off(self, why: str) -> Finish:
        return self._finish(Outcome.RELEASED, attempt=self._attempt(Outcome.RELEASED, why, ""))

    def _error(self, outcome: Outcome, exc: BaseException, **more: Any) -> Finish:
        message = describe(exc)
        counted = outcome is not Outcome.AGAIN
        return self._finish(
            outcome,
            error=cut_bytes(message, 60),
            attempt=self._attempt(outcome, message, traceback_of(exc)),
            value=fingerprint(self.taken.type, message).encode() if counted else b"",
            **more,
        )

    def _finish(self, outcome: Outcome, **more: Any) -> Finish:
        taken, context = self.taken, self._context
        return Finish(
            taken.id,
            taken.epoch,
            outcome,
            progress="" if context is None else context.unsent_progress(),
            type=taken.type,
            **more,
        )

    def _attempt(self, outcome: Outcome, message: str, trace: str) -> str:
        members = {
            "o": _WORDS[outcome],
            "w": self.worker,
            "err": message,
            "tb": trace,
        }
        text = json.dumps(members, ensure_ascii=False, separators=(",", ":"))[1:]
        if self.metadata is None or outcome is Outcome.RELEASED:
            return text
        return f'{text[:-1]},"h":{_kept(self.metadata)}}}'


def _kept(metadata: dict[str, Any]) -> str:
    """Huey's metadata of an error as JSON, without what the attempt has anyway."""
    kept = {key: item for key, item in metadata.items() if key not in _IN_ATTEMPT}
    try:
        text = encode_value(kept).decode("utf-8")
    except JobdeskError:
        text = ""  # an application's own metadata that JSON cannot carry
    if not text or len(text) > 2 * MAX_MESSAGE:
        told = {"error": cut_bytes(str(kept.get("error")), MAX_MESSAGE), "retries": kept["retries"]}
        text = encode_value(told).decode()
    return text


_IN_ATTEMPT = frozenset({"traceback", "task_id", "class", "message"})

_WORDS = {
    Outcome.RETRY: "retrying",
    Outcome.AGAIN: "retrying",
    Outcome.FAILED: "failed",
    Outcome.REFUSED: "failed",
    Outcome.RELEASED: "released",
    Outcome.UNBEGUN: "released",
    Outcome.NOT_DUE: "delayed",
    Outcome.COMPLETED: "completed",
}


#: What this thread is at, also for Huey's storage calls.
in_hand = slot


def enter(run: Run) -> None:
    """Make ``run`` this thread's."""
    in_hand.run = run
    slot.run = run
    run.thread = threading.get_ident()


def leave() -> None:
    """This thread runs no job any more."""
    run = in_hand.run
    if run is not None:
        run.thread = None
    in_hand.run = None
    slot.run = None


def describe(exc: BaseException) -> str:
    """``Class: message``, as lists and events show it."""
    if isinstance(exc, ForeignError):
        return exc.described
    name = type(exc).__name__
    if isinstance(exc, TaskTimeout):
        name = JobTimeout.__name__
    text = " ".join(str(exc).split())
    text = text.encode("utf-8", "backslashreplace").decode()
    return cut_bytes(f"{name}: {text}" if text else name, MAX_MESSAGE)


def traceback_of(exc: BaseException) -> str:
    """The traceback, of a long one the end; without local variables, which may be secret."""
    if isinstance(exc, ForeignError):
        return exc.traceback
    if isinstance(exc, JobTimeout | JobRevoked | JobExpired | JobCancelled | WorkerDied):
        return ""
    text = "".join(traceback.format_exception(type(exc), exc, _from_the_task(exc.__traceback__)))
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= MAX_TRACEBACK else "…" + text[-MAX_TRACEBACK:]


_OURS = (str(Path(__file__).parent), str(Path(huey.__file__).parent))


def _from_the_task(trace: TracebackType | None) -> TracebackType | None:
    """A traceback without the frames by which the worker got to the task."""
    found = trace
    while found is not None and found.tb_frame.f_code.co_filename.startswith(_OURS):
        found = found.tb_next
    return found if found is not None else trace


class ForeignError(Exception):
    """An error of a child process: its class and traceback come as text."""

    def __init__(self, described: str, trace: str) -> None:
        super().__init__(described)
        self.described = described
        self.traceback = trace

    def __repr__(self) -> str:
        return self.described


def cut_bytes(text: str, limit: int) -> str:
    """``text``, at most ``limit`` bytes of UTF-8, with a mark where it was cut."""
    raw = text.encode("utf-8", "backslashreplace")
    if len(raw) <= limit:
        return raw.decode()
    return raw[: limit - 3].decode("utf-8", "ignore") + "…"


def last_error(entry: bytes) -> dict[str, Any]:
    """An attempt's JSON as Huey's error metadata."""
    found = decode_value(entry)
    described = str(found.get("err", ""))
    return {
        "error": described,
        "traceback": found.get("tb", ""),
        "class": described.partition(":")[0],
        "message": described.partition(": ")[2],
        **(found.get("h") or {}),
    }


__all__ = [
    "ForeignError", "RetryLater", "Run", "cut_bytes", "describe", "enter", "in_hand", "last_error",
    "leave", "traceback_of",
]  # fmt: skip
