"""The broker against real servers: who is let in, what is refused, and what survives."""

import logging
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from jobdesk.broker import connection, scripts
from jobdesk.broker.connection import Broker
from jobdesk.errors import (
    BrokerError,
    InsecureRedis,
    QueueFull,
    RedisAuthFailed,
    RedisPermission,
    RedisReadOnly,
    RedisTlsError,
    RedisTooOld,
    RedisUnavailable,
    UnsafeEviction,
)
from tests import servers


@pytest.fixture
def lua(tmp_path, monkeypatch):
    """Scripts of the test's own: ``lua("name", "return 1")``."""
    folder = tmp_path / "lua"
    (folder / "include").mkdir(parents=True)
    monkeypatch.setattr(scripts, "FOLDER", folder)

    def write(name, text):
        (folder / f"{name}.lua").write_text(text)
        scripts.load.cache_clear()

    yield write
    scripts.load.cache_clear()


@pytest.fixture
def reach(settings):
    """A broker for another server: ``reach(url, **settings)``."""
    made = []

    def to(url, **values):
        made.append(Broker(settings.model_copy(update={"redis_url": url, **values})))
        return made[-1]

    yield to
    for broker in made:
        broker.close()


COUNT = "return redis.call('INCRBY', KEYS[1] .. ARGV[1], ARGV[2])"


def test_a_script_runs_with_its_prefix_and_arguments(broker, lua):
    lua("count", COUNT)
    keys = broker.keys("q")

    assert broker.run("count", keys.prefix, "seq", 2) == 2
    assert broker.run("count", keys.prefix, b"seq", "3") == 5
    assert broker.client.get(keys.seq) == b"5"


def test_a_server_that_forgot_the_script_is_given_it_again(broker, lua):
    lua("count", COUNT)
    prefix = broker.keys("q").prefix
    broker.run("count", prefix, "seq", 1)

    broker.client.script_flush()

    assert broker.run("count", prefix, "seq", 1) == 2


def test_many_threads_each_get_their_own_answers(broker, lua):
    lua("echo", "return {ARGV[1], KEYS[1]}")
    prefix = broker.keys("q").prefix

    def ask(number):
        return broker.run("echo", prefix, number)[0] == str(number).encode()

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(ask, range(600)))

    assert all(answers)


FORKING = """
import os
from jobdesk.broker.connection import connect

broker = connect()
keys = broker.keys("q")
parent = broker.client.client_id()
broker.blocking().ping()
broker.run("who_asks", keys.prefix, 0)
child = os.fork()
sign = -1 if child else 1
mine = [sign * n for n in range(99)]
answers = [broker.run("who_asks", keys.prefix, n) == str(n).encode() for n in mine]
same = broker.client.client_id() == parent
fine = all(answers) and broker.blocking().ping() and same == bool(child)
if not child:
    os._exit(0 if fine else 1)
print(bool(fine), os.waitpid(child, 0)[1])
"""


def test_a_forked_child_talks_on_connections_of_its_own(environment, lua, tmp_path):
    lua("who_asks", "return ARGV[1]")
    use = (
        "from pathlib import Path; import jobdesk.broker.scripts as scripts;"
        f"scripts.FOLDER = Path({str(tmp_path / 'lua')!r})"
    )

    told = subprocess.run(
        [sys.executable, "-c", use + FORKING],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert told.stdout == "True 0\n", told.stderr


def test_a_failing_script_is_named_in_the_error(broker, lua):
    lua("broken", "return redis.call('LPUSH', KEYS[1] .. 'seq')")

    with pytest.raises(BrokerError, match="refused broken"):
        broker.run("broken", broker.keys("q").prefix)


def test_an_error_inside_a_with_block_is_translated_and_others_pass(broker):
    broker.client.set(broker.keys("q").seq, "x")

    with pytest.raises(BrokerError, match="refused looking"), broker.errors("looking"):
        broker.client.lrange(broker.keys("q").seq, 0, 1)
    with pytest.raises(KeyError), broker.errors():
        {}["no"]


def test_connect_gives_one_broker_per_process(settings):
    first = connection.connect(settings)

    assert connection.connect() is first
    assert connection.connect(settings.model_copy(update={"namespace": "other"})) is not first


def test_a_closed_broker_opens_again_at_use(broker):
    broker.client.ping()
    broker.close()

    assert broker.client.ping()


# --- time-outs and retries


def test_the_time_outs_are_our_own(reach):
    broker = reach("redis://127.0.0.1:1")
    for client in (broker.client, broker.blocking()):
        told = client.connection_pool.connection_kwargs
        assert told["socket_timeout"] == told["socket_connect_timeout"] == 5
        assert told["protocol"] == 2
    assert broker.client.connection_pool.connection_kwargs["retry"].get_retries() == 2
    assert broker.blocking().connection_pool.connection_kwargs["retry"].get_retries() == 0
    assert connection.BLOCK_S < connection.TIMEOUT_S


def test_nobody_there_is_told_as_nothing_sent(reach):
    broker = reach(f"redis://127.0.0.1:{servers.free_port()}")

    with pytest.raises(RedisUnavailable, match=r"cannot reach 127\.0\.0\.1:\d+") as told:
        broker.run("pause_queue", broker.keys("q").prefix)

    assert told.value.sent is False


def test_a_missing_socket_is_told_by_its_path(reach, tmp_path):
    broker = reach(f"unix://{tmp_path}/no.sock")

    with pytest.raises(RedisUnavailable, match=r"no\.sock"):
        broker.run("pause_queue", broker.keys("q").prefix)


class Proxy:
    """A loopback listener that loses things: what ``behave(client, server)`` says, per link."""

    def __init__(self, target, behave):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self.listener.getsockname()[1]}"
        self.links = 0
        self._target, self._behave = target, behave
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.links += 1
            threading.Thread(target=self._link, args=(client, self.links), daemon=True).start()

    def _link(self, client, number):
        with client, socket.socket(socket.AF_UNIX) as server:
            server.connect(str(self._target))
            self._behave(client, server, number)

    def close(self):
        self.listener.close()


