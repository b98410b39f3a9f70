"""``python -m jobdesk.engine.child``: a process that runs one job at a time for a worker.

It speaks lines of JSON with the worker: jobs come on stdin, progress, log lines and the end go out
on the pipe that was stdout (the task's own prints go to stderr). When the worker is gone, stdin
ends, and so does this process. Its memory is limited; a task that dies here takes nothing along.
"""

from __future__ import annotations

import importlib
import json
import os
import queue as thread_queue
import resource
import runpy
import signal
import sys
import threading
from typing import Any, BinaryIO

from huey.exceptions import CancelExecution, RateLimitExceeded, RetryTask, TaskLockedException

from jobdesk import settings as settings_module
from jobdesk.engine.context import JobContext, slot
from jobdesk.engine.run import describe, traceback_of
from jobdesk.errors import InvalidJobData, PermanentError, RetryLater

#: What a module that was run as a script is called here.
SCRIPT = "__jobdesk_script__"
#: A job that its worker should have ended so long ago is ended by the kernel.
LATE_S = 10.0


class PipeLine:
    """A context's line to the worker."""

    def __init__(self, out: BinaryIO, replies: thread_queue.Queue[dict[str, Any]]) -> None:
        self._out = out
        self._replies = replies
        self._cancelled = False

    def send(self, message: dict[str, Any]) -> None:
        self._out.write(json.dumps(message).encode() + b"\n")
        self._out.flush()

    def _ask(self, message: dict[str, Any]) -> str:
        self.send(message)
        status = str(self._replies.get()["status"])
        if status != "OK":
            self._cancelled = True
        return status

    def progress(self, value: str) -> str:
        return self._ask({"progress": value})

    def log(self, line: str) -> str:
        return self._ask({"log": line})

    def cancelled(self) -> bool:
        return self._cancelled


def main() -> None:
    """Serve until stdin ends."""
    # The task's own reads and prints, and those of programs it starts, must not meet ours.
    out, orders = os.fdopen(os.dup(1), "wb"), os.fdopen(os.dup(0), "rb")
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    for signum in (signal.SIGINT, signal.SIGTERM):
        # These come to a whole process group; the worker heard them too, and sees to its jobs.
        # Not ignored, for programs that the task starts would ignore them as well.
        signal.signal(signum, lambda *_: None)
    incoming: thread_queue.Queue[dict[str, Any]] = thread_queue.Queue()
    threading.Thread(target=_read, args=(orders, incoming), daemon=True).start()
    hello = incoming.get()
    sys.path[:] = hello["path"]
    settings_module.use(settings_module.load(**hello["settings"]))
    _limit_memory(int(hello["memory"]))
    line = PipeLine(out, incoming)
    line.send({"ready": os.getpid()})
    while True:
        _serve(incoming.get(), line)


def _read(stream: BinaryIO, incoming: thread_queue.Queue[dict[str, Any]]) -> None:
    for raw in stream:
        incoming.put(json.loads(raw))
    os._exit(0)


def _limit_memory(limit: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def _limit_cpu(seconds: float | None) -> None:
    """A job with a timeout may use that much processor time; the worker's clock ends it before."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    if seconds is None:
        resource.setrlimit(resource.RLIMIT_CPU, (hard, hard))
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime + seconds) + 10
    if hard == resource.RLIM_INFINITY or soft <= hard:
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _limit_time(seconds: float | None) -> None:
    """The kernel ends this process some time after its worker should have."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, 0 if seconds is None else seconds + LATE_S)


def _serve(job: dict[str, Any], line: PipeLine) -> None:
    line._cancelled = False
    line.send({"began": True})
    context = JobContext(line, **job["context"])
    try:
        task_class = _task_class(job)
        args, kwargs = task_class.signature.call_arguments(job["data"])
        task = task_class(args, kwargs, id=context.id)
        task.bound = True
        task.timeout = job["timeout"]
        _limit_cpu(job["timeout"])
        _limit_time(job["timeout"])
        slot.context = context
        value = task.execute()
        encoded, cut = task_class.queue.codec.encode_result(value)
        line.send(
            {
                "value": encoded.decode(),
                "none": value is None,
                "cut": cut,
                "progress": context.unsent_progress(),
            }
        )
    except BaseException as exc:  # noqa: BLE001 - whatever ends a task is told, not lost
        line.send({"error": _told(exc), "progress": context.unsent_progress()})
        if isinstance(exc, MemoryError):
            # What is left of the heap may be in any state: a fresh process is cheap.
            line._out.close()
            os._exit(0)
    finally:
        _limit_time(None)
        slot.context = None


def _task_class(job: dict[str, Any]) -> Any:
    from jobdesk.engine.queue import Queue, known_queue

    if job["script"]:
        if SCRIPT not in sys.modules:
            sys.modules[SCRIPT] = sys.modules["__main__"]
            runpy.run_path(job["script"], run_name=SCRIPT)
    else:
        importlib.import_module(job["module"])
    found: Queue | None = known_queue(job["queue"])
    if found is None:
        raise PermanentError(f"importing {job['module']} made no queue {job['queue']!r}")
    return found.own_class(job["type"])


def _told(exc: BaseException) -> dict[str, Any]:
    told: dict[str, Any] = {
        "described": describe(exc),
        "traceback": traceback_of(exc),
        "permanent": isinstance(exc, PermanentError | InvalidJobData),
    }
    cause = exc.__cause__
    if isinstance(exc, RetryTask) and isinstance(cause, RetryLater):
        exc = cause
    if isinstance(exc, RetryLater):
        told["later"] = {"delay": exc.delay, "counts": exc.counts, "message": str(exc)}
    elif isinstance(exc, RetryTask):
        told["retry"] = {"message": str(exc), "delay": exc.delay}
    elif isinstance(exc, RateLimitExceeded):
        told["limit"] = {"key": exc.key, "delay": exc.delay, "retry": exc.retry}
    elif isinstance(exc, TaskLockedException):
        told["locked"] = str(exc)
    elif isinstance(exc, CancelExecution):
        told["cancel"] = {"message": str(exc), "retry": exc.retry}
    return told


if __name__ == "__main__":
    main()
