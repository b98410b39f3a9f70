"""One service over all queues: adding jobs, looking at them, and what an operator does to them.

A desk holds no state but its connection, and may be used from many threads. It never runs a job
and starts nothing. Data is checked before anything is written; every refusal is one of the errors
of :mod:`jobdesk.errors`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self, Unpack

from jobdesk import settings as settings_module
from jobdesk.broker.connection import Broker, connect
from jobdesk.broker.control import Cancelled, Control
from jobdesk.broker.events import EventReader, Gap, wait_for_end
from jobdesk.broker.inspector import Inspector
from jobdesk.errors import InvalidTimeout, ScheduleNotFound
from jobdesk.models import (
    Event,
    Job,
    JobSpec,
    JobState,
    JobStatus,
    QueueStats,
    ScheduleInfo,
    WorkerInfo,
    check_job_id,
    check_queue_name,
    instant_ms,
    seconds,
)

if TYPE_CHECKING:
    from jobdesk.broker.operators.tally import Progress, Touched
    from jobdesk.engine.catalog import Catalog
    from jobdesk.engine.handle import JobHandle
    from jobdesk.engine.options import JobWords, Options
    from jobdesk.settings import Settings

#: A job of a bulk add: a spec, or ``(type, data)`` or ``(type, data, options)``.
Spec = JobSpec | tuple[str, Any] | tuple[str, Any, Any]


class Desk:
    """All queues of one namespace. ``Desk()`` takes its settings from the environment.

    ``who`` is the name under which commands go into the queues' audit; without one they do not.
    Times are seconds or ``timedelta``, instants aware datetimes.
    """

    def __init__(
        self, settings: Settings | None = None, *, broker: Broker | None = None, who: str = ""
    ) -> None:
        self._given = settings
        self._broker = broker
        self._own_broker = False
        self._who = who
        self._catalog: Catalog | None = None
        self._lock = threading.RLock()

    # --- adding

    def add_job(
        self,
        queue: str,
        type: str,  # noqa: A002  # the original's word
        data: Any = None,
        options: Options = None,
        **words: Unpack[JobWords],
    ) -> JobHandle:
        """Check a job and add it. Its data is the keyword arguments of the type's function.

        Options are keywords, or ``JobOptions`` or a mapping in their place; what is not given is
        the type's default. A ``job_id`` that is there already is that job, with ``duplicate`` set.
        """
        from jobdesk.engine import adding

        return adding.add(self.catalog, queue, JobSpec(type, data, options), words)

    def add_bulk_jobs(self, queue: str, jobs: Iterable[Spec]) -> list[JobHandle]:
        """Add many jobs of one queue, a round trip per hundred. All are valid, or none is added."""
        from jobdesk.engine import adding

        return adding.add_many(self.catalog, queue, jobs)

    # --- one job

    def get_job(self, queue: str, job_id: str) -> Job:
        """A job with everything kept of it; ``JobNotFound``."""
        return self.inspector.job(queue, check_job_id(job_id))

    def get_job_status(self, queue: str, job_id: str) -> JobStatus:
        """Where a job stands, its progress and its result; ``JobNotFound``."""
        return self.inspector.status(queue, check_job_id(job_id))

    def wait(self, queue: str, job_id: str, timeout: float | timedelta | None = None) -> Any:
        """Wait for a job's end and return its result.

        Raises ``JobFailed`` with the job's error, ``WaitTimeout`` after ``timeout`` seconds, and
        ``ResultGone`` when the job ended but its result is no longer kept.
        """
        from jobdesk.engine.handle import result_of

        if timeout is not None:
            timeout = seconds(timeout, "timeout", InvalidTimeout)
        ending = wait_for_end(self.broker, queue, check_job_id(job_id), timeout)
        return result_of(queue, job_id, ending)

    def retry_job(self, queue: str, job_id: str) -> int:
        """Put a failed job back in the line with all its attempts; its new generation."""
        return self.control.retry_job(queue, check_job_id(job_id))

    def remove_job(self, queue: str, job_id: str, *, force: bool = False) -> JobState:
        """Remove a job and all that is kept of it; a running one only with ``force``."""
        return self.control.remove_job(queue, check_job_id(job_id), force=force)

    def promote_job(self, queue: str, job_id: str) -> None:
        """Let a delayed job run now."""
        self.control.promote_job(queue, check_job_id(job_id))

    def cancel_job(self, queue: str, job_id: str) -> Cancelled:
        """End a job as failed (``JobCancelled``), without retry; a running one is told to stop."""
        return self.control.cancel_job(queue, check_job_id(job_id))

    def change_priority(self, queue: str, job_id: str, priority: int | None) -> int | None:
        """Give a waiting or delayed job another priority; the one before."""
        return self.control.change_priority(queue, check_job_id(job_id), priority)

    def update_job_data(self, queue: str, job_id: str, data: Mapping[str, Any]) -> JobState:
        """Give a job that does not run other data, checked as when it was added; its state."""
        from jobdesk.engine.editing import packed_again

        payload = packed_again(self.catalog, queue, check_job_id(job_id), data)
        return self.control.update_data(queue, job_id, payload)

    # --- queues

    def get_jobs(
        self, queue: str, status: str = "waiting", start: int = 0, end: int = 10
    ) -> list[Job]:
        """Jobs ``start`` to ``end`` (inclusive) of a state; negative numbers count from the end.

        Waiting, active and delayed: next first; completed and failed: newest first. Over 1,000 is
        ``PageTooLarge``.
        """
        rows = self.inspector.rows(self.catalog.check(queue), status, start, end).rows
        return list(self.inspector.jobs(queue, [row.id for row in rows]))

    def get_queue_stats(self, queue: str) -> QueueStats:
        """The counts of one queue."""
        return self.inspector.stats(self.catalog.check(queue))

    def get_all_queue_stats(self) -> list[QueueStats]:
        """The counts of the six queues, and of all others that were used here."""
        return list(self.inspector.all_stats(self.catalog.names()))

    def retry_all(self, queue: str, *, progress: Progress | None = None) -> Touched:
        """Put all jobs that have failed by now back in the line."""
        return self.control.retry_all(self.catalog.check(queue), progress)

    def pause_queue(self, queue: str) -> bool:
        """Start no more jobs of a queue, on any worker; False when it was paused already."""
        return self.control.pause_queue(self.catalog.check(queue))

    def resume_queue(self, queue: str) -> bool:
        """Start jobs again; False when the queue was not paused."""
        return self.control.resume_queue(self.catalog.check(queue))

    def clean_jobs(
        self,
        queue: str,
        grace: float | timedelta = 86_400,
        status: str = "completed",
        limit: int = 0,
        *,
        progress: Progress | None = None,
    ) -> Touched:
        """Remove jobs of a state that are over ``grace`` seconds old; ``limit`` 0: all of them."""
        return self.control.clean_jobs(
            self.catalog.check(queue), status, grace=grace, limit=limit, progress=progress
        )

    def empty_queue(self, queue: str, *, progress: Progress | None = None) -> Touched:
        """Remove the waiting and the delayed jobs."""
        return self.control.empty_queue(self.catalog.check(queue), progress)

    def obliterate_queue(
        self, queue: str, *, force: bool = False, progress: Progress | None = None
    ) -> Touched:
        """Delete a paused queue with everything in it. Running jobs need ``force``."""
        touched = self.control.obliterate_queue(
            self.catalog.check(queue), force=force, progress=progress
        )
        self.catalog.forget(queue)
        return touched

    def set_max_active(self, queue: str, max_active: int | None) -> None:
        """How many jobs of a queue may run at once over all workers; None: as many as may."""
        self.control.set_max_active(self.catalog.check(queue), max_active)

    def set_rate_limit(self, queue: str, limit: tuple[int, float | timedelta] | None) -> None:
        """At most ``(jobs, seconds)``: so many may start in such a span; None lifts the limit."""
        self.control.set_rate_limit(self.catalog.check(queue), limit)

    # --- workers and schedules

    def get_workers(self) -> list[WorkerInfo]:
        """The workers that have reported themselves lately."""
        return list(self.inspector.workers())

    def get_schedules(self, queue: str | None = None) -> list[ScheduleInfo]:
        """The schedules of one queue, or of all, as their workers have published them."""
        names = self.catalog.names() if queue is None else (self.catalog.check(queue),)
        return [found for name in names for found in self.inspector.schedules(name)]

    def run_schedule(self, queue: str, name: str) -> JobHandle:
        """Add the job of a schedule now, whatever its slots say."""
        for found in self.inspector.schedules(self.catalog.check(queue)):
            if found.name == name:
                return self.add_job(queue, found.type)
        raise ScheduleNotFound(f"no schedule {name!r:.60} in queue {queue}")

    def pause_schedule(self, queue: str, name: str) -> bool:
        """Let a schedule's slots pass without a run; False when it was paused already."""
        return self.control.pause_schedule(queue, name)

    def resume_schedule(self, queue: str, name: str) -> bool:
        """Let a schedule fire again; False when it was not paused."""
        return self.control.resume_schedule(queue, name)

    # --- events

    def events(
        self,
        *queues: str,
        since: str | datetime | Mapping[str, str] | None = None,
        follow: bool = True,
    ) -> Iterator[Event | Gap]:
        """The events of some queues, or of all, as they happen. With ``follow``, without end.

        ``since``: None, from this call on; ``"0"``, from the oldest that is kept; an event's id or
        an aware datetime, what came after that. A :class:`Gap` stands for events that were missed.
        """
        reader = self.event_reader(queues, since)
        first = reader.read(0)  # its place in the streams is now, not when iterating begins

        def read() -> Iterator[Event | Gap]:
            found = first
            while found or follow:
                yield from found
                found = reader.read(1.0 if follow else 0)

        return read()

    def event_reader(
        self,
        queues: Sequence[str] = (),
        since: str | datetime | Mapping[str, str] | None = None,
    ) -> EventReader:
        """What :meth:`events` reads with, for those who wait in their own way."""
        if isinstance(since, datetime):
            instant_ms(since, "since")
        names = [check_queue_name(name) for name in queues] or self.catalog.names()
        return EventReader(self.broker, names, since)

    # --- what it stands on

    @property
    def broker(self) -> Broker:
        """The connection to Redis, made at first use."""
        with self._lock:
            if self._broker is None:
                settings = self._given or settings_module.current()
                shared = connect(settings)
                # It goes by server and namespace; a secret of one's own needs one of one's own.
                self._own_broker = shared.settings != settings
                self._broker = Broker(settings) if self._own_broker else shared
            return self._broker

    @property
    def settings(self) -> Settings:
        """The settings in force here."""
        return self.broker.settings

    @property
    def inspector(self) -> Inspector:
        """Bounded reads."""
        return Inspector(self.broker)

    @property
    def control(self) -> Control:
        """The operator's commands."""
        return Control(self.broker, self._who)

    @property
    def catalog(self) -> Catalog:
        """The queues that can be reached from here."""
        with self._lock:
            if self._catalog is None:
                from jobdesk.engine.catalog import Catalog

                self._catalog = Catalog(self.broker, self.settings)
            return self._catalog

    def close(self) -> None:
        """Give back the connection, where it is this desk's own. Use opens it again."""
        if self._own_broker and self._broker is not None:
            self._broker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
