"""A queue: a Huey whose jobs live in Redis as records, moved by scripts.

Inherited from Huey: the decorators, hooks, signals, ``execute`` and ``_execute``. Overridden: what
touches storage. ``Huey._execute`` is still called for every job, and ``Huey.enqueue`` for every one
that somebody would see there (``direct``), since error trackers patch them. Over 400 lines, for
Huey's class is one class; what it is told of the job in hand is in ``inhand``.
"""

from __future__ import annotations

import copy
import logging
import os
import random
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from huey.api import ChordResult, PeriodicTask, Task, chord, group

from jobdesk import settings as settings_module
from jobdesk.broker.connection import Broker, connect
from jobdesk.broker.exchange import Finish
from jobdesk.broker.ids import new_id
from jobdesk.broker.stored import USUAL_ATTEMPTS
from jobdesk.broker.transitions import BATCH, SentJobs, Transitions
from jobdesk.engine import continuations, directrun, packing
from jobdesk.engine.codec import Codec, JsonSerializer
from jobdesk.engine.eventlog import log_finish
from jobdesk.engine.handle import JobHandle
from jobdesk.engine.inhand import InHand
from jobdesk.engine.locks import OwnedLock, WindowLimit
from jobdesk.engine.options import type_settings
from jobdesk.engine.registry import TypeRegistry
from jobdesk.engine.retry import backoff_delay_ms
from jobdesk.engine.run import Run, enter, in_hand, leave
from jobdesk.engine.storage import JobStorage, outbox
from jobdesk.engine.task import JobTask, JobTaskWrapper
from jobdesk.errors import (
    AddUnconfirmed,
    InvalidConcurrency,
    InvalidJobData,
    JobdeskError,
    JobNotFound,
    RedisUnavailable,
    UnknownType,
    WrongState,
)
from jobdesk.models import (
    DEFAULT_OPTIONS,
    Backoff,
    JobOptions,
    NewJob,
    check_job_id,
    check_queue_name,
    check_rate_limit,
)

if TYPE_CHECKING:
    from huey.utils import ChordConfig

    from jobdesk.engine.consumer import Consumer
    from jobdesk.engine.pool import Pool
    from jobdesk.settings import Settings

logger = logging.getLogger("jobdesk.queue")
events_log = logging.getLogger("jobdesk.events")

#: Every queue of this process by name: continuations find their type here.
_known: dict[str, Queue] = {}
#: what Huey enqueues as several jobs
_COMPOSED = (group, chord)


def known_queue(name: str) -> Queue | None:
    """The queue of that name that this process has made, if any."""
    return _known.get(name)


def known_queues() -> list[Queue]:
    """All queues that this process has made."""
    return list(_known.values())


