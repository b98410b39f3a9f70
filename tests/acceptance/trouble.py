"""Queues and tasks that give their workers trouble."""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import threading
import time
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

from jobdesk.cron import crontab
from jobdesk.engine.context import JobContext
from jobdesk.engine.group import QueueGroup
from jobdesk.engine.queue import Queue
from jobdesk.models import JobOptions

# Ten kills in a few seconds are more than what the default lets a job take.
queue = Queue("trouble", concurrency=5, lease=2, max_stalled=50, defaults=JobOptions(attempts=1))
steady = Queue("steady", concurrency=5, defaults=JobOptions(attempts=1))
boxed = Queue("boxed", concurrency=2, lease=2, in_child=True, defaults=JobOptions(attempts=1))
ticking = Queue("ticking", concurrency=2, defaults=JobOptions(attempts=1))
minutely = Queue("minutely", concurrency=2, defaults=JobOptions(attempts=1))
huey = QueueGroup([queue, steady, boxed])

_meeting = threading.Barrier(2)


def nap(seconds: float = 0.1) -> str:
    time.sleep(seconds)
    return "rested"


def orphan() -> None:
    """Leaves a process to whoever is process 1; it ends soon."""
    subprocess.run(["/bin/sh", "-c", "sleep 0.2 &"], check=True)


def linger(folder: str, *, job: JobContext) -> str:
    """Takes long the first time, and leaves a mark; then no time at all."""
    mark = Path(folder) / job.id
    if not mark.exists():
        mark.touch()
        time.sleep(20)
    return "rested"


def leave(folder: str, company: int) -> None:
    """Ends its process once that many others have left their marks."""
    _wait_for_company(folder, company)
    os._exit(3)


def crash(folder: str, company: int) -> None:
    _wait_for_company(folder, company)
    ctypes.string_at(0)


def _wait_for_company(folder: str, company: int) -> None:
    deadline = time.monotonic() + 15
    while len(list(Path(folder).iterdir())) < company and time.monotonic() < deadline:
        time.sleep(0.05)


def eat_memory() -> None:
    hoard = []
    while True:
        hoard.append(bytearray(64 << 20))


def spin() -> None:
    """Python code without an end."""
    while True:
        pass


def spin_for(seconds: float) -> str:
    """Python code that ends about when its time is up."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass
    return "done"


def spin_on() -> None:
    """The same, in a task that handles all errors it may handle."""
    while True:
        try:
            spin()
        except Exception:  # noqa: BLE001 - what careless tasks do
            time.sleep(0)


def swallow() -> None:
    """A task that keeps even what it may not."""
    while True:
        try:
            spin()
        except BaseException:  # noqa: BLE001 - what bad tasks do
            time.sleep(0)


def hold_lock() -> None:
    """C code that never lets go of Python's lock."""
    ctypes.PyDLL(None).usleep(60_000_000)


def backtrack() -> None:
    """C code that never ends, and looks for signals now and then."""
    re.match(r"(a+)+$", "a" * 40 + "b")


def meet() -> str:
    """Ends only where two run at once."""
    _meeting.wait(15)
    return "met"


def report(pings: int = 100, *, job: JobContext) -> int:
    for ping in range(pings):
        job.progress(ping)
        time.sleep(0.05)
    return pings


for _queue in (queue, steady, boxed):
    for _task in (nap, orphan, linger, meet, report, leave, crash, eat_memory):
        _queue.task()(_task)
    for _task in (spin, spin_for, spin_on, swallow, hold_lock, backtrack):
        _queue.task()(_task)


class Every:
    """A schedule with slots every so many seconds."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds

    def __call__(self, instant: datetime) -> bool:
        return round(instant.timestamp()) % self._seconds == 0

    def __str__(self) -> str:
        return f"every {self._seconds} s"

    def next_after(self, instant: datetime, zone: tzinfo) -> datetime:
        return self.latest_at(instant, zone) + timedelta(seconds=self._seconds)

    def latest_at(self, instant: datetime, zone: tzinfo, since: datetime | None = None) -> datetime:
        seconds = int(instant.timestamp()) // self._seconds * self._seconds
        return datetime.fromtimestamp(seconds, UTC)


@ticking.periodic_task(Every(2))
def tick() -> None:
    return None


@minutely.periodic_task(crontab())
def each_minute() -> None:
    return None
