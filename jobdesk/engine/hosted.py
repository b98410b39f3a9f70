"""Programs under another one, as the workers under the dashboard: they end with it, or before.

The host writes what is to be done as one line of JSON on the program's stdin, and later ``stop`` or
``now``. The end of stdin is a ``stop`` too: so nothing stays behind when the host is killed. What
the program says goes to a log file, never to the host's terminal, and the terminal's Ctrl-C comes
to the host alone. ``python -m jobdesk.engine.hosted`` is a fleet of workers as such a program.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast

from jobdesk.errors import BadInput

if TYPE_CHECKING:
    from jobdesk.settings import Settings

#: The line by which a fleet says that it has a worker.
READY = b"jobdesk worker: "
#: One that is not up after so long is in trouble.
LATE_S = 20.0


class Hosted:
    """One program, seen from its host: ``python -m module``."""

    def __init__(
        self, module: str, order: dict[str, Any], log: Path, *, ready: bytes = b""
    ) -> None:
        self.log = log
        #: what it writes into its log when it is up
        self._ready = ready
        self._started_at = time.monotonic()
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            out = log.open("ab")
        except OSError as exc:
            raise BadInput(
                f"its log {log} cannot be written ({exc.strerror}); set JOBDESK_DATA to a folder"
                " that can"
            ) from exc
        with out:
            self._log_from = out.tell()
            self.process = subprocess.Popen(
                [sys.executable, "-m", module],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                process_group=0,
            )
        self._stdin: IO[bytes] = cast("IO[bytes]", self.process.stdin)
        self._send(json.dumps({"path": sys.path, **order}).encode())

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.process.poll() is None

    def trouble(self) -> str:
        """That it ended though nobody asked it to; "" while all is well."""
        code = self.process.poll()
        if code is not None:
            return f"The workers have ended ({code}). Their log says why: {self.log}"
        if self._ready and time.monotonic() - self._started_at > LATE_S:
            with suppress(OSError), self.log.open("rb") as log:
                log.seek(self._log_from)
                if self._ready not in log.read(100_000):
                    return f"The workers do not come up. Their log may say why: {self.log}"
            self._ready = b""
        return ""

    def stop(self, *, now: bool = False) -> None:
        """Ask it to end when what runs has ended; ``now``: at once."""
        self._send(b"now" if now else b"stop")

    def wait(self, limit_s: float) -> bool:
        """Wait until it has ended, for so long at most; whether it has."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(limit_s)
            self._close()
        return not self.running

    def kill(self) -> None:
        """End it without another word. What it started sees that it is gone, and ends too."""
        self.process.kill()
        self.process.wait()
        self._close()

    def _close(self) -> None:
        with suppress(OSError):  # what it never read is lost
            self._stdin.close()

    def _send(self, line: bytes) -> None:
        with suppress(OSError, ValueError):  # it has ended, which is noticed elsewhere
            self._stdin.write(line + b"\n")
            self._stdin.flush()


def workers(
    settings: Settings,
    log: Path,
    *,
    processes: int = 1,
    queues: Sequence[str] = (),
    concurrency: int | None = None,
) -> Hosted:
    """Workers of all queues, or of those named, under this process; at once, without waiting."""
    from jobdesk.engine.children import plain

    order = {
        "settings": plain(settings), "processes": processes, "queues": list(queues),
        "concurrency": concurrency,
    }  # fmt: skip
    return Hosted(__name__, order, log, ready=READY)


def log_file(settings: Settings) -> Path:
    """A new log in the data folder, where ``cleanup:old-logs`` finds it some day."""
    return settings.data_folder / "logs" / f"workers-{time.strftime('%Y%m%d-%H%M%S')}.log"


# --- in the program -------------------------------------------------------------------------------


def take_order() -> tuple[dict[str, Any], BinaryIO]:
    """What the host has ordered, and where it will say more; ends where there is no host."""
    # What this program starts must not read what the host writes.
    host = os.fdopen(os.dup(0), "rb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    order = json.loads(host.readline() or b"null")
    if order is None:
        sys.exit(0)
    sys.path[:] = order["path"]
    return order, host


def obey(host: BinaryIO, stop: Callable[[bool], object]) -> None:
    """Call ``stop(now)``, in a thread, as the host says; also when the host is gone."""

    def listen() -> None:
        while line := host.readline():
            stop(line == b"now\n")
        stop(False)

    threading.Thread(target=listen, name="jobdesk-host", daemon=True).start()


def main() -> int:
    """Be a fleet under a host."""
    import logging

    from jobdesk import settings as settings_module
    from jobdesk.engine.fleet import LOG_FORMAT, Fleet

    order, host = take_order()
    logging.basicConfig(level=logging.WARNING, format=LOG_FORMAT)
    settings = settings_module.load(**order["settings"])
    settings_module.use(settings)
    told = {
        "queues": order["queues"], "modules": [], "concurrency": order["concurrency"],
        "burst": False,
    }  # fmt: skip
    fleet = Fleet(settings, told, order["processes"])
    obey(host, fleet.ask_to_stop)
    return fleet.run()


if __name__ == "__main__":
    sys.exit(main())
