"""Workers that are told to stop, frozen ones, and what becomes of their jobs."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import pytest

from jobdesk.broker.connection import Broker
from tests import invariants
from tests.acceptance import trouble
from tests.acceptance.jobs import add
from tests.acceptance.workers import Starter, Watch, Worker, until
from tests.servers import Server

KINDS = ["threads", "forks", "fleet"]


def started(kind: str, start: Starter, slots: int = 5, **environment: str) -> Worker:
    if kind == "fleet":
        return start.jobdesk_worker("trouble", concurrency=slots, **environment)
    more = ("-k", "process") if kind == "forks" else ()
    return start.huey_consumer("-w", str(slots), "-q", *more, **environment)


def test_a_frozen_workers_end_is_refused_as_stale(start: Starter, watched: Watch) -> None:
    first = start.huey_consumer("-w", "1", "-q")
    (job_id,) = add("nap", seconds=0.7)
    watched.wait_for("active", 1)
    before = watched.worker_of(job_id)

    first.signal(signal.SIGSTOP)
    start.huey_consumer("-w", "1", "-q")
    watched.wait_for("completed", 1)
    first.signal(signal.SIGCONT)
    first.says("its end came too late, another run has it")

    assert watched.times("completed") == {job_id: 1}
    assert watched.times("stalled") == {job_id: 1}
    assert watched.worker_of(job_id) != before


def test_what_an_idle_frozen_worker_is_handed_runs_elsewhere(
    start: Starter, watched: Watch
) -> None:
    """Its take is with Redis already: a job that comes in these two seconds waits for its lease."""
    first = start.huey_consumer("-w", "1", "-q")
    add("nap", seconds=0)
    watched.wait_for("completed", 1)
    first.signal(signal.SIGSTOP)

    (job_id,) = add("nap", seconds=0.1)
    second = start.huey_consumer("-w", "1", "-q")
    watched.wait_for("completed", 2)
    first.signal(signal.SIGCONT)
    for worker in (first, second):
        worker.signal(signal.SIGTERM)
        assert worker.wait(15) == 0

    assert set(watched.times("completed").values()) == {1}
    assert watched.times("stalled") in ({}, {job_id: 1})
    assert watched.count("active") == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_worker_told_to_stop_under_load_stalls_nothing(
    kind: str, start: Starter, watched: Watch
) -> None:
    ids = add("nap", 60)
    first = started(kind, start)
    watched.wait_for("completed", 20)

    first.signal(signal.SIGTERM)

    assert first.wait(15) == 0
    assert watched.count("active") == 0
    done = watched.count("completed")
    assert 20 <= done < 60
    second = start.jobdesk_worker("trouble", burst=True)
    assert second.wait() == 0
    assert watched.times("completed") == dict.fromkeys(ids, 1)
    assert watched.times("stalled") == {}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_gives_back_at_once(
    kind: str, first: signal.Signals, start: Starter, watched: Watch
) -> None:
    ids = add("nap", 3, seconds=60)
    worker = started(kind, start, slots=2)
    watched.wait_for("active", 2)

    worker.signal(first)
    time.sleep(0.5)  # it waits for its jobs
    assert worker.process.poll() is None
    worker.signal(signal.SIGTERM)

    assert worker.wait(10) == 0
    assert watched.order("waiting") == ids
    assert watched.times("stalled") == {}


@pytest.mark.parametrize("kind", KINDS)
def test_what_outlasts_the_shutdown_time_goes_back_to_its_old_place(
    kind: str, start: Starter, watched: Watch
) -> None:
    ids = add("nap", 3, seconds=60)
    worker = started(kind, start, slots=1, JOBDESK_SHUTDOWN_TIMEOUT="1")
    watched.wait_for("active", 1)

    worker.signal(signal.SIGTERM)

    assert worker.wait(12) == 0
    assert watched.order("waiting") == ids
    assert watched.times("stalled") == {}
    attempts = watched.job(ids[0]).history
    assert [attempt.outcome for attempt in attempts] == ["released"]


def test_an_interrupted_child_does_not_run_on(start: Starter, broker: Broker) -> None:
    """The job was given back: a second run of it must not overlap."""
    watched = Watch(broker, "boxed")
    (job_id,) = add("nap", 1, trouble.boxed, seconds=60)
    worker = start.huey_consumer("-w", "1", "-q", queue="boxed")
    watched.wait_for("active", 1)
    until(lambda: len(worker.children()) == 1)
    (child,) = worker.children()

    worker.signal(signal.SIGTERM)
    time.sleep(0.3)
    worker.signal(signal.SIGTERM)

    assert worker.wait(10) == 0
    until(lambda: not child.is_running())
    assert watched.order("waiting") == [job_id]


def test_a_terminals_interrupt_ends_no_job(start: Starter, broker: Broker) -> None:
    """Ctrl-C comes to every process of the group: to the children of a worker, too."""
    watched = Watch(broker, "boxed")
    (job_id,) = add("report", 1, trouble.boxed, pings=30)
    worker = start.huey_consumer("-w", "1", "-q", queue="boxed")
    until(lambda: watched.times("progress"))

    for process in worker.children():
        process.send_signal(signal.SIGINT)
    worker.signal(signal.SIGINT)

    assert worker.wait(15) == 0
    assert watched.times("completed") == {job_id: 1}
    invariants.check(broker, "boxed")


def test_a_stop_does_not_wait_for_redis(
    start: Starter, make_server: Callable[..., Server], environment: dict[str, str]
) -> None:
    """The one thing it could still do is give jobs back, and their leases do that too."""
    server = make_server()
    worker = start.huey_consumer("-w", "4", "-q", REDIS_URL=server.url)
    worker.says("worker uses")
    client = server.client()
    until(
        lambda: list(client.scan_iter("*wk:*")) or client.info("clients")["connected_clients"] > 2
    )
    server.kill()

    worker.says("their ends are kept until it answers")
    worker.signal(signal.SIGTERM)

    assert worker.wait(20) == 0
