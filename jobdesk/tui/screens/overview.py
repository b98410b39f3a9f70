"""How all is going, on one screen: rates, states, queues, workers, and failures by their cause.

What fits is shown: on a small terminal the states and the failures, which say whether something is
wrong. What a pane says of a row is in :mod:`~jobdesk.tui.totals`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual.containers import Container

from jobdesk.broker.reading import edges, groups
from jobdesk.broker.reading.groups import ErrorGroup
from jobdesk.models import WorkerInfo
from jobdesk.safetext import safe_line
from jobdesk.tui.actions import BY_METHOD, Scope
from jobdesk.tui.groupactions import GroupActions
from jobdesk.tui.link.interest import Asked, Read, Source
from jobdesk.tui.link.reads import Minutes, Stats, Workers
from jobdesk.tui.screens.queues import worst_state
from jobdesk.tui.text import queues as queuelines
from jobdesk.tui.text import spans
from jobdesk.tui.text.queues import QueueLine
from jobdesk.tui.totals import StateLine, hand, queue_lines, state_lines, tendency
from jobdesk.tui.widgets import groupcolumns
from jobdesk.tui.widgets.columns import Cell, Column
from jobdesk.tui.widgets.healthline import HealthLine
from jobdesk.tui.widgets.listing import Listing
from jobdesk.tui.widgets.panel import Panel
from jobdesk.tui.widgets.ratesview import MINUTES, RatesView

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.app import ComposeResult

    from jobdesk.broker.reading.edges import Edge
    from jobdesk.broker.reading.serverhealth import ServerBrief
    from jobdesk.broker.server.rounds import Asking
    from jobdesk.tui.link.interest import Snapshot

#: Minutes that a state's trend shows.
TREND = 12
#: Groups of failures of one queue, and of all together.
PER_QUEUE, MOST = 50, 200


@dataclass(frozen=True)
class Edges(Asked["Mapping[str, Edge]"]):
    """What comes next in each queue."""

    every: ClassVar[float] = 2.0

    def asking(self, source: Source) -> Asking[Mapping[str, Edge]]:
        return edges.asking(source.broker, source.queues())

    def can_wait(self, source: Source) -> int:
        return 3 * len(source.queues())


@dataclass(frozen=True)
class Failures(Asked[tuple[ErrorGroup, ...]]):
    """Failures of all queues by their cause, the most frequent first."""

    every: ClassVar[float] = 5.0

    def asking(self, source: Source) -> Asking[tuple[ErrorGroup, ...]]:
        found = yield from groups.asking(source.broker, source.queues(), PER_QUEUE)
        return tuple(sorted(found, key=lambda one: (-one.failed, -one.count, -one.last_ms))[:MOST])

    def can_wait(self, source: Source) -> int:
        return 2 * len(source.queues())


@dataclass(frozen=True)
class Health(Read["ServerBrief | None"]):
    """What the Redis server says of itself."""

    every: ClassVar[float] = 10.0

    def fetch(self, source: Source) -> ServerBrief | None:
        from jobdesk.broker.reading import serverhealth

        return serverhealth.brief(source.broker)


class GroupList(Listing[ErrorGroup]):
    """Failures; a fingerprint may come up in two queues."""

    def key_of(self, row: ErrorGroup) -> object:
        return row.queue, row.fingerprint


class OverviewScreen(GroupActions):
    """The totals."""

    CSS_PATH = "overview.tcss"
    SCOPES: ClassVar[tuple[Scope, ...]] = (Scope.GROUP,)

    AUTO_FOCUS = "#states"
    TITLE_WORD = "overview"

    def body(self) -> ComposeResult:
        glyphs = self.desk.glyphs
        causes = groupcolumns.columns(with_queue=True, with_times=False)
        panes: tuple[tuple[str, Listing[Any], str], ...] = (
            ("states", Listing[StateLine](self._state_columns(), id="states"), "States"),
            ("queues", Listing[QueueLine](self._queue_columns(), id="lines"), "Queues"),
            ("workers", Listing[WorkerInfo](self._worker_columns(), id="crew"), "Workers"),
            ("failures", GroupList(causes, id="failures"), "Failures by cause"),
        )
        with Container(id="overview"):
            with Panel(title=f"Last {MINUTES} minutes", id="rates-panel"):
                yield RatesView(glyphs, id="rates")
            for name, listing, title in panes:
                listing.glyphs = glyphs
                listing.empty = glyphs.ellipsis
                with Panel(title=title, id=f"{name}-panel"):
                    yield listing
        yield HealthLine(id="health")

    def reads(self) -> tuple[Read[Any], ...]:
        return (Stats(), Minutes(MINUTES), Workers(lost=True), Edges(), Failures(), Health())

    def on_resize(self) -> None:
        super().on_resize()
        self.set_class(self.size.width < 76 or self.size.height < 20, "-tiny")

    # --- what was read

    def show(self, snapshot: Snapshot) -> None:
        stats = snapshot.of(Stats)
        figures = snapshot.of(Minutes) or {}
        workers = snapshot.of(Workers)
        now = snapshot.now_ms
        if stats is not None:
            near = snapshot.of(Edges) or {}
            up = None if workers is None else [one for one in workers if not one.lost(now)]
            lines = queue_lines(stats, figures, near, up, now)
            self._list("states").show(state_lines(lines, up, now), now)
            self._title("states", "States", tendency(lines))
            queues = self._list("lines")
            queues.empty = "No queues yet.\nA worker makes them known:  jobdesk worker"
            queues.show(lines, now)
            count = f"{len(lines)} queue{'' if len(lines) == 1 else 's'}"
            self._title("queues", "Queues  worst first", count)
        if figures:
            self.query_one(RatesView).show(figures, now)
        if workers is not None:
            self._show_workers(workers, now)
        if (causes := snapshot.of(Failures)) is not None:
            failures = self._list("failures")
            some = any(one.failed for one in stats or ())
            failures.empty = "No cause of a failure is known." if some else "No failures. Good."
            failures.show(causes, now)
            failed = sum(one.failed for one in causes)
            many = "1 cause" if len(causes) == 1 else f"{len(causes)} causes"
            said = f"{failed:,} by {many}   enter: its jobs" if causes else ""
            if self._counting is None:
                self._title("failures", "Failures by cause  most first", said)
        if (health := snapshot.of(Health)) is not None:
            self.query_one(HealthLine).health = health

    def _show_workers(self, workers: tuple[WorkerInfo, ...], now: int) -> None:
        up = [one for one in workers if not one.lost(now)]
        lost = len(workers) - len(up)
        crew = self._list("crew")
        crew.empty = "No workers are up.\nStart one:  jobdesk worker"
        order = sorted(workers, key=lambda one: (not one.lost(now), -one.busy, one.id))
        crew.show(order, now)
        busy, slots = sum(one.busy for one in up), sum(one.slots for one in up)
        title = f"Workers  {len(up)} up" + (f", {lost} lost" if lost else "")
        self._title("workers", title, f"{busy} of {slots} slots busy" if slots else "")

    def _list(self, id_: str) -> Listing[Any]:
        found: Listing[Any] = self.query_one(f"#{id_}", Listing)
        return found

    def _title(self, name: str, title: str, subtitle: str) -> None:
        panel = self.query_one(f"#{name}-panel", Panel)
        panel.border_title, panel.border_subtitle = title, subtitle

    # --- where enter leads

    def on_listing_opened(self, event: Listing.Opened) -> None:
        row = event.row
        if isinstance(row, StateLine):
            if row.queue is None and row.state is None:
                self.desk.go("queues")
            else:
                self.desk.open_jobs(row.queue, row.state)
        elif isinstance(row, QueueLine):
            self.desk.open_jobs(row.name, worst_state(row.stats))
        elif isinstance(row, WorkerInfo):
            self.desk.open_row("workers", row.id)
        elif isinstance(row, ErrorGroup):
            self.open_group(row)

    # --- what is done to a group, while the cursor is among the failures

    def group_at_hand(self) -> ErrorGroup | None:
        found: ErrorGroup | None = self._list("failures").current
        return found

    def say_count(self, text: str) -> None:
        self.query_one("#failures-panel", Panel).border_subtitle = text

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        entry = BY_METHOD.get(action)
        if entry is not None and entry.scope is Scope.GROUP:
            among = self.focused is not None and self.focused.id == "failures"
            if not among:
                return False
        return super().check_action(action, parameters)

    def on_listing_moved(self, _: Listing.Moved) -> None:
        self.refresh_bindings()

    # --- columns

    def _state_columns(self) -> list[Column[StateLine]]:
        glyphs = self.desk.glyphs

        def name(row: StateLine, _: int) -> Cell:
            glyph = glyphs.states.get(row.glyph, glyphs.warning)
            return f"{glyph} {row.name}", row.tone if row.count else "muted"

        def trend(row: StateLine, _: int) -> Cell:
            return row.trend(TREND, glyphs), row.tone

        return [
            Column(title="STATE", width=11, cell=name),
            Column(title="JOBS", width=9, right=True,
                   cell=lambda row, _: (f"{row.count:,}" if row.count < 1_000_000_000
                                        else spans.count(row.count),
                                        "plain" if row.count else "muted")),
            Column(title="", width=14, flex=3, most=24,
                   cell=lambda row, _: (safe_line(row.note, 40), "plain")),
            Column(title=f"LAST {TREND} MIN", width=TREND, cell=trend, rank=1),
        ]  # fmt: skip

    def _queue_columns(self) -> list[Column[QueueLine]]:
        glyphs = self.desk.glyphs

        def number(name: str, tone: str) -> Any:
            def cell(row: QueueLine, _: int) -> Cell:
                value: int = getattr(row.stats, name)
                return spans.count(value), tone if value else "muted"

            return cell

        return [
            Column(title="QUEUE", width=8, flex=1, most=24,
                   cell=lambda row, _: (safe_line(row.name, 40), "strong")),
            Column(title="STATE", width=11, cell=lambda row, _: queuelines.state(row, glyphs)),
            Column(title="WAIT", width=5, right=True, cell=number("waiting", "plain")),
            Column(title="OLDEST", width=7, right=True, cell=queuelines.oldest, rank=2),
            Column(title="FAILED", width=6, right=True, cell=number("failed", "error")),
            Column(title="DONE/S", width=6, right=True, rank=1, cell=queuelines.rate),
        ]  # fmt: skip

    def _worker_columns(self) -> list[Column[WorkerInfo]]:
        glyphs = self.desk.glyphs

        def state(row: WorkerInfo, now: int) -> Cell:
            if row.lost(now):
                return f"{glyphs.states['failed']} lost", "error"
            return f"{glyphs.live} {row.busy}/{row.slots}", "active" if row.busy else "success"

        def held(row: WorkerInfo, now: int) -> Cell:
            text = safe_line(hand(row), 80)
            if row.lost(now):
                return (f"had {text}" if text else "had nothing"), "warning"
            return text or "idle", "plain" if text else "muted"

        return [
            Column(title="WORKER", width=12, flex=1, most=28,
                   cell=lambda row, _: (safe_line(row.id, 60), "strong")),
            Column(title="BUSY", width=7, cell=state),
            Column(title="BEAT", width=6, right=True, rank=1,
                   cell=lambda row, now: (spans.age(now - row.beat_ms), "muted")),
            Column(title="IN HAND", width=8, flex=2, most=60, rank=2, cell=held),
        ]  # fmt: skip
