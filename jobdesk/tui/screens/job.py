"""One job, with everything kept of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.containers import VerticalScroll

from jobdesk.safetext import safe_line
from jobdesk.tui.actions import Action, Scope
from jobdesk.tui.jobactions import JobActions, reason_against
from jobdesk.tui.reads import OneJob
from jobdesk.tui.screens.base import DeskScreen
from jobdesk.tui.widgets.jobpreview import JobPreview, title_of
from jobdesk.tui.widgets.panel import Panel

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from jobdesk.models import Job, JobRow
    from jobdesk.tui.interest import Read, Snapshot


class JobScreen(JobActions, DeskScreen):
    """Pushed over the list; what was known last stays when the job is removed meanwhile."""

    AUTO_FOCUS = "#scroll"
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

    def crumbs(self) -> tuple[str, ...]:
        return ("jobs", self.queue, safe_line(self.job_id, 22))

    def body(self) -> ComposeResult:
        with Panel(title=safe_line(self.job_id, 40)), VerticalScroll(id="scroll"):
            yield JobPreview(self.desk.glyphs, id="whole")

    def reads(self) -> tuple[Read[Any], ...]:
        return (OneJob(self.queue, self.job_id),)

    def show(self, snapshot: Snapshot) -> None:
        job, panel = snapshot.of(OneJob), self.query_one(Panel)
        if job is not None:
            self.job, self.gone_ms = job, None
            self.query_one(JobPreview).show(job, snapshot.now_ms)
            panel.border_title = title_of(job, self.desk.glyphs)
            panel.border_subtitle = ""
        elif snapshot.error_of(OneJob) is not None:
            self.gone_ms = self.gone_ms or snapshot.now_ms
            known = "this is what was known last" if self.job else "nothing is kept of it"
            panel.border_subtitle = f"removed; {known}"

    def job_at_hand(self) -> JobRow | None:
        return self.job or self.row

    def reason_against(self, action: Action) -> str | None:
        if action.scope is not Scope.JOB:
            return None
        if self.gone_ms is not None and action.mutating:
            return "The job has been removed."
        return reason_against(action.id, self.job_at_hand())
