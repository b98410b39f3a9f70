"""What a command of the dashboard shows is what it does: its line, run in a shell, does the same.

Every command is carried out in two equal namespaces: in one by the dashboard's own way, in the
other by the line that it shows. Afterwards a desk finds the same in both.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import pkgutil
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

import jobdesk.tui
from jobdesk import settings as settings_module
from jobdesk.broker import connection
from jobdesk.broker.control import Control
from jobdesk.broker.exchange import Outcome as Ending
from jobdesk.broker.processes import mark_of
from jobdesk.broker.registry import WorkerBeat, publish_queue
from jobdesk.cli.main import cli
from jobdesk.desk import Desk
from jobdesk.engine.fingerprint import fingerprint
from jobdesk.models import STORED_STATES, JobState
from jobdesk.tui.commands import base as commands
from jobdesk.tui.commands import jobs as jobcommands
from jobdesk.tui.commands import queues as queuecommands
from jobdesk.tui.commands import workers as workercommands
from jobdesk.tui.commands.base import Command, Outcome
from tests.queue_builder import WORKER, QueueBuilder

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker
    from jobdesk.settings import Settings

#: Of no test's code: what a process has functions for is not read from Redis.
QUEUES = ("prints", "letters")
SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}}


class World:
    """One namespace with the same jobs as the other."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.broker: Broker = connection.connect(settings)
        self.control = Control(self.broker, who="tester@here")
        self.desk = Desk(settings, broker=self.broker)
        self.processes: list[subprocess.Popen[bytes]] = []
        for name in QUEUES:
            publish_queue(
                self.broker, name, types={"resize": {"schema": SCHEMA}},
                schedules={"resize": {"type": "resize", "crontab": "0 2 * * *"}},
                keep_completed="86400000:1000", keep_failed="172800000:", max_stalled=3,
                max_active=None, rate_limit=None,
            )  # fmt: skip
        self.prints = QueueBuilder(self.broker, "prints")
        self.prints.completed("c1", "c2", "c3")
        for job_id in ("f1", "f2", "f3"):
            self.fails(job_id, "ValueError: no picture")
        self.fails("g1", "OSError: no disk")
        self.prints.waiting("w1", "w2", "o'dd -id", priority=4)
        self.prints.delayed("d1", "d2")
        self.prints.end_at("completed", "c1", 1_000_000)
        QueueBuilder(self.broker, "letters").waiting("m1")

    def fails(self, job_id: str, error: str) -> None:
        """Let a job fail as a worker does, so that it is of the group of its error."""
        (job,) = self.prints.active(job_id)
        told = json.dumps({"o": "failed", "w": WORKER, "err": error, "tb": "Traceback …"})[1:]
        value = fingerprint("resize", error).encode()
        self.prints.finish(job, Ending.FAILED, error=error, attempt=told, value=value)

    @contextmanager
    def current(self) -> Iterator[None]:
        """The world that a command line of this process sees."""
        before = settings_module.current()
        settings_module.use(self.settings)
        yield
        settings_module.use(before)

    def shell(self, line: str) -> None:
        """Run a command line here, as a shell takes it apart."""
        program, *words = shlex.split(line)
        assert program == "jobdesk"
        with self.current():
            told = CliRunner().invoke(cli, words)
        assert told.exit_code == 0, f"{line}\n{told.output}\n{told.exception}"

    def found(self) -> dict[str, Any]:
        """What a desk finds in all queues."""
        now = {name: self.of_queue(name) for name in QUEUES}
        return now | {"processes": [one.poll() for one in self.processes]}

    def of_queue(self, name: str) -> dict[str, Any]:
        if name not in self.desk.inspector.queues():
            return {"stats": self.desk.inspector.stats(name)}
        jobs = {
            state.value: sorted(map(_of_job, self.desk.get_jobs(name, state.value, 0, 99)))
            for state in STORED_STATES
        }
        schedules = [(one.name, one.paused) for one in self.desk.inspector.schedules(name)]
        undoable = sum(one.count for one in self.control.last_operations(name))
        return {
            "stats": self.desk.inspector.stats(name), "jobs": jobs, "schedules": schedules,
            "undoable": undoable,
        }  # fmt: skip

    def did(self, command: Command) -> Outcome:
        """Carry out a command in the dashboard's way."""
        return command.run(self.control, lambda *_: True)

    def undo(self, command: Command) -> Command:
        """Carry out a command; what takes it back."""
        undo = self.did(command).undo
        assert undo is not None
        return undo

    def worker(self) -> Any:
        """A process that stands for a worker's."""
        code = "import signal, time; signal.signal(15, lambda *_: exit(7)); print(flush=True);"
        process = subprocess.Popen(
            [sys.executable, "-c", f"{code} time.sleep(60)"], stdout=subprocess.PIPE
        )
        self.processes.append(process)
        assert process.stdout is not None
        process.stdout.readline()
        host = os.uname().nodename
        name = f"{host}:{process.pid}:ab12"
        assert mark_of(process.pid)
        WorkerBeat(self.broker, name, host, process.pid, ["prints"], 2, "1").beat()
        return self.desk.inspector.workers()[0]

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def _of_job(job: Any) -> tuple[Any, ...]:
    """What is the same of a job in both worlds; an id that was made for it is not."""
    made = len(job.id) == 22
    return (
        "made" if made else job.id, job.type, repr(job.data), job.priority or 11,
        job.attempts, job.attempts_made, job.generation, job.failed_reason, job.origin,
        job.run_at_ms is not None,
    )  # fmt: skip


