"""A queue of the demo's own, as an application would write one: what the six have no need of."""

from __future__ import annotations

import time

from jobdesk.cron import crontab
from jobdesk.engine.context import JobContext
from jobdesk.engine.queue import Queue
from jobdesk.models import Backoff

queue = huey = Queue("demo", concurrency=2)


@queue.task(attempts=3, backoff=Backoff.fixed(0.5))
def flaky(fails: int = 1, *, job: JobContext) -> dict[str, int]:
    """Fail a number of times, then succeed: shows a retry."""
    if job.attempt <= fails:
        job.log(f"attempt {job.attempt} fails on purpose")
        raise ConnectionError("the other side hung up")
    return {"attempts": job.attempt}


@queue.task(attempts=1, timeout=60)
def countdown(steps: int = 5, pause_s: float = 0.1, *, job: JobContext) -> dict[str, int]:
    """Count down with pauses: shows progress and a log."""
    for step in range(steps):
        job.progress(round(100 * step / steps))
        job.log(f"{steps - step} to go")
        time.sleep(pause_s)
    job.progress(100)
    return {"steps": steps}


@queue.task(attempts=1)
def broken() -> None:
    """Fail: shows an error and its traceback."""
    raise ValueError("this job fails on purpose")


@queue.periodic_task(crontab(minute="*"))
def every_minute(*, job: JobContext) -> dict[str, str]:
    """Come by the clock, without anybody who adds it: shows a schedule."""
    job.log("the clock added this job")
    return {"at": time.strftime("%H:%M")}


@queue.task(attempts=1)
def rows(file: str, lines: int) -> dict[str, int]:
    """Read a file of clients that ends in the middle of a line: shows failures of one cause."""
    raise EOFError(f"{file}: line {lines} has no end")
