"""The list of jobs of a queue and state, with the job under the cursor beside it: the view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.containers import Horizontal, VerticalScroll

from jobdesk.models import STORED_STATES, TERMINAL_STATES, JobRow, JobState, QueueStats
from jobdesk.tui import filters
from jobdesk.tui.link.reads import OneJob, Stats, Window
from jobdesk.tui.screens.base import DeskScreen
from jobdesk.tui.widgets import jobcolumns
from jobdesk.tui.widgets.filterbar import FilterBar
from jobdesk.tui.widgets.joblist import JobList
from jobdesk.tui.widgets.jobpreview import JobPreview, title_of
from jobdesk.tui.widgets.panel import Panel
from jobdesk.tui.widgets.statebar import StateBar

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.timer import Timer

    from jobdesk.tui.commands.base import Command, Outcome
    from jobdesk.tui.link.interest import Read, Snapshot
    from jobdesk.tui.widgets.listing import Listing

#: How long the cursor rests before the job under it is read.
PREVIEW_S = 0.12
_NONE = {
    JobState.WAITING: "Nothing waits.",
    JobState.ACTIVE: "Nothing runs.",
    JobState.DELAYED: "Nothing is delayed.",
    JobState.COMPLETED: "No completed jobs are kept.",
    JobState.FAILED: "No failed jobs. Good.",
}


class JobListing(DeskScreen):
    """Jobs, windowed."""

    TITLE_WORD = "jobs"

    def __init__(self) -> None:
        super().__init__()
        self.queue: str | None = None
        self.state: JobState | None = None
        self._preview: tuple[str, str] | None = None
        self._resting: Timer | None = None
        self._stats: tuple[QueueStats, ...] = ()

    def body(self) -> ComposeResult:
        glyphs = self.desk.glyphs
        yield StateBar(glyphs)
        with Horizontal(id="panes"):
            with Panel(title="Jobs", id="list-panel"):
                jobs = JobList(self._columns(), id="jobs")
                jobs.glyphs = glyphs
                yield jobs
            with Panel(title="Job", id="preview-panel"):  # noqa: SIM117  # one per widget
                with VerticalScroll(id="preview-scroll", can_focus=False):
                    yield JobPreview(glyphs, id="preview")
        yield FilterBar(self.known)

    def known(self) -> filters.Known:
        """What the filter can be completed with."""
        return filters.Known()

    @property
    def jobs(self) -> JobList:
        """The list."""
        return self.query_one("#jobs", JobList)

    def crumbs(self) -> tuple[str, ...]:
        return ("jobs", self.queue or "all queues", self.state.value if self.state else "all")

    # --- what is shown

    def open_view(self, queue: str | None, state: JobState | None) -> None:
        """Show the jobs of ``queue`` in ``state``; None: of all."""
        if (queue, state) == (self.queue, self.state):
            return
        self.queue, self.state = queue, state
        self._preview = None
        if self.is_mounted:
            self.jobs.reverse = False
            self._show_view()

    def on_mount(self) -> None:
        self._show_view()

    def _show_view(self) -> None:
        self.jobs.view(self.queue, self.state)
        self._refit()

    def _refit(self) -> None:
        """Draw another list."""
        self.jobs.columns = self._columns()
        self.jobs.repaint_all()
        self.query_one(StateBar).chosen = self.state
        self._title()
        self.desk.tell_screen(self)
        self.look_again(other=True)

    def _columns(self) -> Any:
        paused = any(one.paused for one in self._stats if one.name == self.queue)
        return jobcolumns.columns(
            self.desk.glyphs, self.state, with_queue=self.queue is None, paused=paused,
            removed=self._is_removed if self.is_mounted and self.jobs.found is not None else None,
        )  # fmt: skip

    def _is_removed(self, row: JobRow) -> bool:
        return self.jobs.key_of(row) in self.jobs.removed

    def reads(self) -> tuple[Read[Any], ...]:
        return (*self._side_reads(), self.jobs.window())

    def _side_reads(self) -> tuple[Read[Any], ...]:
        wanted: list[Read[Any]] = [Stats(self.queue)]
        if self._preview is not None and self.has_class("-preview"):
            wanted.append(OneJob(*self._preview, log_lines=20))
        return tuple(wanted)

    def show(self, snapshot: Snapshot) -> None:
        stats = snapshot.of(Stats)
        if stats is not None:
            self._stats = stats
            bar = self.query_one(StateBar)
            bar.counts = {
                state: sum(getattr(one, state.value) for one in stats) for state in STORED_STATES
            }
            bar.paused = len(stats) == 1 and stats[0].paused
        found = snapshot.of(Window)
        if found is not None and self.jobs.found is None:
            # what was read belongs to the window that was asked for, perhaps not to the last one
            self.jobs.show_window(found, snapshot.now_ms)
            self._say_empty()
            self._title()
        self._rest()
        self._show_preview(snapshot)

    def _say_empty(self) -> None:
        where = f" in {self.queue}" if self.queue else ""
        if self.state is not None:
            self.jobs.empty = _NONE[self.state]
        else:
            self.jobs.empty = (
                f"No jobs{where} yet.\nAdd one:  jobdesk add QUEUE TYPE --data '{{…}}'"
            )

    def _title(self) -> None:
        jobs, panel = self.jobs, self.query_one("#list-panel", Panel)
        order = "last first" if jobs.reverse else self.natural_order()
        panel.border_title = "Jobs  found" if jobs.found is not None else f"Jobs  {order}"
        if jobs.total == 0:
            panel.border_subtitle = ""
            return
        first = jobs.scroll_offset.y + 1
        last = min(jobs.total, first + jobs.page - 1)
        parts = [f"{first:,}-{last:,} of {jobs.total:,}"]
        if jobs.beyond:
            parts[0] += f" shown, {jobs.beyond:,} in all"
        if jobs.marked:
            parts.append(f"{len(jobs.marked):,} marked")
        if jobs.range_from is not None:
            parts.append("range")
        if jobs.found is not None:
            pass
        elif jobs.following:
            parts.append("following")
        elif jobs.gone is not None:
            parts.append(f"{jobs.gone.id[:12]} has left this list")
        elif jobs.came_above:
            parts.append(f"{jobs.came_above:,} new above, f to follow")
        else:
            parts.append("anchored")
        panel.border_subtitle = "   ".join(parts)

    def natural_order(self) -> str:
        """The order that the list itself has."""
        if self.state in TERMINAL_STATES:
            return "newest first"
        return "latest first" if self.state is None else "next first"

    # --- the preview

    def _rest(self) -> None:
        """Read the job under the cursor once the cursor has come to rest."""
        row = self.jobs.current
        key = None if row is None else (row.queue, row.id)
        if self._resting is not None:
            self._resting.stop()
        preview = self.query_one("#preview", JobPreview)
        if key == self._preview and (key is not None or preview.job is None):
            return
        self._resting = self.set_timer(PREVIEW_S, lambda: self._preview_of(key))

    def _preview_of(self, key: tuple[str, str] | None) -> None:
        self._preview = key
        if key is None:
            self.query_one("#preview", JobPreview).show(None, 0)
            self.query_one("#preview-panel", Panel).border_title = "Job"
        elif self.has_class("-preview"):
            self.look_again()

    def _show_preview(self, snapshot: Snapshot) -> None:
        job, panel = snapshot.of(OneJob), self.query_one("#preview-panel", Panel)
        preview = self.query_one("#preview", JobPreview)
        if job is not None and (job.queue, job.id) == self._preview:
            preview.show(job, snapshot.now_ms)
            panel.border_title = title_of(job, self.desk.glyphs)
            panel.border_subtitle = ""
        elif snapshot.error_of(OneJob) is not None and preview.job is not None:
            panel.border_subtitle = "removed"

    # --- what happens on the screen

    def on_listing_moved(self) -> None:
        self._rest()
        self._title()
        self.refresh_bindings()

    def on_job_list_viewport_changed(self) -> None:
        self.look_again()

    def on_state_bar_chosen(self, event: StateBar.Chosen) -> None:
        self.step_to(event.state)

    def step_to(self, state: JobState | None) -> None:
        """Another state."""
        self.open_view(self.queue, state)

    def on_listing_opened(self, event: Listing.Opened) -> None:
        if isinstance(event.row, JobRow):
            self.desk.open_job(event.row.queue, event.row.id, event.row)

    def clear(self) -> bool:
        jobs = self.jobs
        if jobs.marked or jobs.range_from is not None:
            jobs.unmark()
            self._title()
            self.refresh_bindings()
            return True
        return False

    def command_done(self, command: Command, outcome: Outcome) -> None:  # noqa: ARG002  # of any command
        self.jobs.unmark(outcome.done)
        self._title()
