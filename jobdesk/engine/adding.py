"""Adding jobs by the names of queue and type, one or many: by ``Queue.enqueue``, or past it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jobdesk.broker.keys import Field
from jobdesk.broker.transitions import BATCH
from jobdesk.engine import direct
from jobdesk.engine.direct import Draft, Usual
from jobdesk.engine.handle import JobHandle
from jobdesk.engine.options import as_data, options_of
from jobdesk.errors import (
    AddUnconfirmed,
    BadInput,
    BrokerError,
    InvalidJobData,
    RedisUnavailable,
    UnknownType,
)
from jobdesk.models import NO_OPTIONS, JobSpec, NewJob

if TYPE_CHECKING:
    from jobdesk.broker.transitions import SentJobs
    from jobdesk.engine.catalog import Catalog
    from jobdesk.engine.queue import Queue
    from jobdesk.engine.task import JobTask


def add(
    catalog: Catalog,
    name: str,
    spec: JobSpec,
    words: Mapping[str, Any] | None = None,
    *,
    origin: str = "",
) -> JobHandle:
    """Check one job and add it; ``origin`` is the job that it was made from."""
    kind = catalog.task_class(name, spec.type)
    if spec.options is None and not words and not origin:
        usual = Usual.of(kind)
        if usual is not None:
            return direct.add(usual, (), as_data(spec.data, name, spec.type))
    task = _task(kind, name, spec, words)
    queue = kind.queue
    if origin:
        with queue.batch() as batch:
            handle = queue.enqueue(task) or JobHandle(queue, task)
        for job in batch:
            ours = replace(job, fields=(*job.fields, (Field.ORIGIN, origin)))
            handle.duplicate = queue.send([ours])[0]
        return handle
    # A queue with ``results=False`` returns nothing.
    return queue.enqueue(task) or JobHandle(queue, task)


def add_many(catalog: Catalog, name: str, specs: Iterable[Any]) -> list[JobHandle]:
    """Check jobs and add them; all are checked before the first is sent."""
    queue = catalog.queue(name)
    specs = list(specs)
    drafts: list[Draft | _Made] = []
    kinds: dict[str, tuple[type[JobTask], Usual | None]] = {}
    for number, given in enumerate(specs, 1):
        try:
            spec = _spec(given)
            found = kinds.get(spec.type)
            if found is None:
                kind = catalog.task_class(name, spec.type)
                found = kinds[spec.type] = (kind, Usual.of(kind))
            kind, usual = found
            queue = kind.queue
            if usual is not None and spec.options is None:
                drafts.append(usual.draft((), as_data(spec.data, name, spec.type)))
            else:
                drafts.append(_made(_task(kind, name, spec)))
        except BadInput as exc:
            raise type(exc)(f"job {number} of {len(specs)}: {exc}; none was added") from exc
    if queue.immediate:
        # they have run, and there is nothing to send
        return [draft.handle() for draft in drafts]
    return _send(queue, drafts)


class _Made:
    """A job that had to be made of a task: as :class:`~jobdesk.engine.direct.Draft`."""

    __slots__ = ("_handle", "_job")

    def __init__(self, job: NewJob | None, handle: JobHandle) -> None:
        self._job = job
        self._handle = handle

    def job(self) -> NewJob:
        """The job as it is sent."""
        assert self._job is not None
        return self._job

    def handle(self) -> JobHandle:
        """What the caller gets."""
        return self._handle


def _made(task: JobTask) -> _Made:
    queue = type(task).queue
    with queue.batch() as batch:
        handle = queue.enqueue(task) or JobHandle(queue, task)
    return _Made(batch[0] if batch else None, handle)


def _send(queue: Queue, drafts: Sequence[Draft | _Made]) -> list[JobHandle]:
    """Add jobs by the hundred; the next are signed while Redis is at work on those before."""
    handles: list[JobHandle] = []
    added = 0
    under_way: SentJobs | None = None

    def answered() -> int:
        if under_way is not None:
            duplicates = under_way.duplicates()
            for handle, duplicate in zip(handles[added:], duplicates, strict=True):
                handle.duplicate = duplicate
        return len(handles)

    try:
        for start in range(0, len(drafts), BATCH):
            part = drafts[start : start + BATCH]
            jobs = [draft.job() for draft in part]
            added = answered()
            under_way = queue.send_off(jobs)
            handles += [draft.handle() for draft in part]
        answered()
    except BrokerError as exc:
        lost = isinstance(exc, RedisUnavailable) and exc.sent
        if added == 0 and not lost:
            raise
        doubt = f", the next {BATCH} perhaps" if lost else ""
        raise AddUnconfirmed(
            f"the first {added} of {len(drafts)} jobs were added{doubt}, then: {exc}; adding them"
            " again under the same job_ids doubles none",
            job_id=jobs[0].id if added == len(handles) else handles[added].id,
        ) from exc
    return handles


def _spec(given: Any) -> JobSpec:
    if isinstance(given, tuple) and 1 <= len(given) <= 3:
        given = JobSpec(*given)
    if not isinstance(given, JobSpec):
        raise InvalidJobData(
            f"a job is JobSpec(type, data, options) or a tuple of them, got {given!r:.60}"
        )
    if not isinstance(given.type, str):
        raise UnknownType(f"a type is named by a string, got {given.type!r:.60}")
    return given


def _task(
    task_class: type[JobTask],
    name: str,
    spec: JobSpec,
    words: Mapping[str, Any] | None = None,
) -> JobTask:
    """The Huey task of a job: the options are checked here, the data when it is enqueued."""
    options = options_of(spec.options, words)
    data = as_data(spec.data, name, spec.type)
    task = task_class((), data, id=options.job_id)
    if options is not NO_OPTIONS:
        task.job_options = options
    return task
