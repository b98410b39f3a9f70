"""What a screen wants to be read: what is on screen is what is fetched, and nothing else.

A screen names its :class:`Read`s; the I/O thread carries them out once a tick and hands the answers
back in a :class:`Snapshot`. Every read is bounded by what the screen shows. A tick costs at most
3 commands a row, 5 a queue, and 16; what would cost more says ``every`` how many seconds it is
wanted.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker
    from jobdesk.broker.figures import Figures
    from jobdesk.broker.inspector import Inspector

T = TypeVar("T")


class Source:
    """What reads work with: the inspector, and what need not be read twice.

    Belongs to the I/O thread.
    """

    def __init__(self, broker: Broker) -> None:
        from jobdesk.broker.inspector import Inspector

        self.broker = broker
        self.inspector: Inspector = Inspector(broker)
        self.now_ms = 0
        self._names: tuple[str, ...] = ()
        self._names_at = -1e9
        #: (queue, minute) -> figures of a minute that is over
        self._minutes: OrderedDict[tuple[str, int], Figures] = OrderedDict()

    def queues(self) -> tuple[str, ...]:
        """The names of the queues, looked up every few seconds."""
        if time.monotonic() - self._names_at > 3 or not self._names:
            self._names = self.inspector.queues()
            self._names_at = time.monotonic()
        return self._names

    def figures(self, queue: str, minutes: int) -> tuple[Figures, ...]:
        """Figures per minute, the current one last; of the past only what is not known yet.

        A minute counts as over two minutes later: who reports late still counts into it.
        """
        last = self.now_ms // 60_000
        wanted = range(last - minutes + 1, last + 1)
        known = {n: self._minutes[queue, n] for n in wanted if (queue, n) in self._minutes}
        missing = next((n for n in wanted if n not in known), last)
        for one in self.inspector.figures(queue, last - missing + 1):
            number = one.start_ms // 60_000
            known[number] = one
            if number < last - 1:
                self._minutes[queue, number] = one
        while len(self._minutes) > 20_000:
            self._minutes.popitem(last=False)
        return tuple(known[n] for n in wanted if n in known)


class Read(ABC, Generic[T]):
    """One thing to be read; its subclasses are frozen dataclasses, so that equal ones are equal."""

    #: seconds for which an answer is good enough; 0: read at every tick
    every: ClassVar[float] = 0.0

    @property
    def good_for(self) -> float:
        """Seconds for which this read's answer is good enough."""
        return self.every

    @abstractmethod
    def fetch(self, source: Source) -> T:
        """Read it; in the I/O thread. Raises ``JobdeskError``."""


@dataclass(frozen=True, slots=True)
class Interest:
    """What the screen on top wants."""

    reads: tuple[Read[Any], ...] = ()
    #: counts up whenever another view is asked for: answers to an older one are dropped
    generation: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The answers to one interest, of one moment."""

    generation: int
    #: the Redis server's clock
    now_ms: int
    values: Mapping[type[Read[Any]], Any] = field(default_factory=dict)
    #: what a read was refused with, where that concerns the read alone (a job that is gone)
    errors: Mapping[type[Read[Any]], Exception] = field(default_factory=dict)
    #: who else is at work, ``user@host``, where the session may change things
    operators: tuple[str, ...] = ()
    #: how long it took to read
    took_ms: float = 0.0

    def of(self, kind: type[Read[T]]) -> T | None:
        """The answer to the read of that kind; None while there is none."""
        return cast("T | None", self.values.get(kind))

    def error_of(self, kind: type[Read[Any]]) -> Exception | None:
        """Why the read of that kind was refused."""
        return self.errors.get(kind)
