"""A queue with a real worker in this process, and short ways to what a test asks of it."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from jobdesk.broker.control import Control
from jobdesk.broker.events import EventReader, newest
from jobdesk.broker.inspector import Inspector
from jobdesk.engine.queue import Queue
from jobdesk.models import Event, Job, JobRow, JobStatus
from tests import stored

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker

NAME = "thumbs"


class Bench:
    """The queue ``thumbs``, with short ways to what a test asks of it."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.control = Control(broker)
        self.inspector = Inspector(broker)
        self.keys = broker.keys(NAME)
        self.queue = self.new_queue()

    def new_queue(self, **options: Any) -> Queue:
        """The same queue as another process would have it; tests add their tasks."""
        self.queue = Queue(NAME, broker=self.broker, **options)
        return self.queue

    # --- running

    def run_one(self) -> str:
        """Take the next job and run it here; its id, "" when there is none."""
        task = self.queue.dequeue()
        if task is None:
            return ""
        self.queue.execute(task)
        return str(task.id)

    def run_all(self) -> list[str]:
        """Run jobs, one after the other, until none is ready; their ids in order."""
        ran = []
        while job_id := self.run_one():
            ran.append(job_id)
        return ran

    @contextmanager
    def worker(self, slots: int = 1, queue: Queue | None = None) -> Iterator[Any]:
        """A real worker with threads, in this process."""
        before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        consumer = (queue or self.queue).create_consumer(workers=slots, periodic=False)
        consumer.start()
        try:
            yield consumer
        finally:
            consumer.stop(graceful=True)
            for number, handler in before.items():
                signal.signal(number, handler)

    def lose_worker(self, *ids: str) -> None:
        """Let leases run out, and another worker notice it."""
        self.broker.client.zadd(self.keys.active, dict.fromkeys(ids, 1))
        self.queue.transitions.exchange("host:2:other", 0, 0, 30_000, housekeeping=True)

    def make_due(self, *ids: str) -> None:
        """Let the delay of jobs be over now."""
        self.broker.client.zadd(self.keys.delayed, dict.fromkeys(ids, 1))

    # --- looking

    def change(self, job_id: str, **fields: Any) -> None:
        """Other values for some fields of its record, as no script would write them."""
        stored.change(self.broker.client, self.keys, job_id, **fields)

    def job(self, job_id: str) -> Job:
        return self.inspector.job(NAME, job_id)

    def status(self, job_id: str) -> JobStatus:
        return self.inspector.status(NAME, job_id)

    def rows(self, state: str, start: int = 0, end: int = 100) -> tuple[JobRow, ...]:
        return self.inspector.rows(NAME, state, start, end).rows

    def ids(self, state: str = "waiting", start: int = 0, end: int = 100) -> list[str]:
        return [row.id for row in self.rows(state, start, end)]

    def counts(self) -> dict[str, int]:
        """How many jobs there are in each state that has any."""
        stats = self.inspector.stats(NAME)
        states = ("waiting", "active", "delayed", "completed", "failed")
        return {state: n for state in states if (n := getattr(stats, state))}

    def reader(self, since: str | None = None) -> EventReader:
        """A reader of this queue's events, which has begun."""
        made = EventReader(self.broker, [NAME], since)
        if since is None:
            made.read(0)
        return made

    def events(self, job_id: str = "") -> list[str]:
        """The names of the events so far, oldest first; of one job, when it is named."""
        return [e.name for e in self.told() if not job_id or e.job_id == job_id]

    def told(self) -> list[Event]:
        """The events so far, oldest first."""
        return list(reversed(newest(self.broker, NAME, 1000)))


def eventually(condition: Callable[[], object], within_s: float = 10.0) -> None:
    """Wait until ``condition`` holds."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.005)


class Gate:
    """A task's halt: it says that it has come there, and goes on when it is let."""

    def __init__(self) -> None:
        self._reached = threading.Semaphore(0)
        # not a semaphore: there a task that comes later may be let before one that waits
        self._turn = threading.Condition()
        self._came = 0
        self._opened = 0

    def halt(self) -> None:
        """For the task."""
        with self._turn:
            place = self._came
            self._came += 1
            self._reached.release()
            assert self._turn.wait_for(lambda: self._opened > place, timeout=20)

    def reached(self, times: int = 1) -> None:
        """For the test: wait until so many tasks halt here."""
        for _ in range(times):
            assert self._reached.acquire(timeout=20)

    def open(self, times: int = 1) -> None:
        """For the test: let so many go on."""
        with self._turn:
            self._opened += times
            self._turn.notify_all()
