"""The embedded Redis with real keepers and servers, in folders of the test's own."""

import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jobdesk.broker import embedded
from jobdesk.broker.connection import Broker
from jobdesk.errors import RedisUnavailable
from tests import servers

GRACE_S = 0.5


def until(condition, seconds=15.0):
    """Wait for ``condition`` to hold, and return what it returned."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come to pass")


def server_pid(folder):
    return int((folder / "server.pid").read_text())


def alive(pid):
    """Whether a process runs; one that ended and that nobody waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def keeper_pid(folder):
    """The process that holds ``keeper.lock``, as the kernel tells."""
    inode = (folder / "keeper.lock").stat().st_ino
    for line in Path("/proc/locks").read_text().splitlines():
        words = line.split()
        if words[3] == "WRITE" and words[5].endswith(f":{inode}"):
            return int(words[4])
    return 0


def ask(lease, *words):
    return embedded.ask(lease.socket, *words)


@pytest.fixture
def folder(tmp_path):
    """A folder whose server is gone when the test is over."""
    where = tmp_path / "redis"
    yield where
    if where.exists():
        until(lambda: not keeper_pid(where))
        assert not (where / "server.pid").exists() or not alive(server_pid(where))


@pytest.fixture
def hold(folder):
    leases = []

    def take(where=folder):
        leases.append(embedded.hold(where, grace_s=GRACE_S))
        return leases[-1]

    yield take
    for lease in leases:
        lease.close()


def test_a_server_starts_and_ends_with_its_last_client(folder, hold):
    first, second = hold(), hold()
    pid = server_pid(folder)

    first.close()
    time.sleep(GRACE_S * 3)
    assert ask(second, "PING") == "PONG"
    second.close()

    until(lambda: not alive(pid))
    until(lambda: not keeper_pid(folder))
    assert not second.socket.exists()


def test_what_was_stored_is_there_the_next_time(folder, hold):
    lease = hold()
    ask(lease, "SET", "kept", "yes")
    pid = server_pid(folder)
    lease.close()
    until(lambda: not alive(pid))

    assert ask(hold(), "GET", "kept").endswith("yes")
    assert server_pid(folder) != pid


def test_a_client_that_comes_within_the_grace_finds_the_same_server(folder, hold):
    lease = hold()
    pid = server_pid(folder)
    lease.close()

    hold()
    time.sleep(GRACE_S * 3)

    assert server_pid(folder) == pid
    assert alive(pid)


def test_a_client_that_comes_while_the_server_stops_gets_a_new_one(folder, hold):
    for _ in range(3):
        lease = hold()
        assert ask(lease, "PING") == "PONG"
        lease.close()
        until(lambda: not embedded.socket_path(folder).exists())

    assert ask(hold(), "PING") == "PONG"


def test_the_server_throws_nothing_away_and_writes_everything_down(hold):
    lease = hold()

    assert ask(lease, "CONFIG", "GET", "maxmemory-policy").endswith("noeviction")
    assert ask(lease, "CONFIG", "GET", "appendonly").endswith("yes")
    assert ask(lease, "CONFIG", "GET", "port").endswith("0")


def test_many_that_start_at_once_share_one_server(folder):
    code = (
        "import sys; from pathlib import Path; from jobdesk.broker import embedded as e;"
        f"l = e.hold(Path(sys.argv[1]), grace_s={GRACE_S});"
        "print(e.ask(l.socket, 'CONFIG', 'GET', 'dir').split()[-1], e.ask(l.socket, 'INCR', 'n'));"
        "sys.stdin.read()"
    )
    clients = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(5)
    ]

    told = [client.stdout.readline().split() for client in clients]
    for client in clients:
        client.communicate("")

    assert {where for where, _ in told} == {str(folder)}
    assert sorted(count for _, count in told) == [":1", ":2", ":3", ":4", ":5"]


def test_threads_of_one_process_may_start_it_at_once(hold):
    with ThreadPoolExecutor(6) as pool:
        leases = list(pool.map(lambda _: hold(), range(6)))

    assert all(ask(lease, "PING") == "PONG" for lease in leases)


def test_a_killed_clients_hold_ends_with_it(folder):
    code = (
        "import sys, time; from pathlib import Path; from jobdesk.broker import embedded as e;"
        f"l = e.hold(Path(sys.argv[1]), grace_s={GRACE_S}); print('held', flush=True);"
        "sys.stdin.read()"
    )
    client = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    client.stdout.readline()
    pid = server_pid(folder)
    client.kill()
    client.communicate()

    until(lambda: not alive(pid))


def test_the_server_of_a_killed_keeper_is_adopted(folder, hold):
    lease = hold()
    ask(lease, "SET", "kept", "yes")
    pid, keeper = server_pid(folder), until(lambda: keeper_pid(folder))

    os.kill(keeper, signal.SIGKILL)
    until(lambda: not embedded._keeper_runs(folder))
    assert ask(lease, "PING") == "PONG"
    second = hold()

    assert server_pid(folder) == pid
    assert ask(second, "GET", "kept").endswith("yes")
    assert until(lambda: keeper_pid(folder)) != keeper
    lease.close()
    second.close()
    until(lambda: not alive(pid))


