"""The no-op job on a jobdesk queue, everything switched on."""

from __future__ import annotations

import time

from jobdesk import settings
from jobdesk.engine.queue import Queue
from jobdesk.models import JobOptions, Retention

# Every result is kept, as huey's storage does.
huey = queue = Queue("bench", concurrency=10, defaults=JobOptions(remove_on_complete=Retention()))


@queue.task()
def no_op(text: str, number: int) -> dict[str, object]:
    """Nothing."""
    return {"ok": bool(text), "number": number}


def add(count: int) -> None:
    """Add ``count`` jobs."""
    settings.use(None)
    text = "x" * 170
    with queue.batch() as jobs:
        for number in range(count):
            no_op(text=text, number=number)
    queue.send(jobs)


def ended() -> int:
    """Jobs that have completed, by the queue's figures."""
    minute = int(time.time() // 60)
    keys = queue.transitions.keys
    pipe = queue.broker.pipeline()
    for ago in range(4):
        pipe.hget(keys.figures("m", minute - ago), "c")
    return sum(int(value or 0) for value in pipe.execute())
