"""The queue board: all queues, the worst first, and where to go from there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from jobdesk.models import JobState, QueueStats
from jobdesk.tui import queuecommands, spans
from jobdesk.tui.actions import Action, Scope
from jobdesk.tui.jobactions import add_to
from jobdesk.tui.reads import Heads, Minutes, Stats, Workers
from jobdesk.tui.screens.base import DeskScreen
from jobdesk.tui.widgets.columns import Cell, Column
from jobdesk.tui.widgets.listing import Listing
from jobdesk.tui.widgets.panel import Panel
from jobdesk.tui.widgets.sparkline import sparkline

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from jobdesk.broker.figures import Figures
    from jobdesk.models import JobRow
    from jobdesk.tui.interest import Read, Snapshot

#: Failures in the last ten minutes that make a queue the worst.
MINUTES = 12
#: After that a waiting job counts as late.
LATE_MS = 60_000


@dataclass(frozen=True, slots=True)
class QueueRow:
    """A queue as the board shows it."""

    name: str
    stats: QueueStats
    figures: tuple[Figures, ...] = ()
    #: the job that waits in front
    head: JobRow | None = None
    #: None while it is not known
    workers: int | None = None
    slots: int = 0

    @property
    def unattended(self) -> bool:
        """Whether jobs wait and nobody is there to take them, though nobody paused the queue."""
        return self.workers == 0 and not self.stats.paused

    @property
    def oldest_ms(self) -> int | None:
        """When the job in front was added."""
        return None if self.head is None else self.head.added_ms

    @property
    def per_second(self) -> float:
        """Jobs completed a second, over the minutes that are over."""
        over = self.figures[-4:-1]
        return sum(one.completed for one in over) / (60 * len(over)) if over else 0.0

    @property
    def failed_lately(self) -> int:
        return sum(one.failed for one in self.figures[-10:])

    def badness(self, now_ms: int) -> tuple[float, ...]:
        """The higher, the worse."""
        waiting = self.stats.waiting
        late = waiting and self.oldest_ms is not None and now_ms - self.oldest_ms > LATE_MS
        return (
            float(self.unattended and waiting > 0),
            float(self.failed_lately > 0),
            float(bool(late) and not self.stats.paused),
            float(self.stats.paused),
            float(self.stats.failed > 0),
            float(waiting),
        )


class QueuesScreen(DeskScreen):
    """One line per queue."""

    SCOPES: ClassVar[tuple[Scope, ...]] = (Scope.QUEUE,)
    TITLE_WORD = "queues"

    def body(self) -> ComposeResult:
        listing = Listing[QueueRow](self._columns(), id="queues")
        listing.glyphs = self.desk.glyphs
        listing.empty = (
            "No queues yet.\nA worker makes its queues known when it starts:  jobdesk worker"
        )
        with Panel(title="Queues  worst first"):
            yield listing

    @property
    def listing(self) -> Listing[QueueRow]:
        """The board."""
        found: Listing[QueueRow] = self.query_one("#queues", Listing)
        return found

    def reads(self) -> tuple[Read[Any], ...]:
        return (Stats(), Minutes(MINUTES), Heads(), Workers())

    def show(self, snapshot: Snapshot) -> None:
        stats = snapshot.of(Stats)
        if stats is None:
            return
        figures = snapshot.of(Minutes) or {}
        heads = snapshot.of(Heads) or {}
        workers = snapshot.of(Workers)
        rows = [
            QueueRow(
                name=one.name,
                stats=one,
                figures=figures.get(one.name, ()),
                head=heads.get(one.name) if one.waiting else None,
                workers=None
                if workers is None
                else sum(one.name in worker.queues for worker in workers),
            )
            for one in stats
        ]
        # by name where equal; and the order holds still while the operator moves in it
        rows.sort(key=lambda row: row.name)
        rows.sort(key=lambda row: row.badness(snapshot.now_ms)[:5], reverse=True)
        self.listing.show(rows, snapshot.now_ms)
        panel = self.query_one(Panel)
        waiting = sum(one.waiting for one in stats)
        failed = sum(one.failed for one in stats)
        panel.border_subtitle = f"{len(rows)} queues   {waiting:,} waiting   {failed:,} failed"

    # --- actions

    def reason_against(self, action: Action) -> str | None:
        row = self.listing.current
        if row is None:
            return "There is no queue here."
        if action.id == "queue.retry" and not row.stats.failed:
            return f"No failed jobs in {row.name}."
        if action.id == "queue.empty" and not (row.stats.waiting or row.stats.delayed):
            return f"{row.name} is empty."
        return None

    def label_of(self, id_: str) -> str | None:
        row = self.listing.current
        return "resume" if id_ == "queue.pause" and row and row.stats.paused else None

    def on_listing_moved(self) -> None:
        self.refresh_bindings()

    def on_listing_opened(self, event: Listing.Opened) -> None:
        row = event.row
        if isinstance(row, QueueRow):
            self.desk.open_jobs(row.name, worst_state(row.stats))

    def action_queue_pause(self) -> None:
        if row := self.listing.current:
            make = queuecommands.ResumeQueue if row.stats.paused else queuecommands.PauseQueue
            self.desk.order(make(row.name))

    def action_queue_retry(self) -> None:
        if row := self.listing.current:
            self.desk.order_many(
                row.name, (JobState.FAILED,), lambda n: queuecommands.RetryAll(row.name, n)
            )

    def action_queue_empty(self) -> None:
        if row := self.listing.current:
            self.desk.order_many(
                row.name, (JobState.WAITING, JobState.DELAYED),
                lambda n: queuecommands.EmptyQueue(row.name, n),
            )  # fmt: skip

    def action_queue_add(self) -> None:
        if row := self.listing.current:
            add_to(self.desk, row.name)

    # --- columns

    def _columns(self) -> list[Column[QueueRow]]:
        glyphs = self.desk.glyphs

        def state(row: QueueRow, _: int) -> Cell:
            if row.stats.paused:
                return f"{glyphs.states['paused']} paused", "warning"
            if row.unattended:
                return f"{glyphs.warning} no worker", "error" if row.stats.waiting else "warning"
            return (f"{glyphs.live} up", "success") if row.workers else ("", "muted")

        def trend(row: QueueRow, _: int) -> Cell:
            values = [one.completed + one.failed for one in row.figures]
            return sparkline(values, MINUTES, glyphs.bars), "accent"

        return [
            Column(title="QUEUE", width=12, flex=2, most=30,
                   cell=lambda row, _: (row.name, "strong")),
            Column(title="STATE", width=11, cell=state),
            Column(title="WAITING", width=8, right=True, cell=_number("waiting", "plain")),
            Column(title="OLDEST", width=7, right=True, cell=_oldest),
            Column(title="ACTIVE", width=6, right=True, cell=_number("active", "active")),
            Column(title="DELAYED", width=7, right=True, rank=3,
                   cell=_number("delayed", "plain")),
            Column(title="FAILED", width=7, right=True, cell=_number("failed", "error")),
            Column(title="DONE", width=7, right=True, rank=5,
                   cell=_number("completed", "success")),
            Column(title="DONE/S", width=6, right=True, rank=2,
                   cell=lambda row, _: (spans.rate(row.per_second), "plain"
                                        if row.per_second else "muted")),
            Column(title="P95", width=6, right=True, rank=6, cell=_p95),
            Column(title=f"LAST {MINUTES} MIN", width=MINUTES, cell=trend, rank=4),
        ]  # fmt: skip


def worst_state(stats: QueueStats) -> JobState:
    """Where to look first."""
    if stats.failed:
        return JobState.FAILED
    if stats.active and not stats.waiting:
        return JobState.ACTIVE
    if stats.waiting or not (stats.delayed or stats.completed):
        return JobState.WAITING
    return JobState.DELAYED if stats.delayed else JobState.COMPLETED


def _number(name: str, tone: str) -> Any:
    def cell(row: QueueRow, _: int) -> Cell:
        number = getattr(row.stats, name)
        text = f"{number:,}" if number < 1_000_000 else spans.count(number)
        return text, tone if number else "muted"

    return cell


def _oldest(row: QueueRow, now_ms: int) -> Cell:
    if row.oldest_ms is None:
        return "-", "muted"
    age = now_ms - row.oldest_ms
    return spans.age(age), "warning" if age > LATE_MS and not row.stats.paused else "plain"


def _p95(row: QueueRow, _: int) -> Cell:
    from jobdesk.broker.figures import total

    times = total(row.figures).run if row.figures else None
    return (spans.span(times.p95), "plain") if times else ("-", "muted")
