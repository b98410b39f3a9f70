"""Looking back in the queues' event streams: several of them as one, a bounded page at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobdesk.broker import entries

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker
    from jobdesk.models import Event

#: Events that one page reads at most, of all streams together, and of each at least.
MOST, LEAST = 1200, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPage:
    """Events without a hole between them, the oldest first."""

    events: tuple[Event, ...]
    #: queue -> where the page before this one ends, for :func:`page`
    ends: Mapping[str, str]
    #: whether older ones are kept
    more: bool


def page(
    broker: Broker, queues: Sequence[str], end: str = "+", count: int = 500,
    ends: Mapping[str, str] | None = None,
) -> EventPage:  # fmt: skip
    """The newest ``count`` events of these queues up to ``end``, an instant in ms or ``+``.

    ``ends``: of a page before, to go on where it began. What several streams have is cut where the
    first of them was not read any further, so that nothing in between is missing.
    """
    if count <= 0 or not queues:
        return EventPage(events=(), ends=dict(ends or {}), more=False)
    until = {queue: (ends or {}).get(queue, end) for queue in queues}
    share = min(count, max(LEAST, MOST // len(queues)))
    found = entries.back(broker, {queue: (until[queue], "-") for queue in queues}, share)
    cut = max(
        (_place(some[-1]) for some in found.values() if len(some) == share), default=(0, 0, 0)
    )
    merged = sorted((one for some in found.values() for one in some), key=_place, reverse=True)
    kept = [one for one in merged if _place(one) >= cut][:count]
    oldest = {one.queue: one for one in kept}
    return EventPage(
        events=tuple(reversed(kept)),
        ends=until | {queue: f"({one.id}" for queue, one in oldest.items()},
        more=len(kept) < len(merged) or any(len(some) == share for some in found.values()),
    )


def since(
    broker: Broker, queues: Sequence[str], positions: Mapping[str, str], count: int = 500
) -> tuple[Event, ...]:
    """The newest events behind ``positions`` (queue -> id of the last that is known), in order.

    Of a queue without a position its newest. At most ``count`` in all, or 20 of each queue: what
    is left out shows by the events' numbers.
    """
    if count <= 0 or not queues:
        return ()
    share = min(count, max(LEAST, count // len(queues)))
    spans = {queue: ("+", f"({at}" if (at := positions.get(queue)) else "-") for queue in queues}
    found = entries.back(broker, spans, share)
    return tuple(sorted((one for some in found.values() for one in some), key=_place))


def between(broker: Broker, wanted: Mapping[str, tuple[str, int]]) -> tuple[Event, ...]:
    """The first events behind a position, queue -> (id, how many), in order."""
    bounded = {queue: (after, max(1, min(n, MOST))) for queue, (after, n) in wanted.items()}
    found = entries.on(broker, bounded)
    return tuple(sorted((one for some in found.values() for one in some), key=_place))


def _place(event: Event) -> tuple[int, int, int]:
    return entries.place_of(event.id)
