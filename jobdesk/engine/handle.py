"""What adding a job returns: a Huey ``Result`` that also knows the job's record."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from huey.api import Result, Task
from huey.constants import EmptyData
from huey.exceptions import ResultTimeout

from jobdesk.errors import JobFailed, ResultGone, WaitTimeout

if TYPE_CHECKING:
    from jobdesk.broker.endings import Ending
    from jobdesk.engine.queue import Queue
    from jobdesk.engine.task import JobTask
    from jobdesk.models import JobStatus

#: A step comes into its own queue so long after the one before it ended, at the latest.
ARRIVES_S = 15.0


class JobHandle(Result):  # type: ignore[misc]  # huey has no types
    """A job that was added: its id, where it stands, and its result when it has ended."""

    #: the job's id
    id: str = ""
    #: the id was there already: this is the job that had it, and nothing was written
    duplicate = False
    #: Redis could not be reached, and the task ran in this process instead
    in_place = False
    #: the jobs that this one follows: until they have ended, it is not there
    after: tuple[JobHandle, ...] = ()
    #: it follows them also when they fail: a chord's callback
    joins = False
    _result: Any = EmptyData
    _task: Task | None = None
    #: type, arguments and keywords, where there was no task
    _call: tuple[Any, ...] = ()

    def __init__(self, huey: Queue, task: Task) -> None:
        # in a pipeline through several queues, each step's result is in its own
        self.huey: Queue = getattr(type(task), "queue", None) or huey
        #: the queue's name
        self.queue: str = self.huey.name
        self.id = task.id
        self._task = task

    @classmethod
    def of(cls, kind: type[JobTask], job_id: str, args: Any, kwargs: dict[str, Any]) -> JobHandle:
        """The handle of a job of that type which was added without a task."""
        made = cls.__new__(cls)
        made.huey = kind.queue
        made.queue = kind.queue.name
        made.id = job_id
        made._call = (kind, args, kwargs)
        return made

    @property
    def task(self) -> Any:
        """The Huey task of the job, made where there was none."""
        if self._task is None:
            kind, args, kwargs = self._call
            self._task = kind(args, kwargs, id=self.id)
        return self._task

    @property
    def revoke_id(self) -> str:
        """The key of the job's revocation."""
        return f"r:{self.id}"

    def __repr__(self) -> str:
        return f"<JobHandle {self.queue}:{self.id}>"

    def status(self) -> JobStatus:
        """Where the job stands; ``JobNotFound`` when it is gone."""
        from jobdesk.broker.inspector import Inspector

        return Inspector(self.huey.broker).status(self.queue, self.id)

    def get_raw_result(
        self, blocking: bool = False, timeout: float | None = None, *args: Any, **options: Any
    ) -> Any:
        """As Huey's, but a blocking one ends when the job does, also without a result."""
        try:
            return super().get_raw_result(blocking, timeout, *args, **options)
        except ResultTimeout:
            if self._get() is EmptyData and self.huey.storage.has_ended(self.id):
                return self.huey.storage.refusal(self.id)
            raise

    def wait(self, timeout: float | None = None) -> Any:
        """Wait for the job's end and return its result.

        Raises ``JobFailed`` with the job's error, or with that of the step before it that failed,
        ``WaitTimeout`` after ``timeout`` seconds, and ``ResultGone`` when the job ended but its
        result is no longer kept.
        """
        if self.in_place and self._result is not EmptyData:
            return self._result
        from jobdesk.broker.events import wait_for_end

        until = None if timeout is None else time.monotonic() + timeout
        for job in self.after:
            with suppress(ResultGone, *([JobFailed] if self.joins else [])):
                job.wait(_left(until))
        arrives = time.monotonic() + ARRIVES_S
        while True:
            try:
                ending = wait_for_end(self.huey.broker, self.queue, self.id, _left(until))
            except ResultGone:
                if not self.after or time.monotonic() > arrives:
                    raise
                if _left(until) == 0:
                    raise WaitTimeout(
                        f"job {self.id} of queue {self.queue} was not there after {timeout:g} s"
                    ) from None
                time.sleep(0.02)
            else:
                return result_of(self.queue, self.id, ending)


def _left(until: float | None) -> float | None:
    return None if until is None else max(0.0, until - time.monotonic())


def result_of(queue: str, job_id: str, ending: Ending) -> Any:
    """The result of a job that has ended, or its error raised as ``JobFailed``."""
    from jobdesk.engine.codec import decode_value

    if ending.state == "failed":
        raise JobFailed(
            f"job {queue}:{job_id} failed: {ending.error}",
            error=ending.error,
            traceback=ending.traceback,
        )
    return None if ending.result is None else decode_value(ending.result)
