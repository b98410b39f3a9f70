"""The queue that is played with: tasks that note each of their runs."""

from __future__ import annotations

import os
import time
from functools import cache
from pathlib import Path

from jobdesk.engine.context import JobContext
from jobdesk.engine.queue import Queue
from jobdesk.models import JobOptions
from tests.chaos.history import History

# Many kills in a short time are more than what the default lets a job take.
queue = huey = Queue(
    "chaos", concurrency=10, lease=2, max_stalled=1000, defaults=JobOptions(attempts=3)
)


@cache
def history() -> History:
    """This process's hold on the file that the test reads."""
    return History(Path(os.environ["CHAOS_HISTORY"]))


def _note(job: JobContext) -> None:
    history().note("run", id=job.id, epoch=job.fence, attempt=job.attempt, pid=os.getpid())


@queue.task()
def nap(seconds: float = 0.0, *, job: JobContext) -> str:
    """Ends well."""
    _note(job)
    time.sleep(seconds)
    return "rested"


@queue.task()
def stumble(seconds: float = 0.0, *, job: JobContext) -> str:
    """Fails at its first attempt."""
    _note(job)
    time.sleep(seconds)
    if job.attempt == 1:
        raise ValueError("not at the first attempt")
    return "up again"


@queue.task()
def fall(seconds: float = 0.0, *, job: JobContext) -> None:
    """Always fails."""
    _note(job)
    time.sleep(seconds)
    raise ValueError("never")
