"""``make bench``: jobdesk and its peers in turn on one Redis; exits 1 when a ratio is missed."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import environments, peers, publishing, report
from benchmarks.bench import Bench
from benchmarks.measures import (
    adding,
    cost,
    delay,
    distance,
    drain,
    idle,
    million,
    retrying,
    working,
)
from benchmarks.server import Server

if TYPE_CHECKING:
    from benchmarks.measure import Measure, Row

MEASURES: tuple[Measure, ...] = (
    *drain.MEASURES,
    *distance.MEASURES,
    *adding.MEASURES,
    *million.MEASURES,
    *delay.MEASURES,
    *cost.MEASURES,
    *idle.MEASURES,
    *working.MEASURES,
    *retrying.MEASURES,
)


def main() -> int:
    """Measure what the arguments name; the exit status is the verdict."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # that all processes are ended
    args = _arguments()
    measures = [m for m in MEASURES if (m.name in args.only if args.only else True)]
    names = args.peers or list(peers.NAMES)
    if args.quick:
        measures = [m for m in measures if m.quick]
        names = args.peers or list(peers.QUICK)
    chosen = [peers.load(name) for name in names]
    environments.prepare(chosen)

    started = time.monotonic()
    with Server() as server:
        bench = Bench(server, chosen, quick=args.quick)
        for measure in measures:
            runs = args.runs or (3 if args.quick else measure.runs)
            places = [p for p in _PLACES if p != "pinned" or measure.pinned]
            if args.place in places:
                places = [args.place]
            print(f"{measure.title}: {runs} turns, {' and '.join(places)}", flush=True)
            for turn in range(runs):
                bench.turn = turn + 1
                print(f"  turn {bench.turn}", flush=True)
                for place in places:
                    bench.pin(place == "pinned")
                    measure.turn(bench)
            bench.pin(False)
        rows = [row for measure in measures for row in measure.judge(bench.series)]
        told = report.describe(bench, chosen, measures, rows, time.monotonic() - started)
    markdown = report.markdown(told)
    print(f"\n{markdown}")
    folder = Path(args.output)
    report.write(told, markdown, folder)
    print(f"\nwritten to {folder}/")
    if args.publish:
        publishing.publish(told)
    return _verdict(rows)


_PLACES = ("free", "pinned")


def _verdict(rows: list[Row]) -> int:
    missed = [row for row in rows if not row.reached]
    for row in missed:
        print(f"MISSED: {row.title}: {row.value:.3g} {row.unit}, {row.wanted}")
    return 1 if missed or not rows else 0


def _arguments() -> argparse.Namespace:
    def names(text: str) -> list[str]:
        return [name.strip() for name in text.split(",") if name.strip()]

    known = ", ".join(measure.name for measure in MEASURES)
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the drain alone, of three peers")
    parser.add_argument("--only", type=names, help=f"these measures: {known}")
    parser.add_argument("--peers", type=names, help=f"these peers: {', '.join(peers.NAMES)}")
    parser.add_argument("--runs", type=int, help="turns of each measure (3 quick, else 5)")
    parser.add_argument("--place", choices=_PLACES, help="only pinned, or only free")
    parser.add_argument("--output", default="bench-results", help="the folder for the tables")
    parser.add_argument("--publish", action="store_true", help="keep and tell them in the docs")
    args = parser.parse_args()
    for name in args.only or ():
        if name not in {measure.name for measure in MEASURES}:
            parser.error(f"no measure {name!r}; there are {known}")
    for name in args.peers or ():
        if name not in peers.NAMES:
            parser.error(f"no peer {name!r}; there are {', '.join(peers.NAMES)}")
    if args.peers and "jobdesk" not in args.peers:
        args.peers.insert(0, "jobdesk")
    return args


if __name__ == "__main__":
    sys.exit(main())
