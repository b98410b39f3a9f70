"""Real Redis servers for tests: started in a folder of their own, stopped by their process id."""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import redis

from jobdesk.broker import embedded

#: Names the redis-server that the tests use, instead of the newest one found.
CHOICE = "JOBDESK_TEST_REDIS"


def all_binaries() -> dict[str, Path]:
    """Version -> redis-server, of every one on this machine that jobdesk could use."""
    found: dict[str, Path] = {}
    for binary in embedded.server_binaries():
        version = embedded.server_version(binary)
        if version is not None:
            found.setdefault(".".join(map(str, version)), binary)
    return found


def binary() -> Path:
    """The server under test: ``JOBDESK_TEST_REDIS``, else the newest that is installed."""
    if chosen := os.environ.get(CHOICE):
        return Path(chosen)
    return _by_age()[-1]


def oldest() -> Path:
    """The oldest server here: `make test` runs the tests marked ``servers`` on it too."""
    return _by_age()[0]


def _by_age() -> list[Path]:
    found = all_binaries()
    if not found:
        raise RuntimeError("no redis-server on this machine; run scripts/setup.sh test")
    return [found[v] for v in sorted(found, key=lambda v: tuple(map(int, v.split("."))))]


def free_port() -> int:
    """A loopback port that nobody uses now; low enough for a cluster's second one, 10,000 above."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port if port < 55_000 else free_port()


class Server:
    """One redis-server of our own: on a Unix socket, and with ``port`` on loopback too."""

    def __init__(self, *options: str, tcp: bool = False, binary_path: Path | None = None) -> None:
        # Not pytest's tmp_path, whose length may exceed what a socket's path may have.
        self.folder = Path(tempfile.mkdtemp(prefix="jobdesk-test-"))
        self.binary = binary_path or binary()
        self.socket = self.folder / "s.sock"
        self.port = free_port() if tcp else 0
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        # A run that breaks off must not leave servers behind.
        atexit.register(self.stop)
        self.start()

    @property
    def url(self) -> str:
        """What REDIS_URL would say."""
        return f"redis://127.0.0.1:{self.port}/0" if self.port else f"unix://{self.socket}"

    @property
    def pid(self) -> int:
        """The process id, while it runs."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, and wait until it answers (or asks for a password)."""
        self._process = subprocess.Popen(
            [
                self.binary, "--port", str(self.port), "--bind", "127.0.0.1",
                "--unixsocket", str(self.socket), "--dir", str(self.folder),
                "--save", "", "--appendonly", "no", "--logfile", "redis.log", "--daemonize", "no",
                *self._options,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if embedded.ask(self.socket, "PING"):
                return
            if self._process.poll() is not None:
                break
            time.sleep(0.01)
        log = (self.folder / "redis.log").read_text(errors="replace")
        self.stop()
        raise RuntimeError(f"{self.binary} did not start: {log}")

    def client(self, **options: Any) -> redis.Redis:
        """A plain client over the socket, for looking behind the product's back."""
        return redis.Redis(unix_socket_path=str(self.socket), protocol=2, **options)

    def kill(self) -> None:
        """End it as a crash would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def restart(self) -> None:
        """Kill it and start it again, empty unless it keeps an append-only file."""
        self.kill()
        self.start()

    def stop(self) -> None:
        """End it and remove its folder."""
        atexit.unregister(self.stop)
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)


def share_slots(nodes: list[Server]) -> None:
    """Make a cluster of three new servers: each takes a third of the slots."""
    bounds = [0, 5461, 10923, 16384]
    for index, node in enumerate(nodes):
        client = node.client()
        client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", index + 1)
        # ADDSLOTSRANGE is newer than the oldest server.
        client.execute_command("CLUSTER", "ADDSLOTS", *range(bounds[index], bounds[index + 1]))
        client.execute_command("CLUSTER", "MEET", "127.0.0.1", nodes[0].port)
    deadline = time.monotonic() + 30
    for node in nodes:
        while True:
            told = node.client().execute_command("CLUSTER", "INFO")
            if b"cluster_state:ok" in told and b"cluster_known_nodes:3" in told:
                break
            assert time.monotonic() < deadline, told
            time.sleep(0.05)


def fresh_namespace() -> str:
    """A prefix for the keys of one test."""
    return f"t{secrets.token_hex(6)}"