def lose_replies(of_links):
    """Carries the request, then hangs up without the answer on the first ``of_links`` links."""

    def behave(client, server, number):
        while request := client.recv(65536):
            server.sendall(request)
            reply = server.recv(65536)
            if number <= of_links:
                return
            client.sendall(reply)

    return behave


def test_a_lost_answer_is_asked_for_once_more(reach, redis_server, lua):
    lua("count", COUNT)
    proxy = Proxy(redis_server.socket, lose_replies(of_links=1))
    broker = reach(proxy.url)

    answer = broker.run("count", broker.keys("q").prefix, "seq", 1)
    proxy.close()

    assert answer in (1, 2)
    assert proxy.links == 2


def test_two_lost_answers_are_told_as_maybe_sent(reach, redis_server, lua):
    lua("count", COUNT)
    proxy = Proxy(redis_server.socket, lose_replies(of_links=9))
    broker = reach(proxy.url)

    with pytest.raises(RedisUnavailable) as told:
        broker.run("count", broker.keys("q").prefix, "seq", 1)
    proxy.close()

    assert told.value.sent is True
    assert proxy.links == 2


def test_a_server_that_says_nothing_is_given_up_in_time(reach, redis_server, monkeypatch):
    monkeypatch.setattr(connection, "TIMEOUT_S", 0.3)

    def hang(client, _server, _number):
        while client.recv(65536):
            pass

    proxy = Proxy(redis_server.socket, hang)
    broker = reach(proxy.url)

    started = time.monotonic()
    with pytest.raises(RedisUnavailable, match="no answer") as told:
        broker.run("pause_queue", broker.keys("q").prefix)
    proxy.close()

    assert told.value.sent is True
    assert time.monotonic() - started < 2


def test_a_restarted_server_is_found_again(reach, make_server, lua):
    lua("count", COUNT)
    server = make_server()
    broker = reach(server.url)
    prefix = broker.keys("q").prefix
    broker.run("count", prefix, "seq", 1)

    server.restart()

    assert broker.run("count", prefix, "seq", 1) == 1


def test_threads_take_no_more_connections_than_they_need(broker, lua):
    lua("who", "return ARGV[1]")
    prefix = broker.keys("q").prefix

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: broker.run("who", prefix, number), range(400)))
    for number in range(20):
        broker.run("who", prefix, number)

    assert 1 <= len(broker._connections._idle) <= 4


def test_an_interrupted_read_leaves_no_answer_for_the_next_caller(broker, lua):
    lua("who", "return ARGV[1]")
    prefix = broker.keys("q").prefix
    broker.run("who", prefix, "first")
    connections = broker._connections
    taken = connections.take()
    connections.give(taken)
    read = taken.read_response

    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    taken.read_response = interrupted
    with pytest.raises(KeyboardInterrupt):
        broker.run("who", prefix, "lost")
    taken.read_response = read

    assert broker.run("who", prefix, "mine") == b"mine"


# --- users, passwords, permissions


def test_a_password_is_taken_from_the_setting(reach, make_server):
    from pydantic import SecretStr

    server = make_server("--requirepass", "open", tcp=True)

    assert reach(server.url, redis_password=SecretStr("open")).client.ping()


