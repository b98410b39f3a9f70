"""How a worker process takes jobs and books their ends: many threads, few requests.

One script books everything that has been finished and hands out as much as there is room for
(``exchange_jobs.lua``). The threads share what it answers:

* A thread that finds nothing to run does the *exchange* itself, for everybody, and goes on. It
  never waits for another exchange: whoever has the lock sees what has come since and goes again.
* Short jobs are fetched ahead, and the next request is sent while there is still something to run:
  Redis works while the jobs run, and whoever finds nothing left reads its answer.
* One idle thread is the *waiter*: it blocks on the queues' wake markers, on a connection of its
  own. Woken, it makes the exchange and hands its role on. Where it listens to one queue only, its
  take goes along with the wait, and it is woken with a job. A worker has one take of a queue under
  way at a time, since a take whose answer is lost is known by its number: meanwhile the exchange
  books only.
* The others sleep until there is a job for them. Waking goes in a chain, one at a time, so that
  short jobs, which one thread runs off faster than another awakes, wake nobody.

Under load a batch grows by itself to the number of threads; idle it is one. Finishes are kept and
sent again until Redis has answered: the fence in the script decides what they are still worth.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from jobdesk.broker import keys
from jobdesk.broker.connection import BLOCK_S
from jobdesk.broker.exchange import Exchanged, Finish, exchange_args, exchanged
from jobdesk.broker.server.listening import Listener
from jobdesk.engine.eventlog import log_active
from jobdesk.engine.feed import Feed, UnderWay
from jobdesk.engine.run import Run
from jobdesk.errors import BrokerError, JobdeskError, RedisUnavailable

if TYPE_CHECKING:
    from huey.api import Task

    from jobdesk.broker.connection import Broker
    from jobdesk.engine.queue import Queue

logger = logging.getLogger("jobdesk.worker")
events_log = logging.getLogger("jobdesk.events")

#: Ends booked, and jobs taken, in one exchange: what costs Redis under 5 ms on a busy machine too.
MOST = 100
#: No end waits longer than this for company: a little more than what is fetched ahead takes.
FLUSH_AFTER_S = 0.035
#: So long a thread rests that is to wait, and finds nothing to wait for.
BREATH_S = 0.005
#: Runs shorter than this wait for nothing: more threads would only wait for the interpreter.
BRIEF_S = 0.0001
#: A job that was fetched ahead and found no thread for so long goes back to the queue.
STRANDED_S = 0.25
#: The take that the waiter has sent along is answered so long after its wait, or its way is dead.
ANSWERS_S = 0.5
#: How long a worker that stops tries to send its ends while Redis is away.
GIVE_BACK_S = 5.0


class Pool:
    """The jobs of one worker process, over all its queues."""

    def __init__(self, queues: Sequence[Queue], slots: int, worker: str, *, alone: bool) -> None:
        """``alone``: the one queue may fill all slots, whatever its ``concurrency`` says."""
        self.worker = worker
        self.slots = slots
        self.broker: Broker = queues[0].broker
        self.feeds = [Feed(q, slots if alone else min(q.concurrency, slots)) for q in queues]
        self._by_name = {feed.queue.name: feed for feed in self.feeds}
        self._by_key = {feed.wake_key.encode(): feed for feed in self.feeds}
        self._local: deque[Run] = deque()
        self._exchanging = threading.Lock()
        # the supervisor has that lock, or waits for it: the lock's own word is not enough, since a
        # thread that has got it calls it locked only once it has the interpreter, too
        self._serving = False
        self._again = False
        # guards the bookkeeping below; held for moments, never during a request
        self._mutex = threading.Lock()
        self._sleepers: list[threading.Lock] = []
        self._waiter = False
        self._waking = False
        self._turn = 0
        #: runs that threads have taken up, and how many they were when the supervisor last looked
        self._begun = self._seen_begun = 0
        self._listener = Listener(self.broker, keys.worker_call(self.broker.namespace, worker))
        # the queues that the waiter listens to
        self._heard: list[Feed] = []
        self.stopping = False
        self.drained = False
        self._down_since: float | None = None
        self._failures = 0
        #: told when finishes wait and nobody may come by to send them
        self.on_booked: Callable[[], None] = lambda: None
        #: told when something will be due at a monotonic instant: a lease, a deadline, a job
        self.on_due: Callable[[float], None] = lambda _at: None
        self.isolate: Callable[[Run], None] = lambda _run: None

    # --- for the slot threads

    def next_task(self) -> Task | None:
        """The next job to run, as Huey's task. Waits for one; None when the worker stops."""
        while not self.stopping:
            run = self._next_run()
            if run is None:
                continue
            task = run.queue.prepare(run)
            if task is None:
                continue
            run.started = time.monotonic()
            if run.started > run.lease_until:
                # this process was frozen: another has the job by now, or will have it
                run.close()
                self.forget(run)
                continue
            if task.timeout:
                run.deadline = run.started + task.timeout
                self.on_due(run.deadline)
            if run.suspect or run.queue.in_child:
                self.isolate(run)
            log_active(run)
            return task
        return None

    def _next_run(self) -> Run | None:
        while not self.stopping:
            if not self._local and not self._exchange(slot_thread=True) and not self._local:
                self._rest()
                continue
            try:
                run = self._local.popleft()
            except IndexError:
                self._rest()
                continue
            self._begun += 1
            if self._local and self._by_name[run.queue.name].run_s > BRIEF_S:
                self._wake_one()
            if run.closed:
                continue
            return run
        return None

    def book(self, run: Run, finish: Finish, *, comes_by: bool = False) -> None:
        """Keep the end of a run until it has been sent.

        ``comes_by``: by a slot thread, which asks for its next job now. Where nothing is left to
        run it sends the end with that, and the supervisor sleeps on: waking it for nothing cost a
        busy thread the interpreter, three times a job.
        """
        feed = self._by_name[run.queue.name]
        now = time.monotonic()
        if run.started:
            feed.ran(now - run.started)
        with self._mutex:
            if not feed.finishes:
                feed.oldest = now
            feed.finishes.append((run, finish))
        if not comes_by or self._local or self.stopping:
            self.on_booked()

    # --- the exchange

    def _wanted(self) -> bool:
        """Whether an exchange would bring anything: ends to book, or jobs and room for them."""
        for feed in self.feeds:
            if feed.under_way is not None or feed.finishes or self._has_room(feed):
                return True
        return False

    def _has_room(self, feed: Feed) -> bool:
        if not feed.may_take:
            return False
        limit = feed.limit
        if limit >= self.slots:
            limit += feed.ahead
        return feed.in_hand < limit

    def _exchange(self, *, slot_thread: bool) -> bool:
        """Exchange for everybody, if it is wanted and nobody is at it; whether a job may be had."""
        if not self._wanted():
            return bool(self._local)
        self._again = True
        while self._again:
            if not self._exchanging.acquire(blocking=False):
                # whoever has the lock sees _again when it lets go
                return bool(self._local)
            try:
                self._again = False
                self._receive_all()
                if not self._local:
                    self._send_all(slot_thread)
                    self._receive_all()
                # while what has come is run off, Redis is at the next
                if self._local and not self._send_all(slot_thread):
                    self._receive_all()
            finally:
                self._exchanging.release()
        if len(self._local) > 1 or self.unsettled():
            # What is run off first may take long; and an end that came meanwhile may be that of a
            # thread which found a job here, and came by for none.
            self.on_booked()
        return bool(self._local)

    def _send_all(self, slot_thread: bool) -> bool:
        """Send what is wanted; whether the answers may be read later."""
        feeds = self.feeds
        self._turn = (self._turn + 1) % len(feeds)
        short = True
        for index in range(len(feeds)):
            feed = feeds[(self._turn + index) % len(feeds)]
            with self._mutex:
                room = feed.limit - feed.in_hand
                idle = len(self._sleepers) + (1 if slot_thread else 0) - len(self._local)
                ahead = feed.ahead if feed.limit >= self.slots else 0
                want = max(0, min(room + ahead, idle + ahead, MOST)) if feed.may_take else 0
                if self.stopping:
                    want = 0
            if want or feed.finishes:
                self._send(feed, want)
                short = short and ahead > 0
        return short

    def _receive_all(self) -> None:
        for feed in self.feeds:
            self._receive(feed)

    def exchange_feed(self, feed: Feed, want: int, *, housekeeping: bool = False) -> None:
        """One request for one queue. The caller holds the exchange lock, or is the supervisor."""
        self._receive(feed)
        self._send(feed, want, housekeeping=housekeeping)
        self._receive(feed)

    def _send(self, feed: Feed, want: int, *, housekeeping: bool = False) -> None:
        with self._mutex:
            if feed.awaited is not None:
                want = 0
            finishes, feed.finishes = feed.finishes[:MOST], feed.finishes[MOST:]
            under_way = UnderWay(want, finishes, housekeeping=housekeeping)
            feed.under_way = under_way
            feed.oldest = under_way.sent_at
        queue = feed.queue
        try:
            under_way.sent = queue.transitions.send_exchange(
                self.worker,
                feed.request,
                want,
                queue.lease_ms,
                [finish for _, finish in finishes],
                housekeeping=housekeeping,
            )
        except BaseException as exc:  # noqa: BLE001 - raised again
            self._failed(feed, under_way, exc)

    def _receive(self, feed: Feed) -> None:
        under_way = feed.under_way
        if under_way is None or under_way.sent is None:
            return
        try:
            finishes = [finish for _, finish in under_way.finishes]
            answer = exchanged(under_way.sent.answer(), finishes)
        except BaseException as exc:  # noqa: BLE001 - raised again
            self._failed(feed, under_way, exc)
            return
        self._found()
        self._note(feed, under_way, answer)
        told = events_log.isEnabledFor(logging.INFO)
        for (run, finish), status in zip(under_way.finishes, answer.statuses, strict=True):
            if told or not finish.plain or status != "OK":
                self._follow(run, finish, status)
        if under_way.finishes:
            self._call_waiter(feed)

    def _failed(self, feed: Feed, under_way: UnderWay, exc: BaseException) -> None:
        """An exchange came to nothing: its ends are kept, and sent again."""
        finishes = under_way.finishes
        if type(exc) is BrokerError and finishes:
            feed.under_way = None
            self._book_each(feed, finishes)
            return
        with self._mutex:
            feed.finishes[:0] = finishes
            feed.under_way = None
        if not isinstance(exc, BrokerError):
            raise exc
        self._lost(exc)

    def _note(self, feed: Feed, under_way: UnderWay, answer: Exchanged) -> None:
        """Keep the books after an exchange: what has ended, what has come, what is due."""
        queue, want = feed.queue, under_way.want
        lease_until = under_way.sent_at + queue.lease_ms / 1000
        runs = [Run(queue, taken, self.worker, lease_until) for taken in answer.jobs]
        with self._mutex:
            if want:
                # a take whose answer was lost keeps its number over exchanges that only book ends
                feed.request += 1
            for run, _ in under_way.finishes:
                feed.runs.pop((run.taken.id, run.taken.epoch), None)
            for run in runs:
                feed.runs[run.taken.id, run.taken.epoch] = run
            feed.waiting = answer.waiting
            if under_way is feed.awaited:
                feed.awaited = None
                feed.ready = feed.ready or (len(runs) == want and answer.waiting > 0)
            else:
                feed.under_way = None
                if want:
                    feed.ready = len(runs) == want or feed.heard_at > under_way.sent_at
                elif under_way.finishes and answer.waiting:
                    feed.ready = True
            if under_way.housekeeping:
                feed.left_behind = answer.outgoing > 0
            due_at = _until(answer.now_ms, answer.due_ms, answer.opens_ms)
            if answer.now_ms > feed.told_ms:
                feed.told_ms, feed.due_at = answer.now_ms, due_at
            elif due_at is not None:
                feed.due_at = min(due_at, feed.due_at or due_at)
            self._local.extend(runs)
        if answer.paused:
            fetched = [run for run in list(self._local) if run.queue is feed.queue]
            self._return(fetched, "the queue is paused")
        if due_at is not None:
            self.on_due(due_at)
        if runs:
            self.on_due(under_way.sent_at + feed.renew_s)

    def _book_each(self, feed: Feed, finishes: list[tuple[Run, Finish]]) -> None:
        """The server refused a batch: book its ends one by one, so that one holds up no other."""
        queue = feed.queue
        for index, (run, finish) in enumerate(finishes):
            try:
                answer = queue.transitions.exchange(
                    self.worker, feed.request, 0, queue.lease_ms, [finish]
                )
            except BrokerError as exc:
                if type(exc) is not BrokerError:
                    with self._mutex:
                        feed.finishes[:0] = finishes[index:]
                    self._lost(exc)
                    return
                logger.error(  # noqa: TRY400 - the server's words are the reason, our stack is none
                    "%s: the end of job %s was refused; it runs again when its lease ends: %s",
                    queue.name,
                    run.id,
                    exc,
                )
            else:
                self._follow(run, finish, answer.statuses[0])
            self.forget(run)

    @staticmethod
    def _follow(run: Run, finish: Finish, status: str) -> None:
        """What comes after an end; a continuation that cannot be delivered now waits."""
        try:
            run.queue.after_finish(run, finish, status)
        except JobdeskError as exc:
            logger.warning("%s: %s", run.queue.name, exc)

    def _lost(self, exc: BrokerError) -> None:
        """Redis did not answer: rest a little, longer each time, and say so once."""
        self._failures += 1
        if self._down_since is None:
            self._down_since = time.monotonic()
            logger.error("%s; jobs go on, their ends are kept until it answers", exc)
        if not isinstance(exc, RedisUnavailable) and self._failures % 50 == 0:
            logger.error("%s", exc)
        rest = min(2.0, 0.05 * 2 ** min(self._failures, 6))
        time.sleep(rest * (0.5 + random.random() / 2))

    def _found(self) -> None:
        if self._failures:
            self._failures = 0
            if self._down_since is not None:
                away = time.monotonic() - self._down_since
                self._down_since = None
                logger.warning("Redis answers again after %.1f s", away)

    # --- resting and waking

    def _rest(self) -> None:
        """Sleep until there may be a job: as the waiter if there is none, else until woken."""
        self._doubt_waiter()
        bed = threading.Lock()
        with self._mutex:
            if self._local or self.stopping:
                return
            at_it = self._serving or self._exchanging.locked()
            if not at_it and any(f.under_way or self._has_room(f) for f in self.feeds):
                # an answer is there to be read, or the last one told of jobs that wait
                return
            if not at_it and self._again and self._wanted():
                # the supervisor was at it, and has gone without a look at what was wanted
                return
            # for a queue that is full nobody waits: who ends one of its jobs comes by
            open_feeds = [feed for feed in self.feeds if len(feed.runs) < feed.limit]
            waiter = bool(open_feeds) and not (
                self._waiter or any(feed.ready for feed in open_feeds)
            )
            if waiter:
                self._waiter = True
            else:
                bed.acquire()
                self._sleepers.append(bed)
        if waiter:
            try:
                self._wait_for_marker()
            finally:
                with self._mutex:
                    self._waiter = False
            self._hand_on()
            return
        # The time-out is for a wake-up that was lost; nothing relies on it.
        bed.acquire(timeout=1.0)
        with self._mutex:
            self._waking = False
            if bed in self._sleepers:
                self._sleepers.remove(bed)

    def _doubt_waiter(self) -> None:
        """Jobs wait, and the waiter's take is not answered: its connection may be dead."""
        latest = time.monotonic() - BLOCK_S - ANSWERS_S
        with self._mutex:
            overdue = any(
                feed.ready and feed.awaited is not None and feed.awaited.sent_at < latest
                for feed in self.feeds
            )
        if overdue:
            self._listener.hang_up()

    def _wake_one(self) -> None:
        with self._mutex:
            if self._waking or not self._sleepers:
                return
            self._waking = True
            bed = self._sleepers.pop()
        bed.release()

    def _hand_on(self) -> None:
        """The waiter goes to work: somebody else is to wait."""
        if self.feeds and not self.stopping:
            self._exchange(slot_thread=True)
            self._wake_one()

    def _wait_for_marker(self) -> None:
        """Block until a queue that has room leaves its marker, for two seconds at most."""
        with self._mutex:
            open_feeds = [feed for feed in self.feeds if len(feed.runs) < feed.limit]
            self._heard = [] if self.stopping else open_feeds
            markers = [feed.wake_key for feed in self._heard]
            taking = self._heard[0] if self._may_take_along() else None
            if taking is not None:
                taking.awaited = UnderWay(1, [], housekeeping=False)
        if not markers:
            time.sleep(BREATH_S)
            return
        try:
            if taking is None:
                marker = self._listener.wait(markers, lambda: self.stopping or bool(self._local))
            else:
                marker = self._wait_and_take(taking)
        except Exception as exc:
            if self.stopping:
                return
            error = self.broker.translate(exc, doing="BZPOPMIN")
            if not isinstance(error, BrokerError):
                raise
            self._lost(error)
            return
        self._found()
        feed = self._by_key.get(marker) if marker is not None else None
        if feed is not None and feed is not taking:
            feed.heard_at = time.monotonic()
            feed.ready = True

    def _may_take_along(self) -> bool:
        """Whether the waiter's wait is for one queue, whose next take it may make."""
        if len(self._heard) != 1 or not self._listener.takes_along:
            return False
        feed = self._heard[0]
        taking = feed.under_way is not None and feed.under_way.want > 0
        return not taking and feed.in_hand < feed.limit

    def _wait_and_take(self, feed: Feed) -> bytes | None:
        """Wait with a take sent along, and keep what it brings; the marker that came, if any."""
        queue, answer = feed.queue, None
        try:
            args = exchange_args(self.worker, feed.request, 1, queue.lease_ms)
            marker, answer = self._listener.wait_and_run(
                feed.wake_key,
                min(BLOCK_S, queue.lease_ms / 3000),  # its lease counts from when it was sent
                "exchange_jobs",
                queue.transitions.keys.prefix,
                args,
            )
            if answer is not None and feed.awaited is not None:
                self._note(feed, feed.awaited, exchanged(answer))
        finally:
            with self._mutex:
                feed.awaited = None
                if answer is None:
                    # the take is to be made anew: whether it was made is known by its number
                    feed.ready = True
        return marker

    def _call_waiter(self, feed: Feed) -> None:
        """A queue that was full has room again, and the waiter does not listen to it: call it."""
        with self._mutex:
            deaf = self._waiter and feed not in self._heard and len(feed.runs) < feed.limit
        if deaf and self.broker.address.kind != "cluster":
            self._call()  # where it does not hear, it listens anew after two seconds anyway

    def _call(self) -> bool:
        """Call the waiter back from its wait; whether it will hear."""
        try:
            self._listener.call()
        except BrokerError as exc:
            logger.debug("the waiter was not called: %s", exc)
            return False
        return True

    # --- for the supervisor

    def flush(self, now: float) -> None:
        """Send finishes that have waited long enough, and read what nobody has come to read."""
        if self._local and self._begun == self._seen_begun:
            self._wake_one()  # who was to run them off is held up by one that takes long
        self._seen_begun = self._begun
        for feed in self.feeds:
            under_way = feed.under_way
            if under_way is not None and now - under_way.sent_at >= FLUSH_AFTER_S:
                self._fetch(feed)
            if feed.finishes and now - feed.oldest >= FLUSH_AFTER_S:
                self.serve(feed)
                if self._failures:
                    return  # the others would wait for nothing, too

    def serve(self, feed: Feed, *, housekeeping: bool = False) -> None:
        """Exchange without taking: book ends, promote what is due, leave the marker."""
        self._hold(lambda: self.exchange_feed(feed, 0, housekeeping=housekeeping))

    def _fetch(self, feed: Feed) -> None:
        """Read the answer of an exchange that is under way."""
        self._hold(lambda: self._receive(feed))

    def _hold(self, do: Callable[[], None]) -> None:
        """Do something with the exchange lock, between the slot threads."""
        self._serving = True
        try:
            served = self._exchanging.acquire(timeout=1.0)
            if served:
                try:
                    do()
                finally:
                    self._exchanging.release()
        finally:
            # before the look at who rests: whoever comes later sees that nobody is at it
            self._serving = False
        if (
            not (served and self._waiter)
            or self._again
            or self._local
            or any(feed.ready for feed in self.feeds)
        ):
            self._wake_one()

    def return_stranded(self, now: float) -> None:
        """Give back jobs that were fetched ahead and find no thread: others may have one."""
        late = [run for run in list(self._local) if now - run.taken_at >= STRANDED_S]
        self._return(late, "no thread was free for it")

    def _return(self, runs: Sequence[Run], why: str) -> None:
        """Give back jobs that nobody has begun."""
        for run in runs:
            try:
                self._local.remove(run)
            except ValueError:
                continue  # a thread has just taken it up
            if run.close():
                self.book(run, run.released(why))

    def runs(self) -> list[Run]:
        """All jobs in hand, also those whose end waits to be sent."""
        with self._mutex:
            return [run for feed in self.feeds for run in feed.runs.values()]

    def running(self) -> list[Run]:
        """The jobs in hand whose end is not known yet."""
        return [run for run in self.runs() if not run.closed]

    @property
    def away(self) -> bool:
        """Whether Redis left the last request without an answer."""
        return self._failures > 0

    def unsettled(self) -> bool:
        """Whether there are ends that Redis has not answered yet, or an answer is to be read."""
        return any(feed.finishes or feed.under_way is not None for feed in self.feeds)

    def unattended(self) -> bool:
        """Whether there are ends, an answer or jobs that nobody may come for."""
        at_it = self._exchanging.locked()  # who is, reads what he has sent
        return bool(self._local) or any(
            feed.finishes or (feed.under_way is not None and not at_it) for feed in self.feeds
        )

    def forget(self, run: Run) -> None:
        """Drop a run whose lease is another's by now."""
        feed = self._by_name[run.queue.name]
        with self._mutex:
            feed.runs.pop((run.taken.id, run.taken.epoch), None)

    def stop(self) -> None:
        """No more jobs are handed out, and what nobody has begun goes back; all threads awake."""
        self.stopping = True
        self.on_booked()  # threads do not come by for another job any more
        while self._local:
            try:
                run = self._local.popleft()
            except IndexError:
                break  # a thread that was on its way to it has the last one
            if run.close():
                self.book(run, run.released("the worker stops"))
        with self._mutex:
            beds, self._sleepers = self._sleepers, []
            taking = any(feed.awaited is not None for feed in self.feeds)
        for bed in beds:
            bed.release()
        # a take may be made this moment: the waiter is to bring its answer
        if not (taking and not self.away and self._call()):
            self._listener.hang_up()

    def give_back(self, why: str) -> int:
        """Give back everything that has not ended, and send all ends. How many were given back."""
        count = 0
        # A take that is under way may still bring jobs.
        deadline = time.monotonic() + GIVE_BACK_S
        while any(feed.awaited is not None for feed in self.feeds) and time.monotonic() < deadline:
            time.sleep(BREATH_S)
        if self._exchanging.acquire(timeout=GIVE_BACK_S):
            self._receive_all()
            self._exchanging.release()
        for run in self.running():
            if run.close():
                self.book(run, run.released(why))
                count += 1
        deadline = time.monotonic() + GIVE_BACK_S
        while self.unsettled() and time.monotonic() < deadline:
            for feed in self.feeds:
                if feed.finishes or feed.under_way is not None:
                    self.serve(feed)
                if time.monotonic() >= deadline:
                    break
        return count


def _until(now_ms: int, *instants: int | None) -> float | None:
    """Monotonic time of the next of some instants by Redis's clock."""
    ahead = [at - now_ms for at in instants[:1] if at is not None]
    ahead += [span for span in instants[1:] if span is not None]
    if not ahead:
        return None
    return time.monotonic() + max(0, min(ahead)) / 1000 + 0.001
