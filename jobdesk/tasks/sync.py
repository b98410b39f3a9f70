"""The sync queue. Its types come with the services they ask."""

from __future__ import annotations

from jobdesk.engine.queue import Queue
from jobdesk.models import Backoff, JobOptions

queue = huey = Queue(
    "sync",
    concurrency=3,
    defaults=JobOptions(timeout=600, priority=4, backoff=Backoff.exponential(5)),
)
