"""How fast one client adds jobs: one by one, in bulk, and while a million wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.measure import Figures, Measure, Row, ratio

if TYPE_CHECKING:
    from benchmarks.bench import Bench

SINGLE = {"jobdesk": 15_000, "bull": 15_000, "bullmq": 15_000, "huey": 8000}
BULK = {"jobdesk": 40_000, "bull": 40_000, "bullmq": 40_000, "rq": 8000}
FEW = 2000


def _single(bench: Bench) -> None:
    bench.note("EVALSHA, one by one", _bare(bench, SINGLE["jobdesk"]), "calls/s")
    for name, peer in bench.peers.items():
        count = SINGLE.get(name, FEW)
        bench.server.empty()
        rate = bench.feed(peer, count, "one")
        bench.note(f"add, one by one: {name}", rate, "jobs/s")


def _bare(bench: Bench, count: int) -> float:
    """Calls a second of a script that does nothing with as many bytes as a job has."""
    code = (
        "import redis, sys, time\n"
        "client = redis.Redis.from_url(sys.argv[1]); count = int(sys.argv[2])\n"
        "sha = client.script_load('return 1'); data = 'x' * 200\n"
        "started = time.perf_counter()\n"
        "for n in range(count): client.evalsha(sha, 1, 'jd:{bench}:', data)\n"
        "print(count / (time.perf_counter() - started))\n"
    )
    return bench.python(code, bench.server.url, str(count))


def _judge_single(figures: Figures) -> list[Row]:
    own = "add, one by one: jobdesk"
    return [
        *ratio(figures, "single add: bare EVALSHA", own, ["EVALSHA, one by one"], 0.55),
        *ratio(figures, "single add: bullmq", own, ["add, one by one: bullmq"], 1.0),
    ]


def _bulk(bench: Bench) -> None:
    for name, count in BULK.items():
        if name in bench.peers:
            bench.server.empty()
            rate = bench.feed(bench.peers[name], count, "many")
            bench.note(f"add, in bulk: {name}", rate, "jobs/s")


def _judge_bulk(figures: Figures) -> list[Row]:
    others = [f"add, in bulk: {name}" for name in BULK if name != "jobdesk"]
    return list(ratio(figures, "bulk add: best peer", "add, in bulk: jobdesk", others, 2.0))


MEASURES = (
    Measure(name="add", title="Add, one by one, one client", turn=_single, judge=_judge_single),
    Measure(name="bulk", title="Add, in bulk, one client", turn=_bulk, judge=_judge_bulk),
)