def test_a_lease_can_start_the_next_keeper_itself(folder, hold):
    lease = hold()
    os.kill(until(lambda: keeper_pid(folder)), signal.SIGKILL)
    os.kill(server_pid(folder), signal.SIGKILL)
    until(lambda: not embedded._keeper_runs(folder))

    lease.revive()

    until(lambda: ask(lease, "PING") == "PONG")


def test_a_killed_server_is_started_again_with_what_it_had(folder, hold):
    lease = hold()
    ask(lease, "CONFIG", "SET", "appendfsync", "always")
    ask(lease, "SET", "kept", "yes")
    pid = server_pid(folder)

    os.kill(pid, signal.SIGKILL)

    until(lambda: ask(lease, "GET", "kept").endswith("yes"))
    assert server_pid(folder) != pid


def test_a_server_that_hangs_under_a_new_keeper_is_replaced(folder, hold):
    lease = hold()
    pid = server_pid(folder)
    os.kill(until(lambda: keeper_pid(folder)), signal.SIGKILL)
    os.kill(pid, signal.SIGSTOP)
    lease.close()

    lease = hold()

    assert ask(lease, "PING") == "PONG"
    assert server_pid(folder) != pid
    until(lambda: not alive(pid))


def test_a_stale_socket_and_process_id_are_no_obstacle(folder, hold):
    folder.mkdir(mode=0o700)
    (folder / "redis.sock").write_text("left over")
    # A number that another process has by now: it must be left alone.
    bystander = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"],
                                 stdin=subprocess.PIPE)  # fmt: skip
    (folder / "server.pid").write_text(str(bystander.pid))

    lease = hold()

    assert ask(lease, "PING") == "PONG"
    assert bystander.poll() is None
    bystander.communicate()


def test_a_folder_too_deep_for_a_socket_gets_a_short_one(tmp_path, hold):
    deep = tmp_path / ("d" * 60) / ("e" * 60) / "redis"
    deep.parent.mkdir(parents=True)

    lease = hold(deep)

    assert len(os.fsencode(lease.socket)) < 104
    assert lease.socket.parent.stat().st_mode & 0o777 == 0o700
    assert ask(lease, "PING") == "PONG"
    assert "appendonly" in " ".join(path.name for path in deep.iterdir())
    lease.close()
    until(lambda: not keeper_pid(deep))
    shutil.rmtree(lease.socket.parent)


def test_no_server_to_be_had_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(embedded, "server_binaries", list)

    with pytest.raises(RedisUnavailable, match=r"apt-get install redis-server.*REDIS_URL"):
        embedded.hold(tmp_path / "redis")


def test_a_server_too_old_for_the_data_is_not_used(folder, monkeypatch):
    folder.mkdir(mode=0o700)
    (folder / "server.version").write_text("99.0.0")

    with pytest.raises(RedisUnavailable, match=r"of 99\.0 or later \(.* is \d"):
        embedded.hold(folder)


def test_a_newer_server_reads_what_an_older_one_wrote_and_not_the_reverse(
    folder, hold, monkeypatch, tmp_path
):
    older, newer = servers.oldest(), servers.binary()
    if older == newer:
        pytest.skip("one version of Redis here")

    def only(binary):
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / "redis-server").unlink(missing_ok=True)
        (tmp_path / "bin" / "redis-server").symlink_to(binary)
        monkeypatch.setenv("PATH", str(tmp_path / "bin"))

    only(older)
    lease = hold()
    assert f"redis_version:{embedded.server_version(older)[0]}." in ask(lease, "INFO", "server")
    ask(lease, "SET", "kept", "yes")
    lease.close()
    until(lambda: not keeper_pid(folder))

    only(newer)
    lease = hold()
    assert ask(lease, "GET", "kept").endswith("yes")
    lease.close()
    until(lambda: not keeper_pid(folder))

    only(older)
    with pytest.raises(RedisUnavailable, match="or later"):
        hold()


def test_a_server_that_cannot_start_is_told_with_its_last_words(folder):
    folder.mkdir(mode=0o700)
    (folder / "appendonlydir").write_text("a folder is wanted here, from 7.0 on")
    (folder / "appendonly.aof").mkdir()

    with pytest.raises(RedisUnavailable, match=r"no embedded Redis: .* ended at once: "):
        embedded.hold(folder, grace_s=GRACE_S)


def test_a_folder_of_another_users_is_refused(tmp_path):
    if os.getuid():
        pytest.skip("only root can give a folder away")
    theirs = tmp_path / "redis"
    theirs.mkdir()
    os.chown(theirs, 12345, 12345)

    with pytest.raises(RedisUnavailable, match="belongs to another user"):
        embedded.hold(theirs)


def test_a_broker_without_a_url_uses_it(tmp_path, folder):
    from jobdesk import settings as settings_module

    with Broker(settings_module.load(data=tmp_path)) as broker:
        assert broker.client.ping()
        broker.check_server()
        assert broker.describe() == f"embedded Redis in {folder}"
        pid = server_pid(folder)

    until(lambda: not alive(pid))


def test_a_broker_makes_nothing_before_its_first_request(tmp_path):
    from jobdesk import settings as settings_module

    with Broker(settings_module.load(data=tmp_path)):
        pass

    assert not (tmp_path / "redis").exists()
