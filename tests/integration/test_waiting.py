"""An idle worker's take goes along with its wait: it is woken with a job, and loses none."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import pytest
import redis

from jobdesk import Desk
from jobdesk.broker.connection import BLOCK_S, TIMEOUT_S, Broker
from jobdesk.broker.exchange import Exchanged
from jobdesk.engine.feed import UnderWay
from jobdesk.engine.pool import Pool
from tests.bench import Bench, eventually
from tests.chaos.proxy import Proxy

if TYPE_CHECKING:
    from jobdesk.settings import Settings


class Idle:
    """A pool that has found its queue empty, and one thread that waits for a job."""

    def __init__(self, bench: Bench, broker: Broker | None = None, slots: int = 2) -> None:
        self.bench = bench
        queue = bench.queue

        @queue.task()
        def brief() -> None: ...

        self.add = brief
        self.pool = Pool([queue.on(broker) if broker else queue], slots, "host:1:one", alone=True)
        self.feed = self.pool.feeds[0]
        self.pool.exchange_feed(self.feed, 1)
        self.feed.ready = False
        self._thread = threading.Thread(target=self.pool._wait_for_marker)

    def wait(self) -> None:
        """Begin to wait."""
        self._thread.start()
        eventually(lambda: self.bench.broker.client.info("clients")["blocked_clients"] > 0)

    def woken(self) -> None:
        self._thread.join(5)
        assert not self._thread.is_alive()

    def calls(self) -> int:
        """Scripts that the server has run."""
        stats: Any = self.bench.broker.client.info("commandstats")
        return int(stats.get("cmdstat_evalsha", {}).get("calls", 0))


@pytest.fixture
def idle(broker: Broker) -> Idle:
    return Idle(Bench(broker))


def test_an_idle_worker_is_woken_with_its_job(idle: Idle) -> None:
    idle.wait()
    idle.add()
    before = idle.calls()
    idle.woken()

    assert [run.id for run in idle.pool.runs()] == idle.bench.ids("active")
    assert len(idle.pool.runs()) == 1
    assert not idle.feed.ready, "it asks for more though nothing waits"
    assert idle.pool.next_task() is not None
    assert idle.calls() == before


def test_it_asks_for_more_where_more_wait(idle: Idle) -> None:
    idle.wait()
    Desk().add_bulk_jobs("thumbs", [("brief", {}), ("brief", {})])
    idle.woken()
    assert len(idle.pool.runs()) == 1
    assert idle.feed.ready

    assert idle.pool.next_task() is not None
    assert idle.pool.next_task() is not None
    assert idle.bench.counts() == {"active": 2}


def test_while_a_take_is_awaited_an_exchange_only_books(idle: Idle) -> None:
    idle.add()
    idle.pool.exchange_feed(idle.feed, 1)
    [run] = idle.pool.runs()
    idle.bench.broker.client.delete(idle.bench.keys.wake)
    idle.wait()
    assert idle.feed.in_hand == 2, "the awaited job has its place"

    idle.feed.ready = True
    idle.pool.book(run, run.released("for the test"))
    number = idle.feed.request
    idle.pool.exchange_feed(idle.feed, 1)
    idle.woken()

    assert idle.feed.request == number + 1, "two takes had one number, or one had two"
    assert len(idle.pool.runs()) == 1, "what was given back came again"


def test_a_take_under_way_keeps_the_wait_without_one(idle: Idle) -> None:
    idle.pool._send(idle.feed, 1)
    idle.add()
    idle.pool._wait_for_marker()
    assert idle.pool.runs() == []

    assert idle.pool.next_task() is not None


def test_nothing_is_taken_along_for_a_queue_that_is_paused(idle: Idle) -> None:
    idle.wait()
    idle.bench.control.pause_queue("thumbs")
    idle.add()
    idle.bench.broker.client.zadd(idle.bench.keys.wake, {"1": 0})
    idle.woken()

    assert idle.pool.runs() == []
    assert idle.bench.counts() == {"waiting": 1}


def test_a_server_that_has_lost_its_scripts_is_asked_anew(idle: Idle) -> None:
    idle.wait()
    idle.bench.broker.client.script_flush()
    idle.add()
    idle.woken()

    assert idle.pool.next_task() is not None
    assert idle.bench.counts() == {"active": 1}


def test_a_job_that_is_read_after_its_lease_is_not_begun(idle: Idle) -> None:
    """A worker that was frozen reads late what it was handed: another runs it by then."""
    idle.wait()
    idle.add()
    idle.woken()
    idle.pool.runs()[0].lease_until = time.monotonic() - 1
    stop = threading.Timer(0.3, idle.pool.stop)
    stop.start()

    assert idle.pool.next_task() is None
    stop.join()
    assert idle.pool.runs() == []
    assert idle.bench.counts() == {"active": 1}, "its lease decides"


def test_a_job_whose_answer_was_lost_is_handed_out_again_at_once(
    broker: Broker, settings: Settings, proxy: Proxy
) -> None:
    behind = Broker(settings.model_copy(update={"redis_url": proxy.url}))
    assert behind.namespace == broker.namespace
    idle = Idle(Bench(broker), behind)
    proxy.lose("exchange_jobs")
    idle.wait()
    idle.add()
    idle.woken()
    assert proxy.lost == 1
    assert idle.bench.counts() == {"active": 1}
    assert idle.pool.runs() == []

    assert idle.pool.next_task() is not None
    assert [run.taken.stalls for run in idle.pool.runs()] == [0]
    assert idle.bench.events().count("active") == 1
    behind.close()


def test_a_worker_that_stops_as_a_job_comes_keeps_none(broker: Broker) -> None:
    """The take may be made just when it stops: then its answer is read, and the job goes back."""
    bench, ran = Bench(broker), []

    @bench.queue.task()
    def brief(n: int) -> None:
        ran.append(n)

    chance = random.Random(5)
    for n in range(40):
        with bench.worker(2) as consumer:
            eventually(lambda: consumer.station.pool._waiter)
            adding = threading.Timer(chance.random() / 200, brief, kwargs={"n": n})
            adding.start()
            time.sleep(chance.random() / 200)
        adding.join()
        assert bench.counts().get("active", 0) == 0

    bench.run_all()
    assert sorted(ran) == list(range(40))
    assert "stalled" not in bench.events()


def test_of_two_answers_the_later_says_when_the_next_job_is_due(idle: Idle) -> None:
    """The one that was sent along may be read after an exchange that was answered later."""
    feed, pool = idle.feed, idle.pool
    now = feed.told_ms + 1000
    booking, awaited = UnderWay(0, [], housekeeping=False), UnderWay(1, [], housekeeping=False)
    feed.under_way, feed.awaited = booking, awaited

    pool._note(feed, booking, Exchanged(now, now + 60_000, None, 0, [], []))
    due_at = feed.due_at
    assert due_at is not None
    pool._note(feed, awaited, Exchanged(now - 5, None, None, 0, [], []))

    assert feed.due_at == due_at
    assert feed.under_way is None
    assert feed.awaited is None


def test_with_a_short_lease_what_an_idle_worker_is_woken_with_is_not_late(broker: Broker) -> None:
    """Its lease counts from when the take was sent, so it is not sent along for longer."""
    bench, ran = Bench(broker), []
    bench.new_queue(lease=1)

    @bench.queue.task()
    def brief(n: int) -> None:
        ran.append(n)

    with bench.worker(2):
        for n in range(2):
            time.sleep(1.5)
            brief(n=n)
        eventually(lambda: len(ran) == 2, 2)

    assert ran == [0, 1]
    assert "stalled" not in bench.events()


class Silent:
    """A listener whose server says nothing, until somebody hangs up."""

    takes_along = True

    def __init__(self) -> None:
        self._hung_up = threading.Event()

    def wait_and_run(self, *_: object) -> Any:
        assert self._hung_up.wait(20)
        raise redis.ConnectionError("hung up")

    def hang_up(self) -> None:
        self._hung_up.set()


def test_a_waiter_whose_connection_is_dead_holds_up_the_others_for_a_moment(idle: Idle) -> None:
    idle.pool._listener = Silent()  # type: ignore[assignment]
    idle._thread.start()
    eventually(lambda: idle.feed.awaited is not None)
    idle.add()
    idle.feed.ready = True
    idle.pool._waiter = True

    idle.feed.awaited.sent_at -= BLOCK_S  # type: ignore[union-attr]
    began = time.monotonic()
    assert idle.pool.next_task() is not None
    assert time.monotonic() - began < TIMEOUT_S - BLOCK_S
    idle.woken()


def test_where_the_wait_is_refused_no_take_goes_along_before_it_succeeds(idle: Idle) -> None:
    client, wake = idle.bench.broker.client, idle.bench.keys.wake
    client.set(wake, "no sorted set")
    before = idle.calls()
    for _ in range(3):
        idle.pool._wait_for_marker()
    assert idle.calls() == before + 1
    assert not idle.pool._listener.takes_along

    client.delete(wake)
    idle.wait()
    idle.add()
    idle.woken()
    assert idle.pool._listener.takes_along
    assert idle.pool.next_task() is not None


class Snatched(deque[Any]):
    """What was fetched ahead, and a thread that takes the next at the worst moment."""

    def remove(self, run: Any) -> None:
        super().remove(run)
        if self:
            self.popleft()

    def popleft(self) -> Any:
        run = super().popleft()
        self.clear()
        return run


def _fetched(idle: Idle, count: int) -> None:
    for _ in range(count):
        idle.add()
    idle.pool.exchange_feed(idle.feed, count)
    idle.pool._local = Snatched(idle.pool._local)


def test_of_stranded_jobs_those_that_a_thread_takes_up_meanwhile_stay_its_own(idle: Idle) -> None:
    _fetched(idle, 2)
    first, second = idle.pool.runs()
    idle.pool.return_stranded(time.monotonic() + 1)

    assert first.closed
    assert not second.closed
    assert [run for run, _ in idle.feed.finishes] == [first]


def test_a_job_that_a_thread_takes_up_as_the_worker_stops_does_not_hinder_it(idle: Idle) -> None:
    class Last(deque[Any]):
        def popleft(self) -> Any:
            self.clear()
            return super().popleft()

    _fetched(idle, 1)
    idle.pool._local = Last(idle.pool._local)
    idle.pool.stop()

    assert idle.pool.stopping
    assert len(idle.pool.running()) == 1