@pytest.mark.parametrize("password", ["", "wrong-canary"])
def test_a_wrong_password_is_told_at_once_and_never_shown(reach, make_server, password):
    server = make_server("--requirepass", "open", tcp=True)
    broker = reach(f"redis://:{password}@127.0.0.1:{server.port}")

    with pytest.raises(RedisAuthFailed, match=f"127.0.0.1:{server.port}") as told:
        broker.run("pause_queue", broker.keys("q").prefix)

    assert "canary" not in str(told.value)
    assert "canary" not in broker.describe()


def test_a_user_without_a_command_is_told_which(reach, make_server, lua):
    server = make_server(tcp=True)
    server.client().execute_command(
        "ACL", "SETUSER", "prod", "on", ">pw", "~*", "-@all",
        "+evalsha", "+eval", "+ping", "+select", "+set",
    )  # fmt: skip
    lua("take", "return redis.call('ZPOPMIN', KEYS[1] .. 'wait')")
    broker = reach(f"redis://prod:pw@127.0.0.1:{server.port}")

    with pytest.raises(RedisPermission, match=r"'prod' may not run GET"), broker.errors():
        broker.client.get("x")
    with pytest.raises(RedisPermission, match=r"'prod' may not run .* \(needed by take\)"):
        broker.run("take", broker.keys("q").prefix)


def test_a_replica_is_told_as_read_only(reach, make_server, lua):
    server = make_server()
    lua("count", COUNT)
    broker = reach(server.url)
    prefix = broker.keys("q").prefix
    server.client().replicaof("127.0.0.1", servers.free_port())

    with pytest.raises(RedisReadOnly):
        broker.run("count", prefix, "seq", 1)
    server.client().replicaof("NO", "ONE")

    assert broker.run("count", prefix, "seq", 1) == 1


def test_a_replica_that_lost_its_master_may_refuse_everything(reach, make_server, lua):
    server = make_server("--replica-serve-stale-data", "no")
    lua("count", COUNT)
    broker = reach(server.url)
    server.client().replicaof("127.0.0.1", servers.free_port())

    with pytest.raises(RedisUnavailable, match="MASTERDOWN") as told:
        broker.run("count", broker.keys("q").prefix, "seq", 1)

    assert told.value.sent is False


def test_a_full_server_is_told_as_a_full_queue(reach, make_server, lua):
    server = make_server("--maxmemory", "2mb", "--maxmemory-policy", "noeviction")
    lua("grow", "return redis.call('SET', KEYS[1] .. ARGV[1], string.rep('x', 100000))")
    broker = reach(server.url)

    def fill():
        for number in range(60):
            broker.run("grow", broker.keys("q").prefix, number)

    with pytest.raises(QueueFull, match="maxmemory"):
        fill()


def test_a_busy_server_is_told_as_away(reach, make_server, lua):
    server = make_server("--lua-time-limit", "50")
    lua("spin", "while true do end")
    lua("count", COUNT)
    broker = reach(server.url)
    prefix = broker.keys("q").prefix

    def spin():
        with pytest.raises(BrokerError):
            broker.run("spin", prefix)

    spinning = threading.Thread(target=spin)
    spinning.start()

    deadline = time.monotonic() + 5
    told = None
    while time.monotonic() < deadline and told is None:
        try:
            broker.run("count", prefix, "seq", 1)
        except RedisUnavailable as exc:
            told = exc
    server.client().script_kill()
    spinning.join(10)

    assert told is not None
    assert "BUSY" in str(told)


# --- what the server must be


def test_a_fit_server_passes_the_check(broker):
    broker.check_server()


def test_a_server_that_may_evict_is_refused_by_the_policys_name(reach, make_server):
    server = make_server("--maxmemory-policy", "allkeys-lru")

    with pytest.raises(UnsafeEviction, match="allkeys-lru"):
        reach(server.url).check_server()
    reach(server.url, allow_eviction=True).check_server()


def test_a_server_that_will_not_say_is_warned_about(reach, make_server, caplog):
    server = make_server(tcp=True)
    server.client().execute_command("ACL", "SETUSER", "u", "on", ">pw", "~*", "+@all", "-info")

    with caplog.at_level(logging.WARNING, "jobdesk.broker"):
        reach(f"redis://u:pw@127.0.0.1:{server.port}").check_server()

    assert "cannot check the version" in caplog.text


