"""Who works on what: all workers, the lost ones of late too, with the jobs in their hands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from jobdesk.models import JobRow, JobState, WorkerInfo
from jobdesk.tui.interest import Read

if TYPE_CHECKING:
    from jobdesk.tui.interest import Source

#: Workers that are listed at most.
MOST = 200
#: Running jobs that are read at most, over all queues; and jobs that lost workers held.
RUNNING, HELD = 200, 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Workforce:
    """The workers of one moment: those that are up first, then the lost."""

    workers: tuple[WorkerInfo, ...] = ()
    #: worker -> what it runs, the longest first; of a lost one what it held, as that is by now
    jobs: Mapping[str, tuple[JobRow, ...]] = field(default_factory=dict)
    #: whether all running jobs were read
    whole: bool = True

    def jobs_of(self, worker: WorkerInfo) -> tuple[JobRow, ...]:
        """Its jobs, as far as they were read."""
        return self.jobs.get(worker.id, ())

    def busy(self, worker: WorkerInfo) -> int:
        """How many jobs it runs; its heartbeat, which tells too, may be ten seconds old."""
        read = len(self.jobs_of(worker))
        return read if self.whole else max(read, worker.busy)


@dataclass(frozen=True)
class AtWork(Read[Workforce]):
    """All workers and their jobs: a command or two a worker, one a running job, two a queue."""

    every: ClassVar[float] = 2.0

    def fetch(self, source: Source) -> Workforce:
        now_ms = source.now_ms
        found = source.inspector.workers(MOST, lost=True)
        queues = source.queues()
        share = max(10, RUNNING // max(1, len(queues)))
        jobs: dict[str, list[JobRow]] = {}
        whole = True
        for queue in queues:
            running = source.inspector.rows(queue, JobState.ACTIVE, 0, share - 1)
            whole = whole and running.total <= share
            for row in running.rows:
                jobs.setdefault(row.worker, []).append(row)
        lost = [worker for worker in found if worker.lost(now_ms)]
        jobs |= self._held(source, lost)
        for rows in jobs.values():
            rows.sort(key=lambda row: row.started_ms or now_ms)
        return Workforce(
            workers=tuple(sorted(found, key=lambda one: (one.lost(now_ms), one.id))),
            jobs={worker: tuple(rows) for worker, rows in jobs.items()},
            whole=whole,
        )

    def _held(self, source: Source, lost: list[WorkerInfo]) -> dict[str, list[JobRow]]:
        """What lost workers told to have in hand last, those lost lately first."""
        from jobdesk.broker.search import rows_of

        known = frozenset(source.queues())
        lost.sort(key=lambda one: -one.beat_ms)
        wanted = [
            (worker.id, (queue, job_id))
            for worker in lost
            for queue, ids in worker.in_hand.items()
            if queue in known
            for job_id in ids
        ][:HELD]
        found: dict[str, list[JobRow]] = {}
        rows = rows_of(source.broker, [key for _, key in wanted])
        for (worker, _), row in zip(wanted, rows, strict=True):
            if row is not None:
                found.setdefault(worker, []).append(row)
        return found
