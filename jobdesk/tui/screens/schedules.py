"""What runs by the clock: when it last ran, when it runs next, and whether it is paused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from jobdesk.models import ScheduleInfo
from jobdesk.safetext import safe_line
from jobdesk.tui import spans
from jobdesk.tui.actions import Action, Scope
from jobdesk.tui.queuecommands import SwitchSchedule
from jobdesk.tui.reads import Schedules
from jobdesk.tui.screens.tables import TableScreen
from jobdesk.tui.widgets.columns import Cell, Column

if TYPE_CHECKING:
    from jobdesk.tui.interest import Read, Snapshot
    from jobdesk.tui.widgets.listing import Listing


class SchedulesScreen(TableScreen[ScheduleInfo]):
    """One line per schedule."""

    SCOPES: ClassVar[tuple[Scope, ...]] = (Scope.SCHEDULE,)
    TITLE_WORD = "schedules"
    HEADING = "Schedules"
    EMPTY = "No schedules.\nA worker makes its @queue.periodic_task functions known when it starts."

    def reads(self) -> tuple[Read[Any], ...]:
        return (Schedules(),)

    def show(self, snapshot: Snapshot) -> None:
        found = snapshot.of(Schedules)
        if found is None:
            return
        rows = sorted(found, key=lambda one: (one.paused, one.next_ms or 1e15, one.name))
        self.listing.show(rows, snapshot.now_ms)
        paused = sum(one.paused for one in rows)
        self.note(f"{len(rows)} schedules" + (f"   {paused} paused" if paused else "")
                  if rows else "")  # fmt: skip

    def reason_against(self, action: Action) -> str | None:  # noqa: ARG002  # for all the same
        return "There is no schedule here." if self.listing.current is None else None

    def label_of(self, id_: str) -> str | None:
        row = self.listing.current
        return "resume" if id_ == "schedule.pause" and row is not None and row.paused else None

    def action_schedule_pause(self) -> None:
        if row := self.listing.current:
            self.desk.order(SwitchSchedule(row.queue, row.name, not row.paused))

    def on_listing_opened(self, event: Listing.Opened) -> None:
        if isinstance(event.row, ScheduleInfo):
            self.desk.open_jobs(event.row.queue, None)

    def columns(self) -> Sequence[Column[ScheduleInfo]]:
        glyphs = self.desk.glyphs

        def upcoming(row: ScheduleInfo, now_ms: int) -> Cell:
            if row.paused:
                return f"{glyphs.states['paused']} paused", "warning"
            return ("-", "muted") if row.next_ms is None else (
                spans.until(row.next_ms - now_ms), "plain")  # fmt: skip

        return [
            Column(title="SCHEDULE", width=16, flex=3, most=36,
                   cell=lambda row, _: (safe_line(row.name, 60), "strong")),
            Column(title="QUEUE", width=12, cell=lambda row, _: (row.queue, "plain")),
            Column(title="TYPE", width=12, flex=2, most=28, rank=3,
                   cell=lambda row, _: (safe_line(row.type, 40), "plain")),
            Column(title="CRONTAB", width=14, flex=1, most=24, rank=2,
                   cell=lambda row, _: (safe_line(row.crontab, 40), "muted")),
            Column(title="NEXT", width=10, right=True, cell=upcoming),
            Column(title="AT", width=8, right=True, rank=4, cell=lambda row, _: (
                spans.clock(row.next_ms), "muted")),
            Column(title="LAST RUN", width=8, right=True, cell=lambda row, now: (
                spans.age(now - row.last_ms) if row.last_ms else "-", "muted")),
        ]  # fmt: skip
