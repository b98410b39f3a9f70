"""Redis itself is hurt while jobs come in and are worked off; then the history is checked."""

from __future__ import annotations

import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jobdesk.broker.connection import Broker
from jobdesk.broker.control import Control
from jobdesk.broker.exchange import Outcome
from jobdesk.broker.ids import new_id
from jobdesk.broker.transitions import Transitions
from jobdesk.engine.pool import Pool
from jobdesk.engine.queue import Queue
from jobdesk.errors import QueueFull, RedisReadOnly, RedisUnavailable
from jobdesk.models import NewJob
from jobdesk.settings import Settings
from tests import invariants, servers
from tests.acceptance.workers import Starter, Worker, until
from tests.chaos.play import MODULE, QUEUE, Play
from tests.chaos.proxy import Proxy
from tests.queue_builder import QueueBuilder

AOF = ("--appendonly", "yes", "--appendfsync")
OpenPlay = Callable[[str], Play]


@pytest.fixture
def open_play(settings: Settings, tmp_path: Path, start: Starter) -> Iterator[OpenPlay]:
    """A game on the Redis of a URL."""
    opened: list[Play] = []

    def play(url: str) -> Play:
        broker = Broker(settings.model_copy(update={"redis_url": url}))
        opened.append(Play(broker, tmp_path))
        start.environment.update(opened[-1].environment, REDIS_URL=url)
        return opened[-1]

    yield play
    for each in opened:
        each.broker.close()


def worker(start: Starter) -> Worker:
    return start.huey_consumer("-w", "10", "-q", module=MODULE)


# --- a server of its own


@pytest.mark.chaos
@pytest.mark.parametrize("fsync", ["everysec", "always"])
def test_redis_killed_and_restarted_under_load_loses_nothing(fsync, start, open_play, make_server):
    """A crash of the process: what it has written is the kernel's, in either class."""
    server = make_server(*AOF, fsync)
    play = open_play(server.url)
    worker(start)
    worker(start)
    play.keep_adding(0.003, seconds=0.05)
    for _ in range(5):
        time.sleep(1.5)
        server.kill()
        time.sleep(0.5)
        server.start()
    time.sleep(1)
    play.stop_adding()
    play.wait_for_all()

    assert play.verdict() == []
    assert play.count("unsure") > 0


@pytest.mark.chaos
def test_redis_away_for_longer_than_a_lease_loses_nothing(start, open_play, make_server):
    server = make_server(*AOF, "always")
    play = open_play(server.url)
    worker(start)
    play.keep_adding(0.01, seconds=0.3)
    time.sleep(3)
    server.kill()
    time.sleep(5)
    server.start()
    time.sleep(1)
    play.stop_adding()
    play.wait_for_all()

    assert play.verdict() == []


@pytest.mark.chaos
def test_scripts_forgotten_under_load_are_loaded_again(start, play):
    worker(start)
    play.keep_adding(0.003, seconds=0.02)
    for _ in range(40):
        time.sleep(0.1)
        play.broker.client.script_flush()
    play.stop_adding()
    play.wait_for_all()

    assert play.verdict() == []
    assert play.count("event", e="stalled") == 0


@pytest.mark.chaos
def test_answers_lost_at_random_lose_no_job(start, open_play, redis_server):
    proxy = Proxy(redis_server.socket)
    play = open_play(proxy.url)
    chance = random.Random(3)
    worker(start)
    play.keep_adding(0.005, seconds=0.05)
    scripts = ["add_jobs", "exchange_jobs", "exchange_jobs", "renew_leases"]
    for _ in range(80):
        time.sleep(0.1)
        proxy.lose(chance.choice(scripts), chance.choice([1, 1, 2]))
    play.stop_adding()
    play.wait_for_all()

    assert play.verdict() == []
    assert proxy.lost > 40
    proxy.close()


@pytest.mark.chaos
def test_links_that_hang_and_links_that_break_lose_no_job(start, open_play, redis_server):
    """Half-open: for longer than a lease and a time-out, nothing comes and nothing closes."""
    proxy = Proxy(redis_server.socket)
    play = open_play(proxy.url)
    worker(start)
    play.keep_adding(0.02, seconds=0.1)
    time.sleep(2)
    for _ in range(2):
        proxy.hang()
        time.sleep(6)
        proxy.mend()
        time.sleep(1)
        proxy.cut()
        time.sleep(1)
    play.stop_adding()
    play.wait_for_all()

    assert play.verdict() == []
    proxy.close()


def test_a_replica_refuses_by_name_and_work_goes_on_when_it_is_master_again(
    start, open_play, make_server
):
    """The state of an old master after a failover."""
    server = make_server()
    play = open_play(server.url)
    worker(start)
    play.add(20, seconds=0.02)
    until(lambda: play.watch.ended() > 0)
    server.client().replicaof("127.0.0.1", servers.free_port())
    with pytest.raises((RedisReadOnly, RedisUnavailable)):
        Transitions(play.broker, QUEUE).add([NewJob(id="x1", type="nap", payload=b"{}")])
    time.sleep(0.5)
    server.client().replicaof("NO", "ONE")
    play.add(20, seconds=0.02)
    play.wait_for_all()

    assert play.verdict() == []


