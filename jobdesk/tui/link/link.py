"""The way to Redis, as the app holds it: three threads, each with a connection of its own.

The :mod:`~jobdesk.tui.link.reader` reads what the screen on top wants, the
:mod:`~jobdesk.tui.link.listener` follows the events, and the :mod:`~jobdesk.tui.link.writer`
carries out commands. Nothing in them touches a widget; all is told by ``post``, which must be safe
to call from any thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobdesk.tui.link.listener import Listener
from jobdesk.tui.link.reader import Reader
from jobdesk.tui.link.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.message import Message

    from jobdesk.settings import Settings
    from jobdesk.tui.commands.base import Command
    from jobdesk.tui.link.interest import Interest, Source
    from jobdesk.tui.link.status import LinkStatus

FASTEST_S, SLOWEST_S = 0.25, 60.0
#: How long a thread is waited for at the end.
END_S = 0.3


class Link:
    """Reads, events and commands of one dashboard."""

    def __init__(
        self, settings: Settings, post: Callable[[Message], object], *,
        read_only: bool = False, interval: float = 1.0, who: str = "",
    ) -> None:  # fmt: skip
        self.read_only = read_only
        self._reader = Reader(settings, post, interval=interval, who="" if read_only else who)
        self._listener = Listener(settings, post, self._reader)
        self._writer: Writer | None = None
        if not read_only:
            self._writer = Writer(settings, post, who=who, written=self._reader.forget)

    def start(self) -> None:
        """Begin reading."""
        self._reader.start()
        self._listener.start()

    def stop(self) -> None:
        """End the threads; a call in flight is waited for, shortly."""
        threads: list[Reader | Listener | Writer] = [self._reader, self._listener]
        if self._writer is not None:
            threads.append(self._writer)
        for thread in threads:
            thread.end()
        for thread in threads:
            thread.join(END_S)

    @property
    def status(self) -> LinkStatus:
        """How the connection is; *slow* also while an answer is overdue."""
        return self._reader.status

    def want(self, interest: Interest, *, now: bool = True) -> None:
        """Read this from now on; ``now``: without waiting for the next tick."""
        self._reader.interest = interest
        if now:
            self._reader.wake()

    def ask(
        self, call: Callable[[Source], Any], then: Callable[[Any, Exception | None], None]
    ) -> None:
        """Make one read; ``then(value, error)`` is called in the app's thread."""
        self._reader.ask(call, then)

    def refresh(self) -> None:
        """Read now, and connect now when offline; nothing kept counts."""
        self._reader.forget()

    def pace(self, interval: float) -> float:
        """Set the seconds between two reads; what they are now."""
        self._reader.interval = min(SLOWEST_S, max(FASTEST_S, interval))
        self._reader.wake()
        return self._reader.interval

    @property
    def pace_now(self) -> float:
        """The seconds between two reads that were asked for."""
        return self._reader.interval

    def blur(self, *, blurred: bool) -> None:
        """Read seldom while nobody looks."""
        self._reader.blurred = self._listener.idle = blurred
        if not blurred:
            self._reader.wake()

    def run(self, command: Command) -> None:
        """Carry out a command behind those that wait; ``CommandDone`` tells how it ended."""
        if self._writer is None or self.status.forbidden:
            raise AssertionError("a read-only session was given a command")
        self._writer.put(command)

    def stop_command(self) -> None:
        """Stop the command that runs, between two of its batches."""
        if self._writer is not None:
            self._writer.stop_command()
