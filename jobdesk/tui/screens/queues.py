"""The queue board: all queues, the worst first, and where to go from there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from jobdesk.models import TERMINAL_STATES, JobState, QueueStats
from jobdesk.tui.actions import Action, Scope
from jobdesk.tui.jobactions import add_to
from jobdesk.tui.link.reads import Heads, Minutes, Stats, Workers
from jobdesk.tui.screens.base import DeskScreen
from jobdesk.tui.text import queues as queuelines
from jobdesk.tui.text import spans
from jobdesk.tui.text.queues import QueueLine
from jobdesk.tui.widgets.columns import Cell, Column
from jobdesk.tui.widgets.listing import Listing
from jobdesk.tui.widgets.panel import Panel
from jobdesk.tui.widgets.queuedetail import Detail, QueueDetail
from jobdesk.tui.widgets.sparkline import sparkline

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.timer import Timer

    from jobdesk.broker.reading.ages import Older
    from jobdesk.models import JobRow
    from jobdesk.tui.commands.base import Command
    from jobdesk.tui.link.interest import Read, Snapshot, Source

#: Minutes that a queue's trend shows.
MINUTES = 12
#: How long the cursor rests before a queue's detail is read.
REST_S = 0.12


class QueuesScreen(DeskScreen):
    """One line per queue."""

    SCOPES: ClassVar[tuple[Scope, ...]] = (Scope.QUEUE,)
    TITLE_WORD = "queues"

    def __init__(self) -> None:
        super().__init__()
        #: the queue whose detail is read
        self._asked = ""
        self._resting: Timer | None = None

    def body(self) -> ComposeResult:
        listing = Listing[QueueLine](self._columns(), id="queues")
        listing.glyphs = self.desk.glyphs
        listing.empty = self.desk.glyphs.ellipsis
        listing.none = (
            "No queues yet.\nA worker makes its queues known when it starts:  jobdesk worker"
        )
        with Panel(title="Queues  worst first", id="board"):
            yield listing
        with Panel(id="queue-panel"):
            yield QueueDetail(id="queue-detail")

    @property
    def listing(self) -> Listing[QueueLine]:
        """The board."""
        found: Listing[QueueLine] = self.query_one("#queues", Listing)
        return found

    def reads(self) -> tuple[Read[Any], ...]:
        common = (Stats(), Minutes(MINUTES), Heads(), Workers())
        row = self.listing.current if self.is_mounted else None
        if row is None or not self.query_one("#queue-panel").display:
            return common
        self._asked = row.name
        return (*common, Detail(row.name))

    def show(self, snapshot: Snapshot) -> None:
        stats = snapshot.of(Stats)
        if stats is None:
            return
        figures = snapshot.of(Minutes) or {}
        heads = snapshot.of(Heads) or {}
        workers = snapshot.of(Workers)
        rows = [
            QueueLine(
                name=one.name,
                stats=one,
                figures=figures.get(one.name, ()),
                first_ms=heads[one.name].waits_since_ms
                if one.waiting and one.name in heads
                else None,
                workers=queuelines.serving(one.name, workers),
            )
            for one in stats
        ]
        # by name where equal; and the order holds still while the operator moves in it
        rows.sort(key=lambda row: row.name)
        rows.sort(key=lambda row: row.badness(snapshot.now_ms), reverse=True)
        self.listing.show(rows, snapshot.now_ms)
        panel = self.query_one("#board")
        waiting = sum(one.waiting for one in stats)
        failed = sum(one.failed for one in stats)
        queues = f"{len(rows)} queue{'' if len(rows) == 1 else 's'}"
        panel.border_subtitle = f"{queues}   {waiting:,} waiting   {failed:,} failed"
        self._show_detail(snapshot)

    def _show_detail(self, snapshot: Snapshot) -> None:
        row, panel = self.listing.current, self.query_one("#queue-panel")
        if row is None or not panel.display:
            return
        if row.name != self._asked:
            self.look_again()
        line = snapshot.of(Detail)
        if line is not None and line.queue != row.name:
            line = None
        panel.border_title = row.name
        self.query_one(QueueDetail).show(
            row.stats, line, snapshot.of(Workers), row.figures, snapshot.now_ms
        )

    # --- actions

    def reason_against(self, action: Action) -> str | None:
        row = self.listing.current
        if row is None:
            return "There is no queue here."
        stats = row.stats
        if action.id == "queue.retry" and not stats.failed:
            return f"No failed jobs in {row.name}."
        if action.id == "queue.empty" and not (stats.waiting or stats.delayed):
            return f"{row.name} is empty."
        if action.id == "queue.clean" and not any(_states(stats)):
            return f"There are no jobs in {row.name} to clean."
        if action.id == "queue.obliterate" and not stats.paused:
            return f"{row.name} is not paused: pause it first."
        return None

    def label_of(self, id_: str) -> str | None:
        row = self.listing.current
        if id_ == "queue.pause-all":
            return "resume all" if self._all_paused() else None
        return "resume" if id_ == "queue.pause" and row and row.stats.paused else None

    def _rows(self) -> list[QueueLine]:
        found = (self.listing.row_at(at) for at in range(self.listing.total))
        return sorted((row for row in found if row is not None), key=lambda row: row.name)

    def _all_paused(self) -> bool:
        rows = self._rows()
        return bool(rows) and all(row.stats.paused for row in rows)

    def on_listing_moved(self) -> None:
        self.refresh_bindings()
        if self._resting is not None:
            self._resting.stop()
        self._resting = self.set_timer(REST_S, self._look_at_another)

    def _look_at_another(self) -> None:
        if self.snapshot is not None:
            self._show_detail(self.snapshot)

    def on_listing_opened(self, event: Listing.Opened) -> None:
        row = event.row
        if isinstance(row, QueueLine):
            self.desk.open_jobs(row.name, worst_state(row.stats))

    def action_queue_pause(self) -> None:
        from jobdesk.tui.commands import queues as queuecommands

        if row := self.listing.current:
            make = queuecommands.ResumeQueue if row.stats.paused else queuecommands.PauseQueue
            self.desk.order(make(row.name))

    def action_queue_retry(self) -> None:
        from jobdesk.tui.commands import queues as queuecommands

        if row := self.listing.current:
            self.desk.order_many(
                row.name, (JobState.FAILED,), lambda n: queuecommands.RetryAll(row.name, n)
            )

    def action_queue_empty(self) -> None:
        from jobdesk.tui.commands import queues as queuecommands

        if row := self.listing.current:
            self.desk.order_many(
                row.name, (JobState.WAITING, JobState.DELAYED),
                lambda n: queuecommands.EmptyQueue(row.name, n),
            )  # fmt: skip

    def action_queue_pause_all(self) -> None:
        from jobdesk.tui.commands import queues as queuecommands

        rows = self._rows()
        paused = tuple(row.name for row in rows if row.stats.paused)
        if len(paused) == len(rows):
            self.desk.order(queuecommands.ResumeAll(paused))
        else:
            running = tuple(row.name for row in rows if not row.stats.paused)
            self.desk.order(queuecommands.PauseAll(running))

    def action_queue_clean(self) -> None:
        from jobdesk.tui.commands import queues as queuecommands
        from jobdesk.tui.screens.queuedialogs import CleanScreen

        if row := self.listing.current:
            there = dict(zip(queuecommands.CLEANED, _states(row.stats), strict=True))
            first = next(
                (state for state in queuecommands.CLEANED if there[state]), queuecommands.CLEANED[0]
            )
            self.desk.push_screen(CleanScreen(row.name, first), self._clean)

    def _clean(self, command: Command | None) -> None:
        """Count it once more, at this moment, and ask."""
        from jobdesk.tui.commands import queues as queuecommands
        from jobdesk.tui.screens.queuedialogs import count, counted

        if not isinstance(command, queuecommands.CleanJobs):
            return
        wanted = command

        def call(source: Source) -> tuple[Older, tuple[JobRow, ...], str]:
            from jobdesk.broker.operators import undo
            from jobdesk.broker.reading import ages

            found = count(source, wanted)
            rows = ages.oldest(source.broker, wanted.queue, wanted.state)
            kept = undo.refusal(source.broker, wanted.queue, found.count) if found.count else ""
            return found, rows[: found.count], kept

        def ask(
            found: tuple[Older, tuple[JobRow, ...], str] | None, error: Exception | None
        ) -> None:
            if found is None:
                self.desk.refuse(str(error))
            elif not found[0].count:
                self.desk.refuse(f"There is nothing to remove in {wanted.queue} any more.")
            else:
                # where ages are not in the order of the list, the first need not be the oldest
                shown = found[1] if wanted.state in TERMINAL_STATES or not wanted.grace else ()
                self.desk.order(counted(wanted, found[0]), examples=shown, kept=found[2])

        self.desk.link.ask(call, ask)

    def action_queue_limits(self) -> None:
        from jobdesk.tui.screens.queuedialogs import LimitsScreen

        def answer(command: Command | None) -> None:
            if command is not None:
                self.desk.order(command)

        if row := self.listing.current:
            self.desk.push_screen(LimitsScreen(row.stats), answer)

    def action_queue_obliterate(self) -> None:
        from jobdesk.tui.commands import queues as queuecommands

        row = self.listing.current
        if row is None:
            return

        def ask(stats: QueueStats | None, error: Exception | None) -> None:
            if stats is None:
                self.desk.refuse(str(error))
            else:
                total = sum((*_states(stats), stats.active))
                self.desk.order(queuecommands.ObliterateQueue(stats.name, total, stats.active))

        self.desk.link.ask(lambda source: source.inspector.stats(row.name), ask)

    def action_queue_why(self) -> None:
        from jobdesk.tui.screens.why import WhyScreen

        if row := self.listing.current:
            self.desk.push_screen(WhyScreen(row.name))

    def action_queue_forecast(self) -> None:
        from jobdesk.tui.screens.forecast import ForecastScreen

        if row := self.listing.current:
            self.desk.push_screen(ForecastScreen(row.name))

    def action_queue_add(self) -> None:
        if row := self.listing.current:
            add_to(self.desk, row.name)

    # --- columns

    def _columns(self) -> list[Column[QueueLine]]:
        glyphs = self.desk.glyphs

        def trend(row: QueueLine, _: int) -> Cell:
            values = [one.completed + one.failed for one in row.figures]
            return sparkline(values, MINUTES, glyphs.bars), "accent"

        return [
            Column(title="QUEUE", width=12, flex=2, most=30,
                   cell=lambda row, _: (row.name, "strong")),
            Column(title="STATE", width=11, cell=lambda row, _: queuelines.state(row, glyphs)),
            Column(title="WAITING", width=8, right=True, cell=_number("waiting", "plain")),
            Column(title="OLDEST", width=7, right=True, cell=queuelines.oldest),
            Column(title="ACTIVE", width=6, right=True, rank=1,
                   cell=_number("active", "active")),
            Column(title="DELAYED", width=7, right=True, rank=3,
                   cell=_number("delayed", "plain")),
            Column(title="FAILED", width=7, right=True, cell=_number("failed", "error")),
            Column(title="DONE", width=7, right=True, rank=5,
                   cell=_number("completed", "success")),
            Column(title="DONE/S", width=6, right=True, rank=2, cell=queuelines.rate),
            Column(title="P95", width=6, right=True, rank=6, cell=_p95),
            Column(title=f"LAST {MINUTES} MIN", width=MINUTES, cell=trend, rank=4),
        ]  # fmt: skip


def _states(stats: QueueStats) -> tuple[int, int, int, int]:
    """The counts of the states that can be cleaned, in the order of ``CLEANED``."""
    return stats.completed, stats.failed, stats.waiting, stats.delayed


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
    def cell(row: QueueLine, _: int) -> Cell:
        number = getattr(row.stats, name)
        text = f"{number:,}" if number < 1_000_000 else spans.count(number)
        return text, tone if number else "muted"

    return cell


def _p95(row: QueueLine, _: int) -> Cell:
    from jobdesk.broker.reading.figures import total

    times = total(row.figures).run if row.figures else None
    return (spans.span(times.p95), "plain") if times else ("-", "muted")
