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
from jobdesk.engine.forks import Forks
from jobdesk.engine.interrupts import Interrupted
from jobdesk.engine.pool import Pool
from jobdesk.engine.schedules import Ticker
from jobdesk.engine.supervisor import Supervisor
from jobdesk.errors import JobdeskError, RedisUnavailable

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
        self.beat = WorkerBeat(
            queues[0].broker,
            worker,
            socket.gethostname(),
            os.getpid(),
            [queue.name for queue in queues],
            slots,
            publishing.version(),
            parent=os.getppid() if consumer.forks is not None or consumer.has_parent else 0,
            fork=consumer.forks is not None,
        )
        self.supervisor = Supervisor(self.pool, self.beat, consumer.replace_stuck)
        self.children.on_due = self.pool.on_due
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
            self.consumer.open_station(slots=1)
        if self.consumer.forks is not None:
            self.consumer.forks.enter(self.index)
        super().initialize()

    def shutdown(self) -> None:
        station = self.consumer.station
        if station is not None:
            station.pool.on_booked()  # what this thread has booked last it sends no more
        super().shutdown()
        if self.consumer.environment.forks:
            self.consumer.close_station("the worker was told to stop")

    def loop(self, now: Any = None) -> None:
        if self.consumer.left_behind.pop(threading.get_ident(), None) is not None:
            raise WorkerRecycle
        try:
            super().loop(now)
        except Interrupted:
            # It was on its way when the task returned; the end is booked.
            logger.debug("an interrupt came as its task had ended")


