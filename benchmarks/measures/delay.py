"""How long a job waits for a worker that has nothing else to do, and how late delayed ones are."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import Figures, Measure, Row, most, share

if TYPE_CHECKING:
    from benchmarks.bench import Bench
    from benchmarks.peers import Peer

#: Adds of one run, and the rest between them.
ADDS, EVERY_MS = 250, 8
DELAYED, OVER_S = 1000, 10.0
JUDGED = {"jobdesk", "bull", "bullmq", "huey"}


def _idle(bench: Bench) -> None:
    place = "pinned" if bench.pinned else "free"
    for name, peer in bench.peers.items():
        if name not in JUDGED and (bench.turn > 1 or bench.pinned):
            continue  # shown, but nothing is said of them
        bench.server.empty()
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "late"
            with bench.working(peer, job="stamp", log=str(log)):
                _warm(bench, peer, log)
                adds = ADDS if name in JUDGED else ADDS // 5
                bench.feed(peer, adds, "one", EVERY_MS)
                late = _read(log, adds)
        bench.note(f"idle latency p50, {place}: {name}", statistics.median(late), "ms")
        bench.note(f"idle latency p99, {place}: {name}", _p99(late), "ms")


def _warm(bench: Bench, peer: Peer, log: Path) -> None:
    """Until the worker runs jobs: the first ones do not count."""
    bench.feed(peer, 20, "one", EVERY_MS)
    _read(log, 20)
    os.truncate(log, 0)  # the worker has it open


def _judge_idle(figures: Figures) -> list[Row]:
    rows: list[Row] = []
    for place in ("free", "pinned"):
        p50, p99 = (f"idle latency {p}, {place}: " for p in ("p50", "p99"))
        what = f"idle latency, {place}"
        for name, ceiling in (("bull", 1.0), ("bullmq", 1.0), ("huey", 1.25)):
            rows += share(figures, f"{what}, p50: {name}", p50 + "jobdesk", p50 + name, ceiling)
        if p99 + "huey" in figures:
            ceiling = max(2.0, 1.25 * figures[p99 + "huey"].median)
            rows += most(figures, f"{what}, p99", p99 + "jobdesk", ceiling)
    return rows


def _delayed(bench: Bench) -> None:
    peer = bench.peers["jobdesk"]
    bench.server.empty()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "late"
        with bench.working(peer, job="stamp", log=str(log)):
            _warm(bench, peer, log)
            bench.app(peer, "delayed", str(DELAYED), str(OVER_S))
            late = _read(log, DELAYED)
    bench.note("lateness of delayed jobs p50: jobdesk", statistics.median(late), "ms")
    bench.note("lateness of delayed jobs p99: jobdesk", _p99(late), "ms")


def _judge_delayed(figures: Figures) -> list[Row]:
    what = "lateness of delayed jobs, 1,000 over 10 s, p99"
    return list(most(figures, what, "lateness of delayed jobs p99: jobdesk", 50.0))


def _read(log: Path, count: int) -> list[float]:
    """Milliseconds, once so many are there."""
    limit = time.monotonic() + 60
    while True:
        lines = log.read_text().split() if log.exists() else []
        if len(lines) >= count:
            return [int(line) / 1e6 for line in lines]
        if time.monotonic() > limit:
            raise SystemExit(f"bench: {len(lines)} of {count} jobs began")
        time.sleep(0.02)


def _p99(values: list[float]) -> float:
    return sorted(values)[max(0, round(0.99 * len(values)) - 1)]


MEASURES = (
    Measure(
        name="idle-latency",
        title="Add to start, of an idle worker",
        turn=_idle,
        judge=_judge_idle,
        pinned=True,
    ),
    Measure(name="lateness", title="Delayed jobs", turn=_delayed, judge=_judge_delayed),
)
