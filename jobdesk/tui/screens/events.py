"""What happens in the queues, as it happens."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from jobdesk.models import Event
from jobdesk.safetext import safe_line
from jobdesk.tui import spans
from jobdesk.tui.actions import Scope
from jobdesk.tui.interest import Read
from jobdesk.tui.screens.tables import TableScreen
from jobdesk.tui.widgets.columns import Cell, Column

if TYPE_CHECKING:
    from jobdesk.broker.events import Gap
    from jobdesk.tui.interest import Snapshot, Source
    from jobdesk.tui.widgets.listing import Listing

KEPT = 5000
FIRST = 200
_TONES = {
    "completed": "success", "failed": "error", "stalled": "error", "error": "error",
    "retrying": "warning", "paused": "warning", "cancelled": "warning", "active": "active",
    "progress": "muted",
}  # fmt: skip
_GLYPHS = {
    "completed": "completed", "failed": "failed", "stalled": "failed", "error": "failed",
    "retrying": "retrying", "delayed": "delayed", "paused": "paused", "active": "active",
    "waiting": "waiting", "cancelled": "cancelled",
}  # fmt: skip


@dataclass(frozen=True)
class Newest(Read[tuple[Event, ...]]):
    """The newest events of all queues: what a tail begins with."""

    count: int = FIRST
    every: ClassVar[float] = 3600.0

    def fetch(self, source: Source) -> tuple[Event, ...]:
        from jobdesk.broker.events import newest

        found = [event for queue in source.queues()
                 for event in newest(source.broker, queue, self.count)]  # fmt: skip
        found.sort(key=lambda event: (event.timestamp_ms, event.n))
        return tuple(found[-self.count :])


class EventsScreen(TableScreen[Event]):
    """A tail, the newest first."""

    SCOPES: ClassVar[tuple[Scope, ...]] = (Scope.EVENT,)
    TITLE_WORD = "events"
    HEADING = "Events  newest first"
    EMPTY = "Nothing has happened yet."

    def __init__(self) -> None:
        super().__init__()
        self._events: deque[Event] = deque(maxlen=KEPT)
        self._begun = False
        self._missed = 0

    def reads(self) -> tuple[Read[Any], ...]:
        return () if self._begun else (Newest(),)

    def show(self, snapshot: Snapshot) -> None:
        first = snapshot.of(Newest)
        if not self._begun and first is not None:
            self._begun = True
            known = {(event.queue, event.id) for event in self._events}
            earlier = [event for event in first if (event.queue, event.id) not in known]
            later = list(self._events)
            self._events.clear()
            self._events.extend((*earlier, *later))
            self.look_again(now=False)
        self._draw(snapshot.now_ms)

    def events_arrived(self, events: tuple[Event | Gap, ...]) -> None:
        for one in events:
            if isinstance(one, Event):
                self._events.append(one)
            else:
                self._missed += one.missed or 0
        if self.desk.screen is self and not self.desk.held:
            self._draw(self.listing.now_ms)

    def _draw(self, now_ms: int) -> None:
        listing = self.listing
        at_top = listing.cursor == 0
        listing.show(tuple(reversed(self._events)), now_ms)
        if at_top:
            listing.move_to(0)
        missed = f"   {self._missed:,} left out" if self._missed else ""
        self.note(f"{len(self._events):,} events{missed}" if self._events else "")

    def on_listing_opened(self, event: Listing.Opened) -> None:
        if isinstance(event.row, Event) and event.row.job_id:
            self.desk.open_job(event.row.queue, event.row.job_id)

    def action_events_follow(self) -> None:
        self.listing.move_to(0)

    def columns(self) -> Sequence[Column[Event]]:
        glyphs = self.desk.glyphs

        def name(row: Event, _: int) -> Cell:
            glyph = glyphs.states.get(_GLYPHS.get(row.name, ""), " ")
            return f"{glyph} {safe_line(row.name, 12)}", _TONES.get(row.name, "plain")

        return [
            Column(title="TIME", width=12, cell=_time),
            Column(title="QUEUE", width=12, cell=lambda row, _: (row.queue, "plain")),
            Column(title="EVENT", width=12, cell=name),
            Column(title="TYPE", width=12, flex=1, most=24,
                   cell=lambda row, _: (safe_line(row.type, 30), "strong")),
            Column(title="JOB", width=10, flex=2, most=22,
                   cell=lambda row, _: (safe_line(row.job_id, 30), "plain")),
            Column(title="MORE", width=10, flex=3, most=80, cell=_more, rank=1),
        ]  # fmt: skip


def _time(row: Event, _: int) -> Cell:
    return f"{spans.clock(row.timestamp_ms)}.{row.timestamp_ms % 1000:03d}", "muted"


def _more(row: Event, _: int) -> Cell:
    names = {"prev": "from", "err": "", "w": "on", "a": "try", "count": "jobs", "p": "progress"}
    said = (
        f"{names.get(name, name)} {safe_line(value, 90)}".strip()
        for name, value in row.fields.items()
    )
    return "  ".join(said), "error" if row.name == "failed" else "muted"
