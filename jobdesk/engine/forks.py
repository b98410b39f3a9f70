"""``-k process``: the parent's watch over its forked workers, and a fork's watch over its parent.

A worker that dies is replaced, and what it held is given back at once. One that does not end its
job in time, since the task holds Python's lock, is killed. A worker whose parent is gone stops as
if it had been told to.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import threading
import time
from types import FrameType
from typing import TYPE_CHECKING, Any

from jobdesk.broker import registry
from jobdesk.engine import interrupts
from jobdesk.engine.deadlines import KILL_AFTER_S, Deadlines, Overdue
from jobdesk.engine.restarts import Pause
from jobdesk.errors import BrokerError

if TYPE_CHECKING:
    from jobdesk.engine.consumer import Consumer

logger = logging.getLogger("jobdesk.worker")

#: How long a fork that was interrupted may take to give back what it has.
LEAVE_S = 5.0
#: Redis away: what dead workers held is given back by the next try, or with its leases.
TRY_AGAIN_S = 1.0


class Forks:
    """The forked workers of one consumer."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer
        self._deadlines = Deadlines(consumer.workers)
        # nobody writes to it: it ends with the parent
        self._alive, self._parents_end = os.pipe()
        self._since = [time.monotonic()] * consumer.workers
        self._pauses = [Pause() for _ in range(consumer.workers)]
        self._restart_at: dict[int, float] = {}
        self._owed: list[tuple[str, Overdue | None]] = []
        self._try_at = 0.0

    # --- in the parent

    def watch(self) -> None:
        """Look after all workers; called every tenth of a second."""
        now = time.monotonic()
        for index, (_, process) in enumerate(self._consumer.worker_threads):
            if index in self._restart_at:
                if now >= self._restart_at[index]:
                    del self._restart_at[index]
                    self._since[index] = now
                    self._consumer.replace_worker(index)
                continue
            overdue = self._deadlines.overdue(index, now - KILL_AFTER_S)
            if overdue is not None and process.is_alive():
                logger.error(
                    "%s: job %s does not end, nor does its process see to it: killed",
                    overdue.queue, overdue.finish.id,
                )  # fmt: skip
                process.kill()
                process.join(LEAVE_S)
            if not process.is_alive():
                self._died(index, process, overdue, now)
        if self._owed and now >= self._try_at:
            self._settle()

    def _died(self, index: int, process: Any, overdue: Overdue | None, now: float) -> None:
        if process.exitcode:
            logger.warning("worker process %d died (%s)", process.pid, process.exitcode)
        self._owed.append((self._consumer.worker_id(process.pid), overdue))
        worked = self._deadlines.worked(index)
        self._deadlines.clear(index)
        pause = self._pauses[index].after(now, now - self._since[index], worked=worked)
        self._restart_at[index] = now + pause

    def _settle(self) -> None:
        """Book and give back what dead workers left."""
        while self._owed:
            worker, overdue = self._owed[0]
            try:
                registry.bury(self._consumer.queues[0].broker, worker)
                for queue in self._consumer.queues:
                    if overdue is not None and overdue.queue == queue.name:
                        queue.transitions.exchange(worker, 0, 0, queue.lease_ms, [overdue.finish])
                    queue.transitions.release_worker(worker)
            except BrokerError as exc:
                logger.debug("what %s held comes back later: %s", worker, exc)
                self._try_at = time.monotonic() + TRY_AGAIN_S
                return
            del self._owed[0]

    def end(self) -> None:
        """All are told to stop: kill those that do not, and give back what they held."""
        processes = [process for _, process in self._consumer.worker_threads]
        deadline = time.monotonic() + LEAVE_S
        for process in [*processes, self._consumer.scheduler]:
            process.join(max(0.0, deadline - time.monotonic()))
            if process.is_alive():
                process.kill()
                process.join(LEAVE_S)
        self._owed += [
            (self._consumer.worker_id(process.pid), None)
            for process in processes
            if process.exitcode
        ]
        self._settle()

    # --- in a fork

    def enter(self, index: int | None = None) -> None:
        """Be a fork: deaf to the terminal's signals, bound to the parent. ``index``: a worker."""
        os.close(self._parents_end)
        for signum in (signal.SIGINT, signal.SIGTERM):
            # The parent was told too, and tells; a handler, since ignoring would be inherited.
            signal.signal(signum, _heard)
        if index is not None:
            interrupts.watch(self._deadlines.slot(index))
        threading.Thread(target=self._wait_for_end, name="jobdesk-parent", daemon=True).start()

    def _wait_for_end(self) -> None:
        consumer = self._consumer
        poller = select.poll()
        flag = consumer.stop_flag._r
        for fd in (flag, self._alive):
            poller.register(fd, select.POLLIN | select.POLLHUP)
        told = [fd for fd, _ in poller.poll()]
        orphan = self._alive in told
        if orphan:
            logger.warning("the parent is gone: worker process %d stops", os.getpid())
            consumer.stop_flag.set()
        station = consumer.station
        if station is not None:
            station.pool.stop()
        if orphan:
            time.sleep(consumer.shutdown_timeout or 0)
            consumer.close_station("its parent is gone")
            os._exit(1)


def _heard(signum: int, frame: FrameType | None) -> None:
    """Nothing to be done."""
