"""The thread that reads: the interest of the screen on top once a tick, and single calls between.

A call in flight is never cancelled: an answer that nobody waits for any more is dropped by its
generation. When Redis is away it goes on trying, and says so.
"""

from __future__ import annotations

import contextlib
import logging
import random
import threading
import time
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jobdesk.errors import BrokerError, JobdeskError
from jobdesk.tui.link import messages
from jobdesk.tui.link.interest import Interest, Source
from jobdesk.tui.link.status import LinkState, LinkStatus
from jobdesk.tui.link.ticks import Ticks

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.message import Message

    from jobdesk.broker.connection import Broker
    from jobdesk.settings import Settings

    Call = Callable[[Source], Any]
    Then = Callable[[Any, Exception | None], None]

BACKOFF_S = (0.25, 0.5, 1.0)
#: An answer that takes longer makes the connection a slow one.
OVERDUE_S = 1.0
#: While nobody looks at the terminal.
BLURRED_S = 5.0
#: Until the next tick, where one was not enough.
MORE_S = 0.25

_log = logging.getLogger("jobdesk.tui")


class Reader:
    """What is read, and how the connection is.

    ``names``, ``read_at``, ``skew_ms`` and ``status`` may be looked at from any thread.
    """

    def __init__(
        self, settings: Settings, post: Callable[[Message], object], *, interval: float, who: str
    ) -> None:
        self._settings = settings
        self._post = post
        #: who is at work here, as others are to see it; empty: somebody who only looks
        self._who = who
        self._wake = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="jobdesk-reader", daemon=True)
        self._calls: deque[tuple[Call, Then]] = deque()
        self._status = LinkStatus(interval=interval, since=time.monotonic())
        self._busy_since = 0.0
        self._ticks: Ticks | None = None
        #: why this Redis user may not write; None: not asked since it came (back)
        self._forbidden: str | None = None
        self.interest = Interest()
        #: seconds between two reads that were asked for
        self.interval = interval
        #: whether nobody looks
        self.blurred = False
        #: monotonic: when the last tick ended
        self.read_at = 0.0
        #: the queues there are
        self.names: tuple[str, ...] = ()
        #: how far this machine's clock is ahead of the server's
        self.skew_ms = 0.0

    # --- from any thread

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def wake(self) -> None:
        """Read now, and connect now when offline."""
        self._wake.set()

    def forget(self) -> None:
        """Read everything anew, now: nothing kept counts."""
        if self._ticks is not None:
            self._ticks.forget()
        self._wake.set()

    def ask(self, call: Call, then: Then) -> None:
        """Make one read between the ticks."""
        self._calls.append((call, then))
        self._wake.set()

    def end(self) -> None:
        """End the thread, after the call in flight."""
        self._ended.set()
        self._wake.set()

    def join(self, wait: float) -> None:
        """Wait until it has ended, at most so many seconds."""
        if self._thread.ident is not None:
            self._thread.join(wait)

    @property
    def status(self) -> LinkStatus:
        """How the connection is; *slow* also while an answer is overdue."""
        status, since = self._status, self._busy_since
        overdue = time.monotonic() - since if since else 0.0
        if status.state is LinkState.LIVE and overdue > OVERDUE_S:
            return replace(status, state=LinkState.SLOW, latency_ms=overdue * 1000)
        return status

    # --- in the thread

    def _run(self) -> None:
        from jobdesk.broker.connection import Broker

        with Broker(self._settings) as broker:
            slow = 1
            while not self._ended.is_set():
                self._wake.clear()
                begun = self._busy_since = time.monotonic()
                # the first tick imports, connects and knows nothing yet
                ticks, warm = self._ticks, self._ticks is not None
                try:
                    if ticks is None:
                        broker.check_server()
                        ticks = self._ticks = Ticks(Source(broker), self._who)
                    self._ask_rights(broker)
                    self._tick(ticks)
                    self._answer_calls(ticks.source)
                except Exception as exc:  # noqa: BLE001  # a fault of ours must show, as below
                    self._busy_since = 0.0
                    self._offline(exc)
                    continue
                self._busy_since = 0.0
                took = time.monotonic() - begun
                wanted = max(self.interval, BLURRED_S if self.blurred else 0.0)
                slow = min(8, slow * 2) if warm and took > wanted * slow / 3 else max(1, slow // 2)
                self._live(ticks.source.rounds.latency_ms, wanted * slow, slow=slow > 1)
                self._rest(MORE_S if ticks.source.more else wanted * slow)
            if self._who and not self._forbidden and self._status.usable:
                self._leave(broker)

    def _leave(self, broker: Broker) -> None:
        """Other operators need not be told for half a minute more."""
        from jobdesk.broker.operators import presence

        with contextlib.suppress(JobdeskError):
            presence.left(broker, self._who)

    def _ask_rights(self, broker: Broker) -> None:
        """Once per connection, of who would change things."""
        from jobdesk.broker.operators import rights

        if self._who and self._forbidden is None:
            self._forbidden = rights.refusal(broker)

    def _rest(self, seconds: float) -> None:
        """Wait for the next tick, or for somebody who wants something."""
        if self._wake.wait(seconds) and not self._calls:
            # keys held down ask faster than anybody can see
            self._ended.wait(0.015)

    def _tick(self, ticks: Ticks) -> None:
        """Read all that is wanted, and tell it as it comes."""
        source = ticks.source
        for snapshot in ticks.read(self.interest, seen=not self._forbidden):
            self.skew_ms = time.time() * 1000 - source.now_ms
            self.names = source.queues()
            self.read_at = time.monotonic()
            self._post(messages.SnapshotReady(snapshot))

    def _answer_calls(self, source: Source) -> None:
        while self._calls:
            call, then = self._calls[0]
            value, error = None, None
            try:
                value = call(source)
            except BrokerError as exc:
                self._calls.popleft()
                self._post(messages.Answered(then, None, exc))
                raise
            except Exception as exc:  # noqa: BLE001  # whoever asked is told, whatever it was
                error = exc
            self._calls.popleft()
            self._post(messages.Answered(then, value, error))

    def _live(self, latency: float, interval: float, *, slow: bool) -> None:
        state = LinkState.SLOW if slow else LinkState.LIVE
        since = self._status.since if self._status.usable else time.monotonic()
        self._tell(LinkStatus(
            state=state, latency_ms=latency, interval=interval, since=since,
            forbidden=self._forbidden or "",
        ))  # fmt: skip

    def _offline(self, exc: Exception) -> None:
        """Say so, and wait a little longer after every try.

        With a share of chance: many dashboards may wait for the same server.
        """
        if not isinstance(exc, BrokerError):
            # it must show, and not leave a picture that never changes
            _log.error("reading failed", exc_info=exc)
        before = self._status
        tries = before.tries + 1
        rest = BACKOFF_S[min(tries, len(BACKOFF_S)) - 1] * random.uniform(0.8, 1.0)  # no secret
        now = time.monotonic()
        since = before.since if before.state is LinkState.OFFLINE else now
        self._tell(LinkStatus(
            state=LinkState.OFFLINE, error=str(exc), since=since, retry_at=now + rest,
            tries=tries, interval=before.interval, forbidden=before.forbidden,
        ))  # fmt: skip
        # it may come back as another server, or with another user's rights
        self._forbidden = None
        if self._ticks is not None:
            self._ticks.forget()
        while self._calls:
            _, then = self._calls.popleft()
            self._post(messages.Answered(then, None, exc))
        self._wake.wait(rest)

    def _tell(self, status: LinkStatus) -> None:
        self._status = status
        self._post(messages.LinkChanged(status))
