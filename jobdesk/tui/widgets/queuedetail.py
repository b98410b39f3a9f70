"""The queue under the cursor in four lines: its line by priority, its limits, who works on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.content import Content
from textual.widgets import Static

from jobdesk.models import JobState
from jobdesk.tui.link.interest import Read, Source
from jobdesk.tui.text import spans

if TYPE_CHECKING:
    from jobdesk.broker.reading.figures import Figures
    from jobdesk.models import QueueStats, WorkerInfo

Part = tuple[str, str]
_LABEL = 10


@dataclass(frozen=True, slots=True)
class Line:
    """What waits in a queue, and what comes next of what is delayed."""

    queue: str
    #: priority -> how many wait, the first to run first; None: without one
    priorities: Mapping[int | None, int]
    next_due_ms: int | None = None


@dataclass(frozen=True)
class Detail(Read[Line]):
    """The line of one queue: 11 counts and the first of the delayed jobs."""

    queue: str
    every: ClassVar[float] = 2.0

    def fetch(self, source: Source) -> Line:
        rows = source.inspector.rows(self.queue, JobState.DELAYED, 0, 0).rows
        due = rows[0].run_at_ms if rows else None
        return Line(self.queue, source.inspector.priorities(self.queue), due)


class QueueDetail(Static):
    """Four lines."""

    def show(
        self, stats: QueueStats, line: Line | None, workers: tuple[WorkerInfo, ...] | None,
        figures: tuple[Figures, ...], now_ms: int,
    ) -> None:  # fmt: skip
        """Show a queue."""
        parts: list[Part] = []
        _fact(parts, "waiting", priorities_said(line.priorities) if line else "…")
        told = spans.limits(stats.max_active, stats.rate_limit)
        if line is not None and line.next_due_ms is not None:
            told += f"   next delayed: {spans.until(line.next_due_ms - now_ms)}"
        _fact(parts, "limits", told)
        _fact(parts, "workers", _workers_said(stats, workers))
        _fact(parts, "lately", _lately_said(figures), last=True)
        self.update(Content.assemble(*parts))


def priorities_said(priorities: Mapping[int | None, int]) -> str:
    """How many wait in each priority: ``1: 12   4: 3,201   no priority: 41,002``."""
    told = (
        f"{'no priority' if level is None else level}: {spans.count(number)}"
        for level, number in priorities.items()
    )
    return "   ".join(told) or "nobody"


def _workers_said(stats: QueueStats, workers: tuple[WorkerInfo, ...] | None) -> str:
    if workers is None:
        return "…"
    mine = [one for one in workers if stats.name in one.queues]
    if not mine:
        return "none"
    slots = sum(one.slots for one in mine)
    busy = sum(len(ids) for one in mine for ids in one.in_hand.values())
    here = sum(len(one.in_hand.get(stats.name, ())) for one in mine)
    return f"{len(mine)}, {busy:,} of {slots:,} slots busy, {here:,} with jobs of this queue"


def _lately_said(figures: tuple[Figures, ...]) -> str:
    from jobdesk.broker.reading.figures import total

    if not figures:
        return "…"
    whole = total(figures)
    told = f"{whole.added:,} added  {whole.completed:,} completed  {whole.failed:,} failed"
    for name, times in (("ran", whole.run), ("waited", whole.wait)):
        if times is not None:
            three = "/".join(spans.span(ms) for ms in (times.p50, times.p95, times.p99))
            told += f"   {name} {three}"
    return f"{told}   (p50/95/99)" if whole.runs else told


def _fact(parts: list[Part], label: str, text: str, *, last: bool = False) -> None:
    parts.append((f"{label:<{_LABEL}}", "$quiet"))
    parts.append((text + ("" if last else "\n"), ""))
