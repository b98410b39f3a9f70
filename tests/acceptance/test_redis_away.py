"""Redis goes away while jobs run, and comes back."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

import pytest

from jobdesk import settings as settings_module
from jobdesk.broker import connection
from jobdesk.settings import Settings
from tests import invariants
from tests.acceptance import trouble
from tests.acceptance.jobs import add
from tests.acceptance.workers import Starter, Watch, Worker
from tests.servers import Server

JOBS = 60


@pytest.fixture
def server(
    make_server: Callable[..., Server], settings: Settings, start: Starter
) -> Iterator[Server]:
    """A server with an append-only file, which this process and the workers use."""
    made = make_server("--appendonly", "yes", "--appendfsync", "always")
    settings_module.use(settings.model_copy(update={"redis_url": made.url}))
    start.environment["REDIS_URL"] = made.url
    yield made
    settings_module.use(settings)


def started(kind: str, start: Starter) -> Worker:
    if kind == "fleet":
        return start.jobdesk_worker("steady")
    more = ("-k", "process") if kind == "forks" else ()
    return start.huey_consumer("-w", "5", "-q", *more, queue="steady")


@pytest.mark.parametrize("kind", ["threads", "forks", "fleet"])
def test_redis_away_for_a_while_loses_nothing_and_runs_nothing_twice(
    kind: str, server: Server, start: Starter
) -> None:
    """Shorter than a lease: the ends of what ran meanwhile are kept, and booked afterwards."""
    broker = connection.connect()
    watched = Watch(broker, "steady")
    ids = add("nap", JOBS, trouble.steady, seconds=0.2)
    worker = started(kind, start)
    watched.wait_for("completed", 10)

    server.kill()
    time.sleep(2.5)
    server.start()
    watched.wait_for("completed", JOBS)

    assert watched.times("completed") == dict.fromkeys(ids, 1)
    assert watched.times("stalled") == {}
    assert watched.times("active") == dict.fromkeys(ids, 1)
    assert set(invariants.check(broker, "steady").values()) == {"completed"}
    if kind != "forks":  # there every process says it
        told = [line for line in worker.log.splitlines() if re.search("reach|answer", line)]
        assert len(told) == 2, worker.log
        assert "jobs go on, their ends are kept until it answers" in told[0]
        assert "Redis answers again after" in told[1]


def test_redis_away_longer_than_a_lease_completes_each_job_once(
    server: Server, start: Starter
) -> None:
    broker = connection.connect()
    watched = Watch(broker, "trouble")
    ids = add("nap", 30, seconds=0.2)
    start.huey_consumer("-w", "5", "-q")
    watched.wait_for("completed", 5)

    server.kill()
    time.sleep(3.0)
    server.start()
    watched.wait_for("completed", 30)

    assert watched.times("completed") == dict.fromkeys(ids, 1)
    assert watched.times("failed") == {}
    invariants.check(broker, "trouble")


@pytest.mark.parametrize("kind", ["threads", "fleet"])
def test_a_worker_started_before_redis_waits_for_it(
    kind: str, server: Server, start: Starter
) -> None:
    watched = Watch(connection.connect(), "trouble")
    (job_id,) = add("nap")
    server.kill()
    fleet = kind == "fleet"
    worker = start.jobdesk_worker("trouble") if fleet else start.huey_consumer("-w", "2", "-q")
    worker.says("waiting for it")

    server.start()
    watched.wait_for("completed", 1)

    assert watched.times("completed") == {job_id: 1}
    assert worker.log.count("waiting for it") == 1


def test_a_burst_without_redis_is_refused(server: Server, start: Starter) -> None:
    server.kill()

    worker = start.jobdesk_worker("trouble", burst=True)

    assert worker.wait(20) == 3
    assert "RedisUnavailable" in worker.log
