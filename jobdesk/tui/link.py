"""The way to Redis: three threads, each with a connection of its own.

*Reader* carries out the interest of the screen on top once a tick, and single calls in between.
*Listener* follows the events, and uses them as a hint to read early. *Writer* runs commands one
after the other; a read-only session has none. A call in flight is never cancelled: an answer that
nobody waits for any more is dropped by its generation. Nothing here touches a widget; all is told
by ``post``, which must be safe to call from any thread.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jobdesk.errors import BrokerError, JobdeskError, QueueFull
from jobdesk.tui import messages
from jobdesk.tui.interest import Interest, Read, Snapshot, Source
from jobdesk.tui.linkstatus import LinkState, LinkStatus

if TYPE_CHECKING:
    from textual.message import Message

    from jobdesk.broker.connection import Broker
    from jobdesk.broker.events import EventReader
    from jobdesk.settings import Settings
    from jobdesk.tui.commands import Command

#: Between two reads that events asked for.
HINT_S = 0.25
BACKOFF_S = (0.25, 0.5, 1.0)
FASTEST_S, SLOWEST_S = 0.25, 60.0
#: While nobody looks at the terminal.
BLURRED_S = 5.0
#: How often an operator says that they are at work.
PRESENCE_S = 10.0
#: A listener that is this far behind skips what lies between.
BEHIND_MS = 3000

_log = logging.getLogger("jobdesk.tui")


class Link:
    """Reads, events and commands of one dashboard."""

    def __init__(
        self, settings: Settings, post: Callable[[Message], object], *,
        read_only: bool = False, interval: float = 1.0, who: str = "",
    ) -> None:  # fmt: skip
        self.settings = settings
        self.read_only = read_only
        self._post = post
        self._who = who
        self._interval = interval
        self._blurred = False
        self._interest = Interest()
        self._wake = threading.Event()
        self._ended = threading.Event()
        self._calls: deque[tuple[Callable[[Source], Any], Callable[..., None]]] = deque()
        self._commands: queue.SimpleQueue[Command | None] = queue.SimpleQueue()
        self._stop_command = threading.Event()
        self._status = LinkStatus(interval=interval, since=time.monotonic())
        self._busy_since = 0.0
        self._read_at = 0.0
        #: kind -> (read, when, answer): what need not be read at every tick
        self._kept: dict[type[Read[Any]], tuple[Read[Any], float, Any]] = {}
        self._names: tuple[str, ...] = ()
        self._operators: tuple[str, ...] = ()
        self._present_at = -PRESENCE_S
        #: how far this machine's clock is ahead of the server's
        self._skew_ms = 0.0
        self._threads: list[threading.Thread] = []

    # --- from the app's thread

    def start(self) -> None:
        """Begin reading."""
        self._begin("reader", self._read_all)
        self._begin("listener", self._listen)

    def stop(self) -> None:
        """End the threads; a call in flight is waited for, shortly."""
        self._ended.set()
        self._stop_command.set()
        self._wake.set()
        self._commands.put(None)
        for thread in self._threads:
            thread.join(0.3)

    @property
    def status(self) -> LinkStatus:
        """How the connection is; *slow* also while an answer is overdue."""
        status, since = self._status, self._busy_since
        overdue = time.monotonic() - since if since else 0.0
        if status.state is LinkState.LIVE and overdue > 1.0:
            return replace(status, state=LinkState.SLOW, latency_ms=overdue * 1000)
        return status

    def want(self, interest: Interest, *, now: bool = True) -> None:
        """Read this from now on; ``now``: without waiting for the next tick."""
        self._interest = interest
        if now:
            self._wake.set()

    def ask(
        self, call: Callable[[Source], Any], then: Callable[[Any, Exception | None], None]
    ) -> None:
        """Make one read; ``then(value, error)`` is called in the app's thread."""
        self._calls.append((call, then))
        self._wake.set()

    def refresh(self) -> None:
        """Read now, and connect now when offline; nothing kept counts."""
        self._kept.clear()
        self._wake.set()

    def pace(self, interval: float) -> float:
        """Set the seconds between two reads; what they are now."""
        self._interval = min(SLOWEST_S, max(FASTEST_S, interval))
        self._wake.set()
        return self._interval

    @property
    def pace_now(self) -> float:
        """The seconds between two reads that were asked for."""
        return self._interval

    def blur(self, *, blurred: bool) -> None:
        """Read seldom while nobody looks."""
        self._blurred = blurred
        if not blurred:
            self._wake.set()

    def run(self, command: Command) -> None:
        """Carry out a command behind those that wait; ``CommandDone`` tells how it ended."""
        if self.read_only:
            raise AssertionError("a read-only session was given a command")
        if not any(thread.name.endswith("writer") for thread in self._threads):
            self._begin("writer", self._write)
        self._commands.put(command)

    def stop_command(self) -> None:
        """Stop the command that runs, between two of its batches."""
        self._stop_command.set()

    def _begin(self, name: str, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, name=f"jobdesk-{name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    # --- reader

    def _read_all(self) -> None:
        from jobdesk.broker.connection import Broker

        with Broker(self.settings) as broker:
            source: Source | None = None
            slow = 1
            while not self._ended.is_set():
                self._wake.clear()
                begun = self._busy_since = time.monotonic()
                # the first tick imports, connects and knows nothing yet
                warm = source is not None
                try:
                    if source is None:
                        broker.check_server()
                        source = Source(broker)
                    latency = self._tick(source)
                    self._answer_calls(source)
                except BrokerError as exc:
                    self._busy_since = 0.0
                    self._offline(exc)
                    continue
                except Exception as exc:  # noqa: BLE001  # as below
                    # a fault of ours must show, not leave a picture that never changes
                    _log.exception("reading failed")
                    self._busy_since = 0.0
                    self._offline(exc)
                    continue
                finally:
                    self._busy_since = 0.0
                took = time.monotonic() - begun
                wanted = max(self._interval, BLURRED_S if self._blurred else 0.0)
                slow = min(8, slow * 2) if warm and took > wanted * slow / 3 else max(1, slow // 2)
                self._live(latency, wanted * slow, slow=slow > 1)
                self._rest(wanted * slow)

    def _rest(self, seconds: float) -> None:
        """Wait for the next tick, or for somebody who wants something."""
        if self._wake.wait(seconds) and not self._calls:
            # keys held down ask faster than anybody can see
            self._ended.wait(0.015)

    def _tick(self, source: Source) -> float:
        """Read all that is wanted; the milliseconds of one round trip."""
        interest = self._interest
        begun = time.perf_counter()
        source.now_ms = source.inspector.now_ms()
        latency = (time.perf_counter() - begun) * 1000
        self._skew_ms = time.time() * 1000 - source.now_ms
        self._names = source.queues()
        self._say_present(source)
        values: dict[type[Read[Any]], Any] = {}
        errors: dict[type[Read[Any]], Exception] = {}
        for read in interest.reads:
            kind = type(read)
            try:
                values[kind] = self._fetch(source, kind, read)
            except (QueueFull, JobdeskError) as exc:
                if isinstance(exc, BrokerError):
                    raise
                errors[kind] = exc
        self._read_at = time.monotonic()
        took = (time.perf_counter() - begun) * 1000
        self._post(messages.SnapshotReady(Snapshot(
            generation=interest.generation, now_ms=source.now_ms, values=values, errors=errors,
            operators=self._operators,
            took_ms=took,
        )))  # fmt: skip
        return latency

    def _say_present(self, source: Source) -> None:
        """Operators see each other; who only looks is not seen."""
        from jobdesk.broker import presence

        if time.monotonic() - self._present_at < PRESENCE_S:
            return
        self._present_at = time.monotonic()
        if self._who and not self.read_only:
            presence.seen(source.broker, self._who)
        self._operators = tuple(one.who for one in presence.present(source.broker))

    def _fetch(self, source: Source, kind: type[Read[Any]], read: Read[Any]) -> Any:
        kept = self._kept.get(kind)
        now = time.monotonic()
        if kept is not None and kept[0] == read and now - kept[1] < read.good_for:
            return kept[2]
        value = read.fetch(source)
        if read.good_for:
            self._kept[kind] = (read, now, value)
        return value

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
        self._tell(LinkStatus(state=state, latency_ms=latency, interval=interval, since=since))

    def _offline(self, exc: Exception) -> None:
        """Say so, and wait a little longer after every try.

        With a share of chance: many dashboards may wait for the same server.
        """
        before = self._status
        tries = before.tries + 1
        rest = BACKOFF_S[min(tries, len(BACKOFF_S)) - 1] * random.uniform(0.8, 1.0)  # no secret
        now = time.monotonic()
        since = before.since if before.state is LinkState.OFFLINE else now
        self._tell(LinkStatus(
            state=LinkState.OFFLINE, error=str(exc), since=since, retry_at=now + rest,
            tries=tries, interval=before.interval,
        ))  # fmt: skip
        while self._calls:
            _, then = self._calls.popleft()
            self._post(messages.Answered(then, None, exc))
        self._wake.wait(rest)

    def _tell(self, status: LinkStatus) -> None:
        self._status = status
        self._post(messages.LinkChanged(status))

    # --- listener

    def _listen(self) -> None:
        from jobdesk.broker.connection import Broker

        with Broker(self.settings) as broker:
            reader: EventReader | None = None
            names: tuple[str, ...] = ()
            while not self._ended.is_set():
                if self._blurred or not self._names or not self._status.usable:
                    reader = None if not self._status.usable else reader
                    self._ended.wait(HINT_S)
                    continue
                try:
                    if reader is None or names != self._names:
                        names = self._names
                        reader = self._reader(broker, names, reader)
                    found = reader.read(1.0)
                except JobdeskError:
                    self._ended.wait(1.0)
                    continue
                if not found:
                    continue
                self._post(messages.EventsArrived(tuple(found)))
                if self._behind(found):
                    reader = None
                since = time.monotonic() - self._read_at
                if since < HINT_S:
                    self._ended.wait(HINT_S - since)
                self._wake.set()

    def _reader(
        self, broker: Broker, names: tuple[str, ...], before: EventReader | None
    ) -> EventReader:
        from jobdesk.broker.events import EventReader

        at: Mapping[str, str] | None = None
        if before is not None:
            at = {**dict.fromkeys(names, "0-0"), **before.positions}
            at = {name: at[name] for name in names}
        return EventReader(broker, names, at)

    def _behind(self, found: list[Any]) -> bool:
        """Whether more happens than can be followed: then what lies between is left out."""
        last = getattr(found[-1], "timestamp_ms", None)
        return (
            last is not None
            and len(found) >= 400
            and time.time() * 1000 - self._skew_ms - last > BEHIND_MS
        )

    # --- writer

    def _write(self) -> None:
        from jobdesk.broker.connection import Broker
        from jobdesk.broker.control import Control

        with Broker(self.settings) as broker:
            control = Control(broker, who=self._who)
            while (command := self._commands.get()) is not None:
                self._stop_command.clear()
                told = 0.0

                def progress(done: int, total: int, command: Command = command) -> bool:
                    nonlocal told
                    if time.monotonic() - told > 0.1:
                        told = time.monotonic()
                        self._post(messages.CommandProgress(command, done, total))
                    return not self._stop_command.is_set()

                outcome, error = None, None
                try:
                    outcome = command.run(control, progress)
                except Exception as exc:  # noqa: BLE001  # the operator is told, whatever it was
                    error = exc
                    if not isinstance(exc, JobdeskError):
                        _log.exception("%s failed", command.line)
                with contextlib.suppress(RuntimeError):  # the app has ended
                    self._post(messages.CommandDone(command, outcome, error))
                self._kept.clear()
                self._wake.set()