PICTURE = fingerprint("resize", "ValueError: no picture")
DISK = fingerprint("resize", "OSError: no disk")
JOBS = (("prints", "f1"), ("prints", "f2"))
Make = Callable[[World], Command]

#: Each command, in the ways in which it is given.
CASES: dict[type[Command], list[Make]] = {
    commands.RetryJobs: [
        lambda _: commands.RetryJobs(JOBS),
        lambda _: commands.RetryJobs(JOBS[:1]),
    ],
    commands.RemoveJobs: [
        lambda _: commands.RemoveJobs((*JOBS, ("letters", "m1"))),
        lambda _: commands.RemoveJobs((("prints", "o'dd -id"),)),
    ],
    commands.CancelJobs: [lambda _: commands.CancelJobs((("prints", "w1"), ("prints", "d1")))],
    commands.PromoteJobs: [lambda _: commands.PromoteJobs((("prints", "d1"),))],
    commands.ChangePriority: [
        lambda _: commands.ChangePriority((("prints", "w1"),), priority=9),
        lambda _: commands.ChangePriority((("prints", "w1"), ("prints", "w2")), priority=None),
    ],
    commands.Undo: [
        lambda world: world.undo(commands.RemoveJobs(JOBS)),
        lambda world: world.undo(queuecommands.CleanJobs("prints", 4, JobState.FAILED)),
    ],
    queuecommands.PauseQueue: [lambda _: queuecommands.PauseQueue("prints")],
    queuecommands.ResumeQueue: [
        lambda world: (world.did(queuecommands.PauseQueue("prints")),
                       queuecommands.ResumeQueue("prints"))[1],
    ],
    queuecommands.PauseAll: [lambda _: queuecommands.PauseAll(("letters", "prints"))],
    queuecommands.ResumeAll: [
        lambda world: world.undo(queuecommands.PauseAll(("letters", "prints"))),
    ],
    queuecommands.RetryAll: [lambda _: queuecommands.RetryAll("prints", 4)],
    queuecommands.CleanJobs: [
        lambda _: queuecommands.CleanJobs("prints", 3, JobState.COMPLETED),
        lambda _: queuecommands.CleanJobs("prints", 1, JobState.COMPLETED, grace=5400),
        lambda _: queuecommands.CleanJobs("prints", 2, JobState.FAILED, limit=2),
        lambda _: queuecommands.CleanJobs("prints", 2, JobState.DELAYED, grace=0.0),
    ],
    queuecommands.EmptyQueue: [lambda _: queuecommands.EmptyQueue("prints", 5)],
    queuecommands.ObliterateQueue: [
        lambda world: (world.did(queuecommands.PauseQueue("prints")),
                       queuecommands.ObliterateQueue("prints", 12))[1],
        lambda world: (world.prints.take(1), world.did(queuecommands.PauseQueue("prints")),
                       queuecommands.ObliterateQueue("prints", 12, running=1))[2],
    ],
    queuecommands.SetLimits: [
        lambda _: queuecommands.SetLimits("prints", 5, (100, 90.0), was=(None, None)),
        lambda world: world.undo(
            queuecommands.SetLimits("prints", 5, (100, 0.5), was=(None, None))
        ),
    ],
    queuecommands.SwitchSchedule: [
        lambda _: queuecommands.SwitchSchedule("prints", "resize", pause=True),
        lambda world: (
            world.did(queuecommands.SwitchSchedule("prints", "resize", pause=True)),
            queuecommands.SwitchSchedule("prints", "resize", pause=False),
        )[1],
    ],
    queuecommands.RunSchedule: [lambda _: queuecommands.RunSchedule("prints", "resize")],
    jobcommands.EditJob: [
        lambda _: jobcommands.EditJob("prints", "f1", {"path": "a 'b'.png"}, {"path": "f1"}),
        lambda _: jobcommands.EditJob("prints", "f1", {"path": "b"}, {"path": "f1"}, again=True),
    ],
    jobcommands.UneditJob: [
        lambda world: world.undo(
            jobcommands.EditJob("prints", "f1", {"path": "b"}, {"path": "f1"}, again=True)
        ),
    ],
    jobcommands.AddJob: [
        lambda _: jobcommands.AddJob(
            "prints", "resize", {"path": "ä $HOME"},
            {"priority": 2, "delay": 90.5, "attempts": 7, "job_id": "mine"}, "f1",
        ),
        lambda _: jobcommands.AddJob("prints", "resize", {"path": "x"}),
    ],
    jobcommands.RetryGroup: [
        lambda _: jobcommands.RetryGroup("prints", 3, PICTURE, "ValueError"),
        lambda _: jobcommands.RetryGroup("prints", 3, PICTURE, "Va", limit=1),
    ],
    jobcommands.RemoveGroup: [
        lambda _: jobcommands.RemoveGroup("prints", 1, DISK, "OSError"),
    ],
    workercommands.StopWorker: [lambda world: workercommands.StopWorker(world.worker(), 0)],
    workercommands.KillWorker: [lambda world: workercommands.KillWorker(world.worker(), 0)],
}  # fmt: skip
#: In a process of its own, as somebody types it: those whose words a shell might take apart.
TYPED = {commands.RemoveJobs: 1, jobcommands.EditJob: 0, jobcommands.AddJob: 0}


