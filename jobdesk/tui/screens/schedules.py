"""What runs by the clock: when it runs next, when it last ran, and what that came to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from jobdesk.models import JobState, ScheduleInfo
from jobdesk.safetext import safe_line
from jobdesk.tui.actions import Action, Scope
from jobdesk.tui.commands.queues import RunSchedule, SwitchSchedule
from jobdesk.tui.filters import Filter, Term
from jobdesk.tui.link.interest import Read, Source
from jobdesk.tui.screens.tables import TableScreen
from jobdesk.tui.text import spans
from jobdesk.tui.text.glyphs import TONES
from jobdesk.tui.widgets.columns import Cell, Column

if TYPE_CHECKING:
    from jobdesk.broker.reading.timetable import LastRun
    from jobdesk.tui.commands.base import Command, Outcome
    from jobdesk.tui.link.interest import Snapshot
    from jobdesk.tui.widgets.listing import Listing


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """A schedule as the list shows it."""

    info: ScheduleInfo
    last: LastRun | None = None

    @property
    def id(self) -> tuple[str, str]:
        return self.info.queue, self.info.name

    @property
    def last_ms(self) -> int | None:
        """When it last ran: by the clock, or because this operator said so."""
        row = None if self.last is None else self.last.row
        return self.info.last_ms if row is None else row.added_ms


@dataclass(frozen=True)
class Clock(Read[tuple[ScheduleRow, ...]]):
    """The schedules of all queues with their last runs."""

    #: (queue, schedule, job) of those that were run by hand
    by_hand: tuple[tuple[str, str, str], ...] = ()
    every: ClassVar[float] = 3.0

    def fetch(self, source: Source) -> tuple[ScheduleRow, ...]:
        from jobdesk.broker.reading import timetable

        known = [one for queue in source.queues() for one in source.inspector.schedules(queue)]
        instead = {(queue, name): job_id for queue, name, job_id in self.by_hand}
        last = timetable.last_runs(source.broker, known, instead)
        return tuple(ScheduleRow(one, last.get((one.queue, one.name))) for one in known)


class SchedulesScreen(TableScreen[ScheduleRow]):
    """One line per schedule."""

    SCOPES: ClassVar[tuple[Scope, ...]] = (Scope.SCHEDULE,)
    TITLE_WORD = "schedules"
    HEADING = "Schedules"
    EMPTY = "No schedules.\nA worker makes its @queue.periodic_task functions known when it starts."

    def __init__(self) -> None:
        super().__init__()
        self._by_hand: dict[tuple[str, str], str] = {}

    def reads(self) -> tuple[Read[Any], ...]:
        return (Clock(tuple((*key, job_id) for key, job_id in self._by_hand.items())),)

    def show(self, snapshot: Snapshot) -> None:
        found = snapshot.of(Clock)
        if found is None:
            return
        rows = sorted(
            found, key=lambda row: (row.info.paused, row.info.next_ms or 1e15, row.info.name)
        )
        self.listing.show(rows, snapshot.now_ms)
        paused = sum(row.info.paused for row in rows)
        failed = sum(row.last is not None and row.last.state is JobState.FAILED for row in rows)
        told = [f"{len(rows)} schedule{'' if len(rows) == 1 else 's'}"]
        told += [f"{paused} paused"] if paused else []
        told += [f"{failed} failed last"] if failed else []
        self.note("   ".join(told) if rows else "")

    def command_done(self, command: Command, outcome: Outcome) -> None:
        if isinstance(command, RunSchedule) and outcome.done:
            ((queue, job_id),) = outcome.done
            self._by_hand[queue, command.name] = job_id
            self.look_again()

    def reason_against(self, action: Action) -> str | None:  # noqa: ARG002  # for all the same
        return "There is no schedule here." if self.listing.current is None else None

    def label_of(self, id_: str) -> str | None:
        row = self.listing.current
        return "resume" if id_ == "schedule.pause" and row and row.info.paused else None

    def action_schedule_run(self) -> None:
        if row := self.listing.current:
            self.desk.order(RunSchedule(row.info.queue, row.info.name))

    def action_schedule_pause(self) -> None:
        if row := self.listing.current:
            info = row.info
            self.desk.order(SwitchSchedule(info.queue, info.name, not info.paused))

    def on_listing_opened(self, event: Listing.Opened) -> None:
        """The job of its last run; where that is not kept, the jobs of its type."""
        row = event.row
        if not isinstance(row, ScheduleRow):
            return
        if row.last is not None and row.last.row is not None:
            self.desk.open_job(row.info.queue, row.last.job_id, row.last.row)
        else:
            terms = (Term("type", row.info.type),)
            self.desk.filter_jobs(Filter(row.info.queue, None, terms))

    def columns(self) -> Sequence[Column[ScheduleRow]]:
        glyphs = self.desk.glyphs

        def upcoming(row: ScheduleRow, now_ms: int) -> Cell:
            if row.info.paused:
                return f"{glyphs.states['paused']} paused", "warning"
            if row.info.next_ms is None:
                return "-", "muted"
            return spans.until(row.info.next_ms - now_ms), "plain"

        def last(row: ScheduleRow, now_ms: int) -> Cell:
            return (spans.age(now_ms - row.last_ms), "muted") if row.last_ms else ("never", "muted")

        return [
            Column(title="SCHEDULE", width=14, flex=2, most=30,
                   cell=lambda row, _: (safe_line(row.info.name, 60), "strong")),
            Column(title="QUEUE", width=8, flex=1, most=16, rank=2,
                   cell=lambda row, _: (row.info.queue, "plain")),
            Column(title="CRONTAB", width=12, rank=3,
                   cell=lambda row, _: (safe_line(row.info.crontab, 40), "muted")),
            Column(title="NEXT", width=10, right=True, cell=upcoming),
            Column(title="AT", width=10, right=True, rank=4,
                   cell=lambda row, now: (clock(row.info.next_ms, now), "muted")),
            Column(title="LAST", width=7, right=True, cell=last),
            Column(title="CAME TO", width=11, flex=5, most=60,
                   cell=lambda row, _: self._outcome(row.last)),
        ]  # fmt: skip

    def _outcome(self, last: LastRun | None) -> Cell:
        if last is None:
            return "", "muted"
        if last.state is None:
            return "not kept", "muted"
        row = last.row
        name = "retrying" if row is not None and row.retrying else last.state.value
        said = f"{self.desk.glyphs.states[name]} {name}"
        if last.state is JobState.FAILED or name == "retrying":
            said += f"  {safe_line(last.error, 60)}"
        elif row is not None and row.finished_ms and row.started_ms:
            said += f"  {spans.span(row.finished_ms - row.started_ms)}"
        return said, TONES[name]


def clock(ms: int | None, now_ms: int) -> str:
    """The time of day; with its day, where that is another one."""
    if ms is None:
        return "-"
    at = spans.local(ms)
    if at.date() == spans.local(now_ms).date():
        return f"{at:%H:%M}"
    days = ms - now_ms < 6 * 86_400_000
    return f"{at:%a %H:%M}" if days else f"{at:%Y-%m-%d}"
