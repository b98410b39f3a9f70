"""Background jobs on Huey and Redis that lose nothing, and a terminal desk to run them from.

The public names, each imported at its first use: ``import jobdesk`` imports nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobdesk.asyncdesk import AsyncDesk
    from jobdesk.cron import crontab
    from jobdesk.desk import Desk
    from jobdesk.engine.context import JobContext, current_job
    from jobdesk.engine.handle import JobHandle
    from jobdesk.engine.queue import Queue
    from jobdesk.errors import (
        AddUnconfirmed,
        BadInput,
        BrokerError,
        InvalidJobData,
        JobCancelled,
        JobdeskError,
        JobFailed,
        JobFailure,
        JobNotFound,
        JobTimeout,
        NotConfigured,
        PermanentError,
        QueueFull,
        RedisUnavailable,
        Refused,
        ResultGone,
        RetryLater,
        UnknownQueue,
        UnknownType,
        WaitTimeout,
        WrongState,
    )
    from jobdesk.models import (
        Backoff,
        Job,
        JobOptions,
        JobSpec,
        JobState,
        JobStatus,
        Priority,
        Retention,
    )
    from jobdesk.service import QueueService
    from jobdesk.settings import Settings

    __version__: str

_HOMES = {
    "jobdesk.asyncdesk": ("AsyncDesk",),
    "jobdesk.cron": ("crontab",),
    "jobdesk.desk": ("Desk",),
    "jobdesk.engine.context": ("JobContext", "current_job"),
    "jobdesk.engine.handle": ("JobHandle",),
    "jobdesk.engine.queue": ("Queue",),
    "jobdesk.errors": (
        "AddUnconfirmed", "BadInput", "BrokerError", "InvalidJobData", "JobCancelled",
        "JobFailed", "JobFailure", "JobNotFound", "JobTimeout", "JobdeskError", "NotConfigured",
        "PermanentError", "QueueFull", "RedisUnavailable", "Refused", "ResultGone", "RetryLater",
        "UnknownQueue", "UnknownType", "WaitTimeout", "WrongState",
    ),
    "jobdesk.models": (
        "Backoff", "Job", "JobOptions", "JobSpec", "JobState", "JobStatus", "Priority",
        "Retention",
    ),
    "jobdesk.service": ("QueueService",),
    "jobdesk.settings": ("Settings",),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [  # noqa: RUF022  # by what they are for
    "Desk", "AsyncDesk", "QueueService", "Queue", "crontab",
    "Job", "JobHandle", "JobState", "JobStatus", "JobSpec", "JobOptions",
    "Backoff", "Retention", "Priority", "JobContext", "current_job", "Settings",
    "JobdeskError", "BadInput", "InvalidJobData", "UnknownQueue", "UnknownType",
    "Refused", "JobNotFound", "WrongState", "ResultGone", "WaitTimeout",
    "BrokerError", "RedisUnavailable", "QueueFull", "AddUnconfirmed",
    "JobFailure", "JobFailed", "JobCancelled", "JobTimeout", "NotConfigured",
    "PermanentError", "RetryLater",
    "__version__",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from jobdesk.engine.publishing import version

        found: Any = version()
    elif home := _HOME_OF.get(name):
        from importlib import import_module

        found = getattr(import_module(home), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
