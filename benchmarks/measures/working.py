"""Jobs that do something: 5 ms of processor, or 50 ms of waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.measure import Figures, Measure, Row, ratio
from benchmarks.measures.drain import drained

if TYPE_CHECKING:
    from benchmarks.bench import Bench

SPINS, PAUSES = 1600, 6000


def _spin(bench: Bench) -> None:
    """Two workers, and the same loop in two plain processes, before them and after.

    The processor is not as fast in one moment as in the next.
    """
    rounds = str(int(bench.python(_CALIBRATE)))
    before = bench.pythons(_PLAIN, 2, rounds, str(SPINS // 4))
    rate = drained(
        bench,
        bench.peers["jobdesk"],
        SPINS,
        slots=1,
        processes=2,
        job="spin",
        spin_rounds=rounds,
        look_s=0.02,  # nobody looks at the plain processes, and both cores are theirs
    )
    after = bench.pythons(_PLAIN, 2, rounds, str(SPINS // 4))
    bench.note("5 ms of CPU: two plain processes", SPINS / (max(before) + max(after)), "jobs/s")
    bench.note("5 ms of CPU: jobdesk", rate, "jobs/s")


_LOOP = """
import sys, time
sys.path.insert(0, 'benchmarks/jobs')
from work import count
"""
_CALIBRATE = (
    _LOOP
    + """
best = 9.0
for _ in range(50):
    started = time.perf_counter()
    count(100_000)
    best = min(best, time.perf_counter() - started)
print(100_000 * 0.005 / best)
"""
)
_PLAIN = (
    _LOOP
    + """
rounds, times = int(sys.argv[1]), int(sys.argv[2])
started = time.perf_counter()
for _ in range(times):
    count(rounds)
print(time.perf_counter() - started)
"""
)


def _judge_spin(figures: Figures) -> list[Row]:
    what = "jobs of 5 ms CPU, 2 processes: two plain processes"
    others = ["5 ms of CPU: two plain processes"]
    return list(ratio(figures, what, "5 ms of CPU: jobdesk", others, 0.95))


def _pause(bench: Bench) -> None:
    for name in ("jobdesk", "bull", "bullmq"):
        if name in bench.peers:
            rate = drained(bench, bench.peers[name], PAUSES, slots=100, job="pause")
            bench.note(f"50 ms of waiting: {name}", rate, "jobs/s")


def _judge_pause(figures: Figures) -> list[Row]:
    own = figures.get("50 ms of waiting: jobdesk")
    if own is None:
        return []
    what = "jobs that wait 50 ms, 100 slots: 2,000/s"
    return [Row(what, own.median / 2000, floor=0.9, of=f"{own.median:,.0f} jobs/s")]


MEASURES = (
    Measure(name="cpu", title="Jobs of 5 ms CPU, two processes", turn=_spin, judge=_judge_spin),
    Measure(name="waiting", title="Jobs that wait 50 ms", turn=_pause, judge=_judge_pause),
)
