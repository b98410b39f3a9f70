"""How far a command over many jobs is: counted, told to whoever watches, and stopped by them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

#: (done, total) -> False to stop
Progress = Callable[[int, int], object]

#: How many ids a command over many jobs reports.
MAX_IDS = 1000


@dataclass(frozen=True, slots=True)
class Touched:
    """What a command over many jobs did."""

    count: int
    #: the first 1,000 of them
    ids: tuple[str, ...] = ()
    #: False when the command was stopped before it was through
    done: bool = True
    #: by which it can be undone (``Control.undo``); "" when it cannot
    operation: str = ""


class Tally:
    """Counts what a command over many jobs has done, and asks its callback whether to go on."""

    def __init__(self, progress: Progress | None, total: int | None = None) -> None:
        self.count = 0
        self.total = total
        self._ids: list[str] = []
        self._progress = progress

    def add(self, ids: list[bytes]) -> bool:
        """Count these jobs; False when the command is to stop."""
        room = MAX_IDS - len(self._ids)
        self._ids += [raw.decode("utf-8", "replace") for raw in ids[:room]]
        return self.add_count(len(ids))

    def add_count(self, count: int) -> bool:
        """Count so many jobs; False when the command is to stop."""
        self.count += count
        if self._progress is None:
            return True
        total = max(self.count, self.total or 0)
        return self._progress(self.count, total) is not False

    def touched(self, *, done: bool, operation: str = "") -> Touched:
        """What has been done in all; where that is nothing, there is nothing to undo."""
        return Touched(self.count, tuple(self._ids), done, operation if self.count else "")