class Queue(InHand):
    """A named queue of jobs. ``queue = huey = Queue("thumbs", concurrency=4)``.

    ``concurrency``: jobs of this queue that one worker process runs at once. ``lease``: seconds
    that a job stays a worker's without a sign of life. ``max_stalled``: how often a job may lose
    its worker. ``max_active``: jobs at once over all workers. ``rate_limit``: ``(jobs, seconds)``.
    ``defaults``: options of its jobs. ``in_child``: every job runs alone in a child process.
    ``in_place_fallback``: whether a task runs in the caller when Redis provably got nothing.
    ``as_huey``: for code written for Huey: priorities in Huey's order (any number, higher first),
    and a job with an eta passes through the queue before it is delayed.
    """

    #: whether jobs may be made, and run, past the methods below: not where a class of one's own
    #: has others
    adds_directly: ClassVar[bool] = True
    runs_directly: ClassVar[bool] = True

    def __init_subclass__(cls, **words: Any) -> None:
        super().__init_subclass__(**words)

        def ours(*names: str) -> bool:
            return all(getattr(cls, name) is getattr(Queue, name) for name in names)

        cls.adds_directly = ours(
            "_emit", "_pipeline_results", "enqueue", "get_storage", "serialize_task"
        )
        cls.runs_directly = ours(
            "_emit", "_get_timestamp", "_run_post_execute", "_run_pre_execute", "_timeout_context",
            "add_schedule", "delete", "is_revoked", "put_result", "ready_to_run",
        )  # fmt: skip

    def __init__(
        self,
        name: str,
        *,
        concurrency: int = 1,
        lease: float | timedelta = 30,
        max_stalled: int = 3,
        max_active: int | None = None,
        rate_limit: tuple[int, float] | None = None,
        defaults: JobOptions | None = None,
        in_child: bool = False,
        in_place_fallback: Callable[[Settings], bool] | None = None,
        as_huey: bool = False,
        broker: Broker | None = None,
        results: bool = True,
        store_none: bool = False,
        utc: bool = True,
        immediate: bool = False,
        store_intermediate_errors: bool = True,
    ) -> None:
        check_queue_name(name)
        for what, number in (("concurrency", concurrency), ("max_active", max_active)):
            if number is not None and (not isinstance(number, int) or number < 1):
                raise InvalidConcurrency(f"{what} must be an integer of 1 or more, got {number!r}")
        if isinstance(lease, timedelta):
            lease = lease.total_seconds()
        if not 1 <= lease <= 3600:
            raise InvalidConcurrency(f"lease must be 1 to 3600 seconds, got {lease!r}")
        self.concurrency = concurrency
        self.lease_ms = round(lease * 1000)
        self.max_stalled = max_stalled
        self.max_active = max_active
        #: (jobs, ms); ``rate_limit`` is Huey's own, for parts of a task
        self.job_rate = check_rate_limit(rate_limit)
        self.defaults = (defaults or JobOptions()).over(DEFAULT_OPTIONS)
        self.in_child = in_child
        self.as_huey = as_huey
        self._in_place_fallback = in_place_fallback
        self._given_broker = broker
        self._bound_to: Settings | None = None
        self._codec: Codec | None = None
        self._transitions: Transitions | None = None
        self._broker: Broker | None = None
        self._announced = False
        self._bind_lock = threading.Lock()
        self._requests = 0
        #: what this worker process takes jobs through; None outside of a worker
        self.pool: Pool | None = None
        super().__init__(
            name,
            results=results,
            store_none=store_none,
            utc=utc,
            immediate=immediate,
            store_intermediate_errors=store_intermediate_errors,
            serializer=JsonSerializer(),
        )
        self._registry = TypeRegistry()
        self._introduce()

    def __repr__(self) -> str:
        return f"<Queue {self.name}>"

    def _introduce(self) -> None:
        """Let continuations and services of this process find this queue by its name."""
        _known[self.name] = self

    # --- what it stands on

    def on(self, broker: Broker) -> Queue:
        """This queue on another Redis: the same types, to add jobs there."""
        other = copy.copy(self)
        other._given_broker = broker
        other._bound_to = None
        other._bind_lock = threading.Lock()
        other.pool = None
        other.storage = other.create_storage()
        return other

    def get_storage(self, **kwargs: Any) -> JobStorage:
        return JobStorage(self.name, queue=self)

    def get_task_wrapper_class(self) -> type[JobTaskWrapper]:
        return JobTaskWrapper

    @property
    def settings(self) -> Settings:
        """The settings of this queue's broker."""
        if self._given_broker is not None:
            return self._given_broker.settings
        return settings_module.current()

    @property
    def broker(self) -> Broker:
        """The connection to Redis, made at first use."""
        self._bind()
        assert self._broker is not None
        return self._broker

    @property
    def transitions(self) -> Transitions:
        """The scripts, for this queue."""
        self._bind()
        assert self._transitions is not None
        return self._transitions

    @property
    def codec(self) -> Codec:
        """What packs and signs payloads."""
        bound = self._bound_to  # asked for twice by every job that runs
        if bound is None or (self._given_broker is None and bound is not settings_module.current()):
            self._bind()
        assert self._codec is not None
        return self._codec

    def _bind(self) -> None:
        settings = self.settings
        if settings is self._bound_to:
            return
        with self._bind_lock:
            secret, previous = settings.secret, settings.previous_secret
            self._broker = self._given_broker or connect(settings)
            self._codec = Codec(
                secret.get_secret_value().encode() if secret else None,
                previous.get_secret_value().encode() if previous else None,
                settings.max_data_bytes,
                settings.max_result_bytes,
            )
            self._transitions = Transitions(self._broker, self.name)
            self._announced = False
            self._bound_to = settings

    # --- decorators

    def task(
        self,
        retries: int | None = None,
        retry_delay: float | None = None,
        retry_backoff: float | None = None,
        priority: int | None = None,
        context: bool = False,
        name: str | None = None,
        expires: Any = None,
        timeout: float | None = None,
        *,
        attempts: int | None = None,
        backoff: Any = None,
        remove_on_complete: Any = None,
        remove_on_fail: Any = None,
        lifo: bool | None = None,
        **kwargs: Any,
    ) -> Callable[[Callable[..., Any]], JobTaskWrapper]:
        """Make a function a task of this queue.

        ``attempts``, ``backoff``, ``timeout``, ``priority``, ``remove_on_…`` and ``lifo`` are the
        defaults of the type's jobs. ``retries=n`` is Huey's word for ``attempts=n + 1``, with
        Huey's ``retry_delay`` and ``retry_backoff``.
        """
        settings = type_settings(
            self.defaults, as_huey=self.as_huey, retries=retries, retry_delay=retry_delay,
            retry_backoff=retry_backoff, priority=priority, timeout=timeout, attempts=attempts,
            backoff=backoff, remove_on_complete=remove_on_complete, remove_on_fail=remove_on_fail,
            lifo=lifo,
        )  # fmt: skip
        decorate: Callable[[Callable[..., Any]], JobTaskWrapper] = super().task(
            context=context, name=name, expires=expires, **settings, **kwargs
        )
        return decorate

    def periodic_task(
        self,
        validate_datetime: Callable[[Any], bool],
        retries: int | None = None,
        retry_delay: float | None = None,
        retry_backoff: float | None = None,
        priority: int | None = None,
        context: bool = False,
        name: str | None = None,
        expires: Any = None,
        timeout: float | None = None,
        *,
        attempts: int | None = None,
        backoff: Any = None,
        remove_on_complete: Any = None,
        remove_on_fail: Any = None,
        lifo: bool | None = None,
        **kwargs: Any,
    ) -> Callable[[Callable[..., Any]], JobTaskWrapper]:
        """Make a function a task that a schedule adds: ``periodic_task(crontab(hour=2))``."""
        settings = type_settings(
            self.defaults, as_huey=self.as_huey, retries=retries, retry_delay=retry_delay,
            retry_backoff=retry_backoff, priority=priority, timeout=timeout, attempts=attempts,
            backoff=backoff, remove_on_complete=remove_on_complete, remove_on_fail=remove_on_fail,
            lifo=lifo,
        )  # fmt: skip
        decorate: Callable[[Callable[..., Any]], JobTaskWrapper] = super().periodic_task(
            validate_datetime,
            context=context,
            name=name,
            expires=expires,
            schedule=validate_datetime,
            **settings,
            **kwargs,
        )
        return decorate

    def lock_task(self, lock_name: str, ttl: float | None = None) -> Any:
        if self._immediate:
            return super().lock_task(lock_name, ttl)
        return OwnedLock(self, lock_name, ttl)

    def is_locked(self, lock_name: str) -> bool:
        if self._immediate:
            return bool(super().is_locked(lock_name))
        return self.has_lock(lock_name)

    def flush_locks(self, *names: str) -> set[str]:
        if self._immediate:
            flushed: set[str] = super().flush_locks(*names)
            return flushed
        known = {key.split(".lock.", 1)[-1] for key in self._locks}
        wanted = known | {name.strip() for name in names}
        return {name for name in wanted if self.transitions.release_lock(name, "")}

    def take_lock(self, name: str, token: str, ttl: float | None) -> bool:
        """Hold a lock under ``token`` until it is released, or for ``ttl`` seconds."""
        args: list[Any] = ["SET", self.transitions.keys.lock(name), token, "NX"]
        if ttl is not None:
            args += ["PX", max(1, round(ttl * 1000))]
        with self.broker.errors("SET"):
            client: Any = self.broker.client
            return client.execute_command(*args) is not None

    def has_lock(self, name: str) -> bool:
        """Whether anybody holds that lock."""
        with self.broker.errors("EXISTS"):
            return bool(self.broker.client.exists(self.transitions.keys.lock(name)))

    def rate_limit(self, name: str, limit: int, per: float, retry: bool = True) -> Any:
        if self._immediate:
            return super().rate_limit(name, limit, per, retry=retry)
        return WindowLimit(self, name, limit, per, retry=retry)

    # --- adding

    def enqueue(self, task: Any) -> Any:
        """Check a job and add it: bad input is refused here, before anything is written.

        Returns a :class:`JobHandle` (for groups, chords and pipelines Huey's results of them).
        Raises ``QueueFull``, ``RedisUnavailable`` when nothing can have been added, and
        ``AddUnconfirmed`` when the answer was lost: adding again under its id is safe.
        """
        if isinstance(task, _COMPOSED):
            return super().enqueue(task)
        queue = packing.queue_of(task) if isinstance(task, JobTask) else self
        if queue is not self:
            return queue.enqueue(task)
        run = in_hand.run
        if run is not None and continuations.follows(task, run):
            return self._note_continuation(task, run)
        if isinstance(task, packing.Remote):
            raise UnknownType(
                f"{task.queue_name}:{task.type_name} is not known here; import its module"
            )
        if getattr(task, "delayed_here", False):
            from jobdesk.broker.control import Control

            Control(self.broker).promote_job(self.name, task.id)
            return JobHandle(self, task)
        if task.run is not None and task.run.closed and self._run_again(task):
            return JobHandle(self, task)
        task.bound_data = self._bound_data(task)
        # who patches Huey.enqueue may add arguments of its own, as Sentry does: not the job's
        given = dict(task.kwargs)
        outbox.duplicate = False
        try:
            try:
                handle = super().enqueue(task)
            finally:
                task.kwargs = given
        except RedisUnavailable as exc:
            return self.without_redis(JobHandle(self, task), exc)
        if isinstance(handle, JobHandle):
            handle.duplicate = outbox.duplicate
        return handle

    #: by which is known that nobody has put another in the place of the above
    enqueue_code = enqueue.__code__

    def _run_again(self, task: JobTask) -> bool:
        """A task that was taken and has failed is enqueued anew: its job is retried."""
        from jobdesk.broker.control import Control

        try:
            Control(self.broker).retry_job(self.name, task.id)
        except (WrongState, JobNotFound):
            return False
        return True

    def _bound_data(self, task: JobTask) -> dict[str, Any]:
        check_job_id(task.id)
        if not isinstance(task.args, tuple | list):
            raise InvalidJobData(
                f"{self.name}:{packing.type_name(task)}: positional arguments are a tuple or list,"
                f" got {task.args!r:.60}"
            )
        return type(task).signature.bind(task.args, task.kwargs)

    def without_redis(self, handle: JobHandle, exc: RedisUnavailable) -> JobHandle:
        """What becomes of a job that was not, or perhaps not, added: it may run in place.

        Raises ``AddUnconfirmed`` when it went out, and ``exc`` where there is no fallback.
        """
        if exc.sent:
            raise AddUnconfirmed(
                f"{self.name}:{handle.id} went out and no answer came: {exc}; add it again under"
                " that id, it cannot be doubled",
                job_id=handle.id,
            ) from exc
        if self._in_place_fallback is None or not self._in_place_fallback(self.settings):
            raise exc
        logger.warning("%s: %s runs in place, since %s", self.name, handle.id, exc)
        handle.in_place = True
        handle._result = handle.task.execute()
        return handle

    def _note_continuation(self, task: Task, run: Run) -> None:
        """Leave a continuation to the finish of the job it follows."""
        adds, outgoing = continuations.following(self, task, run, run.exception)
        run.adds += adds
        run.outgoing += outgoing

    @contextmanager
    def batch(self) -> Iterator[list[NewJob]]:
        """Jobs that this thread adds inside are collected instead of sent."""
        before = outbox.batch
        collected: list[NewJob] = []
        outbox.batch = collected
        try:
            yield collected
        finally:
            outbox.batch = before

    def send(self, jobs: Sequence[NewJob]) -> list[bool]:
        """Add checked jobs, a hundred a call; for each whether its id was there already."""
        duplicates: list[bool] = []
        for start in range(0, len(jobs), BATCH):
            duplicates += self.send_off(jobs[start : start + BATCH]).duplicates()
        return duplicates

    def send_off(self, jobs: Sequence[NewJob]) -> SentJobs:
        """Add checked jobs, a hundred at most, and go on; their answer is still to be read."""
        self._announce()
        return self.transitions.send_add(jobs)

    def _announce(self) -> None:
        if not self._announced:
            from jobdesk.broker.keys import queues

            try:
                with self.broker.errors("SADD"):
                    self.broker.client.sadd(queues(self.broker.namespace), self.name)
            except RedisUnavailable as exc:
                exc.sent = False  # the queue's name may have gone out, the job did not
                raise
            self._announced = True

    def serialize_task(self, task: Task) -> NewJob:
        """A task as the scripts take it (Huey means bytes; its storage is ours)."""
        if not isinstance(task, JobTask):
            raise UnknownType(f"{task!r} is no task of queue {self.name}")
        self._registry.string_to_task(self._registry.task_to_string(type(task)))
        data = getattr(task, "bound_data", None)
        payload = packing.payload_of(task, data)
        return packing.new_job(task, self, payload, strict=data is not None)

    def deserialize_task(self, data: NewJob) -> Task:
        payload = self.codec.unpack(data.payload, self.name, data.id, data.type)
        task_class = self.own_class(data.type)
        given = payload.data
        if payload.args is not None:
            given = task_class.signature.bind(payload.args, given)
        args, kwargs = task_class.signature.call_arguments(given)
        fields = dict(data.fields)
        task = task_class(
            args, kwargs, id=data.id, retries=int(fields.get("at", USUAL_ATTEMPTS)) - 1
        )
        task.priority = packing.shown_priority(data.priority, task, self)
        if data.run_at_ms:
            task.eta = packing.from_ms(data.run_at_ms, self.utc)
            task.delayed_here = True
        if "to" in fields:
            task.timeout = int(fields["to"]) / 1000
        if "ex" in fields:
            task.expires_resolved = packing.from_ms(float(fields["ex"]), self.utc)
        packing.set_retry_delay(task, str(fields.get("bk", "")), int(fields.get("am", 0)))
        packing.attach(task, payload, self)
        return task

    def _pipeline_results(self, task: Task) -> list[JobHandle]:
        results: list[JobHandle] = []
        while task is not None:
            handle = JobHandle(self, task)
            handle.after = tuple(results[-1:])
            results.append(handle)
            task = task.on_complete
        return results

    def _enqueue_chord(self, chord_obj: chord) -> ChordResult:
        result = super()._enqueue_chord(chord_obj)
        result.callback.after = tuple(result.results)
        result.callback.joins = True
        return result

    def _enqueue_chord_member(self, task: Any, config: ChordConfig) -> JobHandle:
        super()._enqueue_chord_member(task, config)
        return self._pipeline_results(task.callback if isinstance(task, chord) else task)[-1]

    def result(
        self,
        id: str,
        blocking: bool = False,
        timeout: float | None = None,
        **options: Any,
    ) -> Any:
        return JobHandle(self, Task(id=id)).get(blocking, timeout, **options)

    def build_error_result(self, task: Task, exception: BaseException) -> dict[str, Any]:
        found: dict[str, Any] = super().build_error_result(task, exception)
        found.setdefault("class", type(exception).__name__)
        found.setdefault("message", str(exception))
        return found

    def _result_handle(self, task: Task) -> JobHandle:
        return JobHandle(self, task)

    def _task_key(self, task_class: Any, key: str) -> str:
        if isinstance(task_class, JobTaskWrapper):
            task_class = task_class.task_class
        kind: str = getattr(task_class, "type_name", None) or task_class.__name__
        return f"{key}:{kind}"

    # --- types

    def own_class(self, kind: str) -> type[JobTask]:
        """The class of this queue's type; ``UnknownType`` when there is none."""
        found = self._registry.by_type.get(kind)
        if found is None:
            import difflib

            near = difflib.get_close_matches(kind, self._registry.by_type, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise UnknownType(f"{kind!r} in queue {self.name}{hint}")
        task_class: type[JobTask] = found
        return task_class

    def task_class(self, queue: str, kind: str) -> type[JobTask] | None:
        """The class of a type of any queue of this process, or None."""
        owner = self if queue == self.name else _known.get(queue)
        return None if owner is None else owner._registry.by_type.get(kind)

    def is_periodic(self, kind: str) -> bool:
        """Whether a schedule adds jobs of this type."""
        return kind in self._registry.by_type and issubclass(
            self._registry.by_type[kind], PeriodicTask
        )

    @property
    def types(self) -> dict[str, type[JobTask]]:
        """This queue's types by name."""
        return dict(self._registry.by_type)

    # --- running

    def dequeue(self) -> Task | None:
        """Take the next job under a lease; None when there is none.

        In a worker through its pool, which waits for one; else with one request, now.
        """
        if self._immediate:
            return super().dequeue()
        if self.pool is not None:
            return self.pool.next_task()
        while True:
            run = self._take_one()
            if run is None:
                return None
            task = self.prepare(run)
            if task is not None:
                return task

    def _take_one(self) -> Run | None:
        import time

        self._requests += 1
        sent = time.monotonic()
        worker = f"{socket.gethostname()}:{os.getpid()}:{id(self):x}"
        answer = self.transitions.exchange(worker, self._requests, 1, self.lease_ms)
        if not answer.jobs:
            return None
        return Run(self, answer.jobs[0], worker, sent + self.lease_ms / 1000)

    def prepare(self, run: Run) -> Task | None:
        """The task of a job just taken; one that cannot be run is failed at once, and is None."""
        try:
            return packing.task_of(run, self)
        except JobdeskError as exc:
            run.close()
            self.book(run, run.refused(exc))
            return None
        except Exception as exc:
            logger.exception("%s: job %s cannot be read", self.name, run.id)
            run.close()
            self.book(run, run.refused(InvalidJobData(f"{type(exc).__name__}: {exc}")))
            return None

    def execute(self, task: Task, timestamp: Any = None) -> Any:
        run: Run | None = getattr(task, "run", None)
        if run is None or self._immediate:
            return super().execute(task, timestamp)
        if packing.queue_of(task) is not self:
            return packing.queue_of(task).execute(task, timestamp)
        enter(run)
        try:
            if directrun.unseen(self, task, run):
                return directrun.execute(self, task, run, timestamp)
            return super().execute(task, timestamp)
        except BaseException as exc:
            if run.exception is None:
                run.exception = exc
            raise
        finally:
            leave()
            if run.close():
                self.book(run, run.conclude(self.backoff_ms))
            run.let_go()

    def book(self, run: Run, finish: Finish) -> None:
        """Have the end of a run written: through the worker's pool, else now."""
        if self.pool is not None:
            self.pool.book(run, finish, comes_by=True)
            return
        answer = self.transitions.exchange(run.worker, 0, 0, self.lease_ms, [finish])
        self.after_finish(run, finish, answer.statuses[0])

    def after_finish(self, run: Run, finish: Finish, status: str) -> None:
        """What follows once Redis has answered: the event's log line, and what goes elsewhere."""
        log_finish(run, finish, status)
        if finish.outgoing and status == "OK":
            continuations.deliver(self, finish.outgoing)

    def backoff_ms(self, run: Run, exc: BaseException) -> int:
        """How long ``run``'s job rests before its next attempt; below 0: there is to be none."""
        made = run.taken.attempts_made + 1
        if run.taken.backoff:
            return backoff_delay_ms(Backoff.decode(run.taken.backoff), made, random.random)
        # No backoff in the record: the one of all queues, or a callable, which no record can hold.
        task_class = self._registry.by_type.get(run.taken.type)
        own = task_class.job_defaults.backoff if task_class is not None else self.defaults.backoff
        if callable(own):
            try:
                return round(float(own(made, exc)) * 1000)
            except Exception:
                # The job must not hang on it: its end is still to be booked.
                logger.exception("%s: no backoff by %r; the default is taken", self.name, own)
        return backoff_delay_ms(DEFAULT_OPTIONS.backoff, made, random.random)

    def encode_result(self, value: Any, run: Run) -> bytes:
        """A result as it is stored; over the limit, the head of it, with a warning."""
        if value is None and not self.store_none:
            return b""
        raw, cut = self.codec.encode_result(value)
        if cut:
            logger.warning(
                "%s: the result of job %s is over %d bytes and was cut",
                self.name, run.id, self.codec.max_result,
            )  # fmt: skip
        return raw

    # --- workers

    def create_consumer(self, **options: Any) -> Consumer:
        """The worker of this queue, as ``huey_consumer`` makes it."""
        from jobdesk.engine.consumer import Consumer

        return Consumer(self, **options)

    def new_id(self) -> str:
        """A fresh job id."""
        return new_id()
