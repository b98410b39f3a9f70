"""What follows a job: pipelines, error handlers and chords, also from queue to queue.

A continuation in the same queue is added by the script that books the finish. One for another
queue lives in another hash slot, so the finish puts it on its own queue's ``outgoing`` list, from
where the worker delivers it: under an id fixed when the pipeline was made, so that delivering twice
is harmless. What a dead worker left there, the next housekeeping delivers.
"""

from __future__ import annotations

import copy
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from huey.api import Huey, Task
from huey.utils import Error

from jobdesk.broker.exchange import Finish, Outcome
from jobdesk.broker.transitions import Transitions
from jobdesk.engine import packing
from jobdesk.engine.codec import decode_value, encode_value, task_exception
from jobdesk.engine.run import Run
from jobdesk.errors import JobdeskError
from jobdesk.models import NewJob

if TYPE_CHECKING:
    from huey.utils import ChordConfig

    from jobdesk.engine.queue import Queue

logger = logging.getLogger("jobdesk.queue")

#: Housekeeping leaves alone what its own worker is likely to be delivering right now.
LEFT_BEHIND_S = 5.0
PAGES_AT_ONCE = 20
DELIVERED_AT_ONCE = 50


def follows(task: Task, run: Run) -> bool:
    """Whether Huey enqueues ``task`` as the continuation of the job in hand."""
    current = getattr(run, "task", None)
    if current is None:
        return False
    if task is current.on_complete:
        return True
    handler = current.on_error
    if handler is not None and task is not handler and task.id == handler.id:
        _name(task, run)
        return True
    return False


def _name(handler: Task, run: Run) -> None:
    """One handler serves every failed attempt, so each of its runs needs an id of its own."""
    handler.id = f"{handler.id}.{run.taken.generation}-{run.taken.attempts_made + 1}"
    handler.revoke_id = f"r:{handler.id}"


def following(
    queue: Queue, task: Task, run: Run, exc: BaseException | None
) -> tuple[tuple[NewJob, ...], tuple[bytes, ...]]:
    """``task``, which follows ``run``, as its end takes it: added with it, or delivered afterwards.

    ``exc``: what the job has raised.
    """
    if exc is not None:
        raised = task_exception(exc, run.id)
        task.args = tuple(raised if arg is exc else arg for arg in task.args)
    name, job = packing.continued_job(task, queue)
    if not isinstance(task, packing.Remote):
        # for its signals and for whoever patches it; what it would send is left to the finish
        with queue.batch() as batch:
            Huey.enqueue(queue, task)
        batch.clear()
    if name == run.queue.name:
        return (job,), ()
    return (), (outgoing_job(name, job),)


def after_failure(run: Run, task: Task | None, finish: Finish, exc: Exception) -> Finish:
    """``finish`` with what Huey has follow a job that failed with ``exc``.

    For an end that the job's own thread does not book, since it is held up, or never began the job:
    the error handler, and after the last attempt the report to the chord of which the job, or what
    was to follow it, is a member. ``task``: None where the job was not begun.
    """
    queue = run.queue
    if task is None:
        try:
            task = packing.task_of(run, queue)
        except (JobdeskError, ValueError, TypeError) as why:
            logger.warning("%s: what follows job %s cannot be read: %s", queue.name, run.id, why)
            return finish
    final = finish.outcome is not Outcome.RETRY
    adds: tuple[NewJob, ...] = ()
    outgoing: tuple[bytes, ...] = ()
    if task.on_error is not None and (final or queue.store_intermediate_errors):
        handler = copy.copy(task.on_error)
        handler.extend_data(exc)
        _name(handler, run)
        owner = queue if isinstance(handler, packing.Remote) else packing.queue_of(handler)
        adds, outgoing = following(owner, handler, run, exc)
    while final and task is not None:
        if task.chord_config is not None:
            error = Error({**queue.build_error_result(task, exc), "traceback": ""})
            outgoing += (outgoing_member(task.chord_config, error),)
            break
        task = task.on_complete
    return replace(finish, adds=adds, outgoing=outgoing)


def outgoing_job(queue: str, job: NewJob) -> bytes:
    """An entry of ``outgoing``: a job for another queue."""
    return _entry(
        {
            "to": queue,
            "job": {
                "id": job.id,
                "type": job.type,
                "payload": job.payload.decode(),
                "priority": job.priority,
                "delay_ms": job.delay_ms,
                "run_at_ms": job.run_at_ms,
                "fields": dict(job.fields),
            },
        }
    )


def outgoing_member(config: ChordConfig, value: Any) -> bytes:
    """An entry of ``outgoing``: the result of a chord's member, for the callback's queue."""
    callback = packing.continuation(config.callback)
    return _entry(
        {
            "to": callback["q"],
            "chord": config.cid,
            "size": config.size,
            "index": config.idx,
            "value": encode_value(value).decode(),
            "callback": callback,
        }
    )


def _entry(found: dict[str, Any]) -> bytes:
    found["at"] = round(time.time(), 3)
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode()


def deliver(queue: Queue, entries: Sequence[bytes]) -> int:
    """Deliver entries of this queue's ``outgoing`` list and take them off it; how many.

    One that cannot be delivered now, or not be read (another release wrote it), stays.
    """
    delivered = 0
    for entry in entries:
        try:
            _deliver(queue, json.loads(entry))
        except JobdeskError as exc:
            logger.warning("%s: a continuation waits to be delivered: %s", queue.name, exc)
            continue
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            logger.warning("%s: a continuation cannot be read: %r", queue.name, exc)
            continue
        with queue.broker.errors("LREM"):
            client: Any = queue.broker.client
            client.lrem(queue.transitions.keys.outgoing, 1, entry)
        delivered += 1
    return delivered


def deliver_left_behind(queue: Queue) -> None:
    """Deliver what a worker that is gone has left, and go on behind what cannot be delivered."""
    client: Any = queue.broker.client
    first, old = 0, time.time() - LEFT_BEHIND_S
    for _ in range(PAGES_AT_ONCE):
        with queue.broker.errors("LRANGE"):
            page: list[bytes] = client.lrange(
                queue.transitions.keys.outgoing, first, first + DELIVERED_AT_ONCE - 1
            )
        delivered = deliver(queue, [entry for entry in page if _added(entry) < old])
        if delivered or len(page) < DELIVERED_AT_ONCE:
            return
        first += DELIVERED_AT_ONCE


def _added(entry: bytes) -> float:
    """When an entry was made; 0 where it does not say."""
    try:
        return float(json.loads(entry)["at"])
    except (ValueError, KeyError, TypeError):
        return 0.0


def _deliver(queue: Queue, found: dict[str, Any]) -> None:
    target = Transitions(queue.broker, found["to"])
    if "job" in found:
        job = dict(found["job"])
        job["payload"] = job["payload"].encode()
        job["fields"] = tuple(job["fields"].items())
        target.add([NewJob(**job)])
        return
    results = target.join_chord(
        found["chord"], found["index"], found["size"], found["value"].encode()
    )
    if results is None:
        return
    callback = packing.from_continuation(found["callback"], queue)
    callback.extend_data(([decode_value(raw) for raw in results],))
    name, job_ = packing.continued_job(callback, queue)
    if isinstance(callback, packing.Remote):
        target.add([job_])
        return
    owner = packing.queue_of(callback)
    with owner.batch() as batch:
        # through Huey's own enqueue, for its signals and for whoever patches it
        Huey.enqueue(owner, callback)
    batch.clear()
    Transitions(queue.broker, name).add([job_])
