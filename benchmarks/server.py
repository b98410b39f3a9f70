"""A Redis of the benchmark's own, on a port from the system, in a folder that goes with it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import redis


class Server:
    """A redis-server without persistence on loopback, as all peers use it."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="bench-"))

    def __enter__(self) -> Self:
        binary = shutil.which("redis-server") or shutil.which("valkey-server")
        if binary is None:
            raise SystemExit("bench: no redis-server on PATH: apt-get install redis-server")
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self._process = subprocess.Popen(
            [
                binary,
                *("--bind", "127.0.0.1", "--port", str(self.port), "--save", ""),
                *("--slowlog-log-slower-than", "1000", "--slowlog-max-len", "100000"),
            ],
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
        )
        self.pid = self._process.pid
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.client = redis.Redis(port=self.port, socket_timeout=60)
        deadline = time.monotonic() + 10
        while True:
            try:
                self.version = str(self.client.info("server")["redis_version"])
            except redis.ConnectionError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise SystemExit("bench: redis-server did not start") from None
                time.sleep(0.02)
            else:
                return self

    def empty(self) -> None:
        """Delete everything, and forget what was counted."""
        self.client.flushall()
        self.client.slowlog_reset()
        self.client.config_resetstat()

    def pin(self, cores: set[int]) -> None:
        """Let all of its threads run on these cores only."""
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), cores)

    def cpu_s(self) -> float:
        """Processor time it has used, in all."""
        told = self.client.info("cpu")
        return float(told["used_cpu_user"]) + float(told["used_cpu_sys"])

    def memory(self) -> int:
        """Bytes in use, of keys, values and their indexes."""
        return int(self.client.info("memory")["used_memory"])

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
