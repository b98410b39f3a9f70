"""The usual add: a job made of its type and its data, without a Huey task.

A task is what Huey's signals carry, what who patches ``Huey.enqueue`` is shown, and what options
and continuations hang on. Where there is none of them it would be made to be thrown away, at a
third of what an add costs. :meth:`Usual.of` says whether that is so; :class:`Draft` is a job that
is checked and not sent yet.
"""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any

import huey.api
from huey.api import Huey, Task
from huey.signals import SIGNAL_ENQUEUED

from jobdesk.broker.ids import new_id
from jobdesk.engine import packing
from jobdesk.engine.handle import JobHandle
from jobdesk.engine.storage import outbox
from jobdesk.errors import RedisUnavailable
from jobdesk.models import NewJob

if TYPE_CHECKING:
    from jobdesk.engine.queue import Queue
    from jobdesk.engine.task import JobTask


def unpatched(method: Any) -> Any:
    """A method of Huey's, or None where somebody has put another in its place already."""
    own = type(method) is FunctionType and method.__code__.co_filename == huey.api.__file__
    return method if own else None


_ENQUEUE = unpatched(Huey.enqueue)


def unseen(queue: Queue) -> bool:
    """Whether nobody would see the task of a job that is added to ``queue`` now."""
    receivers = queue._signal.receivers
    return bool(
        Huey.enqueue is _ENQUEUE
        and queue.adds_directly
        and getattr(queue.enqueue, "__code__", None) is queue.enqueue_code
        and not receivers["any"]
        and not receivers.get(SIGNAL_ENQUEUED)
        and not queue._immediate
        and queue.results
        and outbox.batch is None
    )


class Usual:
    """What all jobs of a type have in common that say nothing of their own."""

    __slots__ = ("_fields", "_fits", "_lifo", "_priority", "_source", "kind", "queue", "signature")

    def __init__(self, kind: type[JobTask], source: tuple[Any, ...]) -> None:
        self.kind = kind
        self.queue = kind.queue
        self.signature = kind.signature
        self._source = source
        #: whether its jobs can be made without a task at all
        self._fits = (
            kind.__init__ is Task.__init__
            and source[-1] is kind.create_id_code
            and kind.default_expires is None
        )
        self._fields: tuple[tuple[str, str | int], ...] = ()
        if self._fits:
            task = kind()
            self._fields = tuple(packing.record_fields(task, self.queue).items())
            self._priority = packing.stored_priority(task, self.queue)
            self._lifo = bool(packing.type_defaults(task, self.queue).lifo)

    @classmethod
    def of(cls, kind: type[JobTask]) -> Usual | None:
        """How to make jobs of that type; None where a task has to be made."""
        queue = kind.queue
        if not unseen(queue) or kind.type_name not in queue._registry.by_type:
            return None
        source = (
            queue, queue.defaults, kind.job_defaults, kind.default_retries, kind.default_timeout,
            kind.default_priority, kind.default_expires, kind.default_retry_delay,
            kind.default_retry_backoff, getattr(kind.create_id, "__code__", None),
        )  # fmt: skip
        known: Usual | None = kind.__dict__.get("usual")
        if known is None or known._source != source:
            known = kind.usual = cls(kind, source)
        return known if known._fits else None

    def draft(self, args: Any, kwargs: dict[str, Any]) -> Draft:
        """A job of these arguments, checked as a call of the function: ``InvalidJobData``."""
        body = self.queue.codec.body(self.signature.bind(args, kwargs))
        return Draft(self, args, kwargs, body)

    def job(self, body: bytes) -> NewJob:
        """A new job with that JSON as its data."""
        queue, kind, made = self.queue, self.kind.type_name, new_id()
        return NewJob(
            id=made,
            type=kind,
            payload=queue.codec.seal(body, queue.name, made, kind),
            priority=self._priority,
            lifo=self._lifo,
            fields=self._fields,
        )


class Draft:
    """A job that is checked, and has no id and no signature yet."""

    __slots__ = ("_args", "_body", "_id", "_kwargs", "_usual")

    def __init__(self, usual: Usual, args: Any, kwargs: dict[str, Any], body: bytes) -> None:
        self._usual = usual
        self._args = args
        self._kwargs = kwargs
        self._body = body
        self._id = ""

    def job(self) -> NewJob:
        """The job as it is sent, under a new id."""
        job = self._usual.job(self._body)
        self._id = job.id
        return job

    def handle(self) -> JobHandle:
        """What the caller gets for :meth:`job`."""
        return JobHandle.of(self._usual.kind, self._id, self._args, self._kwargs)


def add(usual: Usual, args: Any, kwargs: dict[str, Any]) -> JobHandle:
    """Check one job and add it; raises what :meth:`Queue.enqueue` does."""
    queue = usual.queue
    draft = usual.draft(args, kwargs)
    job = draft.job()
    try:
        sent = queue.send_off([job])
        handle = draft.handle()  # while Redis is at work
        handle.duplicate = sent.duplicates()[0]
    except RedisUnavailable as exc:
        return queue.without_redis(draft.handle(), exc)
    return handle
