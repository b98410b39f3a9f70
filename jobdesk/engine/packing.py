"""A Huey task as a job on its way to Redis, and a stored job as a Huey task.

Three forms of one thing: the ``Task`` that application code and Huey handle, the
:class:`~jobdesk.models.NewJob` that the scripts take, and the *continuation*, a JSON object inside
a payload: ``{"q": queue, "t": type, "id": id, "a": [args], "d": {kwargs}, "o": {options}}`` with
``then``, ``error`` and ``chord`` where something hangs on it in turn.
"""

from __future__ import annotations

import calendar
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from huey.api import Task
from huey.utils import ChordConfig

from jobdesk.engine.codec import Payload
from jobdesk.errors import BadPayload, CorruptRecord, InvalidAttempts, InvalidExpires
from jobdesk.models import (
    DEFAULT_OPTIONS,
    NO_OPTIONS,
    NO_PRIORITY,
    Backoff,
    JobOptions,
    NewJob,
    Retention,
    check_attempts,
    check_delay_ms,
    check_job_id,
    check_priority,
    check_timeout_ms,
    instant_ms,
    seconds,
)

if TYPE_CHECKING:
    from jobdesk.engine.queue import Queue
    from jobdesk.engine.run import Run
    from jobdesk.engine.task import JobTask

_DEFAULT_BACKOFF = cast("Backoff", DEFAULT_OPTIONS.backoff).encode()


def to_ms(naive: datetime, utc: bool) -> int:
    """Milliseconds since 1970 of the naive instants that Huey keeps: in UTC, or local time.

    Cut, not rounded: what is read back is never later than what was given.
    """
    if utc and naive.utcoffset() is None:
        seconds_ = calendar.timegm(naive.timetuple())
    else:
        seconds_ = round(naive.replace(microsecond=0).timestamp())
    return seconds_ * 1000 + naive.microsecond // 1000


