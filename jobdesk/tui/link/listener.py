"""The thread that follows the events: it tells them, and uses them as a hint to read early."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from jobdesk.errors import JobdeskError
from jobdesk.tui.link import messages

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from textual.message import Message

    from jobdesk.broker.connection import Broker
    from jobdesk.broker.events import EventReader
    from jobdesk.settings import Settings
    from jobdesk.tui.link.reader import Reader

#: Between two reads that events asked for.
HINT_S = 0.25
#: After an error; the reader tells when Redis is there again.
AFTER_ERROR_S = 1.0
#: A listener that is this far behind, in batches this large, skips what lies between.
BEHIND_MS, MANY = 3000, 400


class Listener:
    """Follows the events of the queues that the reader knows."""

    def __init__(
        self, settings: Settings, post: Callable[[Message], object], reader: Reader
    ) -> None:
        self._settings = settings
        self._post = post
        self._reader = reader
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="jobdesk-listener", daemon=True)
        #: while nobody looks
        self.idle = False

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def end(self) -> None:
        """End the thread, after the call in flight."""
        self._ended.set()

    def join(self, wait: float) -> None:
        """Wait until it has ended, at most so many seconds."""
        if self._thread.ident is not None:
            self._thread.join(wait)

    def _run(self) -> None:
        from jobdesk.broker.connection import Broker

        reader = self._reader
        with Broker(self._settings) as broker:
            events: EventReader | None = None
            names: tuple[str, ...] = ()
            while not self._ended.is_set():
                usable = reader.status.usable
                if self.idle or not reader.names or not usable:
                    events = events if usable else None
                    self._ended.wait(HINT_S)
                    continue
                try:
                    if events is None or names != reader.names:
                        names = reader.names
                        events = _follow(broker, names, events)
                    found = events.read(1.0)
                except JobdeskError:
                    self._ended.wait(AFTER_ERROR_S)
                    continue
                if not found:
                    continue
                self._post(messages.EventsArrived(tuple(found)))
                if self._behind(found):
                    events = None
                since = time.monotonic() - reader.read_at
                if since < HINT_S:
                    self._ended.wait(HINT_S - since)
                reader.wake()

    def _behind(self, found: list[Any]) -> bool:
        """Whether more happens than can be followed: then what lies between is left out."""
        lasts = {one.queue: getattr(one, "timestamp_ms", None) for one in found}
        now_ms = time.time() * 1000 - self._reader.skew_ms
        late = any(last is not None and now_ms - last > BEHIND_MS for last in lasts.values())
        return late and len(found) >= MANY


def _follow(broker: Broker, names: tuple[str, ...], before: EventReader | None) -> EventReader:
    """The events of these queues, from where ``before`` has read to."""
    from jobdesk.broker.events import EventReader

    at: Mapping[str, str] | None = None
    if before is not None:
        known = {**dict.fromkeys(names, "0-0"), **before.positions}
        at = {name: known[name] for name in names}
    return EventReader(broker, names, at)
