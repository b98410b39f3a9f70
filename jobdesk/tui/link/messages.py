"""What the threads and widgets tell the app. What they carry is frozen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual.message import Message

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobdesk.broker.events import Gap
    from jobdesk.models import Event
    from jobdesk.tui.commands.base import Command, Outcome
    from jobdesk.tui.link.interest import Snapshot
    from jobdesk.tui.link.status import LinkStatus


@dataclass(eq=False)
class SnapshotReady(Message):
    """The answers to an interest. Of several that wait, only the newest is handled."""

    snapshot: Snapshot

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, SnapshotReady)


@dataclass(eq=False)
class LinkChanged(Message):
    """How the connection is; only the newest counts."""

    status: LinkStatus

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, LinkChanged)


@dataclass(eq=False)
class EventsArrived(Message):
    """What happened in the queues, in order."""

    events: tuple[Event | Gap, ...]


@dataclass(eq=False)
class Answered(Message):
    """The answer to one call of :meth:`Link.ask`, on its way to who asked."""

    then: Callable[[Any, Exception | None], None]
    value: Any
    error: Exception | None


@dataclass(eq=False)
class CommandProgress(Message):
    """How far a command over many jobs is."""

    command: Command
    done: int
    total: int

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, CommandProgress) and message.command is self.command


@dataclass(eq=False)
class CommandDone(Message):
    """How a command ended: with an outcome, or an error."""

    command: Command
    outcome: Outcome | None
    error: Exception | None
    #: of how many jobs how many had been done when it last said so
    done: int = 0
    total: int = 0

    @property
    def unsure(self) -> bool:
        """Whether Redis may have carried out what it did not answer."""
        return getattr(self.error, "sent", False) is True