class Scheduler(HueyScheduler):  # type: ignore[misc]  # huey has no types
    """Fires schedules. Delayed jobs are none of its business: taking jobs promotes them."""

    consumer: Consumer

    def initialize(self) -> None:
        super().initialize()
        if self.consumer.forks is not None:
            self.consumer.forks.enter()
        self._ticker = Ticker(self.consumer.queues)

    def loop(self, now: Any = None) -> None:
        if now is not None:  # asked for an instant of the caller's, not for what is due
            super().loop(now)
            return
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
    shutdown_timeout: float | None
    scheduler: Any
    _signum: int | None

    def __init__(
        self,
        huey: Queue | QueueGroup,
        workers: int = 1,
        *,
        token: str | None = None,
        **options: Any,
    ) -> None:
        """``token``: what tells this worker from another of the same host and process id."""
        if options.get("worker_type") in ("greenlet", "gevent"):
            raise ConfigurationError(
                "jobdesk runs no greenlets: use -k thread, with as many -w as you like, or"
                " -k process"
            )
        self.queues: list[Queue] = list(getattr(huey, "queues", None) or [huey])
        #: threads by ident that did not leave their task: replaced, and gone once they do
        self.left_behind: dict[int, threading.Thread] = {}
        self.station: Station | None = None
        self.single_queue = not hasattr(huey, "queues")
        #: the parent's side of ``-k process``
        self.forks: Forks | None = None
        self._made = 0
        #: of a fleet, which starts another one in the place of one that ends
        self.has_parent = token is not None
        self._token = token or f"{random.getrandbits(32):08x}"
        self._stopped = False
        self._hurried = False
        self._closing = threading.Lock()
        super().__init__(huey, workers=workers, **options)
        if self.environment.forks:
            self.forks = Forks(self)
            # TERM may come to the whole process group at once; this one is between us.
            self.environment.interrupt = signal.SIGUSR1
        if not huey.immediate:
            for signum in (signal.SIGINT, signal.SIGTERM):
                self._signal_actions[signum] = (False, True)

    # --- Huey's points of extension

    def _create_worker(self) -> Worker:
        worker: Worker = super()._create_worker()
        worker.consumer = self
        worker.index = self._made % self.workers
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
        logger.warning("worker uses %s", self.queues[0].broker.describe())
        self._introduce()
        if not self.environment.forks:
            self.open_station(slots=self.workers)
        super().start()

    def _introduce(self) -> None:
        """Look at the server and publish the queues; while Redis is away, wait for it."""
        tries = 0
        while True:
            try:
                self.queues[0].broker.check_server()
                for queue in self.queues:
                    publishing.publish(queue)
            except RedisUnavailable as exc:
                if not tries:
                    logger.warning("%s; waiting for it", exc)
                tries += 1
                time.sleep(min(2.0, 0.1 * 2 ** min(tries, 5)) * (0.5 + random.random() / 2))
            else:
                return

    def open_station(self, *, slots: int) -> None:
        """Make the pool of this process. In a forked child, after the fork."""
        if self.environment.forks:
            random.seed()
        worker = self.worker_id(os.getpid())
        self.station = Station(self.queues, slots, worker, self, alone=self.single_queue)
        self.station.start()

    def close_station(self, why: str) -> None:
        """Give back what is unfinished and let the pool go."""
        with self._closing:
            station, self.station = self.station, None
        if station is not None:
            station.finish(why)

    def worker_id(self, pid: int) -> str:
        """Who takes the jobs: ``host:pid:token``; the parent knows its children's by their pid."""
        return f"{socket.gethostname()}:{pid}:{self._token}"

    # --- running

    def loop(self, health_check_ts: float | None = None) -> float | None:
        if self.forks is not None and not self._stopped:
            self.forks.watch()
        found: float | None = super().loop(health_check_ts)
        return found

    def check_worker_health(self) -> bool:
        if self.forks is None:
            return bool(super().check_worker_health())
        if not self.environment.is_alive(self.scheduler):
            logger.warning("the scheduler died and is started again")
            self.scheduler = self._create_process(self._create_scheduler(), "Scheduler")
            self.scheduler.start()
        return True

    def replace_worker(self, index: int) -> None:
        """Start another worker in the place of one that is gone."""
        worker = self._create_worker()
        worker.index = index
        fresh = self._create_process(worker, f"Worker-{index + 1}")
        fresh.start()
        self.worker_threads[index] = (worker, fresh)

    def ask_to_stop(self, *, now: bool = False) -> None:
        """Stop soon, as INT and TERM do; ``now``, or a second time: interrupt what runs."""
        if self._signum is not None or now:
            self._hurried = True
        self._restart, self._graceful = False, True
        self._signum = signal.SIGTERM

    def _handle_signal(self, signum: int, frame: Any) -> None:
        # Huey raises KeyboardInterrupt at the second signal, wherever the main thread is; here it
        # is a mark, so that jobs are never half given back.
        if self._signum is not None:
            self._hurried = True
            return
        self._signum = signum
        self._restart, self._graceful = self._signal_actions[signum]

    def stop(self, graceful: bool = False) -> None:
        self._stopped = True
        if self.station is not None:
            self.station.beat.stopping = True
            self.station.pool.stop()
        super().stop(graceful)
        self.close_station("the worker was told to stop")
        if self.forks is not None:
            self.forks.end()

    def _join_workers(self) -> bool:
        deadline = None
        if self.shutdown_timeout is not None:
            deadline = time.monotonic() + self.shutdown_timeout
        for process in [*(process for _, process in self.worker_threads), self.scheduler]:
            while self.environment.is_alive(process):
                if self._hurried:
                    raise KeyboardInterrupt
                if deadline is not None and time.monotonic() > deadline:
                    return False
                process.join(0.05)
        return True

    def replace_stuck(self, run: Run) -> None:
        """A thread does not leave its task: go on without it, or give up when all are stuck."""
        ident = run.thread
        if self.forks is not None:
            # One process is one slot: the parent starts another.
            logger.error("%s: job %s does not stop; its process ends", run.queue.name, run.id)
            self._give_up("the process is stuck")
        for index, (_, thread) in enumerate(self.worker_threads):
            if thread.ident != ident or not thread.is_alive():
                continue
            self.left_behind[thread.ident] = thread
            stuck = sum(left.is_alive() for left in list(self.left_behind.values()))
            logger.error(
                "%s: job %s does not leave its thread after its time was up; %d of %d threads are"
                " lost", run.queue.name, run.id, stuck, self.workers,
            )  # fmt: skip
            if stuck >= self.workers:
                logger.error("all threads are stuck: this worker exits with %d", STUCK_EXIT)
                self._give_up("the worker is stuck")
            self.replace_worker(index)
            return

    def _give_up(self, why: str) -> None:
        self.close_station(why)
        exit_now(STUCK_EXIT)

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
        if station is not None and (station.pool.runs() or station.pool.unsettled()):
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
