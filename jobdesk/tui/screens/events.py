"""What happens in the queues, as it happens; filtered; and what happened before.

Events come in batches from the listener, a thousand a second or more. They go into a ring, which
costs as much as the batch is long, and the list is painted a few times a second. What came while
nobody listened is read again where it is little; else a row says how much is missing.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from jobdesk.models import Event
from jobdesk.safetext import safe_line
from jobdesk.tui import filters
from jobdesk.tui.actions import Action, Scope
from jobdesk.tui.events import filter as eventfilter
from jobdesk.tui.events.rewinding import Rewinding
from jobdesk.tui.events.ring import Missing, Numbering, Ring
from jobdesk.tui.screens.base import DeskScreen
from jobdesk.tui.standing import stands
from jobdesk.tui.text import spans
from jobdesk.tui.widgets.columns import Cell, Column
from jobdesk.tui.widgets.eventlist import EventList
from jobdesk.tui.widgets.filterbar import FilterBar, Language
from jobdesk.tui.widgets.hintbar import HintBar
from jobdesk.tui.widgets.panel import Panel

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from jobdesk.broker.events import Gap
    from jobdesk.tui.link.interest import Snapshot, Source
    from jobdesk.tui.widgets.listing import Listing

KEPT = 5000
#: Events that are read at once: at the start, and where some are missing.
READ = 500
#: Between two paintings.
PAINT_S = 0.1
#: Between two readings of what is missing; and after so long without a word from the listener.
READ_AGAIN_S = 1.0
QUIET_S = 1.5
HEADING = "Events  newest first"
TYPING = "enter filter   tab complete   up earlier   esc leave"
_LANGUAGE = Language(eventfilter.parse, eventfilter.completions, eventfilter.HELP)
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


class EventsScreen(DeskScreen):
    """A tail, the newest first."""

    SCOPES: ClassVar[tuple[Scope, ...]] = (Scope.EVENT,)
    TITLE_WORD = "events"

    def __init__(self) -> None:
        super().__init__()
        self._numbering = Numbering()
        self._live = Ring(KEPT)
        self._filter = eventfilter.EventFilter()
        #: of the live ones, those that match; the same ring where all do
        self._matching = self._live
        self._known = eventfilter.Known()
        self._begun = False
        #: what came while older ones are being read
        self._waiting: deque[Event | Gap] | None = None
        self._read_at = 0.0
        self._heard_at = 0.0
        self._painted_at = 0.0
        self._painting = False
        self._past: Rewinding | None = None

    # --- what it shows

    def body(self) -> ComposeResult:
        yield FilterBar(lambda: self._known, _LANGUAGE)
        listing = EventList(self._columns(), self._live, id="table")
        listing.glyphs = self.desk.glyphs
        listing.empty = "Nothing has happened yet."
        with Panel(title=HEADING):
            yield listing

    @property
    def listing(self) -> EventList:
        """The list."""
        return self.query_one("#table", EventList)

    @property
    def bar(self) -> FilterBar:
        """The filter's line."""
        return self.query_one(FilterBar)

    def crumbs(self) -> tuple[str, ...]:
        at = self._past.at_ms if self._past is not None else None
        return ("events",) if at is None else ("events", spans.clock(at))

    def show(self, snapshot: Snapshot) -> None:  # noqa: ARG002  # it reads nothing every tick
        quiet = time.monotonic() - max(self._read_at, self._heard_at)
        if not self._begun or quiet > QUIET_S:
            # the listener may have begun, or come back, a moment too late
            self._read_newest()
        self._paint_soon()

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        # while another mode was on top, nothing came here
        self._read_newest()

    # --- what comes

    def events_arrived(self, events: tuple[Event | Gap, ...]) -> None:
        self._heard_at = time.monotonic()
        if self._waiting is not None:
            self._waiting.extend(events)
        elif not self._begun:
            self._read_newest(events)
        elif missing := self._repairable(events):

            def between(source: Source) -> tuple[Event, ...]:
                from jobdesk.broker.reading import eventpages

                return eventpages.between(source.broker, missing)

            self._read(between, events)
        else:
            self._take(events)

    def _repairable(self, events: Sequence[Event | Gap]) -> dict[str, tuple[str, int]]:
        """What is missing before these, where it is little enough to be read again."""
        missing = self._numbering.missing(events)
        little = 0 < sum(count for _, count in missing.values()) <= READ
        return missing if little and self._heard_at - self._read_at > READ_AGAIN_S else {}

    def _read_newest(self, before: Sequence[Event | Gap] = ()) -> None:
        """Read the newest of what came behind the last known events."""
        positions = self._numbering.positions

        def since(source: Source) -> tuple[Event, ...]:
            from jobdesk.broker.reading import eventpages

            return eventpages.since(source.broker, source.queues(), positions, READ)

        self._read(since, before)

    def _read(
        self, call: Callable[[Source], tuple[Event, ...]], before: Sequence[Event | Gap]
    ) -> None:
        """Read some events, then go on with those that came after them."""
        if self._waiting is not None:
            self._waiting.extend(before)
            return
        self._waiting = deque(before, maxlen=KEPT)
        self._read_at = time.monotonic()

        def answer(found: tuple[Event, ...] | None, _: Exception | None) -> None:
            waiting, self._waiting = self._waiting or (), None
            if stands(self):
                self._begun = self._begun or found is not None
                self._take((*(found or ()), *waiting))

        self.desk.link.ask(call, answer)

    def _take(self, events: Sequence[Event | Gap]) -> None:
        if self.desk.held:
            self.listing.freeze()
        rows = self._numbering.rows(events)
        self._live.push(rows)
        if self._matching is not self._live:
            self._matching.push(row for row in rows if self._filter.matches(row))
        self._paint_soon()

    def _paint_soon(self) -> None:
        """Paint, but not more than ten times a second."""
        rest = PAINT_S - (time.monotonic() - self._painted_at)
        if rest <= 0:
            self._paint()
        elif not self._painting:
            self._painting = True
            self.set_timer(rest, self._paint)

    def _paint(self) -> None:
        self._painting = False
        self._painted_at = time.monotonic()
        if self.desk.desk_screen is not self:
            return
        if self._past is None and not self.desk.held:
            self.listing.catch_up(self.desk.now_ms())
        self._note()

    def _note(self) -> None:
        listing, past = self.listing, self._past
        said: list[str] = []
        if past is not None:
            said.append(f"{listing.total:,} events")
            came = past.came(self._live)
            said += [*([f"{came:,} since"] if came else []), "f now"]
        else:
            if self._matching is not self._live:
                said.append(f"{listing.total:,} of {len(self._live):,} match")
            elif listing.total:
                said.append(f"{listing.total:,} events")
            if self.desk.held and listing.behind:
                said.append(f"{listing.behind:,} since")
            elif listing.came_above:
                said += [f"{listing.came_above:,} new above", "f follows"]
        self.query_one(Panel).border_subtitle = "   ".join(said)

    def _show_ring(self) -> None:
        """Show what is to be seen now, from its newest row."""
        past, listing = self._past, self.listing
        if past is None:
            listing.look_at(self._matching, self.desk.now_ms())
            title = HEADING
        else:
            ring = past.ring
            if self._filter.terms:
                ring = Ring(KEPT, (row for row in ring if self._filter.matches(row)))
            listing.look_at(ring, self.desk.now_ms())
            title = f"Events  as of {spans.local(past.at_ms):%a %H:%M:%S}"
            title += f", {spans.age(self.desk.now_ms() - past.at_ms)} ago"
        self.query_one(Panel).border_title = title
        if self._filter.terms:
            listing.empty = "Nothing matches; esc clears the filter."
        else:
            listing.empty = "Nothing has happened yet."
        self._note()
        self.desk.tell_screen(self)
        self.refresh_bindings()

    # --- the filter

    def action_events_filter(self) -> None:
        row = self.listing.current
        types = {row.type for row in self._live if isinstance(row, Event) and row.type}
        job = (row.job_id,) if isinstance(row, Event) and row.job_id else ()
        queues = tuple(self._numbering.positions)
        self._known = eventfilter.Known(queues, tuple(sorted(types)), jobs=job)
        self.bar.open(str(self._filter))
        self.query_one(HintBar).typing = TYPING

        def answer(found: tuple[str, ...] | None, _: Exception | None) -> None:
            known = self._known
            self._known = eventfilter.Known(found or known.queues, known.types, jobs=known.jobs)

        self.desk.link.ask(lambda source: source.queues(), answer)

    def on_filter_input_left(self) -> None:
        self._leave_bar()

    def _leave_bar(self) -> None:
        self.bar.close()
        self.query_one(HintBar).typing = ""
        self.listing.focus()

    def on_filter_bar_applied(self, event: FilterBar.Applied) -> None:
        try:
            wanted = eventfilter.parse(event.text)
        except filters.NotAFilter as exc:
            self.desk.refuse(str(exc))
            return
        self._leave_bar()
        self.filter_by(wanted)

    def filter_by(self, wanted: eventfilter.EventFilter) -> None:
        """Show what matches."""
        self._filter = wanted
        self._matching = self._live
        if wanted.terms:
            self._matching = Ring(KEPT, (row for row in self._live if wanted.matches(row)))
        self.bar.say(str(wanted), "esc clears it" if wanted.terms else "")
        self._show_ring()

    def clear(self) -> bool:
        if self._filter.terms:
            self.filter_by(eventfilter.EventFilter())
            return True
        if self._past is not None:
            self.action_events_follow()
            return True
        return False

    # --- back in time

    def reason_against(self, action: Action) -> str | None:
        if action.id == "events.forward" and self._past is None:
            return "This is now: [ goes back in time."
        return None

    def action_events_follow(self) -> None:
        if self._past is not None:
            self._past = None
            self._show_ring()
        self.listing.follow()
        self._paint()

    def action_events_rewind(self) -> None:
        top = self.listing.row_at(0)
        if self._past is not None:
            self._past.back()
            return
        end = top.timestamp_ms if top is not None else self.desk.now_ms()
        oldest = self.listing.row_at(max(0, self.listing.total - 1))
        self._rewind(max(end - Rewinding.STEP_MS, oldest.timestamp_ms if oldest else 0))

    def action_events_forward(self) -> None:
        if self._past is not None and not self._past.forward():
            self.action_events_follow()

    def _rewind(self, end_ms: int) -> None:
        """Leave the present for what happened up to then."""
        past = Rewinding(self._live)

        def changed(trouble: str) -> None:
            if not stands(self) or self._past not in (None, past):
                return
            if trouble:
                self.desk.refuse(trouble)
            if past.loaded:
                self._past = past
                self._show_ring()

        past.begin(end_ms, lambda: self._filter, self.desk.link.ask, changed)

    # --- the rows

    def on_listing_opened(self, event: Listing.Opened) -> None:
        row = event.row
        if isinstance(row, Missing):
            if self._past is None:
                self._rewind(row.timestamp_ms)
        elif isinstance(row, Event) and row.job_id:
            self.desk.open_job(row.queue, row.job_id)

    def on_listing_moved(self, _: Listing.Moved) -> None:
        self._note()
        self.refresh_bindings()

    def _columns(self) -> Sequence[Column[Event]]:
        glyphs = self.desk.glyphs

        def name(row: Event, _: int) -> Cell:
            glyph = glyphs.states.get(_GLYPHS.get(row.name, ""), " ")
            return f"{glyph} {safe_line(row.name, 12)}", _TONES.get(row.name, "plain")

        return [
            Column(title="TIME", width=12, cell=_time),
            Column(title="QUEUE", width=12, cell=lambda row, _: (safe_line(row.queue, 64), "plain"),
                   flex=1, most=16),
            Column(title="EVENT", width=12, cell=name),
            Column(title="TYPE", width=10, flex=2, most=24,
                   cell=lambda row, _: (safe_line(row.type, 60), "strong")),
            Column(title="JOB", width=10, flex=4, most=22, rank=1, middle=True,
                   cell=lambda row, _: (safe_line(row.job_id, 60), "plain")),
            Column(title="MORE", width=10, flex=6, most=80, cell=_more, rank=2),
        ]  # fmt: skip


def _time(row: Event, _: int) -> Cell:
    return f"{spans.clock(row.timestamp_ms)}.{row.timestamp_ms % 1000:03d}", "muted"


def _more(row: Event, _: int) -> Cell:
    names = {"prev": "from", "err": "", "w": "on", "a": "try", "count": "jobs", "p": "progress"}
    said = (
        f"{names.get(name, safe_line(name, 20))} {safe_line(value, 90)}".strip()
        for name, value in row.fields.items()
    )
    return "  ".join(said), "error" if row.name == "failed" else "muted"
