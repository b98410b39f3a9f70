"""Adding jobs by the names of queue and type, one or many, through ``Queue.enqueue``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jobdesk.broker.keys import Field
from jobdesk.broker.transitions import BATCH
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
    task = _task(catalog.task_class(name, spec.type), name, spec, words)
    queue = type(task).queue
    if origin:
        with queue.batch() as batch:
            made = queue.enqueue(task) or JobHandle(queue, task)
        kept = [replace(job, fields=(*job.fields, (Field.ORIGIN, origin))) for job in batch]
        for duplicate in _send(queue, kept):
            made.duplicate = duplicate
        return made
    # A queue with ``results=False`` returns nothing.
    handle: JobHandle = queue.enqueue(task) or JobHandle(queue, task)
    return handle


def add_many(catalog: Catalog, name: str, specs: Iterable[Any]) -> list[JobHandle]:
    """Check jobs and add them; all are checked before the first is sent."""
    queue = catalog.queue(name)
    specs = list(specs)
    handles: list[JobHandle] = []
    classes: dict[str, type[JobTask]] = {}
    with queue.batch() as batch:
        for number, given in enumerate(specs, 1):
            try:
                spec = _spec(given)
                task_class = classes.get(spec.type)
                if task_class is None:
                    task_class = classes[spec.type] = catalog.task_class(name, spec.type)
                task = _task(task_class, name, spec)
                queue = task_class.queue
                handles.append(queue.enqueue(task) or JobHandle(queue, task))
            except BadInput as exc:
                raise type(exc)(f"job {number} of {len(specs)}: {exc}; none was added") from exc
    # In immediate mode the jobs have run, and there is nothing to send.
    for handle, duplicate in zip(handles, _send(queue, batch), strict=False):
        handle.duplicate = duplicate
    return handles


def _send(queue: Queue, jobs: Sequence[NewJob]) -> list[bool]:
    duplicates: list[bool] = []
    for start in range(0, len(jobs), BATCH):
        try:
            duplicates += queue.send(jobs[start : start + BATCH])
        except BrokerError as exc:
            lost = isinstance(exc, RedisUnavailable) and exc.sent
            if start == 0 and not lost:
                raise
            doubt = f", the next {BATCH} perhaps" if lost else ""
            raise AddUnconfirmed(
                f"the first {start} of {len(jobs)} jobs were added{doubt}, then: {exc}; adding them"
                " again under the same job_ids doubles none",
                job_id=jobs[start].id,
            ) from exc
    return duplicates


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
