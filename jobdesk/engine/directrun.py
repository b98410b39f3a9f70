"""The usual run: a job's function called without Huey's own steps, where nobody would see them.

Huey's ``execute`` asks and tells a dozen things about a task: hooks, signals, revocation, expiry,
what follows. Where there is none of them, all that is left is to call the function, at a sixth less
of a worker's time. What the function raises is handed to Huey all the same: retries and errors are
its business.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from huey.api import Huey
from huey.signals import SIGNAL_COMPLETE, SIGNAL_EXECUTING

from jobdesk.engine.direct import unpatched
from jobdesk.engine.interrupts import armed

if TYPE_CHECKING:
    from jobdesk.engine.queue import Queue
    from jobdesk.engine.run import Run
    from jobdesk.engine.task import JobTask

_EXECUTE, _INNER_EXECUTE = unpatched(Huey.execute), unpatched(Huey._execute)
#: where Huey tells of every run
_log = logging.getLogger("huey")


def unseen(queue: Queue, task: JobTask, run: Run) -> bool:
    """Whether nobody would see what Huey does to run ``task``, if its function returns."""
    receivers = queue._signal.receivers
    return bool(
        Huey.execute is _EXECUTE
        and getattr(queue._execute, "__func__", None) is _INNER_EXECUTE
        and queue.runs_directly
        and not queue._pre_execute
        and not queue._post_execute
        and not receivers["any"]
        and not receivers.get(SIGNAL_EXECUTING)
        and not receivers.get(SIGNAL_COMPLETE)
        and not task.sees_itself
        and task.eta is None
        and task.expires_resolved is None
        and task.on_complete is None
        and task.chord_config is None
        and not run.taken.revoked
        and not _log.isEnabledFor(logging.INFO)
    )


def execute(queue: Queue, task: JobTask, run: Run, timestamp: Any) -> Any:
    """Run ``task``, and note its value in ``run``; what it raises goes through Huey."""
    in_flight = queue._tasks_in_flight  # what a signal to a forked worker looks at
    try:
        in_flight.add(task)
        try:
            with armed(run):
                value = task.execute()
        finally:
            in_flight.discard(task)
    except BaseException as exc:  # noqa: BLE001 - it is raised again, where Huey sees it
        return _raised(queue, task, run, exc, timestamp)
    run.ran, run.value = True, value
    return value


def _raised(queue: Queue, task: JobTask, run: Run, exc: BaseException, timestamp: Any) -> Any:
    """Have Huey do what it does of an error: its first half, up to the function, is over."""
    run.has_run = True
    task.execute = partial(_raise, exc)
    return Huey._execute(queue, task, timestamp)


def _raise(exc: BaseException) -> NoReturn:
    raise exc
