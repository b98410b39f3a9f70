"""A Redis of the benchmark's own, on a Unix socket in a folder that goes with it."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import redis


class Server:
    """A redis-server without persistence, as all peers use it."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="bench-"))
        self.socket = self._folder / "redis.sock"
        self.url = f"unix://{self.socket}"

    def __enter__(self) -> Self:
        binary = shutil.which("redis-server") or shutil.which("valkey-server")
        if binary is None:
            raise SystemExit("no redis-server on PATH: apt-get install redis-server")
        self._process = subprocess.Popen(
            [binary, "--port", "0", "--unixsocket", self.socket, "--save", ""],
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 10
        while not self.socket.exists():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise SystemExit("redis-server did not start")
            time.sleep(0.02)
        self.client = redis.Redis.from_url(self.url)
        self.version = f"Redis {self.client.info('server')['redis_version']}"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.client.close()
        self._process.terminate()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)
