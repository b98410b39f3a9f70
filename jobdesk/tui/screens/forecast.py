"""What comes to a queue in the next hour, minute by minute, and how long its line takes then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual.content import Content
from textual.widgets import Static

from jobdesk.counting import counted
from jobdesk.models import JobState
from jobdesk.safetext import safe_line
from jobdesk.tui.link.interest import Read, Source
from jobdesk.tui.screens.tables import TableScreen
from jobdesk.tui.text import spans
from jobdesk.tui.widgets.columns import Cell, Column
from jobdesk.tui.widgets.panel import Panel

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from jobdesk.broker.reading.forecast import Arrivals, Forecast, Pace
    from jobdesk.tui.link.interest import Snapshot
    from jobdesk.tui.widgets.listing import Listing

_BAR = 12


@dataclass(frozen=True)
class Hour(Read["Forecast"]):
    """The forecast of one queue."""

    queue: str
    every: ClassVar[float] = 5.0

    def fetch(self, source: Source) -> Forecast:
        from jobdesk.broker.reading import forecast

        return forecast.read(source.broker, self.queue)


@dataclass(frozen=True, slots=True)
class Row:
    """One line: the line of now, or a minute in which something arrives."""

    at_ms: int
    arrivals: Arrivals | None
    line: int
    drained_ms: int | None
    #: its share of the longest line
    share: float = 0.0

    @property
    def id(self) -> int:
        return self.at_ms if self.arrivals else 0


class ForecastScreen(TableScreen[Row]):
    """One line per minute in which something arrives."""

    TITLE_WORD = "queues"

    def __init__(self, queue: str) -> None:
        super().__init__()
        self.queue = queue
        self.forecast: Forecast | None = None

    def crumbs(self) -> tuple[str, ...]:
        return (self.TITLE_WORD, self.queue, "forecast")

    def body(self) -> ComposeResult:
        yield from super().body()
        yield Static(id="pace")

    def reads(self) -> tuple[Read[Any], ...]:
        return (Hour(self.queue),)

    def show(self, snapshot: Snapshot) -> None:
        found = snapshot.of(Hour)
        if found is None:
            return
        self.forecast = found
        self.query_one(Panel).border_title = f"{self.queue}  the next hour"
        most = max((one.line for one in found.minutes), default=0) or found.waiting or 1
        rows = [Row(found.now_ms, None, found.waiting, found.drained_ms, found.waiting / most)]
        rows += [
            Row(one.at_ms, one, one.line, one.drained_ms, one.line / most) for one in found.minutes
        ]
        self.listing.show(rows, snapshot.now_ms)
        later = f"   {found.later:,} later" if found.later else ""
        self.note(f"{found.arriving:,} arrive within the hour{later}")
        said, tone = said_of(found)
        self.query_one("#pace", Static).update(Content.styled(f" {said}", tone))

    def on_listing_opened(self, event: Listing.Opened) -> None:
        row = event.row
        if isinstance(row, Row):
            state = JobState.DELAYED if row.arrivals else JobState.WAITING
            self.desk.pop_screen()
            self.desk.open_jobs(self.queue, state)

    def columns(self) -> Sequence[Column[Row]]:
        glyphs = self.desk.glyphs

        def at(row: Row, _: int) -> Cell:
            if row.arrivals is None:
                return "now", "strong"
            return f"{spans.local(row.at_ms):%H:%M}", "strong"

        def come(row: Row, _: int) -> Cell:
            return ("-", "muted") if row.arrivals is None else (f"{row.arrivals.count:,}", "accent")

        def drained(row: Row, _: int) -> Cell:
            if not row.line:
                return "empty", "muted"
            if row.drained_ms is None:
                return "not drained", "warning"
            return f"drained in {spans.age(max(1000, row.drained_ms))}", "plain"

        def line(row: Row, _: int) -> Cell:
            return f"{row.line:,}", "plain" if row.line else "muted"

        def bar(row: Row, _: int) -> Cell:
            return glyphs.block * max(row.line > 0, round(row.share * _BAR)), "active"

        return [
            Column(title="AT", width=5, cell=at),
            Column(title="ARRIVE", width=9, right=True, cell=come),
            Column(title="LINE", width=9, right=True, cell=line),
            Column(title="", width=_BAR, cell=bar, rank=2),
            Column(title="AND THEN", width=18, cell=drained),
            Column(title="OF THESE", width=14, flex=1, most=70, rank=1,
                   cell=lambda row, _: (what(row.arrivals), "muted")),
        ]  # fmt: skip


def what(arrivals: Arrivals | None) -> str:
    """What arrives, in words."""
    if arrivals is None:
        return "what waits already"
    parts: list[str] = []
    rest = arrivals.delayed - (arrivals.retrying or 0)
    if rest:
        told = "delayed" if arrivals.retrying is not None else "delayed or retrying"
        parts.append(f"{rest:,} {told}")
    if arrivals.retrying:
        parts.append(f"{arrivals.retrying:,} retrying")
    for name, times in arrivals.scheduled.items():
        parts.append(safe_line(name, 40) + (f" {times} times" if times > 1 else ""))
    return ", ".join(parts)


def said_of(found: Forecast) -> tuple[str, str]:
    """How fast the line gets shorter, in words, and their tone."""
    pace = found.pace
    match pace.how:
        case "paused":
            return f"{found.queue} is paused: its line gets no shorter.", "$warning"
        case "no-worker":
            return f"No worker has {found.queue}: its line gets no shorter.", "$error"
        case "stuck":
            return "Jobs wait, and none has ended for minutes: esc, then w says why.", "$warning"
        case "unknown":
            return "Nothing has run lately: how fast it would go is not known.", "$warning"
    return _rate(pace), "$quiet"


def _rate(pace: Pace) -> str:
    rate = f"{spans.rate(pace.per_second)} jobs/s"
    if pace.per_second < 1:
        rate = f"{pace.per_second * 60:.1f} jobs/min"
    if pace.limited:
        return f"{rate}: its rate limit."
    if pace.how == "measured":
        return f"{rate}: measured in the last minutes."
    return f"About {rate}: {counted(pace.slots, 'slot')}, {spans.span(pace.run_ms)} a job."
