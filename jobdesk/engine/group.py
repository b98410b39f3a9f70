"""All queues of an application as one Huey: what ``huey_consumer`` runs a worker on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jobdesk.errors import InvalidConcurrency

if TYPE_CHECKING:
    from huey.api import Task

    from jobdesk.engine.consumer import Consumer
    from jobdesk.engine.pool import Pool
    from jobdesk.engine.queue import Queue


class _Registered:
    """The types of all queues, as Huey's consumer lists them."""

    def __init__(self, queues: Sequence[Queue]) -> None:
        self._queues = queues

    @property
    def _registry(self) -> dict[str, Any]:
        return {
            f"{queue.name}:{kind}": task_class
            for queue in self._queues
            for kind, task_class in queue.types.items()
        }

    @property
    def periodic_tasks(self) -> list[Task]:
        return [task for queue in self._queues for task in queue._registry.periodic_tasks]


class _Storage:
    """What Huey's consumer asks of a storage."""

    blocking = True
    priority = True

    def __init__(self, queues: Sequence[Queue]) -> None:
        self._queues = queues

    def close(self) -> None:
        for queue in self._queues:
            queue.storage.close()


class QueueGroup:
    """Several queues, taken from in turn by one worker.

    It has what ``huey.consumer.Consumer`` touches on a Huey, over all its queues; jobs are added
    through the queues themselves.
    """

    immediate = False
    utc = True

    def __init__(self, queues: Sequence[Queue], name: str = "jobdesk") -> None:
        if not queues:
            raise InvalidConcurrency("a group needs at least one queue")
        self.name = name
        self.queues = tuple(queues)
        self.storage = _Storage(self.queues)
        self._registry = _Registered(self.queues)
        self._timeout_handler: Any = None

    def __repr__(self) -> str:
        return f"<QueueGroup {', '.join(queue.name for queue in self.queues)}>"

    @property
    def slots(self) -> int:
        """How many jobs a worker process runs at once unless told otherwise."""
        return sum(queue.concurrency for queue in self.queues)

    @property
    def pool(self) -> Pool | None:
        """The pool of this worker process."""
        return self.queues[0].pool

    def _hooks(self, name: str) -> dict[str, Callable[[], Any]]:
        return {
            f"{queue.name}.{key}": hook
            for queue in self.queues
            for key, hook in getattr(queue, name).items()
        }

    @property
    def _startup(self) -> dict[str, Callable[[], Any]]:
        return self._hooks("_startup")

    @property
    def _shutdown(self) -> dict[str, Callable[[], Any]]:
        return self._hooks("_shutdown")

    @property
    def _tasks_in_flight(self) -> set[Task]:
        return {task for queue in self.queues for task in queue._tasks_in_flight}

    def notify_interrupted_tasks(self) -> None:
        for queue in self.queues:
            queue.notify_interrupted_tasks()

    def flush_locks(self, *names: str) -> set[str]:
        return {name for queue in self.queues for name in queue.flush_locks(*names)}

    def dequeue(self) -> Task | None:
        """The next job of any queue, through the worker's pool."""
        pool = self.pool
        return None if pool is None else pool.next_task()

    def execute(self, task: Task, timestamp: datetime | None = None) -> Any:
        """Run a job by the queue it belongs to."""
        return type(task).queue.execute(task, timestamp)

    def _get_timestamp(self) -> Any:
        return self.queues[0]._get_timestamp()

    def create_consumer(self, workers: int | None = None, **options: Any) -> Consumer:
        """The worker of all queues, as ``huey_consumer`` makes it."""
        from jobdesk.engine.consumer import Consumer

        return Consumer(self, workers=workers or self.slots, **options)