def test_an_old_server_is_refused():
    """No Redis before 6.2 can be had here, so a few lines speak for it."""
    listener = socket.create_server(("127.0.0.1", 0))
    reply = b"# Server\r\nredis_version:5.0.14\r\nmaxmemory_policy:noeviction\r\n"

    def serve():
        link, _ = listener.accept()
        with link:
            while link.recv(65536):
                link.sendall(b"$%d\r\n%s\r\n" % (len(reply), reply))

    threading.Thread(target=serve, daemon=True).start()
    from jobdesk import settings as settings_module

    url = f"redis://127.0.0.1:{listener.getsockname()[1]}"
    broker = Broker(settings_module.load(redis_url=url))
    with pytest.raises(RedisTooOld, match=r"5\.0\.14.*6\.2"):
        broker.check_server()
    broker.close()
    listener.close()


# --- TLS, Sentinel, Cluster


@pytest.fixture
def certificates(tmp_path):
    """An authority of the test's own and a certificate for localhost."""

    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=tmp_path, check=True, capture_output=True)

    (tmp_path / "names").write_text("subjectAltName=DNS:localhost\n")
    key = ("-newkey", "rsa:2048", "-nodes", "-batch")
    openssl("req", "-x509", *key, "-subj", "/CN=test authority", "-days", "2",
            "-keyout", "ca.key", "-out", "ca.pem")  # fmt: skip
    openssl("req", *key, "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-CAcreateserial", "-days", "2", "-extfile", "names", "-out", "server.pem")  # fmt: skip
    return tmp_path


@pytest.fixture
def tls_server(certificates, make_server):
    port = servers.free_port()
    try:
        server = make_server(
            "--tls-port", str(port), "--tls-auth-clients", "no",
            "--tls-cert-file", str(certificates / "server.pem"),
            "--tls-key-file", str(certificates / "server.key"),
            "--tls-ca-cert-file", str(certificates / "ca.pem"),
        )  # fmt: skip
    except RuntimeError:
        pytest.skip("this redis-server was built without TLS")
    server.tls_port = port
    return server


def test_tls_with_the_right_authority_works(tls_server, certificates, reach):
    broker = reach(f"rediss://localhost:{tls_server.tls_port}?ssl_ca_certs={certificates}/ca.pem")

    assert broker.client.ping()
    assert broker.blocking().ping()


@pytest.mark.parametrize(
    ("host", "known"), [("localhost", False), ("127.0.0.1", True)], ids=["authority", "name"]
)
def test_tls_with_a_wrong_authority_or_name_is_refused(
    tls_server, certificates, reach, host, known
):
    option = f"?ssl_ca_certs={certificates}/ca.pem" if known else ""
    broker = reach(f"rediss://{host}:{tls_server.tls_port}{option}")

    with pytest.raises(RedisTlsError, match=f"{host}:{tls_server.tls_port}"):
        broker.run("pause_queue", broker.keys("q").prefix)


def test_tls_with_a_server_that_speaks_none_is_told(make_server, reach, monkeypatch):
    monkeypatch.setattr(connection, "TIMEOUT_S", 0.5)
    server = make_server(tcp=True)
    broker = reach(f"rediss://localhost:{server.port}")

    with pytest.raises((RedisTlsError, RedisUnavailable)):
        broker.run("pause_queue", broker.keys("q").prefix)


