"""The entries of a queue's event stream, and the events that each of them holds.

Events that differ in nothing but their job share an entry (``lua/include/events.lua``). So an
event's id is its entry's, and behind a colon its place in there: ``1764532800000-0:3``; the entry's
alone where it holds one. How many entries make so many events is not known before they are read:
:func:`back` and :func:`on` ask for a few, and then for as many as it seems to take.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jobdesk.broker import records
from jobdesk.models import Event

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker

#: So many events are taken to be in an entry before one has been seen.
GUESS = 8
#: Entries that one request asks for at least.
LEAST = 8


def events_of(queue: str, raw_id: bytes, raw: Mapping[bytes, bytes]) -> list[Event]:
    """The events of one entry, in order."""
    fields = {records.text(name): records.text(value) for name, value in raw.items()}
    entry, name, kind = records.text(raw_id), fields.pop("e", ""), fields.pop("t", "")
    last = int(fields.pop("n", "0"))
    jobs = fields.pop("j", "").split(" ")
    at_ms = place_of(entry)[0]
    if len(jobs) == 1:
        return [
            Event(
                id=entry, n=last, queue=queue, name=name, timestamp_ms=at_ms,
                job_id=jobs[0], type=kind, fields=fields,
            )
        ]  # fmt: skip
    kinds = kind.split(" ")
    if len(kinds) != len(jobs):
        kinds = [kind] * len(jobs)
    first = last - len(jobs)
    return [
        Event(
            id=f"{entry}:{at}", n=first + at, queue=queue, name=name, timestamp_ms=at_ms,
            job_id=job_id, type=one, fields=fields,
        )
        for at, (job_id, one) in enumerate(zip(jobs, kinds, strict=True), 1)
    ]  # fmt: skip


def place_of(event_id: str) -> tuple[int, int, int]:
    """Where an event stands among those of all streams: Redis's ms, the entry, its place in it."""
    entry, _, at = event_id.partition(":")
    return (*records.stream_place(entry), int(at or 0))


def entry_of(event_id: str) -> str:
    """The entry that holds an event."""
    return event_id.partition(":")[0]


def back(
    broker: Broker, spans: Mapping[str, tuple[str, str]], count: int
) -> dict[str, list[Event]]:
    """Queue -> its newest ``count`` events between two bounds, the newest first.

    A bound is ``+``, ``-``, an instant in ms, or ``(`` and an event's id, which is left out.
    """
    return _read(broker, {queue: (*span, count) for queue, span in spans.items()}, newest=True)


def on(broker: Broker, wanted: Mapping[str, tuple[str, int]]) -> dict[str, list[Event]]:
    """Queue -> the first events behind one, (id, how many) each, in order."""
    spans = {queue: (f"({after}", "+", count) for queue, (after, count) in wanted.items()}
    return _read(broker, spans, newest=False)


class _Walk:
    """The way through one stream."""

    def __init__(self, start: str, stop: str, count: int) -> None:
        self.start = start
        self.stop = stop
        self.count = count
        self.found: list[Event] = []
        self.ended = count <= 0
        self._entries = 0

    @property
    def asked(self) -> int:
        """How many entries the next request is for."""
        each = len(self.found) / self._entries if self._entries else GUESS
        return max(LEAST, round((self.count - len(self.found)) / max(each, 1)) + 1)

    def take(self, events: Iterable[Event], entries: int, asked: int) -> None:
        """Keep what came of one request for so many entries."""
        self._entries += entries
        for event in events:
            self.start = f"({entry_of(event.id)}"
            if len(self.found) < self.count:
                self.found.append(event)
        self.ended = entries < asked or len(self.found) >= self.count


def _read(
    broker: Broker, spans: Mapping[str, tuple[str, str, int]], *, newest: bool
) -> dict[str, list[Event]]:
    walks = {queue: _Walk(*span) for queue, span in spans.items()}
    while under_way := {queue: walk for queue, walk in walks.items() if not walk.ended}:
        pipe = broker.pipeline()
        asked = {queue: walk.asked for queue, walk in under_way.items()}
        for queue, walk in under_way.items():
            read = pipe.xrevrange if newest else pipe.xrange
            name = broker.keys(queue).events
            read(name, _inclusive(walk.start), _inclusive(walk.stop), asked[queue])
        with broker.errors("XRANGE"):
            answers: list[Any] = pipe.execute()
        for (queue, walk), entries in zip(under_way.items(), answers, strict=True):
            events = _in_between(queue, entries, walk, newest=newest)
            walk.take(events, len(entries), asked[queue])
    return {queue: walk.found for queue, walk in walks.items()}


def _in_between(queue: str, entries: Sequence[Any], walk: _Walk, *, newest: bool) -> list[Event]:
    found = [event for entry in entries for event in _ordered(queue, entry, newest=newest)]
    for bound, later in ((walk.start, not newest), (walk.stop, newest)):
        if ":" in bound:
            limit = place_of(bound.lstrip("("))
            found = [one for one in found if (place_of(one.id) > limit) is later
                     and place_of(one.id) != limit]  # fmt: skip
    return found


def _ordered(queue: str, entry: Any, *, newest: bool) -> list[Event]:
    events = events_of(queue, *entry)
    return events[::-1] if newest else events


def _inclusive(bound: str) -> str:
    """A bound as Redis takes it: of an entry that holds several events, the whole entry."""
    return entry_of(bound).lstrip("(") if ":" in bound else bound
