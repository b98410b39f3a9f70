"""A real PostgreSQL for tests: a cluster of its own in a folder, on a Unix socket, no service."""

from __future__ import annotations

import atexit
import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg


def binaries() -> Path | None:
    """The folder with initdb and postgres of the newest PostgreSQL here; None where there is none.

    Debian keeps them off the path.
    """
    installed = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name)
    )
    if installed:
        return installed[-1]
    found = shutil.which("initdb")
    return None if found is None else Path(found).resolve().parent


class PostgresServer:
    """A cluster that is made, started, and thrown away when the tests end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._as = _other_user()
        if "user" in self._as:
            shutil.chown(folder, self._as["user"], self._as["group"])
        bin_folder = binaries()
        assert bin_folder is not None
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "cwd": "/", **self._as}
        data = folder / "data"
        subprocess.run(
            [bin_folder / "initdb", "-D", data, "-U", "jobdesk", "-A", "trust", "-E", "UTF8",
             "--locale=C.UTF-8", "--no-sync"],
            check=True, stderr=subprocess.STDOUT, **quiet,
        )  # fmt: skip
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [bin_folder / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses=",
                 "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off",
                 "-c", "max_connections=50", "-c", "timezone=America/New_York"],
                stderr=log, preexec_fn=_end_with_parent,  # noqa: PLW1509  # one system call, no lock
                **quiet,
            )  # fmt: skip
        atexit.register(self.stop)
        self._databases = 0
        self._wait()

    def url(self, database: str) -> str:
        return f"postgresql://jobdesk@/{database}?host={self.folder}"

    def new_database(self, template: str = "template1") -> str:
        """The URL of an empty database, or of a copy of another."""
        self._databases += 1
        name = f"test{self._databases}"
        with self._admin() as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        return self.url(name)

    def end_session(self, pid: int) -> None:
        """Cut a client's connection, as a restart would."""
        with self._admin() as connection:
            connection.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    def stop(self) -> None:
        atexit.unregister(self.stop)
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)  # "fast": ends sessions, then itself
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _admin(self) -> psycopg.Connection:
        return psycopg.connect(self.url("postgres"), autocommit=True)

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                self._admin().close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise RuntimeError(self.log.read_text()) from None
                time.sleep(0.02)
            else:
                return


_shared: tuple[PostgresServer, int] | None = None


def acquire() -> PostgresServer:
    """The server of this process, in a folder that its user may enter; give it back at the end.

    Fixtures of several folders share it. pytest's own folders are for one user only.
    """
    global _shared
    server, users = _shared or (
        PostgresServer(Path(tempfile.mkdtemp(prefix="jobdesk-pg-"))), 0
    )  # fmt: skip
    _shared = (server, users + 1)
    return server


def release() -> None:
    """The last to give it back stops it."""
    global _shared
    assert _shared is not None
    server, users = _shared
    _shared = (server, users - 1) if users > 1 else None
    if users == 1:
        server.stop()


def _end_with_parent() -> None:
    """Ask the kernel to stop the server when the tests are killed."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGINT)


def _other_user() -> dict[str, Any]:
    """Who the server runs as: PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return {}
    import pwd

    for name in ("postgres", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    raise RuntimeError("there is no user to run PostgreSQL as")