# --- memory


@pytest.mark.parametrize("version", sorted(servers.all_binaries()))
def test_at_maxmemory_only_adding_is_refused_and_the_queue_drains(version, settings, make_server):
    server = make_server(
        "--maxmemory-policy", "noeviction", binary_path=servers.all_binaries()[version]
    )
    broker = Broker(settings.model_copy(update={"redis_url": server.url}))
    jobs, control = QueueBuilder(broker, "full"), Control(broker)
    for start in range(0, 300, 100):
        jobs.waiting(
            *(f"a{n}" for n in range(start, start + 100)), payload=b'{"x":"' + b"x" * 2000 + b'"}'
        )
    jobs.delayed("d1", "d2")
    taken = jobs.take(20)
    server.client().config_set("maxmemory", 1_000_000)

    with pytest.raises(QueueFull):
        jobs.waiting("refused")
    with pytest.raises(QueueFull):
        control.update_data("full", "a200", b"{}")
    with pytest.raises(QueueFull):
        jobs.moves.log(taken[0].id, taken[0].epoch, ["line"])
    assert jobs.moves.renew(30_000, [(job.id, job.epoch) for job in taken]) == ["OK"] * 20
    assert jobs.moves.progress(taken[0].id, taken[0].epoch, "50") == "OK"
    told = '"o":"failed","w":"","err":"E","tb":""}'
    assert jobs.finish(taken[0], Outcome.FAILED, error="E", attempt=told) == "OK"
    assert jobs.finish(taken[1], Outcome.RETRY, error="E", attempt=told, delay_ms=1) == "OK"
    assert jobs.finish(taken[2], Outcome.RELEASED, attempt=told) == "OK"
    for job in taken[3:]:
        assert jobs.finish(job, value=b"1") == "OK"
    control.pause_queue("full")
    control.resume_queue("full")
    control.retry_job("full", taken[0].id)
    control.promote_job("full", "d1")
    control.change_priority("full", "d2", 1)
    control.cancel_job("full", "a290")
    control.remove_job("full", "a291")
    time.sleep(0.01)
    while batch := jobs.take(50):
        assert {jobs.finish(job, value=b"1") for job in batch} == {"OK"}

    assert jobs.order() == []
    control.clean_jobs("full", "completed", grace=0)
    server.client().config_set("maxmemory", 0)
    jobs.waiting("welcome")
    invariants.check(broker, "full")
    broker.close()


# --- Sentinel


@pytest.fixture
def failover(make_server: Callable[..., servers.Server], tmp_path: Path) -> Iterator[Any]:
    """A master, a replica, and three sentinels: (master, replica, the sentinels' ports)."""
    master = make_server(*AOF, "everysec", tcp=True)
    replica = make_server(*AOF, "everysec", "--replicaof", f"127.0.0.1 {master.port}", tcp=True)
    processes, ports = [], []
    for number in range(3):
        folder = tmp_path / f"sentinel-{number}"
        folder.mkdir()
        ports.append(servers.free_port())
        config = folder / "sentinel.conf"
        config.write_text(
            f"port {ports[-1]}\nbind 127.0.0.1\ndir {folder}\n"
            f"sentinel monitor main 127.0.0.1 {master.port} 2\n"
            "sentinel down-after-milliseconds main 1500\nsentinel failover-timeout main 10000\n"
        )
        processes.append(
            subprocess.Popen(
                [servers.binary(), config, "--sentinel"],
                stdout=subprocess.DEVNULL,
                stdin=subprocess.DEVNULL,
            )
        )
    until(lambda: replica.client().info("replication").get("master_link_status") == "up")
    until(lambda: all(_sees_all(port) for port in ports), say=ports)
    yield master, replica, ports
    for process in processes:
        process.kill()
        process.wait(10)


def _sees_all(port: int) -> bool:
    import redis

    try:
        with redis.Redis(port=port, protocol=2) as asked:
            found: Any = asked.sentinel_master("main")
            return found["num-slaves"] == 1 and found["num-other-sentinels"] == 2
    except redis.RedisError:
        return False


@pytest.mark.chaos
def test_a_sentinel_failover_under_load_goes_on_with_the_replica(start, open_play, failover):
    """What was acknowledged just before may be lost (replication does not wait), nothing else."""
    master, replica, ports = failover
    hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
    play = open_play(f"redis+sentinel://{hosts}/main")
    worker(start)
    worker(start)
    play.keep_adding(0.005, seconds=0.05)
    time.sleep(3)
    killed_at = time.time()
    master.kill()
    until(lambda: replica.client().info("replication")["role"] == "master", 30)
    promoted_at = time.time()
    before = play.acked
    until(lambda: play.acked > before + 100, 30, "adding to the new master")
    play.stop_adding()
    play.wait_for_all()

    assert promoted_at - killed_at < 30
    window = (killed_at - 1.5, promoted_at)
    assert play.verdict(may_lose_between=window) == []


# --- Cluster


