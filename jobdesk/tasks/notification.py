"""The notification queue. Its types come with the notification providers."""

from __future__ import annotations

from jobdesk.engine.queue import Queue
from jobdesk.models import JobOptions

queue = huey = Queue("notification", concurrency=10, defaults=JobOptions(timeout=60, priority=4))
