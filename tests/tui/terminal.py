"""A dashboard in a terminal of its own, as somebody has it: what it paints, when, at what cost.

The processor's time comes from /proc, so this is for Linux.
"""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

DOWN = b"\x1b[B"
#: Tests that run side by side have a size in their environment, and the terminal's own is to count.
#: Whoever forbids Python to keep what it has compiled would measure its compiler.
LEFT_OUT = {"COLUMNS", "LINES", "PYTHONDONTWRITEBYTECODE"}


class Terminal:
    """``jobdesk tui`` in a pseudo-terminal."""

    def __init__(
        self, environment: Mapping[str, str], *words: str, size: tuple[int, int] = (120, 35)
    ) -> None:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self._file = ours
        self._lock = threading.Condition()
        self._painted = bytearray()
        #: when it painted, and how much it had painted before
        self._times: list[tuple[float, int]] = []
        self.began = time.perf_counter()
        self.process = subprocess.Popen(
            [Path(sys.executable).with_name("jobdesk"), "tui", *words],
            env={name: value for name, value in environment.items() if name not in LEFT_OUT}
            | {"TERM": "xterm-256color"},
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.process.kill()
        self.process.wait(10)
        os.close(self._file)

    def _read(self) -> None:
        while True:
            try:
                part = os.read(self._file, 65536)
            except OSError:
                part = b""
            with self._lock:
                if part:
                    self._times.append((time.perf_counter(), len(self._painted)))
                    self._painted += part
                self._lock.notify_all()
            if not part:
                return

    @property
    def painted(self) -> str:
        """All that has been painted so far."""
        with self._lock:
            return self._painted.decode(errors="replace")

    @property
    def processor_s(self) -> float:
        """Seconds of a processor that it has taken so far, over all its threads."""
        took = 0
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            took += int((task / "schedstat").read_text().split()[0])
        return took / 1e9

    def wait_for(self, text: str, within: float = 30.0) -> float:
        """Wait until it has painted that; seconds since it was started."""
        wanted = text.encode()
        deadline = time.perf_counter() + within
        with self._lock:
            while (at := self._painted.find(wanted)) < 0:
                left = deadline - time.perf_counter()
                assert left > 0, f"{text!r} was not painted: {bytes(self._painted[-3000:])!r}"
                self._lock.wait(min(left, 0.5))
            when = max(t for t, begin in self._times if begin <= at)
        return when - self.began

    def settle(self, quiet: float = 0.5, within: float = 20.0) -> None:
        """Wait until it has painted nothing for a while."""
        deadline = time.perf_counter() + within
        while time.perf_counter() < deadline:
            with self._lock:
                last = self._times[-1][0] if self._times else 0.0
            if time.perf_counter() - last > quiet:
                return
            time.sleep(0.05)

    def press(self, key: bytes) -> float:
        """Press a key; when that was."""
        at = time.perf_counter()
        os.write(self._file, key)
        return at

    def next_paint(self, after: float) -> float | None:
        """Seconds from that moment until it painted something; None: it has not yet."""
        with self._lock:
            for at, _ in reversed(self._times):
                if at < after:
                    break
                found = at
            else:
                return None if not self._times else self._times[0][0] - after
            return found - after if self._times and self._times[-1][0] >= after else None


def repaints(terminal: Terminal, presses: int, per_second: float) -> list[float]:
    """Seconds from each press of arrow-down to the paint after it, sorted."""
    pressed = []
    begun = time.perf_counter()
    for n in range(presses):
        time.sleep(max(0.0, begun + n / per_second - time.perf_counter()))
        pressed.append(terminal.press(DOWN))
    time.sleep(0.3)
    return sorted(terminal.next_paint(at) or 9.9 for at in pressed)
