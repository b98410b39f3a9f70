"""Commands that give jobs data, and those on groups of failures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jobdesk.broker.operators.commands import command_line
from jobdesk.counting import counted
from jobdesk.redaction import redact
from jobdesk.tui.commands.base import RETRY_UNDO, OnMany, OnQueue, Outcome, RemoveJobs, Undo

if TYPE_CHECKING:
    from jobdesk.broker.control import Control
    from jobdesk.broker.operators.tally import Progress, Touched


@dataclass(frozen=True)
class EditJob(OnQueue):
    """Give a job other data; ``again``: and put it back in the line, where it has failed."""

    job_id: str
    data: Mapping[str, Any] = field(hash=False)
    #: what it had
    before: Mapping[str, Any] = field(hash=False)
    again: bool = False

    action = "job.edit"
    undoable = True

    @property
    def verb(self) -> str:  # type: ignore[override]  # by what it does
        return "Save, run again" if self.again else "Save"

    @property
    def title(self) -> str:
        then = " and run it again" if self.again else ""
        return f"Edit job {self.job_id} of {self.queue}{then}"

    @property
    def lines(self) -> tuple[str, ...]:
        edit = command_line("edit", self.queue, self.job_id, **shown(self.data))
        again = (command_line("retry", self.queue, self.job_id),) if self.again else ()
        return (edit, *again)

    def run(self, control: Control, progress: Progress) -> Outcome:  # noqa: ARG002  # one step
        control.edit_job(self.queue, self.job_id, self.data)
        operation = ""
        if self.again:
            control.retry_job(self.queue, self.job_id)
            operation = control.operation
        done = ((self.queue, self.job_id),)
        undo = UneditJob(self.queue, self.job_id, self.before, operation)
        text = f"{self.job_id} has new data" + (" and waits" if self.again else "")
        if self.again and not operation:
            return Outcome(text, done)
        return Outcome(text, done, undo=undo)


@dataclass(frozen=True)
class UneditJob(OnQueue):
    """Take an edit back, with its retry where there was one."""

    job_id: str
    data: Mapping[str, Any] = field(hash=False)
    operation: str = ""

    action = "undo"
    verb = "Undo"

    @property
    def title(self) -> str:
        return f"Give job {self.job_id} of {self.queue} its data back"

    @property
    def lines(self) -> tuple[str, ...]:
        retry = (command_line("undo", self.queue, self.operation),) if self.operation else ()
        return (*retry, command_line("edit", self.queue, self.job_id, **shown(self.data)))

    def run(self, control: Control, progress: Progress) -> Outcome:
        if self.operation:
            undone = control.undo(self.queue, self.operation, progress)
            if undone.refused:
                return Outcome(f"{self.job_id} stays: {undone.refused[0][1]}", whole=False)
        control.edit_job(self.queue, self.job_id, self.data)
        return Outcome(f"Took it back: {self.job_id} has the data it had")


@dataclass(frozen=True)
class AddJob(OnQueue):
    """Add a job of a published type."""

    type: str
    data: Mapping[str, Any] = field(hash=False)
    #: priority, delay, attempts, job_id
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    #: the job that it was made from
    origin: str = ""

    action = "queue.add"
    undoable = True
    undo_text = "u removes that job."
    verb = "Add"

    @property
    def title(self) -> str:
        return f"Add a job {self.type} to {self.queue}"

    @property
    def lines(self) -> tuple[str, ...]:
        told = {**self.options, **shown(self.data), "origin": self.origin or None}
        return (command_line("add", self.queue, self.type, **told),)

    def run(self, control: Control, progress: Progress) -> Outcome:  # noqa: ARG002  # one step
        job_id = control.add_job(
            self.queue, self.type, self.data, origin=self.origin, **self.options
        )
        made = ((self.queue, job_id),)
        return Outcome(f"Added {job_id} to {self.queue}", made, undo=RemoveJobs(made))


@dataclass(frozen=True)
class OnGroup(OnMany):
    """A command on the failed jobs of one group."""

    fingerprint: str
    error: str
    #: 0: all of them
    limit: int = 0

    @property
    def title(self) -> str:
        many = f"{self.found:,} jobs" if self.found != 1 else "the one job"
        return f"{self.verb} {many} of {self.queue}: {self.error}"

    def outcome(self, past: str, touched: Touched) -> Outcome:
        """What was done to its jobs."""
        return Outcome(
            f"{past} {counted(touched.count, 'job')} of the group",
            tuple((self.queue, job_id) for job_id in touched.ids), whole=touched.done,
            undo=Undo.of([(self.queue, touched.operation)] if touched.operation else []),
        )  # fmt: skip


@dataclass(frozen=True)
class RetryGroup(OnGroup):
    """Put the failed jobs of a group back in the line."""

    action = "group.retry"
    undoable = True
    undo_text = RETRY_UNDO
    verb = "Retry"

    @property
    def title(self) -> str:
        if self.limit == 1:
            return f"Retry one job of {self.queue} first: {self.error}"
        return OnGroup.title.fget(self)  # type: ignore[attr-defined,no-any-return]  # a property

    @property
    def lines(self) -> tuple[str, ...]:
        return (command_line("retry-group", self.queue, self.fingerprint, limit=self.limit),)

    def run(self, control: Control, progress: Progress) -> Outcome:
        return self.outcome("Retried", control.retry_group(
            self.queue, self.fingerprint, progress, limit=self.limit,
        ))  # fmt: skip


@dataclass(frozen=True)
class RemoveGroup(OnGroup):
    """Remove the failed jobs of a group."""

    action = "group.remove"
    undoable = True
    verb = "Remove"

    @property
    def lines(self) -> tuple[str, ...]:
        return (command_line("remove-group", self.queue, self.fingerprint, limit=self.limit),)

    def run(self, control: Control, progress: Progress) -> Outcome:
        return self.outcome("Removed", control.remove_group(
            self.queue, self.fingerprint, progress, limit=self.limit,
        ))  # fmt: skip


def shown(data: Mapping[str, Any]) -> dict[str, Any]:
    """The data as an option of a command line; nothing (it is read from stdin) with a secret."""
    return {"data": data} if redact(dict(data)) == data else {}
