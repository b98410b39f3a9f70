"""One job, whole: its facts, data, result, error, attempts and log, a tab each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from jobdesk.safetext import safe_line
from jobdesk.tui import editor, madefile
from jobdesk.tui.actions import Action, Scope
from jobdesk.tui.jobactions import JobActions, reason_against
from jobdesk.tui.link.reads import OneJob, Window
from jobdesk.tui.screens.base import DeskScreen
from jobdesk.tui.text import jobs as jobtext
from jobdesk.tui.widgets.jobpreview import title_of
from jobdesk.tui.widgets.panel import Panel
from jobdesk.tui.widgets.tabbar import TabBar
from jobdesk.tui.widgets.textview import TextView

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from jobdesk.models import Job, JobRow
    from jobdesk.tui.link.interest import Read, Snapshot
    from jobdesk.tui.screens.joblisting import JobListing
    from jobdesk.tui.text.jsons import Line

#: Lines of the log that are read; of the log's own tab more.
LOG_LINES, MOST_LOG_LINES = 100, 1000


class JobScreen(JobActions, DeskScreen):
    """Pushed over the list; what was known last stays when the job is removed meanwhile."""

    AUTO_FOCUS = "TextView"
    SCOPES: ClassVar[tuple[Scope, ...]] = (Scope.JOB, Scope.DETAIL)
    TITLE_WORD = "job"

    def __init__(self, queue: str, job_id: str, row: JobRow | None = None) -> None:
        super().__init__()
        self.queue, self.job_id = queue, job_id
        #: what the list knew of it
        self.row = row
        self.job: Job | None = None
        #: when it was found gone, ms
        self.gone_ms: int | None = None
        self.tab = 0
        self._unfold = False
        self._now_ms = 0
        #: whether the list below followed what came
        self._followed = False
        self._from: JobListing | None = None
        #: the next or previous job was asked for, and its row is not read yet
        self._turning = False

    def crumbs(self) -> tuple[str, ...]:
        return ("jobs", self.queue, safe_line(self.job_id, 22))

    def body(self) -> ComposeResult:
        yield TabBar(self.desk.glyphs)
        with Panel(title=safe_line(self.job_id, 40)):
            yield TextView(id="text")

    def on_mount(self) -> None:
        self.query_one(TabBar).labels = jobtext.TABS
        # a job that has failed is opened for its error
        row = self.row
        if row is not None and row.state.value == "failed":
            self.tab = jobtext.TABS.index("Error")
        self.query_one(TabBar).chosen = self.tab
        under = self._from = self._under
        if under is not None and under.jobs.following:
            # what comes meanwhile must not take the place of the job that is shown
            self._followed = True
            under.jobs.following = False
        self._draw()

    def on_unmount(self) -> None:
        under = self._from
        if self._followed and under is not None and under.is_mounted and under.jobs.cursor == 0:
            under.jobs.follow()

    @property
    def _log_lines(self) -> int:
        return MOST_LOG_LINES if jobtext.TABS[self.tab] == "Log" else LOG_LINES

    def reads(self) -> tuple[Read[Any], ...]:
        wanted: list[Read[Any]] = [OneJob(self.queue, self.job_id, self._log_lines)]
        under = self._under
        if under is not None and under.jobs.found is None:
            # the list goes on below, so that J and K know what comes next
            wanted.append(under.jobs.window())
        return tuple(wanted)

    def show(self, snapshot: Snapshot) -> None:
        job, panel = snapshot.of(OneJob), self.query_one(Panel)
        self._now_ms = snapshot.now_ms
        under, rows = self._under, snapshot.of(Window)
        if under is not None and rows is not None and under.jobs.found is None:
            under.jobs.show_window(rows, snapshot.now_ms)
            if self._turning:
                self._turn()
        if job is not None and job.id == self.job_id:
            self.job, self.gone_ms = job, None
            panel.border_title = self._title(job)
        elif snapshot.error_of(OneJob) is not None:
            self.gone_ms = self.gone_ms or snapshot.now_ms
        self._draw()

    def _title(self, job: Job) -> str:
        return f"{title_of(job, self.desk.glyphs)}  {safe_line(job.type, 30)}"

    def _draw(self, *, top: bool = False) -> None:
        view, bar, panel = self.query_one(TextView), self.query_one(TabBar), self.query_one(Panel)
        bar.chosen = self.tab
        bar.labels = jobtext.labels(self.job, self._log_lines)
        notes: list[str] = []
        if self.gone_ms is not None:
            known = "what was known last" if self.job else "nothing is kept of it"
            notes.append(f"removed; {known}")
        if self.revealed:
            notes.append("secrets shown")
        if view.tail:
            notes.append("following")
        if view.wrap:
            notes.append("wrapped")
        panel.border_subtitle = "   ".join(notes)
        if self.job is not None:
            view.show(self._lines(self.job), top=top)
        elif self.gone_ms is not None:
            view.show([(("There is no such job (any more).", "muted"),)], top=top)
        else:
            view.show(self._not_yet(), top=top)

    def _not_yet(self) -> list[Line]:
        """Before it has been read: what the list knew of it."""
        row, usable = self.row, self.desk.link.status.usable
        made: list[Line] = [
            ((self.desk.glyphs.ellipsis, "muted"),) if usable
            else (("Redis is away, and this job has not been read before.", "muted"),)
        ]  # fmt: skip
        if row is not None and not usable:
            made += [(), ((f"{row.state}  {safe_line(row.type, 60)}", "plain"),)]
            made += [((safe_line(row.error, 400), "error"),)] if row.error else []
        return made

    def _lines(self, job: Job) -> list[Line]:
        glyphs, now_ms = self.desk.glyphs, self._now_ms
        match jobtext.TABS[self.tab]:
            case "Data":
                return jobtext.data(job, reveal=self.revealed)
            case "Result":
                return jobtext.result(job, reveal=self.revealed)
            case "Error":
                return jobtext.error(job, unfold=self._unfold)
            case "Attempts":
                return jobtext.attempts(job, now_ms, glyphs, unfold=self._unfold)
            case "Log":
                return jobtext.log(job)
        return jobtext.summary(job, now_ms, glyphs, max(40, self.size.width - 6))

    # --- the job at hand

    def job_at_hand(self) -> JobRow | None:
        return self.job or self.row

    def reason_against(self, action: Action) -> str | None:
        if action.id in ("detail.next", "detail.previous") and self._under is None:
            return "It was not opened from a list."
        if action.id == "detail.pager" and (self.job is None or not self._paged_text()):
            return "There is nothing here for a pager."
        if action.id == "detail.file" and not madefile.path_of(self.job):
            return "It has made no file" + ("." if self.job and self.job.finished_ms else " yet.")
        if action.scope is not Scope.JOB:
            return None
        if self.gone_ms is not None and action.mutating:
            return "The job has been removed."
        return reason_against(action.id, self.job_at_hand())

    # --- tabs

    def on_tab_bar_chosen(self, event: TabBar.Chosen) -> None:
        self.open_tab(event.at)

    def open_tab(self, at: int) -> None:
        """Show that tab, from its start."""
        self.tab = at % len(jobtext.TABS)
        self.query_one(TextView).tail = False
        self._draw(top=True)
        self.refresh_bindings()
        self.look_again()

    def action_detail_tab_next(self) -> None:
        self.open_tab(self.tab + 1)

    def action_detail_tab_previous(self) -> None:
        self.open_tab(self.tab - 1)

    def action_detail_wrap(self) -> None:
        view = self.query_one(TextView)
        view.wrap = not view.wrap
        self._draw()

    def action_detail_fold(self) -> None:
        self._unfold = not self._unfold
        self._draw()

    def action_detail_log(self) -> None:
        at = jobtext.TABS.index("Log")
        view = self.query_one(TextView)
        if self.tab == at and view.tail:
            view.tail = False
        else:
            self.open_tab(at)
            view.tail = True
        self._draw()

    def action_detail_reveal(self) -> None:
        self.revealed = not self.revealed
        self._draw()

    def _paged_text(self) -> str:
        job, tab = self.job, jobtext.TABS[self.tab]
        if job is None:
            return ""
        return jobtext.whole(job, tab, reveal=self.revealed) or self.query_one(TextView).text

    def action_detail_pager(self) -> None:
        if not editor.paged(self.desk, self._paged_text()):
            self.desk.refuse("No pager could be opened here: set PAGER.")

    def action_detail_file(self) -> None:
        path = madefile.path_of(self.job)
        settings = self.desk.settings
        why_not = madefile.opened(path, settings.data_folder, desktop=bool(settings.display))
        if why_not:
            self.desk.copy(path, f"the path, as {why_not}")
        else:
            self.desk.notify(f"Opened {safe_line(path, 200)}", markup=False)

    # --- the next job

    @property
    def _under(self) -> JobListing | None:
        """The list that it was opened from, where that is below."""
        from jobdesk.tui.screens.joblisting import JobListing

        stack = self.desk.screen_stack
        at = stack.index(self) if self in stack else 0
        below = stack[at - 1] if at > 0 else None
        return below if isinstance(below, JobListing) else None

    def action_detail_next(self) -> None:
        self._step(1)

    def action_detail_previous(self) -> None:
        self._step(-1)

    def _step(self, by: int) -> None:
        under = self._under
        if under is None:
            return
        before = under.jobs.cursor
        under.jobs.move_to(before + by)
        if under.jobs.cursor == before:
            self.desk.notify("That was the last one." if by > 0 else "That was the first one.",
                             markup=False, timeout=2)  # fmt: skip
            return
        self._turning = True
        self._turn()

    def _turn(self) -> None:
        """To the job that the list's cursor is on, once its row is known."""
        under = self._under
        row = None if under is None else under.jobs.current
        if row is None:
            self.look_again()
            return
        self._turning = False
        self.queue, self.job_id, self.row = row.queue, row.id, row
        self.job, self.gone_ms, self.revealed = None, None, False
        self.query_one(Panel).border_title = safe_line(row.id, 40)
        self.query_one(TextView).tail = False
        self._draw(top=True)
        self.desk.tell_screen(self)
        self.look_again(other=True)
