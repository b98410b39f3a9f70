"""Jobs that run in a process of their own: those of ``in_child`` queues, and suspects.

A suspect is a job whose worker vanished while it ran: it may have been the cause. Its next run is
alone in a child, so that a crash ends its own attempt only, as ``WorkerDied``. The children are
warm ``subprocess`` workers (never forks of a process with threads), kept for the next job.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from huey.exceptions import (
    CancelExecution,
    RateLimitExceeded,
    RetryTask,
    TaskLockedException,
    TaskTimeout,
)

from jobdesk.engine.codec import decode_value
from jobdesk.engine.run import ForeignError
from jobdesk.errors import PermanentError, RetryLater, WorkerDied

if TYPE_CHECKING:
    from jobdesk.engine.run import Run
    from jobdesk.engine.task import JobTask
    from jobdesk.settings import Settings

logger = logging.getLogger("jobdesk.worker")

#: A child is replaced after this many jobs, so that what they leak is given back.
JOBS_PER_CHILD = 200
#: A crash may make suspects of all jobs that its worker had: so many of them run at once.
SUSPECTS_AT_ONCE = max(2, os.cpu_count() or 1)
#: A child that dies before it has its job is no fault of the job: so many are tried.
TRIES = 3


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
            # The terminal's Ctrl-C is the worker's to hear.
            process_group=0,
        )
        self.send(
            {
                "path": sys.path,
                "settings": plain(settings),
                "memory": settings.child_memory_bytes,
            }
        )
        if self.receive() is None:
            ending = self.ending()
            self.close()
            raise WorkerDied(f"a child process could not start: {ending}")

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
        self._busy: set[Child] = set()
        self._lock = threading.Lock()
        self._closed = False
        self._suspects = threading.BoundedSemaphore(SUSPECTS_AT_ONCE)
        #: told a job's deadline (monotonic) once its child has begun
        self.on_due: Callable[[float], None] = lambda _at: None

    def isolate(self, run: Run) -> None:
        """Make ``run`` run in a child, where its module can be imported there."""
        task_class = run.queue._registry.by_type.get(run.taken.type)
        if task_class is None or not (task_class.found_by_import or run.queue.in_child):
            return
        module = task_class.__module__
        script = ""
        if module in ("__main__", "__mp_main__"):
            script = getattr(sys.modules.get("__main__"), "__file__", None) or ""
            if not script:
                return
        # The time that a child takes to start is not the job's.
        run.deadline = None
        run.child = ChildCall(self, run, module, script)

    @contextmanager
    def turn(self, call: ChildCall) -> Iterator[None]:
        """Wait until another suspect may run; returns early when ``call`` is stopped."""
        if call.trusted:
            yield
            return
        got = False
        while not got and not call.is_stopped():
            got = self._suspects.acquire(timeout=0.1)
        try:
            yield
        finally:
            if got:
                self._suspects.release()

    def take(self, settings: Settings) -> Child:
        """An idle child, or a new one."""
        with self._lock:
            while self._idle:
                child = self._idle.pop()
                if child.alive and child.jobs < JOBS_PER_CHILD:
                    self._busy.add(child)
                    return child
                child.close()
        child = Child(settings)
        with self._lock:
            self._busy.add(child)
            if self._closed:
                child.kill()
        return child

    def give_back(self, child: Child, *, keep: bool) -> None:
        """The job is over: keep the child for the next one, where it is fit for that."""
        with self._lock:
            self._busy.discard(child)
            if keep and not self._closed and child.alive:
                self._idle.append(child)
                return
        child.close()

    def close(self) -> None:
        """End them all, those at work too: their jobs have been given back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            for child in self._busy:
                child.kill()
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
        self._told_to_stop = False
        #: of a queue that runs in children anyway
        self.trusted = run.queue.in_child

    def is_stopped(self) -> bool:
        """Whether the job is not to run any more."""
        return self._told_to_stop or self._run.closed or self._run.cancelling

    def stop(self) -> None:
        """Kill the child, now or as soon as there is one."""
        self._told_to_stop = True
        child = self._child
        if child is not None:
            child.kill()

    def __call__(self, task: JobTask) -> Any:
        with self._children.turn(self):
            order = self._order(task)
            died = WorkerDied("no child process took the job")
            for _ in range(TRIES):
                if self.is_stopped():
                    raise self._stopping()
                try:
                    child = self._child = self._children.take(self._run.queue.settings)
                except WorkerDied as exc:
                    died = exc
                    continue
                child.jobs += 1
                if self.is_stopped():
                    child.kill()
                child.send(order)
                if child.receive() is not None:
                    return self._run_in(child, task)
                self._child = None
                self._children.give_back(child, keep=False)
            if self.is_stopped():
                raise self._stopping()
        raise died

    def _run_in(self, child: Child, task: JobTask) -> Any:
        """Listen to a child that has begun."""
        run = self._run
        if task.timeout and not run.closed:
            run.started = time.monotonic()
            run.deadline = run.started + task.timeout
            self._children.on_due(run.deadline)
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
            raise self._stopping() if self.is_stopped() else WorkerDied(child.ending())
        finally:
            self._child = None
            self._children.give_back(child, keep=kept)

    def _stopping(self) -> Exception:
        """What a job that was stopped from outside raises; its end is booked already."""
        stopped: Exception = TaskTimeout("its process was ended")
        if self._run.cancelling:
            stopped = CancelExecution("cancelled by an operator", retry=False)
        return stopped

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


def _error_of(told: dict[str, Any]) -> Any:
    """The exception that a child told of (huey's are untyped)."""
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
    found = settings.model_dump(mode="json")
    for name in found:
        value = getattr(settings, name)
        if hasattr(value, "get_secret_value"):
            found[name] = value.get_secret_value()
    return found
