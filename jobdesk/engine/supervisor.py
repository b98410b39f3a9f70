"""What a worker process does beside running jobs: one thread that keeps its promises.

It renews leases, sends ends that wait for company, promotes delayed jobs on time, gives back what
vanished workers held, ends jobs whose time is up or which were cancelled, and reports the worker
to Redis. It sleeps until the next of these is due.
"""

from __future__ import annotations

import logging
import math
import os
import random
import threading
import time
from collections.abc import Callable

from jobdesk.broker.registry import WorkerBeat
from jobdesk.engine import continuations
from jobdesk.engine.continuations import after_failure
from jobdesk.engine.feed import Feed
from jobdesk.engine.interrupts import cause, interrupt
from jobdesk.engine.pool import FLUSH_AFTER_S, Pool
from jobdesk.engine.run import Run
from jobdesk.errors import BrokerError, JobCancelled, JobTimeout

logger = logging.getLogger("jobdesk.worker")

HOUSEKEEPING_S = 5.0
BEAT_S = 10.0
SWEEP_S = 60.0
#: A big sweep goes on after this, that leases and deadlines do not wait for its end.
SWEEP_ON_S = 0.2
SWEEP_CALLS = 10
#: Less than this left of a lease that could not be renewed: the job must be taken for lost.
MARGIN_S = 2.0
#: So often it looks through all jobs in hand while ends come in.
LOOK_S = 0.05
#: A thread that has not left its task this long after its time was up is given up.
GRACE_S = 5.0


