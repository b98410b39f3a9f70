"""What the dashboard can do: one frozen value per command; here the base of all, and single jobs.

A command knows the ``jobdesk`` line that does the same, how much it asks for before it runs (its
tier), and how to run on a :class:`Control`. Screens make one and hand it to ``app.order``.
Those on queues are in :mod:`~jobdesk.tui.commands.queues`, those that give data to jobs in
:mod:`~jobdesk.tui.commands.jobs`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from jobdesk.broker.operators.commands import command_line
from jobdesk.errors import Refused

if TYPE_CHECKING:
    from jobdesk.broker.control import Control
    from jobdesk.broker.operators.tally import Progress, Touched

#: (queue, id)
Jobs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command did."""

    #: one sentence
    text: str
    #: the jobs it was done to, so that only their marks go
    done: Jobs = ()
    #: whether nothing was left out or refused
    whole: bool = True
    #: what takes it back; None where nothing does
    undo: Command | None = None


RETRY_UNDO = "u takes back what no worker has taken by then."
FINAL = "This cannot be undone."


class Command(ABC):
    """One command; its subclasses are frozen dataclasses."""

    #: the id of the action it belongs to
    action: ClassVar[str]
    #: 0: done at once; 1: asks y/n; 2: asks with an exact count
    tier: ClassVar[int] = 0
    #: whether it can be taken back, as a rule, and what is then said of it
    undoable: ClassVar[bool] = False
    undo_text: ClassVar[str] = "u takes it back."
    #: what is said where u does not take it back: another key may
    final_text: ClassVar[str] = FINAL
    #: what the button says
    verb: ClassVar[str] = "Do it"

    @property
    @abstractmethod
    def title(self) -> str:
        """What it is about to do: ``Remove 219 failed jobs of email``."""

    @property
    @abstractmethod
    def lines(self) -> tuple[str, ...]:
        """The ``jobdesk`` command lines that do the same."""

    @property
    def other_way_back(self) -> bool:
        """Whether ``final_text`` names a key that takes it back, where u does not."""
        return self.final_text != FINAL

    @property
    def line(self) -> str:
        """Its command line, the first of several."""
        return self.lines[0]

    @property
    def count(self) -> int | None:
        """How many jobs it is about; None where none are counted."""
        return None

    @property
    def typed(self) -> str:
        """What is to be typed before it is done, where that is not its count."""
        return ""

    @property
    def queue_names(self) -> tuple[str, ...]:
        """The queues it changes."""
        return ()

    @abstractmethod
    def run(self, control: Control, progress: Progress) -> Outcome:
        """Do it; in the writer's thread. Raises ``JobdeskError``."""


@dataclass(frozen=True)
class OnJobs(Command):
    """A command on jobs that were picked one by one."""

    jobs: Jobs
    #: how they were chosen: "marked", or by which filter
    chosen: str = "marked"

    word: ClassVar[str]
    past: ClassVar[str]

    @property
    def title(self) -> str:
        if len(self.jobs) == 1:
            queue, job_id = self.jobs[0]
            return f"{self.verb} job {job_id} of {queue}"
        if self.chosen == "marked":
            return f"{self.verb} {len(self.jobs):,} marked jobs"
        return f"{self.verb} {len(self.jobs):,} jobs: {self.chosen}"

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(command_line(self.word, queue, job_id) for queue, job_id in self.jobs)

    @property
    def count(self) -> int:
        return len(self.jobs)

    @property
    def queue_names(self) -> tuple[str, ...]:
        return tuple(sorted({queue for queue, _ in self.jobs}))

    def run(self, control: Control, progress: Progress) -> Outcome:
        done: list[tuple[str, str]] = []
        undo: list[tuple[str, str]] = []
        refused: Refused | None = None
        for number, (queue, job_id) in enumerate(self.jobs, 1):
            try:
                self.one(control, queue, job_id)
            except Refused as exc:
                if len(self.jobs) == 1:
                    raise
                refused = exc
            else:
                done.append((queue, job_id))
                undo += operation_of(control, queue)
            if progress(number, len(self.jobs)) is False:
                break
        if len(self.jobs) == 1:
            return Outcome(f"{self.past} {self.jobs[0][1]}", tuple(done), undo=Undo.of(undo))
        text = f"{self.past} {len(done):,} of {len(self.jobs):,} jobs"
        if refused is not None:
            text = f"{text}; the others were refused, the last: {refused}"
        return Outcome(text, tuple(done), whole=len(done) == len(self.jobs), undo=Undo.of(undo))

    @abstractmethod
    def one(self, control: Control, queue: str, job_id: str) -> object:
        """Do it to one job."""


