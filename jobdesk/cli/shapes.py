"""The JSON of the original's HTTP API, made of jobdesk's values: camelCase, milliseconds.

Monitors parse these: a name here is a promise. Data, results and progress are given as they are to
be shown; ``hide`` takes the secrets out of them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from jobdesk.models import (
    DEFAULT_OPTIONS,
    Backoff,
    Event,
    Job,
    JobOptions,
    JobState,
    QueueStats,
    Retention,
    ScheduleInfo,
    WorkerInfo,
    instant_ms,
)

if TYPE_CHECKING:
    from jobdesk.broker.events import Gap

Hide = Callable[[Any], Any]

_EVENT_NAMES = {"w": "worker", "a": "attempt", "err": "error", "run_at": "runAt"}
_EVENT_NUMBERS = frozenset({"a", "count", "delay", "run_at", "stalls"})


def stats(queue: QueueStats) -> dict[str, Any]:
    """The counts of a queue."""
    return {
        "name": queue.name,
        "waiting": queue.waiting,
        "active": queue.active,
        "completed": queue.completed,
        "failed": queue.failed,
        "delayed": queue.delayed,
        "paused": queue.paused,
    }


def job(found: Job, *, paused: bool, hide: Hide) -> dict[str, Any]:
    """A job, in the state ``paused`` where it waits in a paused queue."""
    return {
        "jobId": found.id,
        "queueName": found.queue,
        "type": found.type,
        "state": state(found.state, paused=paused),
        "progress": 0 if found.progress is None else hide(found.progress),
        "data": hide(found.data),
        "options": job_options(found),
        "timestamp": found.added_ms,
        "processedOn": found.started_ms,
        "finishedOn": found.finished_ms,
        "failedReason": found.failed_reason or None,
        "returnValue": hide(found.return_value),
        "attemptsMade": found.attempts_made,
        "stacktrace": list(found.stacktrace),
    }


def state(of: JobState, *, paused: bool) -> str:
    """What a job's state is called while its queue is paused, or is not."""
    return (JobState.PAUSED if paused and of is JobState.WAITING else of).value


def job_options(found: Job) -> dict[str, Any]:
    """A stored job's options; its delay is what is left of being added to be run later."""
    shown = options(found.options.over(JobOptions(backoff=DEFAULT_OPTIONS.backoff)))
    if found.run_at_ms is not None and not found.retrying and found.state is JobState.DELAYED:
        shown["delay"] = max(0, found.run_at_ms - found.added_ms)
    return shown


def options(given: JobOptions) -> dict[str, Any]:
    """Job options, those that are set. Spans are in milliseconds, ages of retention in seconds."""
    shown: dict[str, Any] = {}
    if given.priority is not None:
        shown["priority"] = given.priority
    if given.delay is not None:
        shown["delay"] = _ms(given.delay)
    if given.attempts is not None:
        shown["attempts"] = given.attempts
    if isinstance(given.backoff, Backoff):
        shown["backoff"] = backoff(given.backoff)
    if given.timeout is not None:
        shown["timeout"] = _ms(given.timeout)
    if isinstance(given.expires, datetime):
        shown["expires"] = instant_ms(given.expires, "expires")
    elif given.expires is not None:
        shown["expires"] = _ms(given.expires)
    for name, kept in (
        ("removeOnComplete", given.remove_on_complete),
        ("removeOnFail", given.remove_on_fail),
    ):
        if isinstance(kept, Retention):
            shown[name] = kept.as_option()
    if given.lifo:
        shown["lifo"] = True
    return shown


def backoff(rule: Backoff) -> dict[str, Any]:
    """A backoff, its delays in milliseconds."""
    shown: dict[str, Any] = {"type": rule.kind, "delay": rule.delay_ms}
    if rule.max_delay_ms is not None:
        shown["maxDelay"] = rule.max_delay_ms
    if rule.jitter:
        shown["jitter"] = rule.jitter
    if rule.kind == "geometric":
        shown["factor"] = rule.factor
    return shown


def event(happened: Event) -> dict[str, Any]:
    """An event, with the extras that its kind has."""
    shown: dict[str, Any] = {"queue": happened.queue, "event": happened.name}
    if happened.job_id:
        shown |= {"jobId": happened.job_id, "type": happened.type}
    shown["timestamp"] = happened.timestamp_ms
    for name, value in happened.fields.items():
        shown.setdefault(_EVENT_NAMES.get(name, name), _event_value(name, value))
    return shown


def gap(missing: Gap) -> dict[str, Any]:
    """Events that were trimmed before they were read: an extension, as are others."""
    return {"queue": missing.queue, "event": "gap", "missed": missing.missed}


def worker(up: WorkerInfo) -> dict[str, Any]:
    """A worker, as it reported itself."""
    return {
        "id": up.id,
        "host": up.host,
        "pid": up.pid,
        "queues": list(up.queues),
        "slots": up.slots,
        "active": {queue: list(ids) for queue, ids in up.in_hand.items()},
        "version": up.version,
        "startedOn": up.started_ms,
        "lastBeat": up.beat_ms,
    }


def schedule(known: ScheduleInfo) -> dict[str, Any]:
    """A schedule."""
    return {
        "name": known.name,
        "queueName": known.queue,
        "type": known.type,
        "crontab": known.crontab,
        "paused": known.paused,
        "lastRun": known.last_ms,
        "nextRun": known.next_ms,
    }


def _event_value(name: str, value: str) -> Any:
    if name in _EVENT_NUMBERS:
        try:
            return int(float(value))
        except ValueError:
            return value
    return True if name == "forced" else value


def _ms(value: float | timedelta) -> int:
    span = value.total_seconds() if isinstance(value, timedelta) else value
    return round(span * 1000)
