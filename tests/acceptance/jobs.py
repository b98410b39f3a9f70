"""Adding jobs of the queues in ``trouble``."""

from __future__ import annotations

from typing import Any

from tests.acceptance import trouble


def add(name: str, count: int = 1, queue: Any = trouble.queue, **data: Any) -> list[str]:
    """Add that many jobs of a type; their ids. ``timeout``: theirs, in seconds."""
    timeout = data.pop("timeout", None)
    tasks = []
    for _ in range(count):
        task = queue.own_class(name)((), data)
        if timeout is not None:
            task.timeout = timeout
        queue.enqueue(task)
        tasks.append(task)
    return [task.id for task in tasks]