@pytest.fixture
def sentinel(make_server, tmp_path):
    """One master, and one sentinel that knows it as ``main``."""
    master = make_server(tcp=True)
    port = servers.free_port()
    config = tmp_path / "sentinel.conf"
    config.write_text(
        f"port {port}\nbind 127.0.0.1\ndir {tmp_path}\n"
        f"sentinel monitor main 127.0.0.1 {master.port} 1\n"
        "sentinel down-after-milliseconds main 1000\n"
    )
    process = subprocess.Popen(
        [servers.binary(), config, "--sentinel"],
        stdout=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            time.sleep(0.02)
    yield master, port
    process.kill()
    process.wait(10)


def test_a_sentinel_leads_to_the_master(sentinel, reach, lua):
    lua("count", COUNT)
    master, port = sentinel
    broker = reach(f"redis+sentinel://127.0.0.1:{port}/main/1")
    prefix = broker.keys("q").prefix

    assert broker.run("count", prefix, "seq", 4) == 4
    assert master.client(db=1).get(broker.keys("q").seq) == b"4"
    assert broker.blocking().bzpopmin(broker.keys("q").wake, 0.05) is None
    broker.check_server()


def test_a_sentinel_that_leads_off_this_machine_in_the_clear_is_refused(sentinel, reach):
    import redis

    _, port = sentinel
    with redis.Redis(port=port) as asked:
        asked.sentinel_monitor("away", "192.0.2.1", 6379, 1)
    broker = reach(f"redis+sentinel://127.0.0.1:{port}/away")

    with pytest.raises(InsecureRedis, match=r"192\.0\.2\.1"):
        broker.run("pause_queue", broker.keys("q").prefix)


def test_a_sentinel_that_knows_no_such_service_is_told(sentinel, reach):
    _, port = sentinel
    broker = reach(f"redis+sentinel://127.0.0.1:{port}/other")

    with pytest.raises(RedisUnavailable, match="other") as told:
        broker.run("pause_queue", broker.keys("q").prefix)

    assert told.value.sent is False


@pytest.fixture
def cluster(make_server):
    """Three masters that share the slots."""
    nodes = [
        make_server("--cluster-enabled", "yes", "--cluster-node-timeout", "2000", tcp=True)
        for _ in range(3)
    ]
    servers.share_slots(nodes)
    return nodes


def test_queues_spread_over_a_cluster(cluster, reach, lua):
    lua("count", COUNT)
    lua("keep", "redis.call('ZADD', KEYS[1] .. 'wake', 1, 'x'); return 'kept'")
    broker = reach(f"redis+cluster://127.0.0.1:{cluster[0].port}")
    queues = [f"q{number}" for number in range(12)]

    for queue in queues:
        assert broker.run("count", broker.keys(queue).prefix, "seq", 7) == 7
        assert broker.run("keep", broker.keys(queue).prefix) == b"kept"
        assert broker.blocking().bzpopmin(broker.keys(queue).wake, 1)[1] == b"x"
    broker.check_server()

    assert all(node.client().dbsize() for node in cluster)


def test_a_cluster_without_a_node_is_told(cluster, reach, lua):
    lua("count", COUNT)
    broker = reach(f"redis+cluster://127.0.0.1:{cluster[0].port}")
    for queue in ("q1", "q2", "q3", "q4"):
        broker.run("count", broker.keys(queue).prefix, "seq", 1)

    for node in cluster:
        node.kill()

    with pytest.raises(RedisUnavailable):
        broker.run("count", broker.keys("q1").prefix, "seq", 1)
    with pytest.raises(RedisUnavailable) as told:
        broker.run("count", broker.keys("q1").prefix, "seq", 1)
    assert told.value.sent is False


def node_id(node):
    return node.client().execute_command("CLUSTER", "MYID")


def owner_and_other(cluster, key):
    """The node that owns the slot of ``key``, another one, and the slot."""
    slot = cluster[0].client().execute_command("CLUSTER", "KEYSLOT", key)
    owner = cluster[[slot < 5461, slot < 10923, True].index(True)]
    return owner, next(node for node in cluster if node is not owner), slot


def test_a_slot_that_moved_is_followed(cluster, reach, lua):
    lua("count", COUNT)
    broker = reach(f"redis+cluster://127.0.0.1:{cluster[0].port}")
    keys = broker.keys("q1")
    owner, other, slot = owner_and_other(cluster, keys.seq)
    broker.run("count", broker.keys("q1").prefix, "seq", 1)
    owner.client().delete(keys.seq)

    for node in (other, owner, *cluster):
        node.client().execute_command("CLUSTER", "SETSLOT", slot, "NODE", node_id(other))

    assert broker.run("count", keys.prefix, "seq", 5) == 5
    assert other.client().get(keys.seq) == b"5"


def test_nothing_is_done_with_a_queue_that_is_half_here_and_half_there(cluster, reach, lua):
    """A script would read keys that have gone ahead as empty, and make them anew."""
    lua("count", COUNT)
    broker = reach(f"redis+cluster://127.0.0.1:{cluster[0].port}")
    keys = broker.keys("q1")
    owner, other, slot = owner_and_other(cluster, keys.seq)
    broker.run("count", keys.prefix, "seq", 1)
    other.client().execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", node_id(owner))
    owner.client().execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", node_id(other))

    for gone in (False, True):
        if gone:
            owner.client().execute_command("MIGRATE", "127.0.0.1", other.port, keys.seq, 0, 1000)
        with pytest.raises(RedisUnavailable) as told:
            broker.run("count", keys.prefix, "seq", 3)
        assert told.value.sent is False
    for node in (other, owner, *cluster):
        node.client().execute_command("CLUSTER", "SETSLOT", slot, "NODE", node_id(other))

    assert broker.run("count", keys.prefix, "seq", 3) == 4
    assert owner.client().keys() == []


def test_a_cluster_that_is_not_there_is_told_as_nothing_sent(reach):
    broker = reach(f"redis+cluster://127.0.0.1:{servers.free_port()}")

    with pytest.raises(RedisUnavailable) as told:
        broker.run("pause_queue", broker.keys("q").prefix)

    assert told.value.sent is False
