"""How fast a worker runs off no-op jobs that wait: one process with ten slots, then two."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.measure import Figures, Measure, Row, ratio

if TYPE_CHECKING:
    from benchmarks.bench import Bench
    from benchmarks.peers import Peer

NODE = ("bull", "bullmq")
PYTHON = ("huey", "dramatiq", "celery", "rq", "arq", "saq", "taskiq")
#: What Bull and BullMQ are given to find the setting they like best, beside one process of ten.
SETTINGS = ((1, 50), (2, 10), (2, 50))


def drained(
    bench: Bench, peer: Peer, jobs: int, *, slots: int = 10, processes: int = 1,
    variant: str | None = None, look_s: float = 0.005, **more: str,
) -> float:  # fmt: skip
    """Jobs a second of one drain."""
    bench.server.empty()
    bench.feed(peer, jobs, "many")
    with bench.working(peer, slots, processes=processes, variant=variant, **more):
        return bench.until_ended(peer, jobs, look_s)


def _one_process(bench: Bench) -> None:
    place = "pinned" if bench.pinned else "free"
    for peer in bench.peers.values():
        rate = drained(bench, peer, peer.jobs)
        bench.note(f"drain, {place}: {peer.name}", rate, "jobs/s")
        bench.note(f"drain, {place}, worker's CPU: {peer.name}", bench.worker_us, "µs a job")
        bench.note(f"drain, {place}, Redis's CPU: {peer.name}", bench.redis_us, "µs a job")


def _judge_one_process(figures: Figures) -> list[Row]:
    rows: list[Row] = []
    for place, over_huey in (("free", 5.0), ("pinned", 3.5)):
        own = f"drain, {place}: jobdesk"
        what = f"drain, one process, 10 slots, {place}"
        for name in NODE:
            rows += ratio(figures, f"{what}: {name}", own, [f"drain, {place}: {name}"], 1.0)
        python = [f"drain, {place}: {name}" for name in PYTHON]
        rows += ratio(figures, f"{what}: best Python peer", own, python, 4.0)
        huey = [f"drain, {place}: huey"]
        rows += ratio(figures, f"huey_consumer -w 10, {place}: huey", own, huey, over_huey)
    return rows


def _two_processes(bench: Bench) -> None:
    own = bench.peers["jobdesk"]
    rate = drained(bench, own, 2 * own.jobs, processes=2)
    bench.note("drain, 2 x 10: jobdesk", rate, "jobs/s")
    for name in NODE:
        for processes, slots in SETTINGS if name in bench.peers else ():
            peer = bench.peers[name]
            rate = drained(bench, peer, peer.jobs, slots=slots, processes=processes)
            bench.note(f"drain, {processes} x {slots}: {name}", rate, "jobs/s")
    if "huey" in bench.peers:
        huey = bench.peers["huey"]
        rate = drained(bench, huey, huey.jobs, processes=2)
        bench.note("drain, 2 x 10: huey", rate, "jobs/s")
        rate = drained(bench, huey, huey.jobs, variant="processes")
        bench.note("drain, 10 processes: huey", rate, "jobs/s")


def _judge_two_processes(figures: Figures) -> list[Row]:
    others = [f"drain, {p} x {s}: {name}" for name in NODE for p, s in SETTINGS]
    others += [f"drain, free: {name}" for name in NODE]
    what = "drain, two processes, free: Bull and BullMQ at any setting"
    return list(ratio(figures, what, "drain, 2 x 10: jobdesk", others, 2.0))


MEASURES = (
    Measure(
        name="drain",
        title="Drain, one process, 10 at once",
        turn=_one_process,
        judge=_judge_one_process,
        quick=True,
        pinned=True,
    ),
    Measure(
        name="drain-two",
        title="Drain, two processes",
        turn=_two_processes,
        judge=_judge_two_processes,
    ),
)
