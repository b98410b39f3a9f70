"""Processes of this machine, told apart for good: a process id comes again, a mark does not.

A worker reports its mark with its heartbeat. Whoever is to signal it compares the mark of the
process that has that id now, and holds on to that very process while it does.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

_PROC = Path("/proc")
_BOOT = _PROC / "sys/kernel/random/boot_id"
#: Fields of ``/proc/<pid>/stat`` behind the name, in brackets, which may hold anything.
_STATE, _START = 0, 19


def mark_of(pid: int) -> str:
    """What only this process of all has: boot, process namespace and start; "" when it is gone.

    Elsewhere than on Linux it is the start as ``ps`` tells it.
    """
    if pid <= 0:
        return ""
    if sys.platform != "linux":
        return _by_ps(pid)
    try:
        fields = (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
        if fields[_STATE] in "ZX":
            return ""
        boot = _BOOT.read_text().strip()
        # the id of another process means the same process only within one namespace
        here = (_PROC / "self/ns/pid").readlink()
    except (OSError, IndexError):
        return ""
    return f"{boot}/{here}/{fields[_START]}"


class Process:
    """One process, held: its id can meanwhile become no other's where the system has pidfds."""

    def __init__(self, pid: int) -> None:
        """Raises ``ProcessLookupError`` where there is none."""
        self.pid = pid
        self._fd = os.pidfd_open(pid) if hasattr(os, "pidfd_open") else None
        self.mark = mark_of(pid)

    def send(self, signum: signal.Signals) -> None:
        """Signal it. Raises ``ProcessLookupError`` or ``PermissionError``."""
        if self._fd is not None:
            signal.pidfd_send_signal(self._fd, signum)
        elif mark_of(self.pid) == self.mark:
            os.kill(self.pid, signum)
        else:
            raise ProcessLookupError

    def ended(self, within: float) -> bool:
        """Whether it ends within so many seconds."""
        if self._fd is not None:
            poller = select.poll()
            poller.register(self._fd, select.POLLIN)
            return bool(poller.poll(round(within * 1000)))
        deadline = time.monotonic() + within
        while mark_of(self.pid) == self.mark:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def close(self) -> None:
        """Let go of it."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def _by_ps(pid: int) -> str:
    found = subprocess.run(
        ["/bin/ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False,
        env={**os.environ, "LC_ALL": "C", "TZ": "UTC"},
    )  # fmt: skip
    return " ".join(found.stdout.split())
