"""One tick: everything that the screen on top wants, in as few round trips as it takes.

The reads that share their round trips come first and are told at once; those that do not, and
have become due, are made one after the other, and told when all of them are there.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from jobdesk.errors import BrokerError, JobdeskError, QueueFull
from jobdesk.tui.link.interest import Asked, Interest, Read, Snapshot, Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobdesk.broker.server.rounds import Asking

#: How often an operator says that they are at work.
PRESENCE_S = 10.0


class Ticks:
    """The ticks of one dashboard. Belongs to the reader's thread, but for :meth:`forget`."""

    def __init__(self, source: Source, who: str) -> None:
        self.source = source
        #: who is at work here, as others are to see it; empty: somebody who only looks
        self._who = who
        #: kind -> (read, when, answer): what need not be read at every tick
        self._kept: dict[type[Read[Any]], tuple[Read[Any], float, Any]] = {}
        #: what was read before does not count any more
        self._forgotten_at = 0.0
        #: kind -> when it was read last, be it in part
        self._read_at: dict[type[Read[Any]], float] = {}
        self._operators: tuple[str, ...] = ()
        self._present_at = -PRESENCE_S

    def forget(self) -> None:
        """Read everything anew; what has to wait for its turn stays as it was until then."""
        self._forgotten_at = time.monotonic()

    def read(self, interest: Interest, *, seen: bool) -> Iterator[Snapshot]:
        """One tick; ``seen``: whether others may see who is at work here.

        Raises ``BrokerError``.
        """
        source, begun = self.source, time.perf_counter()
        self._know_the_place()
        source.begin_tick()
        values: dict[type[Read[Any]], Any] = {}
        errors: dict[type[Read[Any]], Exception] = {}

        def snapshot() -> Snapshot:
            return Snapshot(
                generation=interest.generation, now_ms=source.now_ms, values=dict(values),
                errors=dict(errors), operators=self._operators,
                took_ms=(time.perf_counter() - begun) * 1000,
            )  # fmt: skip

        wanted = [read for read in interest.reads if not self._is_good(read)]
        due = self._in_turn(wanted, interest.lines)
        together = [read for read in due if isinstance(read, Asked)]
        self._read_together(together, errors, seen=seen)
        source.more = source.more or len(due) < len(wanted)
        alone = [read for read in due if not isinstance(read, Asked)]
        self._take(interest, values)
        if alone and together:
            yield snapshot()
        for read in alone:
            try:
                self._keep(read, read.fetch(source))
            except (QueueFull, JobdeskError) as exc:
                if isinstance(exc, BrokerError):
                    raise
                self._drop(read, exc, errors)
        self._take(interest, values)
        yield snapshot()

    def _know_the_place(self) -> None:
        """Clock and queues, before the first tick; later they come with the others."""
        source = self.source
        if not source.now_ms:
            source.rounds.all((source.look_up_time(), source.look_up_names()))

    def _read_together(
        self, reads: list[Asked[Any]], errors: dict[type[Read[Any]], Exception], *, seen: bool
    ) -> None:
        source = self.source
        askings: list[Asking[Any]] = [read.asking(source) for read in reads]
        askings.append(source.look_up_time())
        if source.names_are_old:
            askings.append(source.look_up_names())
        if time.monotonic() - self._present_at >= PRESENCE_S:
            askings.append(self._say_present(seen=seen))
        found = source.rounds.all(askings)
        for read, value in zip(reads, found, strict=False):
            if isinstance(value, Exception):
                self._drop(read, value, errors)
            else:
                self._keep(read, value)

    def _in_turn(self, wanted: list[Read[Any]], lines: int) -> list[Read[Any]]:
        """Without those that wait for the next tick: this one would cost more than it may."""
        # the counts take a queue's share, and one command more
        room = most = 3 * lines - len(self.source.queues())
        put_off: set[type[Read[Any]]] = set()
        for read in sorted(wanted, key=lambda one: self._read_at.get(type(one), 0.0)):
            cost = read.can_wait(self.source) if isinstance(read, Asked) else 0
            if cost and cost > room and room < most:
                put_off.add(type(read))
            else:
                room -= cost
        return [read for read in wanted if type(read) not in put_off]

    def _say_present(self, *, seen: bool) -> Asking[None]:
        """Operators see each other; who only looks is not seen."""
        from jobdesk.broker.operators import presence

        self._present_at = time.monotonic()
        who = self._who if seen else ""
        found = yield from presence.asking(self.source.broker, who, self.source.now_ms)
        self._operators = tuple(one.who for one in found)

    # --- what need not be read again

    def _is_good(self, read: Read[Any]) -> bool:
        kept = self._kept.get(type(read))
        if kept is None or kept[0] != read or kept[1] <= self._forgotten_at:
            return False
        return time.monotonic() - kept[1] < read.good_for

    def _keep(self, read: Read[Any], value: Any) -> None:
        self._read_at[type(read)] = time.monotonic()
        unfinished = self.source.more and isinstance(read, Asked) and read.in_parts
        self._kept[type(read)] = (read, 0.0 if unfinished else time.monotonic(), value)

    def _drop(
        self, read: Read[Any], exc: Exception, errors: dict[type[Read[Any]], Exception]
    ) -> None:
        self._kept.pop(type(read), None)
        errors[type(read)] = exc

    def _take(self, interest: Interest, values: dict[type[Read[Any]], Any]) -> None:
        """What is known of what is wanted: by now, or else as it was."""
        for read in interest.reads:
            kept = self._kept.get(type(read))
            if kept is not None and kept[0] == read:
                values[type(read)] = kept[2]