class AsOne(OnJobs):
    """A command on jobs that Control does to many as one operation, which is undone as one."""

    def run(self, control: Control, progress: Progress) -> Outcome:
        if len(self.jobs) == 1:
            return OnJobs.run(self, control, progress)
        ids: dict[str, list[str]] = {}
        for queue, job_id in self.jobs:
            ids.setdefault(queue, []).append(job_id)
        done: list[tuple[str, str]] = []
        undo: list[tuple[str, str]] = []
        looked, count, through = 0, 0, True
        for queue, some in ids.items():

            def tell(at: int, _: int, before: int = looked) -> object:
                return progress(before + at, len(self.jobs))

            touched = self.many(control, queue, some, tell)
            # of many, only the first ids are told
            told = some if touched.count == len(some) else touched.ids
            done += [(queue, job_id) for job_id in told]
            count += touched.count
            undo += [(queue, touched.operation)] if touched.operation else []
            looked += len(some)
            through = through and touched.done
            if not through:
                break
        text = f"{self.past} {count:,} of {len(self.jobs):,} jobs"
        if not through:
            text += ", then it was stopped"
        elif count < len(self.jobs):
            text += "; the others had changed meanwhile"
        return Outcome(text, tuple(done), whole=count == len(self.jobs), undo=Undo.of(undo))

    @abstractmethod
    def many(self, control: Control, queue: str, ids: Sequence[str], progress: Progress) -> Touched:
        """Do it to these."""


@dataclass(frozen=True)
class RetryJobs(AsOne):
    """Put failed jobs back in the line."""

    action = "job.retry"
    undoable = True
    undo_text = RETRY_UNDO
    verb, word, past = "Retry", "retry", "Retried"

    def one(self, control: Control, queue: str, job_id: str) -> object:
        return control.retry_job(queue, job_id)

    def many(self, control: Control, queue: str, ids: Sequence[str], progress: Progress) -> Touched:
        return control.retry_jobs(queue, ids, progress=progress)


@dataclass(frozen=True)
class RemoveJobs(AsOne):
    """Remove jobs and all that is kept of them."""

    action = "job.remove"
    tier = 1
    undoable = True
    verb, word, past = "Remove", "remove", "Removed"

    def one(self, control: Control, queue: str, job_id: str) -> object:
        return control.remove_job(queue, job_id)

    def many(self, control: Control, queue: str, ids: Sequence[str], progress: Progress) -> Touched:
        return control.remove_jobs(queue, ids, progress=progress)


@dataclass(frozen=True)
class CancelJobs(OnJobs):
    """End jobs as failed, without retry."""

    action = "job.cancel"
    tier = 1
    verb, word, past = "Cancel", "cancel", "Cancelled"

    def one(self, control: Control, queue: str, job_id: str) -> object:
        return control.cancel_job(queue, job_id)


@dataclass(frozen=True)
class PromoteJobs(OnJobs):
    """Let delayed jobs run now."""

    action = "job.promote"
    verb, word, past = "Run now", "promote", "Runs now:"

    def one(self, control: Control, queue: str, job_id: str) -> object:
        control.promote_job(queue, job_id)
        return None


@dataclass(frozen=True)
class ChangePriority(OnJobs):
    """Give jobs another priority."""

    priority: int | None = None

    undoable = True
    action = "job.priority"
    verb, word, past = "Change the priority of", "priority", "Changed the priority of"

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(
            command_line(self.word, queue, job_id, priority=self.priority)
            for queue, job_id in self.jobs
        )

    def run(self, control: Control, progress: Progress) -> Outcome:
        if len(self.jobs) > 1:
            return super().run(control, progress)
        ((queue, job_id),) = self.jobs
        before = control.change_priority(queue, job_id, self.priority)
        said = "no priority" if self.priority is None else f"priority {self.priority}"
        return Outcome(f"{job_id} has {said}", self.jobs, undo=replace(self, priority=before))

    def one(self, control: Control, queue: str, job_id: str) -> object:
        return control.change_priority(queue, job_id, self.priority)


@dataclass(frozen=True)
class OnQueue(Command):
    """A command on one queue."""

    queue: str

    @property
    def queue_names(self) -> tuple[str, ...]:
        return (self.queue,)


@dataclass(frozen=True)
class OnMany(OnQueue):
    """A command over all jobs of a queue that fit; how many those are was read just before."""

    found: int

    tier = 2

    @property
    def count(self) -> int:
        return self.found


@dataclass(frozen=True)
class Undo(Command):
    """Take a command back: (queue, operation) of each part of it, the last first."""

    operations: tuple[tuple[str, str], ...]

    action = "undo"
    verb = "Undo"

    @classmethod
    def of(cls, operations: Sequence[tuple[str, str]]) -> Undo | None:
        """What takes these back; None where there are none."""
        return cls(tuple(reversed(operations))) if operations else None

    @property
    def title(self) -> str:
        return "Take the last change back"

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(command_line("undo", queue, op) for queue, op in self.operations)

    def run(self, control: Control, progress: Progress) -> Outcome:
        restored = 0
        refused: list[str] = []
        for queue, operation in self.operations:
            undone = control.undo(queue, operation, progress)
            restored += len(undone.restored)
            refused += [why for _, why in undone.refused]
        if not refused:
            return Outcome(f"Took it back: {_jobs_are(restored)} as before")
        why = "; ".join(sorted(set(refused)))
        if not restored:
            return Outcome(f"Nothing was taken back: {why}", whole=False)
        told = f"Took it back: {_jobs_are(restored)} as before, {len(refused):,} not: {why}"
        return Outcome(told, whole=False)


def _jobs_are(count: int) -> str:
    return f"{count:,} {'job is' if count == 1 else 'jobs are'}"


def operation_of(control: Control, queue: str) -> list[tuple[str, str]]:
    """What the last command of ``control`` can be undone by, if by anything."""
    return [(queue, control.operation)] if control.operation else []
