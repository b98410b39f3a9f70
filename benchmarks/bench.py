"""One run of the benchmarks: the server, the peers' processes, and the figures noted so far."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import environments

if TYPE_CHECKING:
    from benchmarks.peers import Peer
    from benchmarks.server import Server

#: What takes longer than this has hung.
LIMIT_S = 180.0
#: Pinned: Redis and whoever adds on one core, the worker on the other.
SERVER_CORES, WORKER_CORES = {0}, {1}
#: jobdesk signs its data in every row.
SECRET = "a secret of the benchmark's own, 32 bytes or more"


@dataclass
class Series:
    """One figure, taken several times."""

    unit: str
    values: list[float] = field(default_factory=list)

    @property
    def low(self) -> float:
        return min(self.values)

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def high(self) -> float:
        return max(self.values)


class Bench:
    """What the measures use."""

    def __init__(self, server: Server, peers: list[Peer], *, quick: bool) -> None:
        self.server = server
        self.peers = {peer.name: peer for peer in peers}
        self.quick = quick
        #: how many cores others keep busy
        self.others = busy_cores()
        self.series: dict[str, Series] = {}
        #: of the measure that runs, from 1
        self.turn = 1
        #: set while a measure runs pinned
        self.pinned = False
        #: of the last drain, microseconds of the worker's and of Redis's processor for each job
        self.worker_us = self.redis_us = 0.0
        self._groups: set[int] = set()

    def note(self, name: str, value: float, unit: str) -> None:
        """Keep a figure, and say it."""
        self.series.setdefault(name, Series(unit)).values.append(value)
        print(f"    {name:<44} {shown(value):>10} {unit}", flush=True)

    # --- processes of the peers

    def command(self, peer: Peer, slots: int, variant: str | None = None) -> list[str]:
        """What starts a worker."""
        program, *args = peer.worker if variant is None else peer.variants[variant]
        args = [arg.format(slots=slots, url=self.server.url) for arg in args]
        return [environments.binary(peer, program), *args]

    def variables(self, peer: Peer, **more: str) -> dict[str, str]:
        """The environment of a peer's processes; ``more`` are names after ``BENCH_``."""
        own = {f"BENCH_{name.upper()}": value for name, value in more.items()}
        url = own.pop("BENCH_URL", self.server.url)
        return {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "BENCH_REDIS_URL": url,
            "REDIS_URL": url,
            "JOBDESK_SECRET": SECRET,
            "JOBDESK_IMPORTS": "app",
            **environments.variables(peer),
            **own,
        }

    def feed(self, peer: Peer, count: int, how: str, every_ms: float = 0, **more: str) -> float:
        """Have the peer's producer add jobs; how many a second it says."""
        command = [*environments.interpreter(peer), str(count), how]
        if every_ms:
            command.append(str(every_ms))
        told = run(command, peer.folder, self.variables(peer, **more), self.placed_server())
        rate: float = json.loads(told)["rate"]
        return rate

    @contextmanager
    def working(
        self,
        peer: Peer,
        slots: int = 10,
        *,
        processes: int = 1,
        variant: str | None = None,
        **more: str,
    ) -> Iterator[None]:
        """Worker processes of the peer, killed in the end."""
        variables = self.variables(peer, slots=str(slots), **more)
        started = [
            subprocess.Popen(
                self.command(peer, slots, variant),
                cwd=peer.folder,
                env=variables,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                preexec_fn=self._placed(WORKER_CORES),
                start_new_session=True,
            )
            for _ in range(processes)
        ]
        self._groups = {process.pid for process in started}
        try:
            yield
        finally:
            for process in started:
                stop(process)
            self._groups = set()

    def pin(self, pinned: bool) -> None:
        """From now on processes are placed, or free."""
        self.pinned = pinned
        every = os.sched_getaffinity(0)
        self.server.pin(SERVER_CORES if pinned else every)

    def placed_server(self) -> Callable[[], None] | None:
        """For what belongs beside Redis."""
        return self._placed(SERVER_CORES)

    def _placed(self, cores: set[int]) -> Callable[[], None] | None:
        return (lambda: os.sched_setaffinity(0, cores)) if self.pinned else None

    # --- other processes

    def app(self, peer: Peer, *args: str, **more: str) -> str:
        """What the peer's app prints when it is started with these arguments."""
        command = [*environments.interpreter(peer), *args]
        return run(command, peer.folder, self.variables(peer, **more), self.placed_server())

    def python(self, code: str, *args: str) -> float:
        """The number that some Python prints, run by itself."""
        return self.pythons(code, 1, *args)[0]

    def pythons(self, code: str, processes: int, *args: str) -> list[float]:
        """The numbers that so many processes of the same code print, run at once."""
        started = [
            subprocess.Popen([sys.executable, "-c", code, *args], stdout=subprocess.PIPE, text=True)
            for _ in range(processes)
        ]
        return [float(process.communicate(timeout=LIMIT_S)[0]) for process in started]

    @contextmanager
    def process(self, command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
        """A process on this Redis, in a folder of its own."""
        with tempfile.TemporaryDirectory() as folder:
            variables = {
                "PATH": os.environ["PATH"],
                "HOME": folder,
                "REDIS_URL": self.server.url,
                "JOBDESK_SECRET": SECRET,
                "JOBDESK_DATA": folder,
                "JOBDESK_DELIVERY": "outbox",
            }
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=variables,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            try:
                yield process
            finally:
                stop(process)

    # --- watching

    def until_ended(self, peer: Peer, added: int, look_s: float = 0.005) -> float:
        """Jobs a second, from the first that is seen to have ended to the last.

        ``look_s``: how often to look. Looking needs the processor, too.
        """
        client = self.server.client
        limit = time.monotonic() + LIMIT_S
        started = at_start = worker_s = redis_s = 0.0
        while (ended := peer.ended(client, added)) < added:
            now = time.monotonic()
            if now > limit:
                raise SystemExit(f"bench: {peer.title}: {ended} of {added} after {LIMIT_S:g} s")
            if not started and ended > 0:
                started, at_start = now, ended
                worker_s, redis_s = group_cpu_s(self._groups), self.server.cpu_s()
            time.sleep(look_s)
        if not started:
            raise SystemExit(f"bench: {peer.title} ended all {added} jobs at once")
        seconds, jobs = time.monotonic() - started, added - at_start
        self.worker_us = (group_cpu_s(self._groups) - worker_s) / jobs * 1e6
        self.redis_us = (self.server.cpu_s() - redis_s) / jobs * 1e6
        return jobs / seconds


def run(
    command: list[str], folder: Path, variables: dict[str, str], place: Callable[[], None] | None
) -> str:
    """What a process has printed."""
    done = subprocess.run(
        command, cwd=folder, env=variables, preexec_fn=place, timeout=LIMIT_S,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"bench: {' '.join(command)}\n{done.stderr[-2000:]}")
    return done.stdout


def busy_cores(seconds: float = 2.0) -> float:
    """How many cores are at work while this process only looks on.

    The load average would tell of the minute before, which may have been a benchmark's own.
    """
    before, started = _machine_cpu_s(), time.monotonic()
    time.sleep(seconds)
    return (_machine_cpu_s() - before) / (time.monotonic() - started)


def _machine_cpu_s() -> float:
    """Processor time of all that ran since the machine was started."""
    user, nice, system, _idle, _io, irq, soft_irq, stolen = (
        int(field) for field in Path("/proc/stat").read_text().split()[1:9]
    )
    return (user + nice + system + irq + soft_irq + stolen) / os.sysconf("SC_CLK_TCK")


def group_cpu_s(groups: set[int]) -> float:
    """Processor time of all processes of these groups."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        if int(fields[2]) in groups:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a worker with all that it has started."""
    with contextlib.suppress(ProcessLookupError):  # it has ended by itself
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def shown(value: float) -> str:
    """A figure with as many digits as it deserves."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