def exact_ms(naive: datetime, utc: bool) -> int | str:
    """As :func:`to_ms`, with the microseconds after the point where there are any."""
    whole = naive.replace(microsecond=naive.microsecond // 1000 * 1000)
    rest = naive.microsecond % 1000
    ms = to_ms(whole, utc)
    return f"{ms}.{rest:03d}" if rest else ms


def from_ms(ms: float, utc: bool) -> datetime:
    """The opposite of :func:`to_ms`."""
    if utc:
        return datetime.fromtimestamp(ms / 1000, UTC).replace(tzinfo=None)
    return datetime.fromtimestamp(ms / 1000)  # noqa: DTZ006 - Huey's local time, where utc=False


def record_fields(task: Task, queue: Queue) -> dict[str, str | int]:
    """What the record of ``task`` says beside type and place: every option, checked."""
    options = task_options(task)
    defaults = type_defaults(task, queue)
    attempts = options.attempts
    if attempts is None:
        retries = task.retries
        if isinstance(retries, bool) or not isinstance(retries, int) or retries < 0:
            raise InvalidAttempts(f"retries must be an integer of 0 or more, got {retries!r}")
        attempts = check_attempts(retries + 1)
    fields: dict[str, str | int] = {"at": attempts}
    backoff = job_backoff(task, options, defaults)
    if (
        backoff is not DEFAULT_OPTIONS.backoff
        and isinstance(backoff, Backoff)
        and (text := backoff.encode()) != _DEFAULT_BACKOFF
    ):
        fields["bk"] = text
    timeout = options.timeout if options.timeout is not None else task.timeout
    if timeout == 0 and options.timeout is None:
        fields["to"] = 0  # Huey's way to lift the type's timeout from one job
    elif (timeout_ms := check_timeout_ms(timeout)) is not None:
        fields["to"] = timeout_ms
    if task.expires_resolved is not None:
        fields["ex"] = exact_ms(task.expires_resolved, queue.utc)
    elif options.expires is not None:
        fields["ex"] = expires_ms(options.expires)
    for name, field in (("remove_on_complete", "rc"), ("remove_on_fail", "rf")):
        own = getattr(options, name)
        if own is None:
            own = getattr(defaults, name)
        usual = getattr(queue.defaults, name)
        if own is not None and own is not usual and own != usual:
            fields[field] = cast("Retention", own).encode()
    return fields


def _usual_fields(task: Task, queue: Queue) -> tuple[tuple[str, str | int], ...]:
    """The same as pairs: worked out once for all jobs of a type that say nothing of their own."""
    kind = type(task)
    usual = (
        task_options(task) is NO_OPTIONS
        and task.expires_resolved is None
        and task.retries is kind.default_retries
        and task.timeout is kind.default_timeout
        and task.retry_delay is kind.default_retry_delay
        and task.retry_backoff is kind.default_retry_backoff
    )
    if not usual:
        return tuple(record_fields(task, queue).items())
    source = (
        kind.default_retries, kind.default_timeout, type_defaults(task, queue), queue.defaults
    )  # fmt: skip
    known: tuple[Any, Any] | None = kind.__dict__.get("usual_fields")
    if known is None or known[0] != source:
        known = kind.usual_fields = (source, tuple(record_fields(task, queue).items()))
    return cast("tuple[tuple[str, str | int], ...]", known[1])


def job_backoff(task: Task, options: JobOptions, defaults: JobOptions) -> Any:
    """The job's backoff: its own, Huey's retry_delay where given, else its type's."""
    if options.backoff is not None:
        return options.backoff
    kind = type(task)
    if (
        task.retry_delay != kind.default_retry_delay
        or task.retry_backoff != kind.default_retry_backoff
    ):
        return Backoff.geometric(task.retry_delay or 0, task.retry_backoff or 1)
    return defaults.backoff


def expires_ms(expires: Any) -> int:
    """When a job expires, ms since 1970, from an aware instant or a span from now."""
    if isinstance(expires, datetime):
        return instant_ms(expires, "expires")
    return round((time.time() + seconds(expires, "expires", InvalidExpires)) * 1000)


def task_options(task: Task) -> JobOptions:
    """The options given for this one job."""
    return getattr(task, "job_options", None) or NO_OPTIONS


def type_defaults(task: Task, queue: Queue) -> JobOptions:
    """The defaults of the task's type, over its queue's."""
    return getattr(type(task), "job_defaults", None) or queue.defaults


def new_job(task: Task, queue: Queue, payload: Payload, *, strict: bool) -> NewJob:
    """``task`` as the scripts take it, checked and encoded. Nothing is sent."""
    options = task_options(task)
    kind: str = type_name(task)
    delay = run_at = 0
    fields = _usual_fields(task, queue)
    if task.eta is not None and queue.as_huey:
        fields = (*fields, ("eta", to_ms(task.eta, queue.utc)))
    elif task.eta is not None:
        run_at = to_ms(task.eta, queue.utc)
    elif options.run_at is not None:
        run_at = instant_ms(options.run_at, "run_at")
    elif options.delay is not None:
        delay = check_delay_ms(options.delay)
    lifo = options.lifo if options.lifo is not None else type_defaults(task, queue).lifo
    return NewJob(
        id=task.id,
        type=kind,
        payload=queue.codec.pack(payload, queue.name, task.id, kind, strict=strict),
        priority=stored_priority(task, queue),
        delay_ms=delay,
        run_at_ms=run_at,
        lifo=bool(lifo),
        fields=fields,
    )


def stored_priority(task: Task, queue: Queue) -> int:
    """The priority of the job, 1 to 11; refused where it is none.

    A queue that has them as Huey does takes any number, higher first: 1 is the lowest, 10 and
    above are all the highest, 0 and None are last.
    """
    given = task_options(task).priority
    if given is None and queue.as_huey:
        return NO_PRIORITY - max(0, min(10, round(task.priority or 0)))
    checked = check_priority(given if given is not None else task.priority)
    return NO_PRIORITY if checked is None else checked


def shown_priority(stored: int, task: Task, queue: Queue) -> int | None:
    """The opposite of :func:`stored_priority`, for a task that is read back."""
    if not queue.as_huey:
        return stored if stored < NO_PRIORITY else task.priority
    if stored == NO_PRIORITY and type(task).default_priority is None:
        return None
    return NO_PRIORITY - stored


def payload_of(task: Task, data: dict[str, Any] | None) -> Payload:
    """What is kept of ``task``: its bound data, or its raw arguments where that is None."""
    if task.on_complete is None and task.on_error is None and task.chord_config is None:
        if data is not None:
            return Payload(data)
        return Payload(dict(task.kwargs), list(task.args) or None)
    return Payload(
        dict(task.kwargs) if data is None else data,
        (list(task.args) or None) if data is None else None,
        then=None if task.on_complete is None else continuation(task.on_complete),
        error=None if task.on_error is None else continuation(task.on_error),
        chord=None if task.chord_config is None else chord_of(task.chord_config),
    )


def continuation(task: Task) -> dict[str, Any]:
    """``task`` as a JSON object inside another job's payload."""
    queue: Queue = queue_of(task)
    check_job_id(task.id)
    options: dict[str, Any] = {"f": record_fields(task, queue)}
    given = task_options(task)
    if (priority := stored_priority(task, queue)) != NO_PRIORITY:
        options["p"] = priority
    if task.eta is not None:
        options["at"] = to_ms(task.eta, queue.utc)
    elif given.delay is not None:
        options["delay"] = check_delay_ms(given.delay)
    found: dict[str, Any] = {"q": queue.name, "t": type_name(task), "id": task.id, "o": options}
    if task.args:
        found["a"] = list(task.args)
    if task.kwargs:
        found["d"] = dict(task.kwargs)
    if task.on_complete is not None:
        found["then"] = continuation(task.on_complete)
    if task.on_error is not None:
        found["error"] = continuation(task.on_error)
    if task.chord_config is not None:
        found["chord"] = chord_of(task.chord_config)
    return found


def chord_of(config: ChordConfig) -> dict[str, Any]:
    """A chord's membership as a JSON object."""
    return {
        "id": config.cid,
        "size": config.size,
        "index": config.idx,
        "callback": continuation(config.callback),
    }


class Remote(Task):  # type: ignore[misc]  # huey has no types
    """A continuation whose type this process does not have: it is carried, never run here."""

    queue_name: str = ""
    type_name: str = ""

    def execute(self) -> Any:
        raise BadPayload(f"{self.queue_name}:{self.type_name} belongs to another worker")


def from_continuation(found: dict[str, Any], queue: Queue) -> Task:
    """The task that a continuation stands for."""
    name, kind = str(found["q"]), str(found["t"])
    task_class = queue.task_class(name, kind)
    options = found.get("o") or {}
    args, kwargs = tuple(found.get("a") or ()), dict(found.get("d") or {})
    if task_class is None:
        task = Remote(args, kwargs, id=found["id"])
        task.queue_name, task.type_name = name, kind
    else:
        task = task_class(args, kwargs, id=found["id"])
    task.stored = options
    if "at" in options:
        task.eta = from_ms(int(options["at"]), queue.utc)
    task.priority = options.get("p")
    attach(
        task, Payload({}, None, found.get("then"), found.get("error"), found.get("chord")), queue
    )
    return task


def attach(task: Task, payload: Payload, queue: Queue) -> None:
    """Hang the continuations of ``payload`` on ``task``."""
    if payload.then is not None:
        task.on_complete = from_continuation(payload.then, queue)
    if payload.error is not None:
        task.on_error = from_continuation(payload.error, queue)
    if payload.chord is not None:
        chord = payload.chord
        task.chord_config = ChordConfig(
            chord["id"],
            int(chord["size"]),
            int(chord["index"]),
            from_continuation(chord["callback"], queue),
        )


def continued_job(task: Task, queue: Queue) -> tuple[str, NewJob]:
    """A continuation that is due: the queue it goes to, and the job, its arguments as they are."""
    name, kind = target_of(task)
    stored: dict[str, Any] | None = getattr(task, "stored", None)
    payload = payload_of(task, None)
    packed = queue.codec.pack(payload, name, task.id, kind, strict=False)
    if stored is None:
        described = continuation(task)
        stored = cast("dict[str, Any]", described["o"])
    run_at = to_ms(task.eta, queue.utc) if task.eta is not None else int(stored.get("at", 0))
    fields = dict(stored.get("f", {}))
    if run_at and queue.as_huey:
        fields["eta"], run_at = run_at, 0
    return name, NewJob(
        id=task.id,
        type=kind,
        payload=packed,
        priority=stored.get("p") or NO_PRIORITY,
        delay_ms=int(stored.get("delay", 0)),
        run_at_ms=run_at,
        fields=tuple(fields.items()),
    )


def set_retry_delay(task: Task, backoff: str, made: int) -> None:
    """Tell ``task`` in Huey's words how long it rests after attempt ``made + 1``."""
    if backoff.startswith("g:"):
        rest = Backoff.decode(backoff)
        task.retry_delay = rest.delay_ms / 1000 * rest.factor**made
        task.retry_backoff = rest.factor if rest.factor != 1 else 0


def target_of(task: Task) -> tuple[str, str]:
    """Queue and type that a task belongs to."""
    if isinstance(task, Remote):
        return task.queue_name, task.type_name
    return queue_of(task).name, type_name(task)


def queue_of(task: Task) -> Queue:
    """The queue whose decorator made the task's class."""
    return cast("JobTask", type(task)).queue


def type_name(task: Task) -> str:
    """The type's name as Redis and people know it."""
    name: str = getattr(type(task), "type_name", "")
    return name or type(task).__name__.replace("_", "-")


def task_of(run: Run, queue: Queue) -> Task:
    """The Huey task of a job in hand.

    Raises ``CorruptRecord``, ``BadPayload``, ``UnknownType`` or ``InvalidJobData``: such a job
    cannot be run at all.
    """
    taken = run.taken
    if taken.corrupt:
        raise CorruptRecord(f"the record of job {taken.id} is damaged: {taken.corrupt}")
    payload = queue.codec.unpack(taken.payload, queue.name, taken.id, taken.type)
    task_class = queue.own_class(taken.type)
    signature = task_class.signature
    data = payload.data
    if payload.args is not None:
        data = signature.bind(payload.args, data)
    args, kwargs = signature.call_arguments(data)
    task: Task = task_class(args, kwargs, id=taken.id, retries=run.attempts_left)
    if taken.timeout_ms is not None:
        task.timeout = taken.timeout_ms / 1000
    if taken.expires_ms is not None:
        task.expires_resolved = from_ms(taken.expires_ms, queue.utc)
    if taken.due_ms is not None:
        task.eta = from_ms(taken.due_ms, queue.utc)
    if taken.backoff:
        set_retry_delay(task, taken.backoff, taken.attempts_made)
    attach(task, payload, queue)
    task.run = run
    run.task = task
    return task
