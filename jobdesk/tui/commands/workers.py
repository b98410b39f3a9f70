"""What the dashboard can do to a worker: tell it to stop, or kill it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from jobdesk.broker.operators.commands import command_line
from jobdesk.tui.commands.base import Command, Outcome

if TYPE_CHECKING:
    from jobdesk.broker.control import Control
    from jobdesk.broker.operators.tally import Progress
    from jobdesk.models import WorkerInfo


@dataclass(frozen=True)
class StopWorker(Command):
    """Let a worker end its jobs, and leave."""

    worker: WorkerInfo
    #: how many jobs it has in hand
    held: int

    action = "worker.stop"
    tier = 1
    verb = "Stop"
    kill: ClassVar[bool] = False

    @property
    def title(self) -> str:
        jobs = f"{self.held} job{'' if self.held == 1 else 's'}"
        held = f", which has {jobs} in hand" if self.held else ""
        return f"{self.verb} worker {self.worker.id}{held}"

    @property
    def lines(self) -> tuple[str, ...]:
        return (command_line("stop", "", self.worker.id, kill=self.kill),)

    @property
    def queue_names(self) -> tuple[str, ...]:
        return self.worker.queues

    def run(self, control: Control, progress: Progress) -> Outcome:  # noqa: ARG002  # one step
        return Outcome(control.stop_worker(self.worker.id, kill=self.kill).told)


@dataclass(frozen=True)
class KillWorker(StopWorker):
    """End a worker at once; what it had in hand runs again."""

    action = "worker.kill"
    verb = "Kill"
    kill: ClassVar[bool] = True
