"""The doctor, live: what is wrong, the worst first, what it means, and what to do about it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from textual.content import Content

from jobdesk.broker.reading.findings import Finding, Level, number_of
from jobdesk.models import JobState
from jobdesk.safetext import safe_line, safe_text
from jobdesk.tui.actions import Action, Scope
from jobdesk.tui.link.interest import Asked, Read, Source
from jobdesk.tui.screens.tables import DetailScreen
from jobdesk.tui.widgets.columns import Cell, Column
from jobdesk.tui.widgets.listing import Listing
from jobdesk.tui.widgets.panel import Panel

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker
    from jobdesk.broker.server.rounds import Asking, Rounds
    from jobdesk.tui.link.interest import Snapshot

#: Jobs of each state of each queue: it looks again and again, and the command but once.
SAMPLE = 20
#: Commands of one request at most. A tick makes several, and takes little longer than that.
REQUEST, PART_S = 40, 0.1
ORDER = (Level.FAULT, Level.WARNING, Level.NOTE, Level.OK)
TONES = {
    Level.FAULT: "error", Level.WARNING: "warning", Level.NOTE: "accent", Level.OK: "success",
}  # fmt: skip
GLYPHS = {
    Level.FAULT: "failed", Level.NOTE: "waiting", Level.OK: "completed",
}  # fmt: skip
#: check -> the state whose jobs it is about
STATES = {
    "no-worker": JobState.WAITING, "idle": JobState.WAITING, "growing": JobState.WAITING,
    "stalled": JobState.ACTIVE, "overdue": JobState.DELAYED,
    "outgoing": JobState.COMPLETED, "failures": JobState.FAILED,
}  # fmt: skip


@dataclass(slots=True)
class Examination:
    """One that may take several ticks. Belongs to the reader's thread."""

    steps: Iterator[Finding | None] | None = None
    rounds: Rounds | None = None
    found: list[Finding] = field(default_factory=list)
    #: of the last one that went through; None before the first
    result: tuple[Finding, ...] | None = None

    def go_on(self, broker: Broker, commands: int) -> bool:
        """Look at as much as a tick has time and commands for; whether that was all."""
        from jobdesk.broker import diagnosis
        from jobdesk.broker.server.rounds import Rounds

        if self.steps is None or self.rounds is None:
            self.rounds, self.found = Rounds(broker), []
            self.steps = diagnosis.steps(broker, self.rounds, sample=SAMPLE, most=REQUEST)
        begun, last = time.monotonic(), self.rounds.commands + commands - REQUEST
        try:
            for one in self.steps:
                if one is not None:
                    self.found.append(one)
                elif self.rounds.commands > last or time.monotonic() - begun > PART_S:
                    return False
        except BaseException:
            self.steps = None
            raise
        self.steps = None
        self.result = tuple(sorted(self.found, key=lambda one: ORDER.index(one.level)))
        return True


@dataclass(frozen=True)
class Diagnosis(Asked[tuple[Finding, ...] | None]):
    """What ``jobdesk doctor`` finds, the worst first."""

    at_work: Examination = field(default_factory=Examination, compare=False)
    #: of the terminal: the more it has, the more a tick may ask
    lines: int = field(default=24, compare=False)
    every: ClassVar[float] = 10.0
    in_parts: ClassVar[bool] = True

    def asking(self, source: Source) -> Asking[tuple[Finding, ...] | None]:
        yield from ()  # it asks by itself
        if not self.at_work.go_on(source.broker, 3 * self.lines + 5 * len(source.queues())):
            source.more = True
        return self.at_work.result


class FindingList(Listing[Finding]):
    """The findings."""

    def key_of(self, row: Finding) -> object:
        return row.check, row.queue, row.level


