"""What the overview says of all queues together: a line per state, a line per queue. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobdesk.broker.reading.figures import by_span, per_second
from jobdesk.models import STORED_STATES, JobState, QueueStats, WorkerInfo
from jobdesk.tui.text import spans
from jobdesk.tui.text.glyphs import TONES, Glyphs
from jobdesk.tui.text.queues import LATE_MS, QueueLine, serving
from jobdesk.tui.widgets.sparkline import sparkline

if TYPE_CHECKING:
    from jobdesk.broker.reading.edges import Edge
    from jobdesk.broker.reading.figures import Figures

#: Rates are of so many minutes that are over.
OVER = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class StateLine:
    """A state, or what keeps queues from running, over all queues."""

    name: str
    count: int
    note: str = ""
    tone: str = "plain"
    #: of :attr:`Glyphs.states`; another: the sign for a warning
    glyph: str = ""
    #: what enter opens; neither: the board
    state: JobState | None = None
    queue: str | None = None
    #: per minute, the current one last
    values: tuple[float, ...] = ()
    #: how full, 0 to 1, where that says more than a trend
    load: float | None = None

    def trend(self, width: int, glyphs: Glyphs) -> str:
        """As much of it as fits."""
        if self.load is not None:
            full = min(width, round(self.load * width))
            return glyphs.block * full + glyphs.rest * (width - full)
        return sparkline(self.values, width, glyphs.bars) if any(self.values) else ""


def queue_lines(
    stats: Sequence[QueueStats],
    figures: Mapping[str, tuple[Figures, ...]],
    near: Mapping[str, Edge],
    workers: Sequence[WorkerInfo] | None,
    now_ms: int,
) -> list[QueueLine]:
    """A line per queue, the worst first, by name where they are as bad."""
    made = []
    for one in stats:
        edge = near.get(one.name)
        made.append(QueueLine(
            name=one.name, stats=one, figures=figures.get(one.name, ()),
            workers=serving(one.name, workers),
            first_ms=edge.first_ms if edge and one.waiting else None,
            due_ms=edge.due_ms if edge and one.delayed else None,
        ))  # fmt: skip

    made.sort(key=lambda line: line.name)
    made.sort(key=lambda line: (*line.badness(now_ms), line.unattended), reverse=True)
    return made


def state_lines(
    lines: Sequence[QueueLine], workers: Sequence[WorkerInfo] | None, now_ms: int
) -> list[StateLine]:
    """What keeps queues from running, then a line per state."""
    minutes = _together(lines)
    counts = {s: sum(getattr(line.stats, s.value) for line in lines) for s in STORED_STATES}
    stuck = [line for line in lines if line.unattended and line.stats.waiting]
    paused = [line for line in lines if line.stats.paused]
    made: list[StateLine] = []
    for name, some, tone in (("no worker", stuck, "error"), ("paused", paused, "warning")):
        if some:
            alone = len(some) == 1
            made.append(StateLine(
                name=name, count=sum(line.stats.waiting for line in some),
                note=some[0].name if alone else f"in {len(some)} queues", tone=tone,
                glyph="paused" if name == "paused" else "",
                queue=some[0].name if alone else None,
                state=JobState.WAITING if alone else None,
            ))  # fmt: skip
    notes = _notes(lines, workers, minutes, now_ms)
    values = _values(minutes, sum(counts[s] for s in _UNENDED))
    for state in STORED_STATES:
        having = [line.name for line in lines if getattr(line.stats, state.value)]
        made.append(StateLine(
            name=state.value, count=counts[state], note=notes.get(state, ""), state=state,
            tone=TONES[state.value], glyph=state.value, values=values.get(state, ()),
            queue=having[0] if len(having) == 1 else None,
            load=_load(workers) if state is JobState.ACTIVE else None,
        ))  # fmt: skip
    return made


def tendency(lines: Sequence[QueueLine]) -> str:
    """Whether what is yet to run grows or shrinks: ``growing: +18/s``."""
    minutes = _together(lines)[-OVER - 1 : -1]
    backlog = sum(getattr(line.stats, s.value) for line in lines for s in _UNENDED)
    if not minutes:
        return ""
    net = sum(one["added"] - one["completed"] - one["failed"] for one in minutes)
    if abs(net) < max(3, backlog // 50):
        return "steady" if backlog else "nothing to do"
    rate = abs(net) / (60 * len(minutes))
    if net > 0:
        return f"growing: +{_rate(rate)}"
    left = f", empty in {spans.age(1000 * backlog / rate)}" if backlog else ""
    return f"shrinking: -{_rate(rate)}{left}"


def hand(worker: WorkerInfo) -> str:
    """What a worker has in hand: ``email 3ceb3ffd, 77ab0e12  pdf 9f2c41d0``."""
    told = []
    for queue, ids in worker.in_hand.items():
        if ids:
            more = f" +{len(ids) - 3}" if len(ids) > 3 else ""
            told.append(f"{queue} {', '.join(ids[:3])}{more}")
    return "  ".join(told)


# ---

_UNENDED = (JobState.WAITING, JobState.ACTIVE, JobState.DELAYED)
_COUNTED = ("added", "completed", "failed", "retried")


def _together(lines: Sequence[QueueLine]) -> list[dict[str, int]]:
    """The counts of all queues by minute, the current one last."""
    return [
        {name: sum(getattr(one, name) for one in minute) for name in _COUNTED}
        for minute in by_span(line.figures for line in lines)
    ]


def _notes(
    lines: Sequence[QueueLine],
    workers: Sequence[WorkerInfo] | None,
    minutes: Sequence[dict[str, int]],
    now_ms: int,
) -> dict[JobState, str]:
    notes: dict[JobState, str] = {}
    first = min((line.first_ms for line in lines if line.first_ms is not None
                 and not line.stats.paused), default=None)  # fmt: skip
    if first is not None:
        notes[JobState.WAITING] = f"oldest {spans.age(now_ms - first)}"
    due = min((line.due_ms for line in lines if line.due_ms is not None), default=None)
    if due is not None:
        late = now_ms - due
        told = f"overdue {spans.age(late)}" if late > LATE_MS else f"next {spans.until(-late)}"
        notes[JobState.DELAYED] = told
    if workers:
        notes[JobState.ACTIVE] = f"of {sum(one.slots for one in workers):,} slots"
    done = per_second([one["completed"] for one in minutes], now_ms)
    if done:
        notes[JobState.COMPLETED] = _rate(done)
    if failed := sum(one["failed"] for one in minutes[-5:]):
        notes[JobState.FAILED] = f"+{failed:,} in 5 min"
    return notes


def _values(minutes: Sequence[dict[str, int]], backlog: int) -> dict[JobState, tuple[float, ...]]:
    """The trend of each state. How many waited is reckoned back from how many do now."""
    waited: list[float] = []
    for one in reversed(minutes):
        waited.append(backlog)
        backlog = max(0, backlog - one["added"] + one["completed"] + one["failed"])
    return {
        JobState.WAITING: tuple(reversed(waited)),
        JobState.DELAYED: tuple(one["retried"] for one in minutes),
        JobState.COMPLETED: tuple(one["completed"] for one in minutes),
        JobState.FAILED: tuple(one["failed"] for one in minutes),
    }


def _load(workers: Sequence[WorkerInfo] | None) -> float | None:
    slots = sum(one.slots for one in workers or ())
    return sum(one.busy for one in workers or ()) / slots if slots else None


def _rate(per_second: float) -> str:
    """``18/s``, or by the minute where that reads better."""
    if per_second < 0.095:
        return f"{per_second * 60:.1f}/min".replace(".0/", "/")
    return f"{spans.rate(per_second)}/s"
