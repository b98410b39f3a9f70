"""Commands on whole queues and on schedules."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from jobdesk.broker.operators.commands import command_line, span
from jobdesk.counting import counted
from jobdesk.models import JobState
from jobdesk.tui.commands.base import (
    RETRY_UNDO,
    Command,
    OnMany,
    OnQueue,
    Outcome,
    RemoveJobs,
    Undo,
    operation_of,
)
from jobdesk.tui.text import spans

if TYPE_CHECKING:
    from jobdesk.broker.control import Control
    from jobdesk.broker.operators.tally import Progress, Touched

#: The states that can be cleaned, in the order in which they are offered.
CLEANED = (JobState.COMPLETED, JobState.FAILED, JobState.WAITING, JobState.DELAYED)


@dataclass(frozen=True)
class PauseQueue(OnQueue):
    """Start no more jobs of a queue."""

    action = "queue.pause"
    final_text = "s resumes it."
    verb = "Pause"

    @property
    def title(self) -> str:
        return f"Pause queue {self.queue}"

    @property
    def lines(self) -> tuple[str, ...]:
        return (command_line("pause", self.queue),)

    def run(self, control: Control, progress: Progress) -> Outcome:  # noqa: ARG002  # one step
        changed = control.pause_queue(self.queue)
        return Outcome(f"{self.queue} is paused" + ("" if changed else " already"))


@dataclass(frozen=True)
class ResumeQueue(OnQueue):
    """Start jobs of a queue again."""

    action = "queue.pause"
    final_text = "s pauses it again."
    verb = "Resume"

    @property
    def title(self) -> str:
        return f"Resume queue {self.queue}"

    @property
    def lines(self) -> tuple[str, ...]:
        return (command_line("resume", self.queue),)

    def run(self, control: Control, progress: Progress) -> Outcome:  # noqa: ARG002  # one step
        changed = control.resume_queue(self.queue)
        return Outcome(f"{self.queue} goes on" if changed else f"{self.queue} was not paused")


def _all(count: int, kind: str) -> str:
    return f"the one {kind} job" if count == 1 else f"all {count:,} {kind} jobs"


@dataclass(frozen=True)
class RetryAll(OnMany):
    """Put all failed jobs of a queue back in the line."""

    action = "queue.retry"
    undoable = True
    undo_text = RETRY_UNDO
    verb = "Retry"

    @property
    def title(self) -> str:
        return f"Retry {_all(self.found, 'failed')} of {self.queue}"

    @property
    def lines(self) -> tuple[str, ...]:
        return (command_line("retry-all", self.queue),)

    def run(self, control: Control, progress: Progress) -> Outcome:
        touched = control.retry_all(self.queue, progress)
        return _touched("Retried", touched, self, control)


@dataclass(frozen=True)
class CleanJobs(OnMany):
    """Remove the jobs of one state that are older than a grace, the oldest first."""

    state: JobState
    #: in seconds
    grace: float = 0
    #: 0: all of them
    limit: int = 0
    #: False: ``found`` is only what there may be at most
    exact: bool = True

    action = "queue.clean"
    undoable = True
    verb = "Remove"

    @property
    def title(self) -> str:
        age = f" over {span(self.grace)} old" if self.grace else ""
        jobs = counted(self.found, f"{self.state} job")
        if not self.exact:
            jobs = f"up to {jobs}"
        elif not self.limit:
            jobs = _all(self.found, self.state)
        return f"Remove {jobs} of {self.queue}{age}"

    @property
    def lines(self) -> tuple[str, ...]:
        return (
            command_line(
                "clean", self.queue, state=self.state.value, grace=self.grace, limit=self.limit
            ),
        )

    def run(self, control: Control, progress: Progress) -> Outcome:
        touched = control.clean_jobs(
            self.queue, self.state, grace=self.grace, limit=self.limit, progress=progress
        )
        return _touched("Removed", touched, self, control, exact=self.exact)


@dataclass(frozen=True)
class EmptyQueue(OnMany):
    """Remove the waiting and delayed jobs of a queue."""

    action = "queue.empty"
    undoable = True
    verb = "Remove"

    @property
    def title(self) -> str:
        return f"Remove {_all(self.found, 'waiting and delayed')} of {self.queue}"

    @property
    def lines(self) -> tuple[str, ...]:
        return (command_line("empty", self.queue),)

    def run(self, control: Control, progress: Progress) -> Outcome:
        touched = control.empty_queue(self.queue, progress)
        return _touched("Removed", touched, self, control)


@dataclass(frozen=True)
class ObliterateQueue(OnMany):
    """Delete a paused queue with everything in it."""

    #: jobs that run: what they report is lost
    running: int = 0

    action = "queue.obliterate"
    verb = "Delete it"

    @property
    def title(self) -> str:
        running = f", {self.running:,} of them running" if self.running else ""
        jobs = "its one job" if self.found == 1 else f"its {self.found:,} jobs"
        return f"Delete queue {self.queue} with {jobs}{running}"

    @property
    def typed(self) -> str:
        return self.queue

    @property
    def lines(self) -> tuple[str, ...]:
        return (command_line("obliterate", self.queue, force=bool(self.running)),)

    def run(self, control: Control, progress: Progress) -> Outcome:
        touched = control.obliterate_queue(self.queue, force=bool(self.running), progress=progress)
        if not touched.done:
            text = f"Removed {touched.count:,} jobs of {self.queue}, then it was stopped"
            return Outcome(text, whole=False)
        return Outcome(f"Deleted queue {self.queue} with {touched.count:,} jobs")


@dataclass(frozen=True)
class OnQueues(Command):
    """A command on several queues at once."""

    queues: tuple[str, ...]

    word: ClassVar[str]
    past: ClassVar[str]
    tier = 2
    undoable = True

    @property
    def title(self) -> str:
        if len(self.queues) == 1:
            return f"{self.verb} queue {self.queues[0]}"
        return f"{self.verb} {len(self.queues)} queues"

    @property
    def lines(self) -> tuple[str, ...]:
        first, *others = self.queues
        return (command_line(self.word, first, others=others),)

    @property
    def queue_names(self) -> tuple[str, ...]:
        return self.queues

    def run(self, control: Control, progress: Progress) -> Outcome:
        changed: list[str] = []
        for number, queue in enumerate(self.queues, 1):
            if self.act(control, queue):
                changed.append(queue)
            if progress(number, len(self.queues)) is False:
                break
        undo = self.back(tuple(changed)) if changed else None
        return Outcome(f"{self.past} {len(changed)} of {len(self.queues)} queues", undo=undo)

    @abstractmethod
    def act(self, control: Control, queue: str) -> bool:
        """Do it to one; whether it was not so already."""

    @abstractmethod
    def back(self, queues: tuple[str, ...]) -> OnQueues:
        """What takes it back."""


@dataclass(frozen=True)
class PauseAll(OnQueues):
    """Start no more jobs of these queues."""

    action = "queue.pause-all"
    verb, word, past = "Pause", "pause", "Paused"

    def act(self, control: Control, queue: str) -> bool:
        return control.pause_queue(queue)

    def back(self, queues: tuple[str, ...]) -> OnQueues:
        return ResumeAll(queues)


@dataclass(frozen=True)
class ResumeAll(OnQueues):
    """Start jobs of these queues again."""

    action = "queue.pause-all"
    verb, word, past = "Resume", "resume", "Resumed"

    def act(self, control: Control, queue: str) -> bool:
        return control.resume_queue(queue)

    def back(self, queues: tuple[str, ...]) -> OnQueues:
        return PauseAll(queues)


@dataclass(frozen=True)
class SetLimits(OnQueue):
    """How many jobs of a queue run at once, and how many start in a span; None: as many as may."""

    max_active: int | None
    #: (jobs, seconds)
    rate_limit: tuple[int, float] | None
    #: what they were: only what is different is set
    was: tuple[int | None, tuple[int, float] | None]

    action = "queue.limits"
    undoable = True
    verb = "Set"

    @property
    def title(self) -> str:
        return f"Set the limits of queue {self.queue}"

    @property
    def changes(self) -> dict[str, Any]:
        """What is to be set."""
        wanted = {"max_active": self.max_active, "rate_limit": self.rate_limit}
        return {
            name: value
            for (name, value), before in zip(wanted.items(), self.was, strict=True)
            if value != before
        }

    @property
    def lines(self) -> tuple[str, ...]:
        return (command_line("limits", self.queue, **self.changes),)

    def run(self, control: Control, progress: Progress) -> Outcome:  # noqa: ARG002  # one step
        changes = self.changes
        if "max_active" in changes:
            control.set_max_active(self.queue, self.max_active)
        if "rate_limit" in changes:
            control.set_rate_limit(self.queue, self.rate_limit)
        undo = SetLimits(self.queue, *self.was, was=(self.max_active, self.rate_limit))
        return Outcome(f"{self.queue}: {spans.limits(self.max_active, self.rate_limit)}", undo=undo)


# --- schedules


@dataclass(frozen=True)
class SwitchSchedule(OnQueue):
    """Pause a schedule, or resume it."""

    name: str
    pause: bool

    action = "schedule.pause"
    final_text = "s takes it back."

    @property
    def title(self) -> str:
        return f"{'Pause' if self.pause else 'Resume'} schedule {self.name}"

    @property
    def lines(self) -> tuple[str, ...]:
        word = "pause-schedule" if self.pause else "resume-schedule"
        return (command_line(word, self.queue, self.name),)

    def run(self, control: Control, progress: Progress) -> Outcome:  # noqa: ARG002  # one step
        if self.pause:
            control.pause_schedule(self.queue, self.name)
        else:
            control.resume_schedule(self.queue, self.name)
        return Outcome(f"Schedule {self.name} {'is paused' if self.pause else 'goes on'}")


@dataclass(frozen=True)
class RunSchedule(OnQueue):
    """Add the job of a schedule now; its times stay as they are."""

    name: str

    action = "schedule.run"
    undoable = True
    undo_text = "u removes that job."
    verb = "Run"

    @property
    def title(self) -> str:
        return f"Run schedule {self.name} of {self.queue} now"

    @property
    def lines(self) -> tuple[str, ...]:
        return (command_line("run-schedule", self.queue, self.name),)

    def run(self, control: Control, progress: Progress) -> Outcome:  # noqa: ARG002  # one step
        job_id = control.run_schedule(self.queue, self.name)
        made = ((self.queue, job_id),)
        return Outcome(f"{self.name} runs now, as {job_id}", made, undo=RemoveJobs(made))


def _touched(
    past: str, touched: Touched, command: OnMany, control: Control, *, exact: bool = True
) -> Outcome:
    text = f"{past} {counted(touched.count, 'job')} of {command.queue}"
    if not touched.done:
        text += f", then it was stopped; there were {command.found:,}"
    elif exact and touched.count != command.found:
        text += f"; there were {command.found:,}"
    undo = Undo.of(operation_of(control, command.queue))
    return Outcome(text, whole=touched.done, undo=undo)
