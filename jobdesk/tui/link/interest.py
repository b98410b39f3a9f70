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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker
    from jobdesk.broker.inspector import Inspector
    from jobdesk.broker.reading.figures import Figures
    from jobdesk.broker.reading.merged import Merged
    from jobdesk.broker.reading.window import Memory
    from jobdesk.broker.server.rounds import Asking, Rounds
    from jobdesk.models import QueueStats

T = TypeVar("T")


#: The names of the queues are looked up so often.
NAMES_S = 3.0
#: Minutes of the past that one tick reads at most, over all queues.
PAST = 40


class Source:
    """What reads work with: the inspector, and what need not be read twice.

    Belongs to the reader's thread.
    """

    def __init__(self, broker: Broker) -> None:
        from jobdesk.broker.inspector import Inspector
        from jobdesk.broker.reading.merged import Merged
        from jobdesk.broker.reading.window import Memory
        from jobdesk.broker.server.rounds import Rounds

        self.broker = broker
        self.inspector: Inspector = Inspector(broker)
        self.rounds: Rounds = Rounds(broker)
        self.memory: Memory = Memory()
        self.merged: Merged = Merged()
        #: the server's clock, as the last tick had it
        self.now_ms = 0
        #: whether there is more to be read now than one tick may
        self.more = False
        self._names: tuple[str, ...] = ()
        self._names_at = -1e9
        #: queues -> their counts, of this tick; None: asked for, and not answered yet
        self._stats: dict[tuple[str, ...], tuple[QueueStats, ...] | None] = {}
        #: (queue, minute) -> figures of a minute that is over
        self._minutes: OrderedDict[tuple[str, int], Figures] = OrderedDict()

    def queues(self) -> tuple[str, ...]:
        """The names of the queues; every few seconds a tick looks them up again."""
        if self._names_at < 0:
            self.rounds.one(self.look_up_names())
        return self._names

    @property
    def names_are_old(self) -> bool:
        """Whether the queues are to be looked up again."""
        return time.monotonic() - self._names_at > NAMES_S

    def look_up_names(self) -> Asking[None]:
        """Look them up."""
        from jobdesk.broker.reading import asking

        before, self._names = self._names, (yield from asking.queues(self.broker))
        # those that are new have not been read in this tick
        self.more = self.more or (self._names_at > 0 and before != self._names)
        self._names_at = time.monotonic()

    def look_up_time(self) -> Asking[None]:
        """What the server's clock says."""
        from jobdesk.broker.reading import asking

        self.now_ms = yield from asking.clock(self.broker)

    def begin_tick(self) -> None:
        """Nothing has been asked yet."""
        self.more = False
        self._stats.clear()

    def stats(self, names: tuple[str, ...]) -> Asking[tuple[QueueStats, ...]]:
        """The counts of these queues; two reads of a tick that want the same ask once."""
        from jobdesk.broker.reading import asking

        if names in self._stats:
            # who asked first is answered first
            yield lambda _: None
            if (told := self._stats[names]) is not None:
                return told
        self._stats[names] = None
        self._stats[names] = told = yield from asking.stats(self.broker, names)
        return told

    def figures(
        self, names: Sequence[str], minutes: int
    ) -> Asking[Mapping[str, tuple[Figures, ...]]]:
        """Figures per minute, the current one last; of the past only what is not known yet.

        That comes the newest first, over several ticks. A minute counts as over two minutes later:
        who reports late still counts into it.
        """
        from jobdesk.broker.reading import asking

        last = self.now_ms // 60_000
        numbers = range(last, last - minutes, -1)
        missing = self._missing(names, numbers)
        most = 2 * len(names) + PAST
        self.more = self.more or len(missing) > most
        fresh = yield from asking.figures(self.broker, missing[:most])
        known = {**self._minutes, **fresh}
        self._minutes.update((place, one) for place, one in fresh.items() if place[1] < last - 1)
        while len(self._minutes) > 20_000:
            self._minutes.popitem(last=False)
        return {
            name: tuple(known[name, n] for n in reversed(numbers) if (name, n) in known)
            for name in names
        }

    def figures_cost(self, names: Sequence[str], minutes: int) -> int:
        """How many commands the next part of :meth:`figures` is."""
        last = self.now_ms // 60_000
        missing = self._missing(names, range(last, last - minutes, -1))
        return min(len(missing), 2 * len(names) + PAST)

    def _missing(self, names: Sequence[str], numbers: Sequence[int]) -> list[tuple[str, int]]:
        return [
            (name, number) for number in numbers for name in names
            if (name, number) not in self._minutes
        ]  # fmt: skip


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


class Asked(Read[T]):
    """A read that shares its round trips with the others of a tick: most are."""

    #: whether one tick may not be enough for it; it then goes on at the next
    in_parts: ClassVar[bool] = False

    def can_wait(self, source: Source) -> int:  # noqa: ARG002  # a few have a cost
        """Of one that may be put off to the next tick, how many commands it is; of others 0."""
        return 0

    @abstractmethod
    def asking(self, source: Source) -> Asking[T]:
        """What it asks, step by step; in the reader's thread."""

    def fetch(self, source: Source) -> T:
        return source.rounds.one(self.asking(source))


@dataclass(frozen=True, slots=True)
class Interest:
    """What the screen on top wants."""

    reads: tuple[Read[Any], ...] = ()
    #: counts up whenever another view is asked for: answers to an older one are dropped
    generation: int = 0
    #: of the terminal
    lines: int = 24


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
