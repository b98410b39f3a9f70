"""What a worker tells of its queues when it starts: types, schemas, schedules, policies."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, cast

from jobdesk.broker.registry import publish_queue
from jobdesk.engine import schedules
from jobdesk.models import Backoff, JobOptions, Retention

if TYPE_CHECKING:
    from jobdesk.engine.queue import Queue


def version() -> str:
    """This release."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("jobdesk")
    except PackageNotFoundError:
        return "0"


def publish(queue: Queue) -> None:
    """Write what ``queue`` is to Redis. Raises ``SchemaTooNew`` for a queue of a newer release."""
    defaults = queue.defaults
    publish_queue(
        queue.broker,
        queue.name,
        types={
            name: {
                "schema": task_class.signature.schema(),
                "defaults": plain_options(task_class.job_defaults),
                "doc": inspect.cleandoc(task_class.__doc__ or ""),
            }
            for name, task_class in queue.types.items()
        },
        schedules=schedules.described(queue),
        keep_completed=cast("Retention", defaults.remove_on_complete).encode(),
        keep_failed=cast("Retention", defaults.remove_on_fail).encode(),
        max_stalled=queue.max_stalled,
        max_active=queue.max_active,
        rate_limit=queue.job_rate,
    )


def plain_options(options: JobOptions) -> dict[str, Any]:
    """Job options as JSON: what a type's jobs have when nothing is said."""
    found: dict[str, Any] = {}
    for name in ("priority", "attempts", "timeout", "lifo"):
        value = getattr(options, name)
        if value is not None:
            found[name] = value.total_seconds() if hasattr(value, "total_seconds") else value
    backoff = options.backoff
    if isinstance(backoff, Backoff):
        found["backoff"] = backoff.encode()
    elif callable(backoff):
        found["backoff"] = "a function"
    for name in ("remove_on_complete", "remove_on_fail"):
        value = getattr(options, name)
        if value is not None:
            found[name] = cast("Retention", value).as_option()
    return found
