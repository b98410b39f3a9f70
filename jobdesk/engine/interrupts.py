"""Stopping a task in its thread: a deadline or a cancel is raised into the user's function.

The exception is a ``BaseException``, so that ``except Exception`` in a task does not swallow it,
and it is raised only while the function runs: :class:`armed` marks that span under the run's lock,
and clears an exception that was on its way when the function returned. It cannot interrupt C code.
"""

from __future__ import annotations

import ctypes
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from huey.exceptions import CancelExecution, TaskTimeout

if TYPE_CHECKING:
    from jobdesk.engine.run import Run

_raise = ctypes.pythonapi.PyThreadState_SetAsyncExc
_raise.argtypes = (ctypes.c_ulong, ctypes.py_object)
# NULL takes back what is on its way; None would be raised, and refused as no exception
_NOTHING: Any = ctypes.py_object()


class Interrupted(BaseException):
    """Raised into a task whose time is up, or which was cancelled."""


#: guards every arming: held for a moment, never while a function runs
_lock = threading.Lock()
_armed: dict[int, Run] = {}


class Watcher(Protocol):
    """Told when a function begins and ends: the parent's eye on a forked worker."""

    def begin(self, run: Run) -> None:
        """The function of ``run`` is about to be called."""

    def end(self) -> None:
        """It has returned."""


#: set in a forked worker, see ``deadlines``
watcher: Watcher | None = None


def watch(by: Watcher | None) -> None:
    """Tell ``by`` of every function that this process calls from now on."""
    global watcher
    watcher = by


class armed:  # noqa: N801 - a context manager, used like a function
    """The span in which a run's thread may be interrupted."""

    __slots__ = ("_run", "_thread")

    def __init__(self, run: Run) -> None:
        self._run = run
        self._thread = threading.get_ident()

    def __enter__(self) -> None:
        if watcher is not None:
            watcher.begin(self._run)
        _armed[self._thread] = self._run

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with _lock:
            _armed.pop(self._thread, None)
            self._run.thread = None
            pending = self._run.interrupt is not None
            if pending and kind is not Interrupted:
                # It is on its way and must not reach what comes after the task.
                _raise(self._thread, _NOTHING)
        if watcher is not None:
            watcher.end()
        if pending:
            raise cause(self._run) from exc


def cause(run: Run) -> Any:
    """Why ``run`` is interrupted, as Huey says it."""
    if run.cancelling:
        return CancelExecution("cancelled by an operator", retry=False)
    return TaskTimeout(f"timeout {(run.taken.timeout_ms or 0) / 1000:g}s")


def interrupt(run: Run) -> bool:
    """Raise into the thread that runs ``run``, if it is inside the task; whether it was."""
    thread = run.thread
    if thread is None:
        return False
    with _lock:
        if _armed.get(thread) is not run:
            return False
        run.interrupt = Interrupted
        _raise(thread, Interrupted)
        return True