class Supervisor:
    """The thread beside the slots."""

    def __init__(self, pool: Pool, beat: WorkerBeat, on_stuck: Callable[[Run], None]) -> None:
        self._pool = pool
        self._beat = beat
        self._on_stuck = on_stuck
        self._wake = threading.Event()
        self._awake = False
        #: it wakes by itself then, or looks at everything before; what is due earlier wakes it
        self._sleeps_until = math.inf
        self._stop = False
        now = time.monotonic()
        self._next_beat = now
        self._next_sweep = now + SWEEP_S * random.random()
        self._housekeeping = {
            feed.queue.name: now + HOUSEKEEPING_S * random.random() for feed in pool.feeds
        }
        self._renewed: dict[str, float] = {feed.queue.name: now for feed in pool.feeds}
        self._ended: dict[int, tuple[Run, float]] = {}
        #: when all runs were last looked through, and the first of the deadlines seen there
        self._looked_at = self._overdue_at = -math.inf
        self._thread = threading.Thread(target=self._run, name="jobdesk-supervisor", daemon=True)
        pool.on_booked = self._booked
        pool.on_due = self._due

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread, after what it is at."""
        self._stop = True
        self._wake.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout=6.0)
        if self._pool.away:
            return  # there is nobody to say goodbye to
        try:
            self._beat.retire()
        except BrokerError as exc:
            logger.debug("could not sign off: %s", exc)

    def _booked(self) -> None:
        if not self._awake:
            self._awake = True
            self._wake.set()

    def _due(self, at: float) -> None:
        if at < self._sleeps_until:
            self._wake.set()

    def _run(self) -> None:
        while not self._stop:
            # from here on, whatever comes may have been looked at too early
            self._sleeps_until = math.inf
            try:
                rest = self._tick()
            except BrokerError as exc:
                logger.debug("supervisor: %s", exc)
                rest = 0.5
            except Exception:
                logger.exception("the supervisor goes on after an error")
                rest = 0.5
            if rest > 0:
                self._sleeps_until = time.monotonic() + rest
                self._wake.wait(rest)
                self._wake.clear()

    def _tick(self) -> float:
        """Do what is due; seconds until the next of it."""
        pool = self._pool
        now = time.monotonic()
        pool.flush(now)
        pool.return_stranded(now)
        self._end_overdue(now)
        soonest = now + BEAT_S
        for feed in pool.feeds:
            soonest = min(soonest, self._keep(feed, now))
            # A Redis that is slow, or away, must not hold up the ends of other jobs.
            self._end_overdue(time.monotonic())
        if now >= self._next_beat:
            self._next_beat = now + BEAT_S * (0.9 + random.random() / 5)
            self._beat.beat(
                in_hand={f.queue.name: [k[0] for k in list(f.runs)] for f in pool.feeds}
            )
            pool.broker.trim()
        if now >= self._next_sweep:
            self._next_sweep = now + SWEEP_S
            if self._sweep():
                self._next_sweep = now + SWEEP_ON_S
        if pool.unattended():
            return FLUSH_AFTER_S
        for run in pool.running():
            if run.deadline is not None:
                soonest = min(soonest, run.deadline)
        for _, until in self._ended.values():
            soonest = min(soonest, until)
        soonest = min(soonest, self._next_beat, self._next_sweep)
        self._awake = False
        if pool.unattended():
            # booked between the look and the mark
            self._awake = True
            return FLUSH_AFTER_S
        return max(0.001, soonest - time.monotonic())

    def _keep(self, feed: Feed, now: float) -> float:
        """Housekeeping, due jobs and leases of one queue; when the next of these is due."""
        name = feed.queue.name
        if now >= self._housekeeping[name]:
            self._housekeeping[name] = now + HOUSEKEEPING_S * (0.9 + random.random() / 5)
            self._pool.serve(feed, housekeeping=True)
            if feed.left_behind:
                continuations.deliver_left_behind(feed.queue)
        elif feed.due_at is not None and now >= feed.due_at:
            feed.due_at = None
            feed.ready = True
            self._pool.serve(feed)
        soonest = self._housekeeping[name]
        if feed.due_at is not None:
            soonest = min(soonest, feed.due_at)
        if feed.runs:
            if now - self._renewed[name] >= feed.renew_s:
                self._renew(feed)
            soonest = min(soonest, self._renewed[name] + feed.renew_s)
        else:
            self._renewed[name] = now
        return soonest

    def _renew(self, feed: Feed) -> None:
        runs = list(feed.runs.values())
        sent = time.monotonic()
        lease_s = feed.queue.lease_ms / 1000
        try:
            statuses = feed.queue.transitions.renew(
                feed.queue.lease_ms, [(run.taken.id, run.taken.epoch) for run in runs]
            )
        except BrokerError:
            for run in runs:
                if time.monotonic() > run.lease_until - MARGIN_S:
                    # The fence decides what its end is worth; the task may look at job.cancelled.
                    run.lease_until = 0.0
            self._renewed[feed.queue.name] = sent - lease_s / 3 + 0.5
            raise
        self._renewed[feed.queue.name] = sent
        for run, status in zip(runs, statuses, strict=True):
            if status == "STALE":
                self._stale(run)
                continue
            run.lease_until = sent + lease_s
            if status == "CANCEL" and not run.cancelling:
                self._cancel(run)

    def _stale(self, run: Run) -> None:
        if run.closed:
            return  # its end is on the way, and will be answered
        run.lease_until = 0.0
        run.cancelling = True
        logger.warning(
            "%s: job %s is another worker's by now; its run here is stopped", run.queue.name, run.id
        )
        self._interrupt(run)

    def _cancel(self, run: Run) -> None:
        run.cancelling = True
        task = run.task
        if run.close():
            finish = run.refused(JobCancelled("cancelled by an operator"))
            self._pool.book(run, after_failure(run, task, finish, cause(run)))
        self._interrupt(run)

    def _end_overdue(self, now: float) -> None:
        """End runs whose time is up, or that are to be cancelled."""
        if now < min(self._overdue_at, self._looked_at + LOOK_S):
            return  # hundreds may be in hand, and while ends come in it wakes every 10 ms
        self._looked_at, self._overdue_at = now, math.inf
        for run in self._pool.running():
            if run.cancelling and run.thread is not None and id(run) not in self._ended:
                self._cancel(run)
            if run.deadline is None or now < run.deadline or run.closed:
                if run.deadline is not None:
                    self._overdue_at = min(self._overdue_at, run.deadline)
                continue
            seconds, task = (run.taken.timeout_ms or 0) / 1000, run.task
            if run.close():
                exc = JobTimeout(f"ran longer than {seconds:g} s")
                finish = run.failed(exc, run.queue.backoff_ms)
                self._pool.book(run, after_failure(run, task, finish, cause(run)))
                self._interrupt(run)
        for key, (run, until) in list(self._ended.items()):
            if run.task is None or run.thread is None:
                del self._ended[key]
            elif now >= until:
                del self._ended[key]
                if run.thread is not None:
                    self._on_stuck(run)

    def _interrupt(self, run: Run) -> None:
        stop = getattr(run.child, "stop", None)
        if stop is not None:
            stop()
        elif interrupt(run):
            self._ended[id(run)] = (run, time.monotonic() + GRACE_S)

    def _sweep(self) -> bool:
        """Remove what is kept no longer, a little at a time; whether there is more."""
        from jobdesk.broker.control import Control

        control = Control(self._pool.broker)
        most = [control.sweep(feed.queue.name, SWEEP_CALLS) for feed in self._pool.feeds]
        return max(most) >= SWEEP_CALLS * 50


def worker_id(host: str) -> str:
    """``host:pid:random``: two containers may share host name and pid, and a pid comes again."""
    return f"{host}:{os.getpid()}:{random.getrandbits(32):08x}"
