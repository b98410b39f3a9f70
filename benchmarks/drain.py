"""How fast a worker runs off no-op jobs that wait: add them first, then start ``huey_consumer``.

The clock runs from the first job that the worker has taken to the last that has ended. Every job
returns a small dict, which the peers keep; its data is 200 bytes.
"""

from __future__ import annotations

import importlib
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from benchmarks.server import Server

ROOT = Path(__file__).parent.parent
THREADS = 10
#: A run that takes longer than this has hung.
LIMIT_S = 120.0
PEERS = ("jobdesk", "huey")


class Peer(Protocol):
    """What a module ``benchmarks.<name>_app`` offers."""

    def add(self, count: int) -> None:
        """Add that many jobs."""

    def ended(self) -> int:
        """How many have ended."""


@dataclass
class Measured:
    """The rates of one peer."""

    name: str
    rates: list[float] = field(default_factory=list)

    @property
    def low(self) -> float:
        return min(self.rates)

    @property
    def median(self) -> float:
        return statistics.median(self.rates)

    @property
    def high(self) -> float:
        return max(self.rates)


def drain(server: Server, name: str, jobs: int) -> float:
    """Jobs per second of one run of one peer, on an empty Redis."""
    server.client.flushall()
    os.environ["BENCH_REDIS_URL"] = os.environ["REDIS_URL"] = server.url
    os.environ["JOBDESK_NAMESPACE"] = "bench"
    app: Peer = importlib.import_module(f"benchmarks.{name}_app")  # type: ignore[assignment]
    app.add(jobs)
    worker = subprocess.Popen(
        [
            Path(sys.executable).parent / "huey_consumer",
            f"benchmarks.{name}_app.huey",
            "-q",
            "-w",
            str(THREADS),
            "--no-periodic",
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
    )
    try:
        return _timed(app, jobs)
    finally:
        worker.terminate()
        worker.wait(timeout=30)


def _timed(app: Peer, jobs: int) -> float:
    limit = time.monotonic() + LIMIT_S
    started = at_start = 0.0
    while (ended := app.ended()) < jobs:
        now = time.monotonic()
        if now > limit:
            raise SystemExit(f"{ended} of {jobs} jobs after {LIMIT_S:g} s: it hangs")
        if not started and ended:
            started, at_start = now, ended
        time.sleep(0.005)
    return (jobs - at_start) / (time.monotonic() - started)
