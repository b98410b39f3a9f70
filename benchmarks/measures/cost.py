"""What a job costs Redis: its processor, from add to end, and its memory, waiting and kept.

Added in bulk and one by one: of a job that is added alone, most goes into reading its request and
sending the answer, which is the same for all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.measure import Figures, Measure, Row, share

if TYPE_CHECKING:
    from benchmarks.bench import Bench

JOBS = 40_000
#: huey has no bulk add.
IN_BULK = {"jobdesk": JOBS, "bull": JOBS, "bullmq": JOBS}
ONE_BY_ONE = IN_BULK | {"huey": 10_000}
ROUND_TRIPS = 20_000


def _turn(bench: Bench) -> None:
    bench.note("Redis CPU of a PING, one by one", _ping_us(bench), "µs")
    ways = (
        (IN_BULK, "many", "Redis CPU per job"),
        (ONE_BY_ONE, "one", "Redis CPU per job added alone"),
    )
    for peers, how, told in ways:
        for name, jobs in peers.items():
            if name not in bench.peers:
                continue
            peer, server = bench.peers[name], bench.server
            server.empty()
            empty, started = server.memory(), server.cpu_s()
            bench.feed(peer, jobs, how)
            waiting = server.memory()
            with bench.working(peer):
                bench.until_ended(peer, jobs)
                cpu, kept = server.cpu_s() - started, server.memory()
            bench.note(f"{told}: {name}", cpu / jobs * 1e6, "µs")
            if how == "one":
                bench.note(f"bytes per waiting job: {name}", (waiting - empty) / jobs, "bytes")
                bench.note(f"bytes per kept job: {name}", (kept - empty) / jobs, "bytes")


def _ping_us(bench: Bench) -> float:
    """What one request and its answer cost Redis, whatever they say."""
    code = (
        "import redis, sys\n"
        "client = redis.Redis.from_url(sys.argv[1])\n"
        "for _ in range(int(sys.argv[2])): client.ping()\n"
        "print(0)\n"
    )
    started = bench.server.cpu_s()
    bench.python(code, bench.server.url, str(ROUND_TRIPS))
    return (bench.server.cpu_s() - started) / ROUND_TRIPS * 1e6


def _judge(figures: Figures) -> list[Row]:
    rows: list[Row] = []
    for what, ceiling in (
        ("Redis CPU per job", 0.45), ("bytes per waiting job", 0.65), ("bytes per kept job", 0.8),
    ):  # fmt: skip
        rows += share(figures, f"{what}: bull", f"{what}: jobdesk", f"{what}: bull", ceiling)
    return rows


MEASURES = (Measure(name="cost", title="What a job costs Redis", turn=_turn, judge=_judge),)
