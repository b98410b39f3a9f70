"""Who works on what: all workers, the lost ones of late too, with the jobs in their hands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from jobdesk.broker.reading import asking
from jobdesk.broker.reading.merged import Merged
from jobdesk.models import JobRow, JobState, WorkerInfo
from jobdesk.tui.link.interest import Asked
from jobdesk.tui.link.reads import LEAST

if TYPE_CHECKING:
    from jobdesk.broker.server.rounds import Asking
    from jobdesk.tui.link.interest import Source

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
class AtWork(Asked[Workforce]):
    """All workers and their jobs: a command or two a worker, one a queue, and the jobs in parts."""

    #: the running jobs that are known
    running: Merged = field(default_factory=Merged, compare=False)
    #: of the terminal: the more it has, the more a tick may ask
    lines: int = field(default=24, compare=False)
    every: ClassVar[float] = 2.0
    in_parts: ClassVar[bool] = True

    def asking(self, source: Source) -> Asking[Workforce]:
        now_ms = source.now_ms
        found = yield from asking.workers(source.broker, MOST, lost=True)
        lost = [worker for worker in found if worker.lost(now_ms)]
        held = yield from self._held(source, lost)
        queues = source.queues()
        share = max(10, RUNNING // max(1, len(queues)))
        # one more tells whether there are more
        depths = {(queue, JobState.ACTIVE): share + 1 for queue in queues}
        spent = len(found) + len(lost) + min(HELD, sum(worker.busy for worker in lost))
        commands = max(LEAST, 3 * self.lines + 5 * len(queues) - spent)
        rows = yield from self.running.asking(source.broker, depths, lambda all_: all_, commands)
        source.more = source.more or self.running.more
        counts = Counter(row.queue for row in rows)
        jobs: dict[str, list[JobRow]] = {}
        for row in rows:
            jobs.setdefault(row.worker, []).append(row)
        jobs |= held
        for some in jobs.values():
            some.sort(key=lambda row: row.started_ms or now_ms)
        return Workforce(
            workers=tuple(sorted(found, key=lambda one: (one.lost(now_ms), one.id))),
            jobs={worker: tuple(some) for worker, some in jobs.items()},
            whole=not self.running.more and all(count <= share for count in counts.values()),
        )

    def _held(self, source: Source, lost: list[WorkerInfo]) -> Asking[dict[str, list[JobRow]]]:
        """What lost workers told to have in hand last, those lost lately first."""
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
        rows = yield from asking.rows(source.broker, [key for _, key in wanted])
        for worker, key in wanted:
            if (row := rows[key]) is not None:
                found.setdefault(worker, []).append(row)
        return found
