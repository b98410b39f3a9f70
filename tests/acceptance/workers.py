"""Real worker processes, and what is known of their jobs."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil

from jobdesk.broker.connection import Broker
from jobdesk.broker.entries import events_of
from jobdesk.broker.inspector import Inspector
from jobdesk.broker.keys import STATE_LETTERS
from jobdesk.models import Event, Job
from tests import stored

ROOT = Path(__file__).parents[2]
MODULE = "tests.acceptance.trouble"
_HUEY = "from huey.bin.huey_consumer import consumer_main; consumer_main()"
_FLEET = """
import sys
from jobdesk.engine import fleet
names, processes, concurrency, burst = sys.argv[1:5]
sys.exit(fleet.run(names.split(","), processes=int(processes), burst=burst == "yes",
                   concurrency=int(concurrency), modules=[sys.argv[5]]))
"""
_OTHER_HOST = "import os, socket; socket.gethostname = lambda: os.environ['HOST_NAME']; "


class Worker:
    """A worker process, its output in a file."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        self._log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=out,
                stderr=subprocess.STDOUT,
            )  # fmt: skip
        self._seen: set[psutil.Process] = set()

    @property
    def log(self) -> str:
        """What it has printed so far."""
        return self._log.read_text(errors="replace")

    def says(self, text: str, timeout: float = 20) -> None:
        """Wait until it prints ``text``."""
        until(lambda: text in self.log, timeout, f"{text!r} in the log", lambda: self.log)

    def children(self) -> list[psutil.Process]:
        """Its processes, those that have ended aside."""
        with contextlib.suppress(psutil.NoSuchProcess):
            found = psutil.Process(self.process.pid).children()
            self._seen.update(psutil.Process(self.process.pid).children(recursive=True))
            return [child for child in found if child.status() != psutil.STATUS_ZOMBIE]
        return []

    def signal(self, signum: signal.Signals) -> None:
        self.process.send_signal(signum)

    def kill(self) -> None:
        """End it as a crash of the machine would, as far as it itself is concerned."""
        self.process.kill()
        self.process.wait(10)

    def wait(self, timeout: float = 30) -> int:
        """Its exit status."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it does not end; its log:\n{self.log}") from None

    def clear_away(self) -> None:
        """Leave nothing behind, whatever the test did."""
        self.children()
        self.process.kill()
        self.process.wait(10)
        for child in self._seen:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()


class Starter:
    """Starts workers that see the test's Redis, and clears them away."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self.environment = {"JOBDESK_SHUTDOWN_TIMEOUT": "20", **environment}
        self._folder = folder
        self.started: list[Worker] = []

    def huey_consumer(
        self, *options: str, queue: str = "queue", host: str = "", module: str = MODULE,
        **environment: str,
    ) -> Worker:  # fmt: skip
        """``huey_consumer`` on a queue of the module ``trouble``, or of another."""
        code = (_OTHER_HOST if host else "") + _HUEY
        command = [sys.executable, "-c", code, f"{module}.{queue}", *options]
        return self._start(command, {**environment, "HOST_NAME": host})

    def jobdesk_worker(
        self, *names: str, processes: int = 1, concurrency: int = 5, burst: bool = False,
        module: str = MODULE, before: Sequence[str] = (), **environment: str,
    ) -> Worker:  # fmt: skip
        """``jobdesk worker`` on queues of that module; ``before``: what runs it."""
        command = [
            *before, sys.executable, "-c", _FLEET, ",".join(names), str(processes),
            str(concurrency), "yes" if burst else "no", module,
        ]  # fmt: skip
        return self._start(command, environment)

    def _start(self, command: list[str], environment: dict[str, str]) -> Worker:
        log = self._folder / f"worker-{len(self.started)}.log"
        worker = Worker(command, {**self.environment, **environment}, log)
        self.started.append(worker)
        return worker

    def clear_away(self) -> None:
        for worker in self.started:
            worker.clear_away()


class Watch:
    """One queue, looked at from outside."""

    def __init__(self, broker: Broker, queue: str) -> None:
        self._broker = broker
        self._inspector = Inspector(broker)
        self.queue = queue
        self.keys = broker.keys(queue)

    def count(self, state: str) -> int:
        return int(self._broker.client.zcard(self.keys.state(state)))

    def ended(self) -> int:
        return self.count("completed") + self.count("failed")

    def job(self, job_id: str) -> Job:
        return self._inspector.job(self.queue, job_id)

    def order(self, state: str) -> list[str]:
        raw: Any = self._broker.client.zrange(self.keys.state(state), 0, -1)
        return [entry.decode() for entry in raw]

    def worker_of(self, job_id: str) -> str:
        return stored.read(self._broker.client, self.keys, job_id).get("w", "")

    def events(self) -> list[Event]:
        raw: Any = self._broker.client.xrange(self.keys.events)
        return [event for entry in raw for event in events_of(self.queue, *entry)]

    def times(self, event: str) -> Counter[str]:
        """How often that event came, by job."""
        return Counter(found.job_id or "" for found in self.events() if found.name == event)

    def wait_for(self, state: str, count: int, timeout: float = 40) -> None:
        """Wait until ``count`` jobs are in ``state``."""
        until(lambda: self.count(state) >= count, timeout, f"{count} {state} jobs", self.counts)

    def counts(self) -> dict[str, int]:
        return {state: self.count(state) for state in STATE_LETTERS}

    def wait_for_ends(self, count: int, timeout: float = 40) -> None:
        """Wait until ``count`` jobs have ended."""
        until(lambda: self.ended() >= count, timeout, f"{count} ends", self.ended)


def until(
    condition: Callable[[], Any], timeout: float = 20, what: str = "it", say: Any = None
) -> None:
    """Wait for a condition, looking often; after ``timeout`` the test fails."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            told = f"; {say() if callable(say) else say}" if say is not None else ""
            raise AssertionError(f"no {what} within {timeout} s{told}")
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    """Whether that process is there and at work."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
