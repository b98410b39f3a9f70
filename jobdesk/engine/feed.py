"""One queue as a worker process sees it: what it has in hand, what is on its way, what may come.

Plain bookkeeping, read and written by :class:`~jobdesk.engine.pool.Pool` under its lock.
"""

from __future__ import annotations

import math
import random
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobdesk.broker.exchange import Finish
    from jobdesk.broker.server.wire import Sent
    from jobdesk.engine.queue import Queue
    from jobdesk.engine.run import Run

#: Short jobs are fetched ahead, as many as are run off in this time: six of 5 ms, thirty of 1 ms.
AHEAD_S = 0.03
#: And no more than this part of what waits, so that other workers have theirs: the rule of guided
#: self-scheduling (Polychronopoulos and Kuck, IEEE Transactions on Computers C-36, 1987).
PART = 1 / 4
#: How much of a run's time goes into the mean.
WEIGHT = 1 / 16
#: While jobs run, leases are renewed at least this often, so that a cancel is heard soon.
LISTEN_S = 2.0


class UnderWay:
    """An exchange whose answer nobody has read yet."""

    __slots__ = ("finishes", "housekeeping", "sent", "sent_at", "want")

    def __init__(
        self, want: int, finishes: list[tuple[Run, Finish]], *, housekeeping: bool
    ) -> None:
        self.want = want
        self.finishes = finishes
        self.housekeeping = housekeeping
        self.sent_at = time.monotonic()
        #: None while it is being sent
        self.sent: Sent | None = None


class Feed:
    """One queue as this worker process sees it."""

    __slots__ = (
        "awaited", "due_at", "finishes", "heard_at", "left_behind", "limit", "oldest", "queue",
        "ready", "renew_s", "request", "run_s", "runs", "seen", "told_ms", "under_way", "waiting",
        "wake_key",
    )  # fmt: skip

    def __init__(self, queue: Queue, limit: int) -> None:
        self.queue = queue
        #: jobs of this queue at once in this process
        self.limit = limit
        self.runs: dict[tuple[str, bytes], Run] = {}
        self.finishes: list[tuple[Run, Finish]] = []
        self.oldest = 0.0
        self.under_way: UnderWay | None = None
        #: the take that the waiter has sent along with its wait
        self.awaited: UnderWay | None = None
        #: continuations waited for delivery when the house was last kept
        self.left_behind = False
        #: there may be jobs to take
        self.ready = True
        #: how many waited at the last answer
        self.waiting = 0
        #: when its marker was last heard: an exchange that was sent before knows nothing of it
        self.heard_at = 0.0
        #: monotonic time at which a delayed job is due, or the rate limit opens
        self.due_at: float | None = None
        #: Redis's time at the last answer: of two that were under way at once the later counts
        self.told_ms = 0
        self.request = random.getrandbits(48)
        #: how long runs take, in the mean of late; before the first, too long to fetch any ahead
        self.run_s = math.inf
        #: how many runs that mean is of
        self.seen = 0
        #: its leases are renewed so often
        self.renew_s = min(queue.lease_ms / 3000, LISTEN_S)
        self.wake_key = queue.transitions.keys.wake

    def ran(self, seconds: float) -> None:
        """Take one more run into the mean."""
        self.run_s = self.run_s + WEIGHT * (seconds - self.run_s) if self.seen else seconds
        self.seen += 1

    @property
    def ahead(self) -> int:
        """So many jobs are fetched before there is a thread for them."""
        most = min(self.seen, int(self.waiting * PART))
        return min(most, int(AHEAD_S / self.run_s)) if self.run_s else most

    @property
    def in_hand(self) -> int:
        """Jobs that run, or are to run: those that are coming, and not those that have ended."""
        count = len(self.runs) - len(self.finishes)
        under_way = self.under_way
        if under_way is not None:
            count += under_way.want - len(under_way.finishes)
        if self.awaited is not None:
            count += self.awaited.want
        return count

    @property
    def may_take(self) -> bool:
        """Whether a take would be of use, and none is under way with the waiter."""
        return self.ready and self.awaited is None
