"""What a worker process of all six queues costs while it has nothing to do."""

from __future__ import annotations

import os
import select
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import Figures, Measure, Row, most

if TYPE_CHECKING:
    from benchmarks.bench import Bench

#: It gives back connections of its start within two of its beats, ten seconds each.
SETTLE_S, WATCH_S = 25.0, 20.0


def _turn(bench: Bench) -> None:
    for label, target in (
        ("with pdf", "jobdesk.tasks.huey"),
        ("without pdf", "jobdesk.tasks.email.huey"),
    ):
        _watch(bench, label, target)


def _watch(bench: Bench, label: str, target: str) -> None:
    client = bench.server.client
    bench.server.empty()
    command = [str(Path(sys.executable).parent / "huey_consumer"), target, "-q"]
    with bench.process(command) as worker:
        time.sleep(SETTLE_S)
        cpu, started = _cpu_s(worker.pid), time.monotonic()
        commands = _commands(bench.server.port, WATCH_S)
        span = time.monotonic() - started
        core = (_cpu_s(worker.pid) - cpu) / span * 100
        connections = len(client.client_list()) - 1
        rss = _rss_mib(worker.pid)
    bench.note(f"idle worker, {label}: commands", commands / span, "a second")
    bench.note(f"idle worker, {label}: processor", core, "% of a core")
    bench.note(f"idle worker, {label}: connections", connections, "connections")
    bench.note(f"idle worker, {label}: RSS", rss, "MiB")


def _commands(port: int, seconds: float) -> int:
    """What clients send in so many seconds: what scripts call in turn does not count."""
    deadline = time.monotonic() + seconds
    seen = b""
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(b"MONITOR\r\n")
        while (left := deadline - time.monotonic()) > 0:
            if select.select([line], [], [], left)[0]:
                seen += line.recv(65536)
    told = [entry for entry in seen.split(b"\r\n")[1:] if entry]
    return sum(b" lua]" not in entry for entry in told)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _rss_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _judge(figures: Figures) -> list[Row]:
    rows: list[Row] = []
    for what, ceiling in (("commands", 3.0), ("processor", 1.0), ("connections", 3.0)):
        name = f"idle worker, with pdf: {what}"
        rows += most(figures, f"idle worker, six queues: {what}", name, ceiling)
    return rows


MEASURES = (Measure(name="idle", title="An idle worker process", turn=_turn, judge=_judge, runs=1),)
