"""The events that a screen keeps: numbered, without doubles, their gaps in their places; bounded.

Pure. A row has a serial number that never changes; the newest rows push the oldest out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobdesk.broker.entries import place_of
from jobdesk.models import Event

if TYPE_CHECKING:
    from jobdesk.broker.events import Gap


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A row of its own where events are missing."""

    queue: str
    #: how many, where that is known
    missed: int | None
    #: the event behind the gap: its time
    timestamp_ms: int


Row = Event | Missing


class Numbering:
    """Follows the numbers of every queue's events."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[int, tuple[int, int, int]]] = {}
        self._ids: dict[str, str] = {}
        self._told: dict[str, int | None] = {}

    @property
    def positions(self) -> Mapping[str, str]:
        """Queue -> id of its last event."""
        return dict(self._ids)

    def missing(self, events: Iterable[Event | Gap]) -> dict[str, tuple[str, int]]:
        """What lies between what is known and these: queue -> (last known id, how many)."""
        found: dict[str, tuple[str, int]] = {}
        seen: set[str] = set()
        for one in events:
            if isinstance(one, Event) and one.queue not in seen:
                seen.add(one.queue)
                count = one.n - self._last[one.queue][0] - 1 if one.queue in self._last else 0
                if count > 0:
                    found[one.queue] = self._ids[one.queue], count
        return found

    def rows(self, events: Iterable[Event | Gap]) -> list[Row]:
        """These, in order: without those that are known, with a row wherever some are missing."""
        found: list[Row] = []
        for one in events:
            if not isinstance(one, Event):
                # the numbers tell as much, once its next event comes
                self._told[one.queue] = one.missed
                continue
            place = place_of(one.id)
            last = self._last.get(one.queue)
            if last is not None and place <= last[1]:
                continue
            if (gap := self._gap(one, last)) is not None:
                found.append(gap)
            self._last[one.queue] = one.n, place
            self._ids[one.queue] = one.id
            found.append(one)
        return found

    def _gap(self, event: Event, last: tuple[int, tuple[int, int, int]] | None) -> Missing | None:
        told = event.queue in self._told
        missed = self._told.pop(event.queue, None)
        if last is not None:
            if event.n == last[0] + 1:
                return None
            # numbers that begin again are those of a new stream: what was in the old is unknown
            missed = event.n - last[0] - 1 if event.n > last[0] else None
        elif not told:
            return None
        return Missing(queue=event.queue, missed=missed, timestamp_ms=event.timestamp_ms)


class Ring:
    """The newest rows, at most ``size``; each is found by its serial number at once."""

    def __init__(self, size: int, rows: Iterable[Row] = ()) -> None:
        self._rows: list[Row | None] = [None] * size
        #: serial number of the newest row; the first has 1
        self.newest = 0
        self.push(rows)

    def __len__(self) -> int:
        return min(self.newest, len(self._rows))

    def __iter__(self) -> Iterator[Row]:
        """The oldest first."""
        for serial in range(self.newest - len(self) + 1, self.newest + 1):
            row = self.at(serial)
            if row is not None:
                yield row

    def push(self, rows: Iterable[Row]) -> None:
        """Add these behind the newest."""
        size = len(self._rows)
        for row in rows:
            self._rows[self.newest % size] = row
            self.newest += 1

    def at(self, serial: int) -> Row | None:
        """The row of that number; None when it is not there any more, or yet."""
        if self.newest - len(self) < serial <= self.newest:
            return self._rows[(serial - 1) % len(self._rows)]
        return None

    def upto(self, serial: int) -> Sequence[Row]:
        """A copy of those up to that number, the newest first."""
        first = self.newest - len(self) + 1
        return [row for at in range(serial, first - 1, -1) if (row := self.at(at)) is not None]
