"""How long the commands that look take: start, one answer, end; and that no backlog changes it.

All figures are taken in the same run as that of a bare ``python -c pass``, turn by turn, so that a
slow or busy machine shows in all of them.
"""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jobdesk.broker.keys import queues as queue_names
from tests.queue_builder import QueueBuilder

pytestmark = pytest.mark.quiet

#: Seconds above a bare Python; the machine that the figure is meant for has two cores.
BUDGET_S = 0.35
ROUNDS = 5
#: What else runs on the machine can spoil a series, and is not the program's: one must do.
SERIES = 2
NOISE_S = 0.05
MANY = 100_000
JOBDESK = str(Path(sys.executable).with_name("jobdesk"))
BARE = (sys.executable, "-c", "pass")


def took(words, environment):
    """Seconds on the clock, and seconds of a processor."""
    began = time.perf_counter()
    process = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, words
    return wall, usage.ru_utime + usage.ru_stime


def series(commands, environment):
    """Median seconds of each command above a bare Python's, by the clock and by the processor."""
    times = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, words in commands.items():
            times[name].append(took(words, environment))
    by_kind = []
    for kind in (0, 1):
        found = {name: statistics.median(t[kind] for t in one) for name, one in times.items()}
        bare = found.pop("bare")
        by_kind.append({name: round(seconds - bare, 3) for name, seconds in found.items()})
    return by_kind


def too_slow(above):
    """Which commands are over the budget, or slower for the many jobs than for the few."""
    return [
        name
        for name, seconds in above.items()
        if seconds > BUDGET_S or seconds > above[name.replace("many", "few")] + NOISE_S
    ]


@pytest.fixture
def backlogs(broker):
    """A queue of ten jobs, and one of 100,000."""
    for name, count in (("few", 10), ("many", MANY)):
        queue = QueueBuilder(broker, name)
        broker.client.sadd(queue_names(broker.namespace), name)
        for at in range(0, count, 100):
            queue.waiting(*(f"job-{n:06}" for n in range(at, min(at + 100, count))))


def test_looking_starts_fast_whatever_waits(backlogs, environment):
    """By the clock; where others hold the cores of the machine all the time, by the processor."""
    commands = {"bare": BARE}
    for queue in ("few", "many"):
        commands |= {
            f"queues {queue}": (JOBDESK, "queues", queue),
            f"jobs {queue}": (JOBDESK, "jobs", queue),
            f"jobs {queue} --json": (JOBDESK, "jobs", queue, "--json"),
            f"job {queue}": (JOBDESK, "job", queue, "job-000005"),
        }
    took(commands["job many"], environment)  # the first one compiles what nobody has run yet

    for _ in range(SERIES):
        by_clock, by_processor = series(commands, environment)
        if not too_slow(by_clock):
            return

    others = os.getloadavg()[0] - 1
    assert others > 0.5, by_clock
    assert not too_slow(by_processor), by_processor
