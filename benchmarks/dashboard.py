"""``make bench-dashboard``: what the dashboard costs with a million jobs, from before the screen.

It opens in a pseudo-terminal of 120x35 on a Redis of its own. Printed, and written to
bench-results/dashboard.json. For a machine at rest: others' work shows in every figure but those of
the processor.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from jobdesk import settings as settings_module
from jobdesk.broker.connection import Broker
from jobdesk.models import JobState
from jobdesk.tui.link.interest import Interest, Source
from jobdesk.tui.link.reads import OneJob, Stats, Window
from jobdesk.tui.link.ticks import Ticks
from tests.servers import Server
from tests.tui.filling import fill
from tests.tui.terminal import Terminal, repaints

RESULTS = Path("bench-results/dashboard.json")
PRODUCER = """
import time
from jobdesk import settings
from jobdesk.broker.connection import Broker
from tests.queue_builder import QueueBuilder
queue, n, begun = QueueBuilder(Broker(settings.load(_env_file=None)), "email"), 0, time.monotonic()
print("at work", flush=True)
while True:
    queue.waiting(*(f"n{n + i}" for i in range(25)), priority=1)
    n += 25
    time.sleep(max(0.0, begun + n / 500 - time.monotonic()))
"""


def ms(values, place=0.5):
    ordered = sorted(values)
    return round(1000 * ordered[min(len(ordered) - 1, int(place * len(ordered)))], 1)


def starts(environment, shown, times):
    """From the start of the process until the count of the jobs stands on the screen."""
    wall, cpu, bare = [], [], []
    for _ in range(times + 1):
        with Terminal(environment) as terminal:
            wall.append(terminal.wait_for(shown))
            cpu.append(terminal.processor_s)
        process = subprocess.Popen([sys.executable, "-c", "pass"])
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
        bare.append(usage.ru_utime + usage.ru_stime)
    return {  # the first one compiles
        "start, median ms": ms(wall[1:]), "start, least ms": ms(wall[1:], 0),
        "start, processor ms": ms(cpu[1:]), "a bare Python, processor ms": ms(bare[1:]),
    }  # fmt: skip


def keys(environment, shown, presses, idle_s):
    """Arrow-down held on the list, first of all at rest and then while 500 jobs a second come."""
    found = {}
    with Terminal(environment) as terminal:
        terminal.wait_for(shown)
        terminal.settle()
        terminal.press(b"\r")
        terminal.wait_for("jobs › email")
        terminal.settle()
        before = terminal.processor_s
        time.sleep(idle_s)
        found["idle, % of a core"] = round(100 * (terminal.processor_s - before) / idle_s, 2)
        took = repaints(terminal, presses, 30)
        found |= {
            "key to paint, median ms": ms(took), "key to paint, 99 % ms": ms(took, 0.99),
            "key to paint, worst ms": ms(took, 1),
        }  # fmt: skip
    return found


def ticks(settings, environment, times):
    """Ticks of the list with its preview, while 500 jobs a second come above the cursor."""
    with Broker(settings) as broker:
        reader = Ticks(Source(broker), "")
        interest = Interest((
            Stats("email"), OneJob("email", "m0", 20),
            Window("email", JobState.WAITING, 500, 81, "m530", 530),
        ))  # fmt: skip
        producer = subprocess.Popen([sys.executable, "-c", PRODUCER], env=environment,
                                    stdout=subprocess.PIPE)  # fmt: skip
        try:
            assert producer.stdout is not None
            producer.stdout.readline()
            wall = []
            for _ in range(times):
                began = time.perf_counter()
                list(reader.read(interest, seen=False))
                wall.append(time.perf_counter() - began)
                time.sleep(0.05)
        finally:
            producer.kill()
            producer.wait()
        rounds = reader.source.rounds
        return {
            "tick while 500 jobs/s come, median ms": ms(wall), "99 % ms": ms(wall, 0.99),
            "round trips a tick": round(rounds.trips / times, 1),
            "commands a tick": round(rounds.commands / times),
        }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer jobs, shorter")
    quick = parser.parse_args().quick
    many = 100_000 if quick else 1_000_000
    server = Server(tcp=True)
    settings = settings_module.load(redis_url=server.url, _env_file=None)
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "REDIS_URL": server.url, "XDG_STATE_HOME": folder}
        try:
            with Broker(settings) as broker:
                fill(broker, "email", many)
            found = {"jobs": many, "load of the machine": round(os.getloadavg()[0], 1)}
            found |= starts(environment, f"{many:,}", 3 if quick else 15)
            found |= keys(environment, f"{many:,}", 60 if quick else 300, 3 if quick else 30)
            found |= ticks(settings, environment, 40 if quick else 200)
        finally:
            server.stop()
    for name, value in found.items():
        print(f"{name:<40}{value:>12,}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
