"""The actions on one job, for every screen that has one at hand."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from jobdesk.models import JobRow, JobState
from jobdesk.tui import commands

if TYPE_CHECKING:
    from jobdesk.tui.app import JobdeskApp


class JobActions:
    """Mixed into a :class:`DeskScreen`: it says which job is at hand, and has the methods."""

    desk: JobdeskApp

    def job_at_hand(self) -> JobRow | None:
        """The job that an action is meant for."""
        raise NotImplementedError

    def _one(self) -> commands.Jobs:
        row = self.job_at_hand()
        return () if row is None else ((row.queue, row.id),)

    def action_job_retry(self) -> None:
        self.desk.order(commands.RetryJobs(self._one()))

    def action_job_remove(self) -> None:
        self.desk.order(commands.RemoveJobs(self._one()))

    def action_job_cancel(self) -> None:
        self.desk.order(commands.CancelJobs(self._one()))

    def action_job_promote(self) -> None:
        self.desk.order(commands.PromoteJobs(self._one()))

    def action_job_copy(self) -> None:
        if row := self.job_at_hand():
            self.desk.copy(row.id, "the id")

    def action_job_copy_command(self) -> None:
        if row := self.job_at_hand():
            self.desk.copy(shlex.join(("jobdesk", "job", row.queue, row.id)), "the command")


def reason_against(id_: str, row: JobRow | None) -> str | None:
    """Why an action on one job is not possible in its state; None when it is."""
    if row is None:
        return "There is no job here."
    state = "retrying" if row.retrying else row.state.value
    if id_ == "job.retry" and row.state is not JobState.FAILED:
        return f"Only failed jobs can be retried, this one is {state}."
    if id_ == "job.promote" and row.state is not JobState.DELAYED:
        return f"Only delayed jobs can be told to run now, this one is {state}."
    if id_ == "job.cancel" and row.state in (JobState.COMPLETED, JobState.FAILED):
        return f"It has ended already: it is {state}."
    if id_ == "job.priority" and row.state not in (JobState.WAITING, JobState.DELAYED):
        return f"Only waiting and delayed jobs have a place in the line, this one is {state}."
    if id_ in ("job.remove", "job.edit") and row.state is JobState.ACTIVE:
        return "It runs: cancel it first."
    return None
