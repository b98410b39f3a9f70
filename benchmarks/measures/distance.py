"""The one-process drain when Redis is a millisecond further away: a proxy, for all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.measure import Figures, Measure, Row, ratio
from benchmarks.measures.drain import NODE
from benchmarks.proxy import delayed

if TYPE_CHECKING:
    from benchmarks.bench import Bench


def _turn(bench: Bench) -> None:
    place = "pinned" if bench.pinned else "free"
    with delayed(bench.server.port, 0.001, bench.placed_server()) as port:
        for name in ("jobdesk", *NODE):
            if name not in bench.peers:
                continue
            peer = bench.peers[name]
            bench.server.empty()
            bench.feed(peer, peer.jobs, "many")
            with bench.working(peer, url=f"redis://127.0.0.1:{port}/0"):
                rate = bench.until_ended(peer, peer.jobs)
            bench.note(f"drain + 1 ms, {place}: {name}", rate, "jobs/s")


def _judge(figures: Figures) -> list[Row]:
    rows: list[Row] = []
    for place in ("free", "pinned"):
        for name in NODE:
            own, other = (f"drain + 1 ms, {place}: {n}" for n in ("jobdesk", name))
            rows += ratio(figures, f"drain with 1 ms added, {place}: {name}", own, [other], 2.5)
    return rows


MEASURES = (
    Measure(
        name="distance",
        title="Drain, one process, 10 at once, 1 ms added to every round trip",
        turn=_turn,
        judge=_judge,
        pinned=True,
    ),
)
