"""How far a long command is, on stderr: a bar on a terminal, nothing anywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

WIDTH = 30
#: Drawing is not to cost more than the work.
EVERY_S = 0.1


@contextmanager
def bar(label: str) -> Iterator[Callable[[int, int], object] | None]:
    """A callback (done, total) that draws the bar, or None where there is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    drawn = 0.0

    def draw(done: int, total: int) -> None:
        nonlocal drawn
        now = time.monotonic()
        if done < total and now - drawn < EVERY_S:
            return
        drawn = now
        part = 1.0 if total <= 0 else min(1.0, done / total)
        filled = round(part * WIDTH)
        sys.stderr.write(
            f"\r{label} [{'#' * filled}{' ' * (WIDTH - filled)}] {done:,} of {total:,}"
        )
        sys.stderr.flush()

    try:
        yield draw
    finally:
        if drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
