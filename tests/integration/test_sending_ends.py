"""A thread sends the end of its job itself; the supervisor is there for when nobody does."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from jobdesk.broker.connection import Broker
from jobdesk.engine import pool as pool_module
from jobdesk.engine.feed import AHEAD_S, Feed
from jobdesk.engine.pool import MOST, Pool
from jobdesk.engine.supervisor import Supervisor
from tests.bench import Bench, eventually
from tests.chaos.proxy import Proxy

if TYPE_CHECKING:
    from jobdesk.settings import Settings


def test_the_supervisor_sleeps_while_threads_send_their_ends(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, ticks = Bench(broker), [0]
    tick = Supervisor._tick

    def counted(self: Supervisor) -> float:
        ticks[0] += 1
        return tick(self)

    monkeypatch.setattr(Supervisor, "_tick", counted)

    @bench.queue.task()
    def short() -> None:
        time.sleep(AHEAD_S * 2)  # longer than what is fetched ahead

    for _ in range(60):
        short()
    with bench.worker(1):
        eventually(lambda: bench.counts() == {"completed": 60})
        seen = ticks[0]
    assert seen < 20


class Told:
    """Counts how often the supervisor is called, and lets it sleep."""

    def __init__(self, pool: Pool) -> None:
        self.times = 0
        pool.on_booked = self.booked

    def booked(self) -> None:
        self.times += 1


def knows(feed: Feed, run_s: float, *, waiting: int) -> None:
    """As after many runs of ``run_s``."""
    feed.run_s, feed.seen, feed.waiting = run_s, 1000, waiting


def test_an_end_that_was_not_answered_is_the_supervisors_too(
    settings: Settings, proxy: Proxy
) -> None:
    behind = Broker(settings.model_copy(update={"redis_url": proxy.url}))
    bench = Bench(behind)

    @bench.queue.task()
    def lost() -> None: ...

    lost()
    pool = bench.queue.pool = Pool([bench.queue], 1, "host:1:one", alone=True)
    told = Told(pool)
    task = pool.next_task()
    pool.feeds[0].ready = False
    bench.queue.execute(task)
    assert told.times == 0
    proxy.lose("exchange_jobs", times=2)
    pool._exchange(slot_thread=True)
    assert proxy.lost == 2
    assert told.times == 1
    assert pool.unattended()

    pool.serve(pool.feeds[0])
    assert not pool.runs()
    assert not pool.unattended()
    assert bench.counts() == {"completed": 1}
    assert bench.events().count("completed") == 1
    bench.queue.pool = None
    behind.close()


def test_an_answer_that_is_left_for_later_is_the_supervisors_too(broker: Broker) -> None:
    bench = Bench(broker)

    @bench.queue.task()
    def short() -> None: ...

    for _ in range(700):
        short()
    pool = bench.queue.pool = Pool([bench.queue], 1, "host:1:one", alone=True)
    told = Told(pool)
    knows(pool.feeds[0], AHEAD_S / 160, waiting=700)
    pool._exchange(slot_thread=True)
    assert pool.feeds[0].under_way is not None
    assert pool.unattended()
    assert told.times == 1
    pool.stop()
    assert told.times > 1
    pool.give_back("the test ends")
    assert bench.counts() == {"waiting": 700}
    bench.queue.pool = None


def test_jobs_that_were_fetched_ahead_are_the_supervisors_too(broker: Broker) -> None:
    """The first of them may take long, and those that rest sleep on: such jobs wake nobody."""
    bench = Bench(broker)

    @bench.queue.task()
    def short() -> None: ...

    for _ in range(5):
        short()
    pool = bench.queue.pool = Pool([bench.queue], 2, "host:1:one", alone=True)
    told = Told(pool)
    knows(pool.feeds[0], AHEAD_S / 160, waiting=300)
    pool._exchange(slot_thread=True)
    assert pool.feeds[0].under_way is None
    assert told.times == 1
    for left in range(5, 0, -1):
        assert pool.unattended(), left
        bench.queue.execute(pool.next_task())
    pool.serve(pool.feeds[0])
    assert not pool.unattended()
    assert bench.counts() == {"completed": 5}
    bench.queue.pool = None


def test_no_worker_fetches_ahead_more_than_a_quarter_of_what_waits(broker: Broker) -> None:
    """However short its jobs are: another may have nothing to do."""
    bench = Bench(broker)

    @bench.queue.task()
    def short() -> None: ...

    for _ in range(11):
        short()
    pool = bench.queue.pool = Pool([bench.queue], 1, "host:1:one", alone=True)
    feed = pool.feeds[0]
    knows(feed, AHEAD_S / 160, waiting=0)
    pool.exchange_feed(feed, 1)
    assert feed.waiting == 10
    assert feed.ahead == 2
    feed.run_s = AHEAD_S
    assert feed.ahead == 1
    pool.stop()
    pool.give_back("the test ends")
    assert bench.counts() == {"waiting": 11}
    bench.queue.pool = None


def test_what_is_over_a_hundred_ends_is_the_supervisors_too(broker: Broker) -> None:
    bench, many = Bench(broker), MOST + 20

    @bench.queue.task()
    def together() -> None: ...

    for _ in range(many):
        together()
    pool = bench.queue.pool = Pool([bench.queue], many, "host:1:one", alone=True)
    told = Told(pool)
    feed = pool.feeds[0]
    for _ in range(2):
        pool.exchange_feed(feed, many // 2)
    feed.ready = False
    tasks = [pool.next_task() for _ in range(many)]
    for task in tasks:
        bench.queue.execute(task)
    told.times = 0
    pool._exchange(slot_thread=True)
    assert len(feed.finishes) == 20
    assert told.times == 1
    bench.queue.pool = None


def test_an_end_between_an_answer_and_its_reader_is_the_supervisors_too(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two threads: one books while the other has its answer in hand, and takes what that brought.

    It comes by for no exchange then, and the other may have looked before.
    """
    bench = Bench(broker)

    @bench.queue.task()
    def brief() -> None: ...

    brief()
    brief()
    pool = bench.queue.pool = Pool([bench.queue], 2, "host:1:one", alone=True)
    told, feed = Told(pool), pool.feeds[0]
    knows(feed, AHEAD_S / 16, waiting=300)
    pool._exchange(slot_thread=True)
    ours, others = pool.next_task(), pool.next_task()
    brief()
    feed.ready = True  # its marker was heard
    steps = [lambda: bench.queue.execute(others), pool.next_task]

    def aside(name: str, place: Any) -> None:
        """Let the other thread do its next step as ours comes to ``name``."""
        plain = getattr(place, name)

        def then(*args: Any) -> Any:
            if (steps and feed.under_way is not None) or len(steps) == 1:
                thread = threading.Thread(target=steps.pop(0))
                thread.start()
                thread.join(10)
            return plain(*args)

        monkeypatch.setattr(place, name, then)

    bench.queue.execute(ours)
    aside("exchanged", pool_module)
    aside("_call_waiter", Pool)
    told.times = 0
    pool._exchange(slot_thread=True)
    assert not steps
    assert not feed.finishes or told.times
    bench.queue.pool = None


def test_the_last_end_of_a_thread_that_is_replaced_is_the_supervisors(broker: Broker) -> None:
    bench = Bench(broker)

    @bench.queue.task()
    def last() -> None: ...

    @bench.queue.on_shutdown()
    def hook() -> None:
        called.append(told.times)

    called: list[int] = []
    consumer = bench.queue.create_consumer(workers=1, max_tasks=1)
    consumer.start()
    try:
        told = Told(consumer.station.pool)
        last()
        thread = consumer.worker_threads[0][1]
        eventually(lambda: not thread.is_alive())
        assert called[:1] == [1], "the hook may take long, and comes first"
    finally:
        consumer.stop(graceful=True)
    assert bench.counts() == {"completed": 1}
