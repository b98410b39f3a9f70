"""A queue as a board shows it: how bad it stands, which comes first, and its cells. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobdesk.broker.reading.figures import per_second
from jobdesk.tui.text import spans

if TYPE_CHECKING:
    from jobdesk.broker.reading.figures import Figures
    from jobdesk.models import QueueStats, WorkerInfo
    from jobdesk.tui.text.glyphs import Glyphs
    from jobdesk.tui.widgets.columns import Cell

#: After that a waiting job counts as late.
LATE_MS = 60_000
#: Failures in so many minutes make a queue worse than others.
LATELY = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLine:
    """One queue."""

    name: str
    stats: QueueStats
    figures: tuple[Figures, ...] = ()
    #: since when its first job waits, and when its next delayed one is due
    first_ms: int | None = None
    due_ms: int | None = None
    #: how many are up; None while it is not known
    workers: int | None = None

    @property
    def unattended(self) -> bool:
        """Whether nobody is there to take its jobs, though nobody paused it."""
        return self.workers == 0 and not self.stats.paused

    def per_second(self, now_ms: int) -> float:
        """Jobs completed a second."""
        return per_second([one.completed for one in self.figures], now_ms)

    def late(self, now_ms: int) -> bool:
        """Whether jobs wait for too long, though nobody paused it."""
        first = self.first_ms
        return first is not None and now_ms - first > LATE_MS and not self.stats.paused

    def badness(self, now_ms: int) -> tuple[bool, ...]:
        """The higher, the worse."""
        lately = sum(one.failed for one in self.figures[-LATELY:])
        return (
            self.unattended and self.stats.waiting > 0, lately > 0, self.late(now_ms),
            self.stats.paused, self.stats.failed > 0,
        )  # fmt: skip


def serving(queue: str, workers: Sequence[WorkerInfo] | None) -> int | None:
    """How many of these workers take a queue's jobs."""
    return None if workers is None else sum(queue in worker.queues for worker in workers)


# --- cells


def state(line: QueueLine, glyphs: Glyphs) -> Cell:
    """Whether it is worked on."""
    if line.stats.paused:
        return f"{glyphs.states['paused']} paused", "warning"
    if line.unattended:
        return f"{glyphs.warning} no worker", "error" if line.stats.waiting else "warning"
    return (f"{glyphs.live} up", "success") if line.workers else ("", "muted")


def oldest(line: QueueLine, now_ms: int) -> Cell:
    """For how long its first job waits."""
    if line.first_ms is None:
        return "-", "muted"
    return spans.age(now_ms - line.first_ms), "warning" if line.late(now_ms) else "plain"


def rate(line: QueueLine, now_ms: int) -> Cell:
    """How many jobs it completes a second."""
    found = line.per_second(now_ms)
    return spans.rate(found), "plain" if found else "muted"
