"""What a task knows of the job it runs: :class:`JobContext`, and :func:`current_job`.

The context reports through a :class:`Line`: straight to Redis in a worker's thread, over a pipe to
the worker where the job runs in a child process.
"""

from __future__ import annotations

import json
import math
import threading
import time
from typing import TYPE_CHECKING, Any, Protocol

from jobdesk.errors import InvalidProgress, StaleLease

if TYPE_CHECKING:
    from jobdesk.engine.run import Run

#: Progress is sent at most four times a second; the last one always arrives, with the finish.
PROGRESS_EVERY_S = 0.25
MAX_PROGRESS_BYTES = 4096
MAX_LOG_LINE = 2048


class Line(Protocol):
    """Where a context reports to."""

    def progress(self, value: str) -> str:
        """Send progress (JSON): OK, CANCEL or STALE."""

    def log(self, line: str) -> str:
        """Send a log line: OK or STALE."""

    def cancelled(self) -> bool:
        """Whether the job should stop: cancelled, timed out, or its lease lost."""


class JobContext:
    """The running job, from inside. A parameter with this annotation is filled in by the worker."""

    __job_context__ = True
    __slots__ = (
        "_last_sent", "_line", "_unsent", "attempt", "fence", "generation", "id", "last_progress",
        "queue", "type",
    )  # fmt: skip

    def __init__(
        self,
        line: Line,
        *,
        id: str,
        queue: str,
        type: str,
        attempt: int,
        generation: int = 0,
        fence: int = 0,
        last_progress: Any = None,
    ) -> None:
        self._line = line
        self._last_sent = 0.0
        self._unsent: str | None = None
        self.id = id
        self.queue = queue
        self.type = type
        #: 1 for the first run
        self.attempt = attempt
        #: how often the job was retried by hand
        self.generation = generation
        #: rises with every run of any job of the queue: write it beside external effects, and
        #: refuse a lower one
        self.fence = fence
        #: what :meth:`progress` was given last, maybe by an earlier attempt
        self.last_progress = last_progress

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt, another after a retry by hand: ``queue:id:generation``."""
        return f"{self.queue}:{self.id}:{self.generation}"

    @property
    def cancelled(self) -> bool:
        """Whether to stop: an operator cancelled, the time is up, or the lease is lost."""
        return self._line.cancelled()

    def progress(self, value: Any) -> None:
        """Say how far the job is: a number (percent, by custom), or small JSON.

        Raises ``InvalidProgress``, or ``StaleLease`` when the job is another worker's by now.
        """
        text = encode_progress(value)
        self.last_progress = value
        now = time.monotonic()
        if now - self._last_sent < PROGRESS_EVERY_S:
            self._unsent = text
            return
        self._last_sent = now
        self._unsent = None
        self._check(self._line.progress(text))

    def log(self, message: object) -> None:
        """Add a line to the job's log, which operators read. Cut at 2 KiB; 1,000 are kept."""
        line = str(message)
        if len(line) > MAX_LOG_LINE:
            line = line[: MAX_LOG_LINE - 1] + "…"
        self._check(self._line.log(line))

    def unsent_progress(self) -> str:
        """Progress that was held back, to go along with the finish; "" when there is none."""
        text, self._unsent = self._unsent, None
        return text or ""

    def _check(self, status: str) -> None:
        if status == "STALE":
            raise StaleLease(f"job {self.id} is no longer yours (epoch {self.fence}); stop here")


def encode_progress(value: Any) -> str:
    """Progress as JSON, or :class:`InvalidProgress`."""
    if isinstance(value, str) or value is None:
        raise InvalidProgress(f"progress is a number or a JSON object, got {value!r:.60}")
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidProgress(f"progress must be finite, got {value!r}")
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as exc:
        raise InvalidProgress(f"progress must be a number or JSON: {exc}") from None
    if len(text) > MAX_PROGRESS_BYTES:
        raise InvalidProgress(f"progress is {len(text):,} characters, limit {MAX_PROGRESS_BYTES:,}")
    return text


class Slot(threading.local):
    """What this thread is at: a run, or in a child process the context alone."""

    run: Run | None = None
    context: JobContext | None = None


slot = Slot()


def current_context() -> JobContext | None:
    """The context of the job that this thread runs, if any."""
    run = slot.run
    return slot.context if run is None else run.context


def current_job() -> JobContext:
    """The job that this thread runs; ``RuntimeError`` outside of one."""
    context = current_context()
    if context is None:
        raise RuntimeError("current_job() is for code that a worker runs; no job runs here")
    return context