def every_command() -> list[type[Command]]:
    """All that can be given, in whichever module it is."""
    for module in pkgutil.walk_packages(jobdesk.tui.__path__, "jobdesk.tui."):
        importlib.import_module(module.name)
    found: list[type[Command]] = []
    rest = [Command]
    while rest:
        kinds = rest.pop().__subclasses__()
        rest += kinds
        found += [kind for kind in kinds if not inspect.isabstract(kind)]
    return [kind for kind in found if kind.__module__.startswith("jobdesk.")]


@pytest.fixture
def worlds(settings: Settings) -> Iterator[tuple[World, World]]:
    other = settings.model_copy(update={"namespace": f"{settings.namespace}x"})
    made = World(settings), World(other)
    yield made
    for world in made:
        world.end()


def ended(world: World) -> None:
    """Wait for the processes that were told to end."""
    for process in world.processes:
        process.wait(10)


def test_no_command_is_forgotten_here():
    assert {kind.__name__ for kind in every_command()} == {kind.__name__ for kind in CASES}


@pytest.mark.parametrize(
    ("kind", "at"),
    [(kind, at) for kind, made in CASES.items() for at in range(len(made))],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_the_line_that_a_command_shows_does_what_the_command_does(worlds, kind, at):
    here, there = worlds
    given, shown = CASES[kind][at](here), CASES[kind][at](there)
    assert type(given) is kind
    between = here.found()

    here.did(given)
    for line in shown.lines:
        there.shell(line)

    for world in worlds:
        ended(world)
    after = here.found()
    assert after == there.found()
    assert after != between, "it did nothing"
    assert shown.line == shown.lines[0]


@pytest.mark.parametrize("kind", TYPED, ids=lambda kind: kind.__name__)
def test_a_real_shell_takes_the_line_as_it_is_shown(worlds, environment, kind):
    here, there = worlds
    at = TYPED[kind]
    here.did(CASES[kind][at](here))

    for line in CASES[kind][at](there).lines:
        subprocess.run(
            ["sh", "-c", line.replace("jobdesk", f"{shlex.quote(sys.executable)} -m jobdesk", 1)],
            env={**environment, "JOBDESK_NAMESPACE": there.settings.namespace}, check=True,
            capture_output=True, timeout=60, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    assert here.found() == there.found()


def test_data_with_a_secret_is_not_shown_but_read_from_stdin():
    command = jobcommands.AddJob("prints", "resize", {"password": "hunter2"})

    assert "hunter2" not in command.line
    assert command.line == "jobdesk add prints resize --data -"
