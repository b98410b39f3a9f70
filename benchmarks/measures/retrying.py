"""How fast an operator's retry of 100,000 failed jobs is, and how long it holds Redis up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.measure import Figures, Measure, Row, most

if TYPE_CHECKING:
    from benchmarks.bench import Bench

FAILED = 100_000


def _turn(bench: Bench) -> None:
    peer, server = bench.peers["jobdesk"], bench.server
    server.empty()
    bench.app(peer, "fail", str(FAILED))
    assert server.client.zcard("jd:{bench}:failed") == FAILED
    server.client.slowlog_reset()
    seconds = float(bench.app(peer, "retry"))
    assert server.client.zcard("jd:{bench}:wait") == FAILED
    # resetting a long log is itself in the new one
    slow = [
        entry["duration"] / 1000
        for entry in server.client.slowlog_get(100_000)
        if entry["command"].startswith(b"EVAL")
    ]
    bench.note("retry of failed jobs: jobdesk", FAILED / seconds, "jobs/s")
    bench.note("retry of failed jobs: slowest script", max(slow, default=0.0), "ms")
    bench.note("retry of failed jobs: scripts over 5 ms", sum(ms > 5 for ms in slow), "scripts")


def _judge(figures: Figures) -> list[Row]:
    own = figures.get("retry of failed jobs: jobdesk")
    if own is None:
        return []
    what = "retry of 100,000 failed jobs"
    return [
        Row(what, own.median, floor=20_000, unit="jobs/s"),
        *most(figures, f"{what}: slowest script", "retry of failed jobs: slowest script", 5.0),
    ]


MEASURES = (Measure(name="retry", title="Retry of failed jobs", turn=_turn, judge=_judge),)
