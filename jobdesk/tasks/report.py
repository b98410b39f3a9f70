"""The report queue. Its types come with the tables that reports read."""

from __future__ import annotations

from jobdesk.engine.queue import Queue
from jobdesk.models import Backoff, JobOptions

queue = huey = Queue(
    "report",
    concurrency=1,
    in_child=True,
    defaults=JobOptions(timeout=1800, attempts=2, priority=4, backoff=Backoff.exponential(10)),
)
