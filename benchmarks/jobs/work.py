"""What a job of a benchmark does, in every Python peer: chosen by the environment.

``BENCH_JOB``: ``no_op`` (the default), ``stamp`` (note how long after its add it began, in the file
``BENCH_LOG``), ``spin`` (5 ms of CPU) or ``pause`` (50 ms of waiting).
"""

import os
import time

PAUSE_S = 0.05


def no_op(text, number):
    return {"ok": bool(text), "number": number}


def stamp(text, number):
    """``number`` is the monotonic clock in ns when the job was added, or is due."""
    late_ns = time.monotonic_ns() - number
    os.write(_log(), b"%d\n" % late_ns)
    return {"ok": bool(text), "number": number}


def spin(text, number):
    count(SPIN_ROUNDS)
    return {"ok": bool(text), "number": number}


def pause(text, number):
    time.sleep(PAUSE_S)
    return {"ok": bool(text), "number": number}


def count(rounds):
    """A loop that only needs the processor."""
    total = 0
    for i in range(rounds):
        total += i
    return total


#: Rounds that take 5 ms, as the benchmark has measured them just before.
SPIN_ROUNDS = int(os.environ.get("BENCH_SPIN_ROUNDS", "100000"))
_opened = {}


def _log():
    pid = os.getpid()
    if pid not in _opened:
        _opened[pid] = os.open(os.environ["BENCH_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    return _opened[pid]


REDIS_URL = os.environ.get("BENCH_REDIS_URL", "redis://127.0.0.1:6379/0")
SLOTS = int(os.environ.get("BENCH_SLOTS", "10"))
run = globals()[os.environ.get("BENCH_JOB", "no_op")]
