"""Commands on whole queues and on schedules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobdesk.broker.commands import command_line
from jobdesk.tui.commands import RETRY_UNDO, OnMany, OnQueue, Outcome, Undo, operation_of

if TYPE_CHECKING:
    from jobdesk.broker.control import Control
    from jobdesk.broker.tally import Progress, Touched
    from jobdesk.models import JobState


@dataclass(frozen=True)
class PauseQueue(OnQueue):
    """Start no more jobs of a queue."""

    action = "queue.pause"
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


@dataclass(frozen=True)
class RetryAll(OnMany):
    """Put all failed jobs of a queue back in the line."""

    action = "queue.retry"
    undoable = True
    undo_text = RETRY_UNDO
    verb = "Retry"

    @property
    def title(self) -> str:
        return f"Retry all {self.found:,} failed jobs of {self.queue}"

    @property
    def lines(self) -> tuple[str, ...]:
        return (command_line("retry-all", self.queue),)

    def run(self, control: Control, progress: Progress) -> Outcome:
        touched = control.retry_all(self.queue, progress)
        return _touched("Retried", touched, self, control)


@dataclass(frozen=True)
class CleanJobs(OnMany):
    """Remove the jobs of one state."""

    state: JobState

    action = "queue.clean"
    undoable = True
    verb = "Remove"

    @property
    def title(self) -> str:
        return f"Remove all {self.found:,} {self.state} jobs of {self.queue}"

    @property
    def lines(self) -> tuple[str, ...]:
        return (command_line("clean", self.queue, state=self.state.value, grace=0),)

    def run(self, control: Control, progress: Progress) -> Outcome:
        touched = control.clean_jobs(self.queue, self.state, grace=0, progress=progress)
        return _touched("Removed", touched, self, control)


@dataclass(frozen=True)
class EmptyQueue(OnMany):
    """Remove the waiting and delayed jobs of a queue."""

    action = "queue.empty"
    undoable = True
    verb = "Remove"

    @property
    def title(self) -> str:
        return f"Remove all {self.found:,} waiting and delayed jobs of {self.queue}"

    @property
    def lines(self) -> tuple[str, ...]:
        return (command_line("empty", self.queue),)

    def run(self, control: Control, progress: Progress) -> Outcome:
        touched = control.empty_queue(self.queue, progress)
        return _touched("Removed", touched, self, control)


@dataclass(frozen=True)
class SwitchSchedule(OnQueue):
    """Pause a schedule, or resume it."""

    name: str
    pause: bool

    action = "schedule.pause"

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


def _touched(past: str, touched: Touched, command: OnMany, control: Control) -> Outcome:
    text = f"{past} {touched.count:,} jobs of {command.queue}"
    if touched.count != command.found:
        text += f"; there were {command.found:,}"
    undo = Undo.of(operation_of(control, command.queue))
    return Outcome(text, whole=touched.done, undo=undo)
