"""What a job costs Redis: its processor, from add to end, and its memory, waiting and kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.measure import Figures, Measure, Row, share

if TYPE_CHECKING:
    from benchmarks.bench import Bench

JOBS = 40_000
PEERS = {"jobdesk": JOBS, "bull": JOBS, "bullmq": JOBS, "huey": 10_000}


def _turn(bench: Bench) -> None:
    for name, jobs in PEERS.items():
        if name not in bench.peers:
            continue
        peer, server = bench.peers[name], bench.server
        server.empty()
        empty, started = server.memory(), server.cpu_s()
        bench.feed(peer, jobs, "one")
        waiting = server.memory()
        with bench.working(peer):
            bench.until_ended(peer, jobs)
            cpu, kept = server.cpu_s() - started, server.memory()
        bench.note(f"Redis CPU per job: {name}", cpu / jobs * 1e6, "µs")
        bench.note(f"bytes per waiting job: {name}", (waiting - empty) / jobs, "bytes")
        bench.note(f"bytes per kept job: {name}", (kept - empty) / jobs, "bytes")


def _judge(figures: Figures) -> list[Row]:
    rows: list[Row] = []
    for what, ceiling in (
        ("Redis CPU per job", 0.45), ("bytes per waiting job", 0.65), ("bytes per kept job", 0.8),
    ):  # fmt: skip
        rows += share(figures, f"{what}: bull", f"{what}: jobdesk", f"{what}: bull", ceiling)
    return rows


MEASURES = (Measure(name="cost", title="What a job costs Redis", turn=_turn, judge=_judge),)