@pytest.fixture
def cluster(make_server: Callable[..., servers.Server]) -> list[servers.Server]:
    """Three masters that share the slots."""
    nodes = [
        make_server("--cluster-enabled", "yes", "--cluster-node-timeout", "5000", tcp=True)
        for _ in range(3)
    ]
    servers.share_slots(nodes)
    return nodes


def _migrate(source: Any, target: Any, port: int, slot: int) -> float:
    """Move a slot as redis-cli --cluster does, ten keys at a time; the longest of the moves."""
    ids = {node: node.execute_command("CLUSTER", "MYID") for node in (source, target)}
    target.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source])
    source.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[target])
    longest = 0.0
    while keys := source.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 10):
        began = time.monotonic()
        source.execute_command("MIGRATE", "127.0.0.1", port, "", 0, 20_000, "KEYS", *keys)
        longest = max(longest, time.monotonic() - began)
    for node in (target, source):
        node.execute_command("CLUSTER", "SETSLOT", slot, "NODE", ids[target])
    return longest


@pytest.mark.chaos
@pytest.mark.parametrize("waiting", [20_000, 200_000])
def test_the_slot_of_a_long_queue_moves_under_load(waiting, start, open_play, cluster):
    play = open_play(f"redis+cluster://127.0.0.1:{cluster[0].port}")
    slot = cluster[0].client().execute_command("CLUSTER", "KEYSLOT", play.watch.keys.wait)
    owner = cluster[[slot < 5461, slot < 10923, True].index(True)]
    other = next(node for node in cluster if node is not owner)
    _add_ballast(play, waiting)
    at_work = worker(start)
    play.keep_adding(0.02, seconds=0.02)
    until(lambda: play.watch.ended() > 20, 30, say=play.watch.counts)

    began = time.monotonic()
    longest = _migrate(owner.client(), other.client(), other.port, slot)
    took = time.monotonic() - began
    there = other.client().zcard(play.watch.keys.wait)
    others = [node for node in cluster if node not in (owner, other)]
    for node in others:
        node.client().execute_command(
            "CLUSTER", "SETSLOT", slot, "NODE", other.client().execute_command("CLUSTER", "MYID")
        )
    before = play.watch.ended()
    until(lambda: play.watch.ended() > before + 50, 60, "work after the move", play.watch.counts)
    play.stop_adding()
    at_work.signal(signal.SIGTERM)
    assert at_work.wait() == 0
    print(f"\n{waiting:,} jobs moved in {took:.1f} s, no ten keys of them in over {longest:.2f} s")

    assert there > 0.9 * waiting
    assert owner.client().execute_command("CLUSTER", "COUNTKEYSINSLOT", slot) == 0
    assert play.verdict(all_done=False, deep=waiting < 100_000) == []


def _add_ballast(play: Play, count: int) -> None:
    """Jobs that wait behind all others, no more at a time than the recorder can follow."""
    moves = Transitions(play.broker, QUEUE)
    for begin in range(0, count, 100):
        moves.add(
            [
                NewJob(id=new_id(), type="nap", payload=b"{}", fields=(("at", 1),))
                for _ in range(100)
            ]
        )
        until(lambda begin=begin: play.recorder.seen > begin - 5000)


# --- many at once


def _pool(settings: Settings, url: str, number: int) -> Pool:
    """An idle worker of one slot, on connections of its own."""
    broker = Broker(settings.model_copy(update={"redis_url": url}))
    return Pool([Queue("storm", broker=broker)], 1, f"h:{number}:w", alone=True)


@pytest.mark.chaos
def test_two_hundred_workers_come_back_at_once(settings, make_server):
    """Each tries again after a pause of its own; the server sees them spread out."""
    server = make_server(tcp=True)

    def blocked() -> int:
        told: Any = server.client().info("clients")
        return int(told["blocked_clients"])

    pools = [_pool(settings, server.url, number) for number in range(200)]
    threads = [threading.Thread(target=pool.next_task, daemon=True) for pool in pools]
    for thread in threads:
        thread.start()
    until(lambda: blocked() == 200, 60, "200 idle workers", blocked)
    server.kill()
    time.sleep(3)
    server.start()
    began = time.monotonic()
    until(lambda: blocked() == 200, 30, "200 workers back", blocked)
    took = time.monotonic() - began
    told: Any = server.client().info("stats")
    for pool in pools:
        pool.stop()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()

    assert took < 10
    assert told["total_connections_received"] < 1000
    assert told["rejected_connections"] == 0
    for pool in pools:
        pool.broker.close()


def test_jobs_whose_take_was_lost_are_asked_for_again_after_other_business(
    settings, redis_server, broker
):
    """An exchange that only books ends must not use up the number of the lost one."""
    proxy = Proxy(redis_server.socket)
    made = _pool(settings, proxy.url, 1)
    made.feeds[0].queue.transitions.add([NewJob(id="a1", type="nap", payload=b"{}")])
    proxy.lose("exchange_jobs", 2)

    made.exchange_feed(made.feeds[0], 1)
    made.exchange_feed(made.feeds[0], 0)
    made.exchange_feed(made.feeds[0], 1)

    assert proxy.lost == 2
    assert [run.id for run in made.runs()] == ["a1"]
    made.broker.close()
    proxy.close()
