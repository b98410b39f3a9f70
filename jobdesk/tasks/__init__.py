"""The six queues. ``jobdesk.tasks.huey`` is all of them for one consumer, made on first use.

Importing one queue imports no other: a missing Pango must not stop the email worker.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

#: The queues, each a module of this package with a ``queue`` in it.
QUEUES = ("email", "pdf", "notification", "report", "cleanup", "sync")


def __getattr__(name: str) -> Any:
    if name != "huey":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from jobdesk.engine.group import QueueGroup

    group = QueueGroup([import_module(f"{__name__}.{queue}").queue for queue in QUEUES])
    globals()["huey"] = group  # the same one from now on
    return group
