"""The reads that screens share. One that only a single screen needs may live with its screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from jobdesk.broker.reading import asking, window
from jobdesk.errors import JobNotFound
from jobdesk.models import (
    STORED_STATES,
    TERMINAL_STATES,
    Job,
    JobRow,
    JobState,
    QueueStats,
    ScheduleInfo,
    WorkerInfo,
)
from jobdesk.tui.link.interest import Asked, Source

if TYPE_CHECKING:
    from jobdesk.broker.reading.figures import Figures
    from jobdesk.broker.server.rounds import Asking

#: Rows that a list merged from many sets shows at most.
MERGED = 2000
#: From that place on a merged list is read only so often.
DEEP, DEEP_S = 250, 3.0
#: Lists and rows that a tick reads of a merged list, however many queues there are.
LEAST = 24
MAX_WORKERS = 200


@dataclass(frozen=True)
class Stats(Asked[tuple[QueueStats, ...]]):
    """The counts of all queues, or of one."""

    queue: str | None = None

    def asking(self, source: Source) -> Asking[tuple[QueueStats, ...]]:
        return source.stats(source.queues() if self.queue is None else (self.queue,))


@dataclass(frozen=True)
class Workers(Asked[tuple[WorkerInfo, ...]]):
    """The workers that have reported themselves lately; ``lost``: also those just lost."""

    lost: bool = False
    every: ClassVar[float] = 2.0

    def asking(self, source: Source) -> Asking[tuple[WorkerInfo, ...]]:
        return asking.workers(source.broker, MAX_WORKERS, lost=self.lost)


@dataclass(frozen=True)
class Schedules(Asked[tuple[ScheduleInfo, ...]]):
    """The schedules of all queues."""

    every: ClassVar[float] = 3.0

    def asking(self, source: Source) -> Asking[tuple[ScheduleInfo, ...]]:
        return asking.schedules(source.broker, source.queues())


@dataclass(frozen=True)
class Minutes(Asked["Mapping[str, tuple[Figures, ...]]"]):
    """Figures per minute of all queues, or of one."""

    minutes: int = 10
    queue: str | None = None
    every: ClassVar[float] = 3.0
    in_parts: ClassVar[bool] = True

    def asking(self, source: Source) -> Asking[Mapping[str, tuple[Figures, ...]]]:
        return source.figures(self._names(source), self.minutes)

    def can_wait(self, source: Source) -> int:
        return source.figures_cost(self._names(source), self.minutes)

    def _names(self, source: Source) -> tuple[str, ...]:
        return source.queues() if self.queue is None else (self.queue,)


@dataclass(frozen=True)
class Heads(Asked[Mapping[str, JobRow]]):
    """The job of every queue that waits in front: how long it waits is how late the queue is."""

    every: ClassVar[float] = 2.0

    def asking(self, source: Source) -> Asking[Mapping[str, JobRow]]:
        lists = [(queue, JobState.WAITING) for queue in source.queues()]
        rows = yield from asking.heads(source.broker, lists, [1] * len(lists))
        return {row.queue: row for row in rows}


@dataclass(frozen=True)
class OneJob(Asked[Job]):
    """Everything of one job; ``JobNotFound`` when it is gone."""

    queue: str
    job_id: str
    log_lines: int = 100

    def asking(self, source: Source) -> Asking[Job]:
        found = yield from asking.jobs(source.broker, self.queue, (self.job_id,), self.log_lines)
        if not found:
            raise JobNotFound(f"no job {self.job_id} in queue {self.queue}")
        return found[0]


@dataclass(frozen=True)
class WindowRows:
    """A part of a list of jobs."""

    rows: tuple[JobRow, ...]
    #: place of the first row in the list
    first: int
    #: how many rows the list has
    total: int
    #: the job that was anchored to, and where it stands now; None when it has left the list
    anchor: str | None = None
    anchor_at: int | None = None
    #: how many jobs there are, where a merged list does not show them all
    beyond: int = 0


@dataclass(frozen=True)
class Window(Asked[WindowRows]):
    """The rows on screen and a screen around them, of one queue and state, or merged from many.

    ``offset`` counts from the start of the list. ``anchor`` is a job that stood at
    ``anchor_place``: when it stands elsewhere by now, what is read moves along with it. ``None``
    for queue or state: all, merged from the heads.
    """

    queue: str | None
    state: JobState | None
    offset: int = 0
    limit: int = 0
    anchor: str | None = None
    anchor_place: int = 0
    #: from the other end of the list; of one queue and state only
    reverse: bool = False
    in_parts: ClassVar[bool] = True

    @property
    def good_for(self) -> float:
        # deep in a merged list a read takes hundreds of rows to show thirty
        merged = self.queue is None or self.state is None
        return DEEP_S if merged and self.offset + self.limit > DEEP else 0.0

    def asking(self, source: Source) -> Asking[WindowRows]:
        if self.limit <= 0:  # before the first layout
            return WindowRows((), 0, 0)
        if self.queue is None or self.state is None:
            return (yield from self._merged(source))
        look = window.Look(
            self.queue, self.state, self.offset, self.limit, self.anchor, self.anchor_place,
            self.reverse,
        )  # fmt: skip
        found = yield from window.asking(source.broker, look, source.memory)
        return WindowRows(found.rows, found.offset, found.total, self.anchor, found.anchor_rank)

    def _merged(self, source: Source) -> Asking[WindowRows]:
        """The heads of several lists as one: at most 2,000 rows, read in parts.

        The anchor is looked for in them; below them it counts as gone.
        """
        queues = source.queues() if self.queue is None else (self.queue,)
        states = STORED_STATES if self.state is None else (self.state,)
        stats = yield from source.stats(queues)
        sizes = {(one.name, state): getattr(one, state.value) for one in stats for state in states}
        there = sum(sizes.values())
        deep = min(MERGED, max(0, self.offset) + self.limit)
        filled = {place: size for place, size in sizes.items() if size}
        share = max(1, MERGED // max(1, len(filled)))
        depths = {place: min(size, deep, share) for place, size in filled.items()}

        def looked_at(rows: Sequence[JobRow]) -> Sequence[JobRow]:
            ordered = sorted(rows, key=lambda row: _order(row, self.state))
            return ordered[max(0, self.offset) : max(0, self.offset) + self.limit]

        # the counts have taken more than the queues' share of the tick
        commands = max(LEAST, self.limit - len(queues))
        merged = source.merged
        rows = yield from merged.asking(source.broker, depths, looked_at, commands)
        source.more = source.more or merged.more
        rows.sort(key=lambda row: _order(row, self.state))
        total = min(MERGED, sum(min(size, share) for size in sizes.values()))
        at = next((i for i, row in enumerate(rows) if row.id == self.anchor), None)
        moved = 0 if at is None else at - self.anchor_place
        first = max(0, min(self.offset + moved, total - self.limit))
        return WindowRows(
            tuple(rows[first : first + self.limit]), first, total, self.anchor, at,
            beyond=there if there > total else 0,
        )  # fmt: skip


def _order(row: JobRow, state: JobState | None) -> tuple[int, int]:
    """Newest first, by the latest that happened to a job; of one state as its own list has it."""
    if state is JobState.WAITING:
        return row.priority or 11, row.added_ms
    if state is JobState.DELAYED:
        return 0, row.run_at_ms or 0
    if state in TERMINAL_STATES:
        return 0, -(row.finished_ms or 0)
    if state is JobState.ACTIVE:
        return 0, -(row.started_ms or 0)
    rank = {JobState.ACTIVE: 0, JobState.FAILED: 1}.get(row.state, 2)
    return rank, -(row.finished_ms or row.started_ms or row.added_ms)
