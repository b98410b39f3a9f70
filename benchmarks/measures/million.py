"""What changes when a million jobs wait: adding, and running off. jobdesk against itself."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.measure import Figures, Measure, Row, ratio

if TYPE_CHECKING:
    from benchmarks.bench import Bench

MILLION = 1_000_000
FEW = 10_000
ADDED = 10_000
#: Of the jobs that wait, so many are run off: beginning and end are not measured.
RUN_OFF = 9000
WARM = 1000


def _turn(bench: Bench) -> None:
    peer = bench.peers["jobdesk"]
    bench.server.empty()
    bench.note("add, nothing waits", bench.feed(peer, ADDED, "one"), "jobs/s")
    bench.server.empty()
    bench.feed(peer, FEW, "many")
    bench.note("drain, 10,000 wait", _running(bench), "jobs/s")
    bench.server.empty()
    bench.feed(peer, MILLION, "many")
    bench.note("add, a million wait", bench.feed(peer, ADDED, "one"), "jobs/s")
    bench.note("drain, a million wait", _running(bench), "jobs/s")


def _running(bench: Bench) -> float:
    """Jobs a second, of the first ten thousand but the very first."""
    peer, client = bench.peers["jobdesk"], bench.server.client
    with bench.working(peer):
        while (first := peer.ended(client, 0)) < WARM:
            time.sleep(0.002)
        started = time.monotonic()
        while (last := peer.ended(client, 0)) < RUN_OFF:
            time.sleep(0.002)
        return (last - first) / (time.monotonic() - started)


def _judge(figures: Figures) -> list[Row]:
    return [
        *ratio(
            figures, "add while 1,000,000 wait: an empty queue",
            "add, a million wait", ["add, nothing waits"], 0.9,
        ),
        *ratio(
            figures, "drain at 1,000,000 waiting: at 10,000",
            "drain, a million wait", ["drain, 10,000 wait"], 0.9,
        ),
    ]  # fmt: skip


MEASURES = (Measure(name="million", title="While a million jobs wait", turn=_turn, judge=_judge),)
