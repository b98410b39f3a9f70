"""Jobs that run in a process of their own: those of ``in_child`` queues, and suspects.

A suspect is a job whose worker vanished while it ran: it may have been the cause. Its next run is
alone in a child, so that a crash ends its own attempt only, as ``WorkerDied``. The children are
warm ``subprocess`` workers (never forks of a process with threads), kept for the next job.
"""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from huey.exceptions import CancelExecution, RateLimitExceeded, RetryTask, TaskLockedException

from jobdesk.engine.codec import decode_value
from jobdesk.engine.run import ForeignError
from jobdesk.errors import JobTimeout, PermanentError, RetryLater, WorkerDied

if TYPE_CHECKING:
    from jobdesk.engine.run import Run
    from jobdesk.engine.task import JobTask
    from jobdesk.settings import Settings

logger = logging.getLogger("jobdesk.worker")

#: A child is replaced after this many jobs, so that what they leak is given back.
JOBS_PER_CHILD = 200


class ForeignPermanentError(ForeignError, PermanentError):
    """A child's error that is not to be retried."""


class Child:
    """One child process, for one job at a time."""

    def __init__(self, settings: Settings) -> None:
        self.jobs = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "jobdesk.engine.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.send(
            {
                "path": sys.path,
                "settings": plain(settings),
                "memory": settings.child_memory_bytes,
            }
        )
        if self.receive() is None:
            raise WorkerDied(f"a child process could not start: {self.ending()}")

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            pass  # it is dead: receive() says so

    def receive(self) -> dict[str, Any] | None:
        """The next message; None when the process has ended."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.endswith(b"\n"):
            return None
        found: dict[str, Any] = json.loads(line)
        return found

    def kill(self) -> None:
        if self.alive:
            self._process.kill()

    def ending(self) -> str:
        """How the process ended, in words."""
        code = self._process.wait()
        if code < 0:
            try:
                return f"signal {-code} ({signal.Signals(-code).name})"
            except ValueError:
                return f"signal {-code}"
        return f"exit status {code}"

    def close(self) -> None:
        """End the process and free its pipes."""
        self.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()


class Children:
    """The children of one worker process."""

    def __init__(self) -> None:
        self._idle: list[Child] = []
        self._lock = threading.Lock()
        self._closed = False

    def isolate(self, run: Run) -> None:
        """Make ``run`` run in a child, where its module can be imported there."""
        task_class = run.queue._registry.by_type.get(run.taken.type)
        if task_class is None:
            return
        module = task_class.__module__
        script = ""
        if module in ("__main__", "__mp_main__"):
            script = getattr(sys.modules.get("__main__"), "__file__", None) or ""
            if not script:
                return
        run.child = ChildCall(self, run, module, script)

    def take(self, settings: Settings) -> Child:
        """An idle child, or a new one."""
        with self._lock:
            while self._idle:
                child = self._idle.pop()
                if child.alive and child.jobs < JOBS_PER_CHILD:
                    return child
                child.close()
        return Child(settings)

    def give_back(self, child: Child) -> None:
        """Keep a child for the next job."""
        with self._lock:
            if not self._closed and child.alive:
                self._idle.append(child)
                return
        child.close()

    def close(self) -> None:
        """End them all."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for child in idle:
            child.close()


class ChildCall:
    """The call of one job's function in a child."""

    def __init__(self, children: Children, run: Run, module: str, script: str) -> None:
        self._children = children
        self._run = run
        self._module = module
        self._script = script
        self._child: Child | None = None
        self._stopped = False

    def stop(self) -> None:
        """Kill the child, now or as soon as there is one."""
        self._stopped = True
        child = self._child
        if child is not None:
            child.kill()

    def __call__(self, task: JobTask) -> Any:
        run = self._run
        child = self._child = self._children.take(run.queue.settings)
        child.jobs += 1
        if self._stopped:
            child.kill()
        child.send(self._order(task))
        kept = False
        try:
            while (message := child.receive()) is not None:
                if "progress" in message and len(message) == 1:
                    child.send({"status": run.progress(message["progress"])})
                elif "log" in message:
                    child.send({"status": run.log(message["log"])})
                else:
                    kept = True
                    return self._ended(message)
            if run.cancelling:
                raise CancelExecution("cancelled by an operator", retry=False)
            if run.closed or self._stopped:
                raise JobTimeout("its process was ended")
            raise WorkerDied(child.ending())
        finally:
            self._child = None
            if kept:
                self._children.give_back(child)
            else:
                child.close()

    def _order(self, task: JobTask) -> dict[str, Any]:
        context = self._run.context
        signature = type(task).signature
        payload = self._run.queue.codec.unpack(
            self._run.taken.payload, self._run.queue.name, self._run.id, self._run.taken.type
        )
        data = payload.data
        if payload.args is not None:
            data = signature.bind(payload.args, data)
        return {
            "queue": context.queue,
            "type": context.type,
            "module": self._module,
            "script": self._script,
            "data": data,
            "timeout": task.timeout,
            "context": {
                "id": context.id,
                "queue": context.queue,
                "type": context.type,
                "attempt": context.attempt,
                "generation": context.generation,
                "fence": context.fence,
                "last_progress": context.last_progress,
            },
        }

    def _ended(self, message: dict[str, Any]) -> Any:
        if message.get("progress"):
            self._run.context._unsent = message["progress"]
        if "error" not in message:
            if message["cut"]:
                logger.warning(
                    "%s: the result of job %s was over the limit and was cut",
                    self._run.queue.name, self._run.id,
                )  # fmt: skip
            return None if message["none"] else decode_value(message["value"])
        raise _error_of(message["error"])


def _error_of(told: dict[str, Any]) -> Exception:
    if later := told.get("later"):
        return RetryLater(later["delay"], later["counts"], later["message"])
    if retry := told.get("retry"):
        return RetryTask(retry["message"], delay=retry["delay"])
    if limit := told.get("limit"):
        return RateLimitExceeded(limit["key"], limit["delay"], retry=limit["retry"])
    if "locked" in told:
        return TaskLockedException(told["locked"])
    if cancel := told.get("cancel"):
        return CancelExecution(cancel["message"], retry=cancel["retry"])
    kind: Callable[[str, str], ForeignError] = (
        ForeignPermanentError if told["permanent"] else ForeignError
    )
    return kind(told["described"], told["traceback"])


def plain(settings: Settings) -> dict[str, Any]:
    """Settings as JSON for a child, secrets in the clear: the pipe is this process's own."""
    found: dict[str, Any] = {}
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if hasattr(value, "get_secret_value"):
            value = value.get_secret_value()
        if isinstance(value, tuple):
            value = [str(item) for item in value]
        as_is = value is None or isinstance(value, bool | int | float | list)
        found[name] = value if as_is else str(value)
    return found
