"""The actions on one job, for every screen that has one at hand."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

from jobdesk.models import JobRow, JobState

if TYPE_CHECKING:
    from jobdesk.models import Job, TypeInfo
    from jobdesk.tui.app import JobdeskApp
    from jobdesk.tui.commands import base as commands
    from jobdesk.tui.link.interest import Source

#: Terminals take so much from a program into the clipboard, as a rule.
MOST_COPIED = 100_000
#: More than that is slow to draw, and no job of ours has it.
MOST_EDITED = 300_000


class JobActions:
    """Mixed into a :class:`DeskScreen`: it says which job is at hand, and has the methods."""

    desk: JobdeskApp
    #: whether secrets in data are shown
    revealed = False

    def job_at_hand(self) -> JobRow | None:
        """The job that an action is meant for."""
        raise NotImplementedError

    def _one(self) -> commands.Jobs:
        row = self.job_at_hand()
        return () if row is None else ((row.queue, row.id),)

    def action_job_retry(self) -> None:
        from jobdesk.tui.commands import base as commands

        self.desk.order(commands.RetryJobs(self._one()))

    def action_job_remove(self) -> None:
        from jobdesk.tui.commands import base as commands

        self.desk.order(commands.RemoveJobs(self._one()))

    def action_job_cancel(self) -> None:
        from jobdesk.tui.commands import base as commands

        self.desk.order(commands.CancelJobs(self._one()))

    def action_job_promote(self) -> None:
        from jobdesk.tui.commands import base as commands

        self.desk.order(commands.PromoteJobs(self._one()))

    def action_job_priority(self) -> None:
        from jobdesk.tui.commands import base as commands
        from jobdesk.tui.screens.picker import Choice, PickerScreen

        row = self.job_at_hand()
        if row is None:
            return
        jobs = ((row.queue, row.id),)
        names = {1: "critical, runs first", 2: "high", 4: "normal", 8: "low"}
        choices = [Choice(str(n), str(n), names.get(n, ""), str(n % 10)) for n in range(1, 11)]
        choices.append(Choice("none", "none", "runs after all others", "n"))

        def command(value: str) -> commands.ChangePriority:
            level = None if value == "none" else int(value)
            return commands.ChangePriority(jobs, priority=level)

        def answer(value: str | None) -> None:
            if value is not None:
                self.desk.order(command(value))

        self.desk.push_screen(
            PickerScreen(
                f"Priority of {row.id}", choices, line=lambda value: command(value).line,
                chosen="none" if row.priority is None else str(row.priority),
            ),
            answer,
        )  # fmt: skip

    def action_job_why(self) -> None:
        from jobdesk.tui.screens.why import WhyScreen

        if row := self.job_at_hand():
            self.desk.push_screen(WhyScreen(row.queue, row.id))

    # --- data

    def action_job_edit(self) -> None:
        self._with_job(self._edit)

    def action_job_again(self) -> None:
        self._with_job(self._again)

    def _with_job(self, then: Any) -> None:
        """Read the job and its type; ``then(job, type or None)``."""
        row = self.job_at_hand()
        if row is None:
            return

        def call(source: Source) -> tuple[Job, TypeInfo | None]:
            from jobdesk.broker.operators.editing import type_of

            job = source.inspector.job(row.queue, row.id, log_lines=0)
            return job, type_of(source.broker, row.queue, job.type)

        def answer(found: tuple[Job, TypeInfo | None] | None, error: Exception | None) -> None:
            if found is None:
                self.desk.refuse(str(error))
            else:
                then(*found)

        self.desk.link.ask(call, answer)

    def _edit(self, job: Job, info: TypeInfo | None) -> None:
        """In ``$EDITOR`` where there is one; then shown once more, checked, with its command."""
        from jobdesk.tui import editor
        from jobdesk.tui.screens.jobdata import EditScreen, pretty

        if not isinstance(job.data, dict):
            self.desk.refuse("Its data is no JSON object: it cannot be edited here.")
            return
        if (reason := reason_against("job.edit", job)) is not None:
            self.desk.refuse(reason)
            return
        before = pretty(job.data)
        if len(before) > MOST_EDITED:
            self.desk.refuse(
                f"Its data has {len(before):,} characters, too many to edit here:"
                f"  jobdesk edit {job.queue} {job.id}"
            )
            return
        text = editor.edited(self.desk, before)
        if text is not None and text.strip() == before.strip():
            self.desk.notify("Nothing was changed.", markup=False)
            return
        if job.state is JobState.COMPLETED:
            # what has completed stays as it is: the change makes a new job
            self._again(job, info, text=text)
            return
        again = job.state is JobState.FAILED
        self.desk.push_screen(EditScreen(job, info, again=again, text=text), self._ordered)

    def _again(self, job: Job, info: TypeInfo | None, *, text: str | None = None) -> None:
        from jobdesk.tui.screens.jobdata import AddScreen

        if info is None:
            self.desk.refuse(f"No worker has published the type {job.type} of {job.queue}.")
            return
        data = job.data if isinstance(job.data, dict) else {}
        self.desk.push_screen(AddScreen(info, data=data, origin=job.id, text=text), self._ordered)

    def _ordered(self, command: commands.Command | None) -> None:
        if command is not None:
            self.desk.order(command, tier=0)

    # --- copying

    def action_job_copy(self) -> None:
        if row := self.job_at_hand():
            self.desk.copy(row.id, "the id")

    def action_job_copy_command(self) -> None:
        if row := self.job_at_hand():
            line = shlex.join(("jobdesk", "job", row.queue, row.id))
            self.desk.copy(self.desk.in_shell(line), "the command")

    def action_job_copy_json(self) -> None:
        def copy(job: Job, _: TypeInfo | None) -> None:
            text = json_of(job, reveal=self.revealed)
            if len(text) > MOST_COPIED:
                self.desk.refuse(f"It is {len(text):,} characters: too many for the clipboard.")
            else:
                self.desk.copy(text, "the job as JSON")

        self._with_job(copy)


def json_of(job: Job, *, reveal: bool) -> str:
    """A job as JSON, in the shape that ``jobdesk job --json`` has, without secrets."""
    from jobdesk.redaction import redact

    def seen(value: Any) -> Any:
        return value if reveal else redact(value)

    return json.dumps(
        {
            "jobId": job.id, "queueName": job.queue, "type": job.type, "state": job.state.value,
            "progress": seen(job.progress), "data": seen(job.data), "timestamp": job.added_ms,
            "processedOn": job.started_ms, "finishedOn": job.finished_ms,
            "failedReason": job.failed_reason or None, "returnValue": seen(job.return_value),
            "attemptsMade": job.attempts_made, "attempts": job.attempts,
            "priority": job.priority, "stacktrace": list(job.stacktrace),
        },
        ensure_ascii=False, indent=2, default=str,
    )  # fmt: skip


def add_to(desk: JobdeskApp, queue: str) -> None:
    """Ask for a type of ``queue``, then for its data, and add the job."""
    from jobdesk.tui.screens.jobdata import AddScreen
    from jobdesk.tui.screens.picker import Choice, PickerScreen

    def ordered(command: commands.Command | None) -> None:
        if command is not None:
            desk.order(command, tier=0)

    def answer(types: tuple[TypeInfo, ...] | None, error: Exception | None) -> None:
        if types is None:
            desk.refuse(str(error))
            return
        if not types:
            desk.refuse(f"No worker has published a type of {queue} yet: start one first.")
            return
        known = {one.name: one for one in types}

        def chosen(name: str | None) -> None:
            if name is not None:
                desk.push_screen(AddScreen(known[name]), ordered)

        if len(types) == 1:
            chosen(types[0].name)
            return
        choices = [
            Choice(one.name, one.name, one.doc.splitlines()[0] if one.doc else "") for one in types
        ]
        desk.push_screen(PickerScreen(f"Add a job to {queue}: which type?", choices), chosen)

    desk.link.ask(lambda source: source.inspector.types(queue), answer)


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
