"""The worker process: Huey's Consumer on a :class:`~jobdesk.engine.pool.Pool`.

``huey_consumer`` makes it by ``create_consumer`` and runs it as its own. Different from Huey's:
INT and TERM are both graceful; what has not ended after ``shutdown_timeout`` (25 s unless given) is
given back before the process exits; a thread stuck in a task whose time is up is replaced; and with
``-k process`` the parent gives back at once what a dead child held.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from huey.consumer import Consumer as HueyConsumer
from huey.consumer import ConsumerStopped, WorkerRecycle
from huey.consumer import Scheduler as HueyScheduler
from huey.consumer import Worker as HueyWorker
from huey.exceptions import ConfigurationError

from jobdesk.broker.registry import WorkerBeat
from jobdesk.engine import publishing
from jobdesk.engine.children import Children
from jobdesk.engine.pool import Pool
from jobdesk.engine.schedules import Ticker
from jobdesk.engine.supervisor import Supervisor
from jobdesk.errors import BrokerError, JobdeskError

if TYPE_CHECKING:
    from jobdesk.engine.group import QueueGroup
    from jobdesk.engine.queue import Queue
    from jobdesk.engine.run import Run

logger = logging.getLogger("jobdesk.worker")

#: What a worker exits with when so many threads are stuck that it can serve no more.
STUCK_EXIT = 75


class Station:
    """The pool of this process with what keeps it going: made where the jobs run."""

    def __init__(
        self, queues: Sequence[Queue], slots: int, worker: str, consumer: Consumer, *, alone: bool
    ) -> None:
        self.pool = Pool(queues, slots, worker, alone=alone)
        self.children = Children()
        self.pool.isolate = self.children.isolate
        beat = WorkerBeat(
            queues[0].broker,
            worker,
            socket.gethostname(),
            os.getpid(),
            [queue.name for queue in queues],
            slots,
            publishing.version(),
        )
        self.supervisor = Supervisor(self.pool, beat, consumer.replace_stuck)
        self._queues = queues
        for queue in queues:
            queue.pool = self.pool

    def start(self) -> None:
        self.supervisor.start()

    def finish(self, why: str) -> None:
        """Give back what has not ended, send every end, sign off."""
        self.pool.stop()
        given_back = self.pool.give_back(why)
        if given_back:
            logger.warning("%d unfinished jobs were given back", given_back)
        self.supervisor.stop()
        self.children.close()
        for queue in self._queues:
            queue.pool = None


class Worker(HueyWorker):  # type: ignore[misc]  # huey has no types
    """A slot: a thread, or with ``-k process`` a process, that runs one job at a time."""

    consumer: Consumer
    index: int = 0

    def initialize(self) -> None:
        if self.consumer.environment.forks:
            self.consumer.open_station(slots=1, index=self.index)
        super().initialize()

    def shutdown(self) -> None:
        super().shutdown()
        if self.consumer.environment.forks:
            self.consumer.close_station("the worker was told to stop")

    def loop(self, now: Any = None) -> None:
        if threading.get_ident() in self.consumer.left_behind:
            raise WorkerRecycle
        super().loop(now)


class Scheduler(HueyScheduler):  # type: ignore[misc]  # huey has no types
    """Fires schedules. Delayed jobs are none of its business: taking jobs promotes them."""

    consumer: Consumer

    def initialize(self) -> None:
        super().initialize()
        self._ticker = Ticker(self.consumer.queues)

    def loop(self, now: Any = None) -> None:
        rest = 1.0
        if self.periodic:
            following = self._ticker.tick(datetime.now(UTC))
            if following is not None:
                rest = min(rest, (following - datetime.now(UTC)).total_seconds())
        self.stop_flag.wait(max(0.01, rest))


class Consumer(HueyConsumer):  # type: ignore[misc]  # huey has no types
    """Runs the jobs of a queue, or of a group of queues."""

    worker_class = Worker
    scheduler_class = Scheduler

    def __init__(self, huey: Queue | QueueGroup, workers: int = 1, **options: Any) -> None:
        if options.get("worker_type") in ("greenlet", "gevent"):
            raise ConfigurationError(
                "jobdesk runs no greenlets: use -k thread, with as many -w as you like, or"
                " -k process"
            )
        self.queues: list[Queue] = list(getattr(huey, "queues", None) or [huey])
        self.left_behind: set[int] = set()
        self.station: Desk | None = None
        self.single_queue = not hasattr(huey, "queues")
        self._stuck = 0
        self._made = 0
        self._token = f"{random.getrandbits(32):08x}"
        self._children: dict[int, tuple[int, str]] = {}
        self._stopped = False
        super().__init__(huey, workers=workers, **options)
        if self.shutdown_timeout is None:
            self._default_timeout = True
        if not huey.immediate:
            for signum in (signal.SIGINT, signal.SIGTERM):
                self._signal_actions[signum] = (False, True)

    # --- Huey's points of extension

    def _create_worker(self) -> Worker:
        worker: Worker = super()._create_worker()
        worker.consumer = self
        worker.index = self._made
        self._made += 1
        return worker

    def _create_scheduler(self) -> Scheduler:
        scheduler: Scheduler = super()._create_scheduler()
        scheduler.consumer = self
        return scheduler

    def start(self) -> None:
        if self.huey.immediate:
            super().start()  # refuses
        if self.shutdown_timeout is None:
            self.shutdown_timeout = self.queues[0].settings.shutdown_timeout
        broker = self.queues[0].broker
        logger.warning("worker uses %s", broker.describe())
        broker.check_server()
        for queue in self.queues:
            publishing.publish(queue)
        if not self.environment.forks:
            self.open_station(slots=self.workers, index=0)
        super().start()

    def open_station(self, *, slots: int, index: int) -> None:
        """Make the pool of this process. In a forked child, after the fork."""
        if self.environment.forks:
            random.seed()
        worker = self.worker_id(os.getpid())
        self.station = Station(self.queues, slots, worker, self, alone=self.single_queue)
        self.station.start()

    def close_station(self, why: str) -> None:
        """Give back what is unfinished and let the pool go."""
        station, self.station = self.station, None
        if station is not None:
            station.finish(why)

    def worker_id(self, pid: int) -> str:
        """Who takes the jobs: ``host:pid:token``; the parent knows its children's by their pid."""
        return f"{socket.gethostname()}:{pid}:{self._token}"

    # --- running

    def loop(self, health_check_ts: float | None = None) -> float | None:
        if self.environment.forks and not self._stopped:
            self._watch_children()
        found: float | None = super().loop(health_check_ts)
        return found

    def _watch_children(self) -> None:
        """Give back at once what a child that died held; Huey's health check comes every 10 s."""
        for index, (_, process) in enumerate(self.worker_threads):
            if process.pid is not None and not self.environment.is_alive(process):
                worker = self.worker_id(process.pid)
                for queue in self.queues:
                    try:
                        queue.transitions.release_worker(worker)
                    except BrokerError as exc:
                        logger.warning("what %s held comes back with its leases: %s", worker, exc)
                replacement = self._create_worker()
                fresh = self._create_process(replacement, f"Worker-{index + 1}")
                logger.warning("worker process %d died (%s)", process.pid, process.exitcode)
                fresh.start()
                self.worker_threads[index] = (replacement, fresh)

    def stop(self, graceful: bool = False) -> None:
        self._stopped = True
        if self.station is not None:
            self.station.pool.stop()
        super().stop(graceful)
        self.close_station("the worker was told to stop")

    def replace_stuck(self, run: Run) -> None:
        """A thread does not leave its task: go on without it, or give up when all are stuck."""
        if self.environment.forks:
            # One process is one slot: the parent starts another.
            logger.error("%s: job %s does not stop; its process ends", run.queue.name, run.id)
            self.close_station("the process is stuck")
            os._exit(STUCK_EXIT)
        self._stuck += 1
        if run.thread is not None:
            self.left_behind.add(run.thread)
        logger.error(
            "%s: job %s does not leave its thread after its time was up; %d of %d threads are lost",
            run.queue.name, run.id, self._stuck, self.workers,
        )  # fmt: skip
        if self._stuck >= self.workers:
            self.close_station("the worker is stuck")
            logger.error("all threads are stuck: this worker exits with %d", STUCK_EXIT)
            logging.shutdown()
            os._exit(STUCK_EXIT)
        for index, (_, thread) in enumerate(self.worker_threads):
            if thread.ident == run.thread:
                worker = self._create_worker()
                fresh = self._create_process(worker, f"Worker-{index + 1}")
                fresh.start()
                self.worker_threads[index] = (worker, fresh)

    def run_until_drained(self, poll_s: float = 0.05) -> None:
        """Work until nothing is waiting, delayed jobs aside, then stop: ``--burst``."""
        self.start()
        idle_since: float | None = None
        health_check_ts: float | None = time.monotonic()
        while True:
            try:
                health_check_ts = self.loop(health_check_ts)
            except ConsumerStopped:
                break
            if not self._is_drained():
                idle_since = None
            elif idle_since is None:
                idle_since = time.monotonic()
            elif time.monotonic() - idle_since > poll_s:
                self.stop(graceful=True)
                break
        self.huey.notify_interrupted_tasks()

    def _is_drained(self) -> bool:
        station = self.station
        if station is not None and (station.pool.runs() or station.pool.pending_finishes()):
            return False
        try:
            for queue in self.queues:
                keys = queue.transitions.keys
                with queue.broker.errors():
                    pipe = queue.broker.pipeline()
                    pipe.zcard(keys.wait)
                    pipe.zcard(keys.active)
                    pipe.llen(keys.outgoing)
                    pipe.hget(keys.meta, "paused")
                    waiting, active, outgoing, paused = pipe.execute()
                if (waiting and paused != b"1") or active or outgoing:
                    return False
        except JobdeskError:
            return False
        return True


def exit_now(code: int) -> None:
    """Leave without waiting for threads that will not end."""
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)