class DoctorScreen(DetailScreen[Finding]):
    """Pushed over whatever one looked at."""

    SCOPES: ClassVar[tuple[Scope, ...]] = (Scope.DOCTOR,)
    TITLE_WORD = "doctor"
    HEADING = "Doctor  worst first"
    DETAIL = "What to do"
    LISTING = FindingList

    def __init__(self) -> None:
        super().__init__()
        self._examination = Examination()

    def on_mount(self) -> None:
        self.listing.empty = "Looking at Redis and every queue …"

    def reads(self) -> tuple[Read[Any], ...]:
        return (Diagnosis(self._examination, self.size.height),)

    def show(self, snapshot: Snapshot) -> None:
        found = snapshot.of(Diagnosis)
        if found is None:
            if error := snapshot.error_of(Diagnosis):
                self.listing.empty = safe_text(error)
            return
        self.show_rows(found, snapshot.now_ms)
        faults = sum(one.level is Level.FAULT for one in found)
        warnings = sum(one.level is Level.WARNING for one in found)
        well = not faults and not warnings
        self.query_one(Panel).border_title = "Doctor  all is well" if well else self.HEADING
        told = (
            number_of(faults, "fault"),
            number_of(warnings, "warning"),
            f"{len(found)} findings",
        )
        self.note("   ".join(told))

    def tell(self, row: Finding, panel: Panel, width: int) -> Content:  # noqa: ARG002  # it wraps
        text = safe_text(_without_queue(row))
        parts: list[tuple[str, str]] = [(f"{text[:1].upper()}{text[1:]}.", "bold")]
        # what to do comes first: on a low terminal the last lines do not show
        advice = safe_text(row.advice.removesuffix(row.command).rstrip(" :;"))
        if advice:
            parts.append((f"\n{advice[:1].upper()}{advice[1:]}.".replace("?.", "?"), ""))
        if row.command:
            parts.append((f"\n$ {safe_line(row.command, 300)}", "$accent"))
        if row.meaning:
            parts.append((f"\n{row.meaning}", "$quiet"))
        if row.level is Level.OK:
            parts.append(("\nThis is as it should be.", "$success"))
        panel.border_title = f"What to do  {safe_line(row.queue or row.check, 40)}"
        panel.border_subtitle = _where(row)
        return Content.assemble(*parts)

    def columns(self) -> Sequence[Column[Finding]]:
        glyphs = self.desk.glyphs

        def level(row: Finding, _: int) -> Cell:
            warns = row.level is Level.WARNING
            glyph = glyphs.warning if warns else glyphs.states[GLYPHS[row.level]]
            return f"{glyph} {row.level.value}", TONES[row.level]

        def message(row: Finding, _: int) -> Cell:
            tone = "muted" if row.level is Level.OK else "plain"
            return safe_line(_without_queue(row), 300), tone

        return [
            Column(title="LEVEL", width=9, cell=level),
            Column(title="CHECK", width=11, rank=2,
                   cell=lambda row, _: (safe_line(row.check, 11), "muted")),
            Column(title="QUEUE", width=12, flex=1, most=24, rank=1,
                   cell=lambda row, _: (safe_line(row.queue or "-", 24),
                                        "strong" if row.queue else "muted")),
            Column(title="FOUND", width=20, flex=6, most=300, cell=message),
        ]  # fmt: skip

    # --- actions

    def label_of(self, id_: str) -> str | None:
        return "go there" if id_ == "list.open" else None

    def reason_against(self, action: Action) -> str | None:
        one = self.listing.current
        if action.id == "doctor.copy" and (one is None or not one.command):
            return "There is no command for this."
        return None

    def on_listing_opened(self, event: Listing.Opened) -> None:
        one = event.row
        if not isinstance(one, Finding):
            return
        if not one.queue:
            self.desk.refuse("This is about the Redis server: there is no place to go to.")
            return
        self.desk.pop_screen()
        if one.job_id:
            self.desk.open_job(one.queue, one.job_id)
        elif one.check not in STATES:
            self.desk.open_row("queues", one.queue)
        else:
            self.desk.open_jobs(one.queue, STATES[one.check])

    def action_doctor_copy(self) -> None:
        one = self.listing.current
        if one is not None and one.command:
            self.desk.copy(one.command, "the command")


def _without_queue(one: Finding) -> str:
    return one.message.removeprefix(f"{one.queue}: ") if one.queue else one.message


def _where(one: Finding) -> str:
    """Where enter goes."""
    if not one.queue:
        return ""
    if one.job_id:
        return f"enter: job {safe_line(one.job_id, 24)}"
    state = STATES.get(one.check)
    if state is None:
        return f"enter: queue {safe_line(one.queue, 24)}"
    return f"enter: {state.value} jobs of {safe_line(one.queue, 24)}"
