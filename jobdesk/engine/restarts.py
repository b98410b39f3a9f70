"""When a dead worker process is started again: at once, and later where that does not help."""

from __future__ import annotations

from collections import deque

#: A process that lived shorter than this died of its start.
QUICK_S = 3.0
LONGEST_S = 30.0
#: So many deaths a minute are taken for accidents.
ACCIDENTS = 30


class Pause:
    """The pauses before one process's restarts.

    A process that dies of its start (an import that fails, Redis away) is tried again after 0.5 s,
    1 s, 2 s … up to half a minute. One that had been at work is started at once: the job that may
    have killed it runs alone the next time. Only when that happens all the time does it wait.
    """

    def __init__(self) -> None:
        self._quick = 0
        self._deaths: deque[float] = deque(maxlen=ACCIDENTS)

    def after(self, now: float, lived_s: float, *, worked: bool) -> float:
        """Seconds to wait, for a process that died at ``now`` (monotonic) after ``lived_s``."""
        if not worked and lived_s < QUICK_S:
            self._quick += 1
            return float(min(LONGEST_S, 0.25 * 2**self._quick))
        self._quick = 0
        self._deaths.append(now)
        if len(self._deaths) == ACCIDENTS and now - self._deaths[0] < 60.0:
            return 5.0
        return 0.0
