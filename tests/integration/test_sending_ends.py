"""A thread sends the end of its job itself; the supervisor is there for when nobody does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from jobdesk.broker.connection import Broker
from jobdesk.engine.feed import SHORT_S
from jobdesk.engine.pool import Pool
from jobdesk.engine.supervisor import Supervisor
from tests.bench import Bench, eventually
from tests.chaos.proxy import Proxy

if TYPE_CHECKING:
    from jobdesk.settings import Settings
    from tests import servers


@pytest.fixture
def proxy(redis_server: servers.Server) -> Iterator[Proxy]:
    made = Proxy(redis_server.socket)
    yield made
    made.close()


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
        time.sleep(SHORT_S * 3)  # longer than what is fetched ahead

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

    for _ in range(300):
        short()
    pool = bench.queue.pool = Pool([bench.queue], 1, "host:1:one", alone=True)
    told = Told(pool)
    pool.feeds[0].run_s = SHORT_S / 20
    pool._exchange(slot_thread=True)
    assert pool.feeds[0].under_way is not None
    assert pool.unattended()
    assert told.times == 1
    pool.stop()
    assert told.times > 1
    pool.give_back("the test ends")
    assert bench.counts() == {"waiting": 300}
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
    pool.feeds[0].run_s = SHORT_S / 20
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


def test_the_last_end_of_a_thread_that_is_replaced_is_the_supervisors(broker: Broker) -> None:
    bench = Bench(broker)

    @bench.queue.task()
    def last() -> None: ...

    consumer = bench.queue.create_consumer(workers=1, max_tasks=1)
    consumer.start()
    try:
        told = Told(consumer.station.pool)
        last()
        thread = consumer.worker_threads[0][1]
        eventually(lambda: not thread.is_alive())
        assert told.times == 1
    finally:
        consumer.stop(graceful=True)
    assert bench.counts() == {"completed": 1}
