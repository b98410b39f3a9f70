"""Who runs jobs, and which; who was lost with what in hand; and how one is stopped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from jobdesk.broker.reading.merged import Merged
from jobdesk.models import JobRow, JobState, WorkerInfo
from jobdesk.safetext import safe_line
from jobdesk.tui import filters
from jobdesk.tui.actions import Action, Scope
from jobdesk.tui.commands.workers import KillWorker, StopWorker
from jobdesk.tui.screens.tables import TableScreen
from jobdesk.tui.text import spans
from jobdesk.tui.text.glyphs import TONES, look_of
from jobdesk.tui.widgets.columns import Cell, Column
from jobdesk.tui.widgets.listing import Listing
from jobdesk.tui.widgets.panel import Panel
from jobdesk.tui.workforce import AtWork, Workforce

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from jobdesk.tui.link.interest import Read, Snapshot


class WorkersScreen(TableScreen[WorkerInfo]):
    """One line per worker, and below them what the one under the cursor has in hand."""

    SCOPES: ClassVar[tuple[Scope, ...]] = (Scope.WORKER,)
    TITLE_WORD = "workers"
    HEADING = "Workers"
    EMPTY = "No workers are up.\nStart one:  jobdesk worker"

    def __init__(self) -> None:
        super().__init__()
        self._force = Workforce()
        self._known = Merged()

    def body(self) -> ComposeResult:
        yield from super().body()
        hand = Listing[JobRow](self._job_columns(), id="hand")
        hand.glyphs = self.desk.glyphs
        with Panel(title="In hand", id="hand-panel"):
            yield hand

    @property
    def hand(self) -> Listing[JobRow]:
        """The jobs of the worker at hand."""
        found: Listing[JobRow] = self.query_one("#hand", Listing)
        return found

    def reads(self) -> tuple[Read[Any], ...]:
        return (AtWork(self._known, self.size.height),)

    def show(self, snapshot: Snapshot) -> None:
        force = snapshot.of(AtWork)
        if force is None:
            return
        self._force, now_ms = force, snapshot.now_ms
        workers = force.workers
        self.listing.show(workers, now_ms)
        alive = [one for one in workers if not one.lost(now_ms)]
        said = [f"{len(alive)} up"]
        if len(alive) < len(workers):
            said.append(f"{len(workers) - len(alive)} lost")
        slots = sum(one.slots for one in alive)
        said.append(f"{sum(map(force.busy, alive))} of {slots} slots busy")
        self.note("   ".join(said) if workers else "")
        self._show_hand()

    def _show_hand(self) -> None:
        worker, now_ms = self.listing.current, self.listing.now_ms
        hand, panel = self.hand, self.query_one("#hand-panel", Panel)
        rows = () if worker is None else self._force.jobs_of(worker)
        hand.empty = "Nothing in hand."
        title, note = "In hand", ""
        if worker is not None and worker.lost(now_ms):
            since = spans.age(_lost_for(worker, now_ms))
            title = f"Held by {safe_line(worker.id, 34)}, lost {since} ago"
            hand.empty = "It held nothing."
            gone = worker.busy - len(rows)
            if gone > 0:
                held = "1 job, which is" if worker.busy == 1 else f"{worker.busy} jobs, which are"
                hand.empty = f"It held {held} gone by now."
                note = f"{gone} gone" if rows else ""
        elif worker is not None:
            title = f"In hand of {safe_line(worker.id, 50)}"
            note = f"{len(rows)} of {worker.slots} slots" if rows else ""
        panel.border_title, panel.border_subtitle = title, note
        hand.show(rows, now_ms)

    # --- going on from here

    def on_listing_moved(self, event: Listing.Moved) -> None:
        if event.listing.id == "table":
            self._show_hand()
        self.refresh_bindings()

    def on_listing_opened(self, event: Listing.Opened) -> None:
        row = event.row
        if isinstance(row, JobRow):
            self.desk.open_job(row.queue, row.id, row)
        elif isinstance(row, WorkerInfo):
            if row.lost(self.listing.now_ms):
                # its jobs are in no one list any more
                self.hand.focus()
                return
            queues = {job.queue for job in self._force.jobs_of(row)} or set(row.queues)
            term = filters.Term("worker", row.id)
            queue = next(iter(queues)) if len(queues) == 1 else None
            self.desk.filter_jobs(filters.Filter(queue, JobState.ACTIVE, (term,)))

    def reason_against(self, action: Action) -> str | None:
        if action.scope is not Scope.WORKER:
            return None
        worker = self.listing.current
        if worker is None:
            return "There is no worker here."
        if action.id == "worker.jobs":
            return None if self.hand.total else "It has nothing in hand."
        from jobdesk.broker.operators import stopping

        if worker.lost(self.listing.now_ms):
            return "It is lost: there is no process to be stopped."
        if worker.stopping and action.id == "worker.stop":
            return "It has been told to stop, and ends what it has in hand."
        reason = stopping.unreachable(worker, kill=action.id == "worker.kill")
        return None if reason is None else f"{reason[0].upper()}{reason[1:]}"

    def action_worker_jobs(self) -> None:
        (self.listing if self.hand.has_focus else self.hand).focus()

    def action_worker_stop(self) -> None:
        if worker := self.listing.current:
            self.desk.order(StopWorker(worker, self._force.busy(worker)))

    def action_worker_kill(self) -> None:
        if worker := self.listing.current:
            self.desk.order(KillWorker(worker, self._force.busy(worker)))

    # --- the columns

    def columns(self) -> Sequence[Column[WorkerInfo]]:
        glyphs = self.desk.glyphs

        def state(row: WorkerInfo, now_ms: int) -> Cell:
            if row.lost(now_ms):
                return f"{glyphs.states['failed']} lost", "error"
            if row.stopping:
                return f"{glyphs.states['delayed']} ends", "warning"
            return f"{glyphs.live} up", "success"

        def slots(row: WorkerInfo, now_ms: int) -> Cell:
            if row.lost(now_ms):
                return f"-/{row.slots}", "muted"
            busy = self._force.busy(row)
            return f"{busy}/{row.slots}", "active" if busy else "muted"

        def work(row: WorkerInfo, now_ms: int) -> Cell:
            if row.lost(now_ms):
                held = f"held {row.busy or 'no'} job{'' if row.busy == 1 else 's'}"
                return held, "error" if row.busy else "muted"
            jobs = self._force.jobs_of(row)
            if not jobs:
                return "-", "muted"
            more = f"+{len(jobs) - 1}  " if len(jobs) > 1 else ""
            return f"{more}{safe_line(jobs[0].type, 30)}  {safe_line(jobs[0].id, 40)}", "plain"

        def since(row: WorkerInfo, now_ms: int) -> Cell:
            if row.lost(now_ms):
                return spans.age(_lost_for(row, now_ms)), "error"
            jobs = self._force.jobs_of(row)
            started = jobs[0].started_ms if jobs else None
            return ("" if started is None else spans.age(now_ms - started)), "active"

        return [
            Column(title="WORKER", width=12, flex=4, most=34,
                   cell=lambda row, _: (safe_line(row.id, 80), "strong")),
            Column(title="STATE", width=6, cell=state),
            Column(title="BUSY", width=5, right=True, cell=slots),
            Column(title="IN HAND", width=16, flex=6, most=56, cell=work),
            Column(title="FOR", width=6, right=True, cell=since),
            Column(title="BEAT", width=6, right=True, rank=1,
                   cell=lambda row, now: (spans.age(now - row.beat_ms), "muted")),
            Column(title="QUEUES", width=10, flex=3, most=60, rank=2,
                   cell=lambda row, _: (safe_line(" ".join(row.queues), 200), "plain")),
            Column(title="UP FOR", width=7, right=True, rank=3,
                   cell=lambda row, now: (spans.age(now - row.started_ms), "muted")),
            Column(title="PID", width=7, right=True, rank=4,
                   cell=lambda row, _: (str(row.pid), "muted")),
            Column(title="VERSION", width=8, rank=5,
                   cell=lambda row, _: (safe_line(row.version, 8), "muted")),
        ]  # fmt: skip

    def _job_columns(self) -> Sequence[Column[JobRow]]:
        glyphs = self.desk.glyphs

        def look(row: JobRow, _: int) -> Cell:
            word = look_of(row)
            return f"{glyphs.states[word]} {word}", TONES[word]

        def ran(row: JobRow, now_ms: int) -> Cell:
            if row.started_ms is None:
                return "-", "muted"
            until = now_ms if row.state is JobState.ACTIVE else row.finished_ms
            return ("-" if until is None else spans.age(until - row.started_ms)), "active"

        def progress(row: JobRow, _: int) -> Cell:
            value = row.progress
            if isinstance(value, bool) or not isinstance(value, int | float):
                return "", "muted"
            return f"{value:.0f}%" if 0 <= value <= 100 else "", "active"

        def tries(row: JobRow, _: int) -> Cell:
            made = row.attempts_made + (row.state is JobState.ACTIVE)
            return f"{made}/{row.attempts}", "muted" if made <= 1 else "warning"

        return [
            Column(title="JOB", width=12, flex=3, most=30, middle=True,
                   cell=lambda row, _: (safe_line(row.id, 60), "strong")),
            Column(title="TYPE", width=12, flex=2, most=28,
                   cell=lambda row, _: (safe_line(row.type, 40), "plain")),
            Column(title="QUEUE", width=10, flex=1, most=16, rank=1,
                   cell=lambda row, _: (safe_line(row.queue, 64), "plain")),
            Column(title="FOR", width=7, right=True, cell=ran),
            Column(title="STATE", width=11, cell=look),
            Column(title="TRY", width=5, right=True, rank=2, cell=tries),
            Column(title="DONE", width=5, right=True, rank=3, cell=progress),
        ]  # fmt: skip


def _lost_for(worker: WorkerInfo, now_ms: int) -> int:
    """Since when it is lost: it was found dead, or not heard of any more; ms."""
    return now_ms - (worker.ended_ms or worker.beat_ms)
