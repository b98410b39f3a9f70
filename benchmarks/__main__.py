"""``python -m benchmarks``: run the peers in turn, print a table, exit 1 when a ratio is missed."""

from __future__ import annotations

import argparse
import json
import platform
import sys
from importlib.metadata import version
from pathlib import Path

from benchmarks.drain import PEERS, Measured, drain
from benchmarks.server import Server

#: What one worker process with ten threads must reach, against huey's own Redis storage.
AT_LEAST = 5.0


def main() -> int:
    """Run the benchmark that the arguments name; the exit status is the verdict."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three runs of 20,000 jobs each")
    parser.add_argument("--jobs", type=int, default=20_000, help="no-op jobs per run")
    parser.add_argument("--runs", type=int, help="runs of each peer, in turn (3 quick, else 5)")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    args = parser.parse_args()
    runs = args.runs or (3 if args.quick else 5)

    measured = {name: Measured(name) for name in PEERS}
    with Server() as server:
        print(f"{runs} runs of {args.jobs:,} no-op jobs each, in turn, on {server.version}")
        for turn in range(runs):
            for name in PEERS:
                rate = drain(server, name, args.jobs)
                measured[name].rates.append(rate)
                print(f"  run {turn + 1}: {name:<8} {rate:>9,.0f} jobs/s", flush=True)

    ratio = measured["jobdesk"].median / measured["huey"].median
    versions = f"huey {version('huey')}, redis {version('redis')}"
    print(f"\nPython {platform.python_version()}, {versions};")
    print("huey_consumer -w 10 -q, results kept; jobdesk with records, events, leases, attempts\n")
    print("| drain, 1 process, 10 threads | min | median | max |")
    print("|---|---|---|---|")
    for peer in measured.values():
        print(f"| {peer.name} | {peer.low:,.0f} | {peer.median:,.0f} | {peer.high:,.0f} |")
    verdict = "reached" if ratio >= AT_LEAST else "MISSED"
    print(f"\njobdesk / huey: {ratio:.2f} (at least {AT_LEAST:g}: {verdict})")
    if args.json:
        figures = {name: peer.rates for name, peer in measured.items()}
        args.json.write_text(json.dumps({"jobs": args.jobs, "rates": figures, "ratio": ratio}))
    return 0 if ratio >= AT_LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
