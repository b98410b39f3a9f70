"""Reading the queues' event streams: following them, their newest entries, waiting for one job.

A queue keeps about its last 10,000 events, each with a number that counts up by one. A reader that
was away for longer sees a step over a number, and is told so by a :class:`Gap`: it then reads the
counts and pages again, as nothing else can be known of what it missed.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jobdesk.broker import entries, records
from jobdesk.broker.inspector import Inspector
from jobdesk.broker.reading import paging
from jobdesk.errors import InvalidCursor, WaitTimeout
from jobdesk.models import Event, EventName, check_queue_name, instant_ms

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker
    from jobdesk.broker.endings import Ending

#: A read waits this long at most, well within the client's time-out.
BLOCK_S = 1.0
#: About so many events of one queue per read: as many entries as seem to hold them.
BATCH = 500
MAX_NEWEST = 1000

#: Events that can be the end of a job somebody waits for, though they do not name it.
_REMOVALS = frozenset({EventName.CLEANED, EventName.DRAINED})
_ENDS = frozenset({EventName.COMPLETED, EventName.FAILED, EventName.REMOVED})
#: While waiting for one job: how often its state is read on a stream too busy to be read whole,
#: and how long a lost event can go unnoticed.
_BUSY_S = 0.05
_RECHECK_S = 2.0
_WAIT_BATCH = 100
_EVENT_ID = re.compile(r"[0-9]+-[0-9]+(:[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Gap:
    """Events of ``queue`` are missing here: trimmed before they were read, or deleted."""

    queue: str
    #: how many, where that is known
    missed: int | None


class EventReader:
    """The events of several queues as they happen.

    ``since``: None, what happens from now on; ``"0"``, from the oldest that is kept; an event's id
    or an aware datetime, what came after that; the ``positions`` of another reader, where that one
    stopped. A failed read leaves the reader where it was.
    """

    def __init__(
        self,
        broker: Broker,
        queues: Iterable[str],
        since: str | datetime | Mapping[str, str] | None = None,
    ) -> None:
        self._broker = broker
        self._streams = {broker.keys(check_queue_name(q)).events: q for q in queues}
        self._exact = isinstance(since, Mapping)
        self._since = {
            stream: _start(since.get(queue) if isinstance(since, Mapping) else since)
            for stream, queue in self._streams.items()
        }
        #: stream -> id of the last event read; empty until the first read
        self._ids: dict[str, str] = {}
        #: queue -> number of the last event seen; without one, a gap cannot be told
        self._numbers: dict[str, int] = {}
        #: how many entries hold so many events, by what was read last
        self._entries = BATCH // entries.GUESS

    def read(self, wait: float = BLOCK_S) -> list[Event | Gap]:
        """What came since the last read, by time; waits at most ``wait`` (up to 1) seconds."""
        found: list[Event | Gap] = [] if self._ids else self._begin()
        wait = max(0.0, min(wait, BLOCK_S))
        groups = self._groups()
        for streams in groups:
            # in a cluster a read covers one slot: the wait is shared out, and ends with a find
            block = None if found else round(wait * 1000 / len(groups)) or None
            for stream, came in _xread(self._broker, streams, self._entries, block):
                events = [e for one in came for e in entries.events_of(self._streams[stream], *one)]
                self._entries = max(entries.LEAST, BATCH * len(came) // len(events))
                found += self._taken(stream, events)
        return _by_time(found) if len(self._ids) > 1 else found

    def __iter__(self) -> Iterator[Event | Gap]:
        """All events from here on, without end."""
        while True:
            yield from self.read()

    @property
    def positions(self) -> Mapping[str, str]:
        """Queue -> id of the last event that was read."""
        return {queue: self._ids[s] for s, queue in self._streams.items() if s in self._ids}

    def _groups(self) -> list[dict[str, str]]:
        if self._broker.address.kind == "cluster":
            return [{stream: at} for stream, at in self._ids.items()]
        return [self._ids] if self._ids else []

    def _begin(self) -> list[Event | Gap]:
        """Find where each stream is read from, and which number comes next there."""
        pipe = self._broker.pipeline()
        for stream, since in self._since.items():
            if since is None:
                pipe.xrevrange(stream, "+", "-", 1)
            else:
                entry = entries.entry_of(since)
                pipe.xrange(stream, entry, entry, 1)
        with self._broker.errors("XRANGE"):
            answers: list[Any] = pipe.execute()
        found: list[Event | Gap] = []
        for (stream, queue), there in zip(self._streams.items(), answers, strict=True):
            since = self._since[stream]
            self._ids[stream] = entries.entry_of(since or "0-0")
            if there:
                events = entries.events_of(queue, *there[0])
                known = [one for one in events if since is None or _is_known(one.id, since)]
                self._ids[stream] = entries.entry_of(events[0].id)
                self._numbers[queue] = known[-1].n if known else events[0].n - 1
                found += self._taken(stream, events[len(known) :])
            elif since in (None, "0-0"):
                # a new stream begins with 1, and one that was trimmed does not
                self._numbers[queue] = 0
            elif self._exact:
                found.append(Gap(queue, None))
        return found

    def _taken(self, stream: str, events: Sequence[Event]) -> Iterator[Event | Gap]:
        queue = self._streams[stream]
        for event in events:
            last = self._numbers.get(queue)
            if last is not None and event.n != last + 1:
                yield Gap(queue, event.n - last - 1 if event.n > last else None)
            self._numbers[queue] = event.n
            self._ids[stream] = entries.entry_of(event.id)
            yield event


def _is_known(event_id: str, since: str) -> bool:
    """Whether an event of the entry that ``since`` names comes no later than that."""
    return ":" not in since or entries.place_of(event_id) <= entries.place_of(since)


def _by_time(found: list[Event | Gap]) -> list[Event | Gap]:
    """In the order of their ids, which are Redis's time; a gap stays before the event behind it."""
    placed: list[tuple[tuple[int, int, int], Event | Gap]] = []
    at = (0, 0, 0)
    for one in reversed(found):
        if isinstance(one, Event):
            at = entries.place_of(one.id)
        placed.append((at, one))
    placed.reverse()
    return [one for _, one in sorted(placed, key=lambda entry: entry[0])]


def newest(broker: Broker, queue: str, count: int = 50) -> tuple[Event, ...]:
    """The newest events of a queue, the newest first."""
    paging.check_limit(count, MAX_NEWEST)
    if count <= 0:
        return ()
    return tuple(entries.back(broker, {check_queue_name(queue): ("+", "-")}, count)[queue])


def wait_for_end(broker: Broker, queue: str, job_id: str, timeout: float | None = None) -> Ending:
    """Wait until a job is completed or failed, without polling: the stream tells.

    Raises ``WaitTimeout`` after ``timeout`` seconds, ``ResultGone`` when the job is removed
    meanwhile or is not there.
    """
    inspector = Inspector(broker)
    stream = broker.keys(check_queue_name(queue)).events
    deadline = None if timeout is None else time.monotonic() + timeout
    # the place in the stream comes before the state: an end in between is then seen by either
    at = _last_id(broker, stream)
    ending = inspector.result(queue, job_id)
    checked = time.monotonic()
    while not ending.ended:
        now = time.monotonic()
        left = BLOCK_S if deadline is None else min(BLOCK_S, deadline - now)
        if left <= 0:
            raise WaitTimeout(
                f"job {job_id} of queue {queue} is still {ending.state} after {timeout:g} s"
            )
        came = [
            entry
            for _, part in _xread(broker, {stream: at}, _WAIT_BATCH, max(1, round(left * 1000)))
            for entry in part
        ]
        if came:
            at = records.text(came[-1][0])
        busy = len(came) >= _WAIT_BATCH
        if busy:
            # too many to read one by one: look at the job itself now and then
            rest = _BUSY_S - (time.monotonic() - checked)
            if rest > 0:
                time.sleep(min(rest, left))
            at = _last_id(broker, stream)
        if (
            busy
            or any(_concerns(entry[1], job_id) for entry in came)
            or time.monotonic() - checked >= _RECHECK_S
        ):
            ending = inspector.result(queue, job_id)
            checked = time.monotonic()
    return ending


def _concerns(fields: Mapping[bytes, bytes], job_id: str) -> bool:
    name = records.text(fields.get(b"e"))
    if name in _REMOVALS:
        return True
    return name in _ENDS and job_id in records.text(fields.get(b"j")).split(" ")


def _start(since: str | datetime | None) -> str | None:
    if since is None:
        return None
    if isinstance(since, datetime):
        return f"{instant_ms(since, 'since')}-0"
    if since == "0":
        return "0-0"
    if not _EVENT_ID.fullmatch(since):
        raise InvalidCursor(f"since is an event's id, '0' or a datetime, got {since!r:.80}")
    return since


def _last_id(broker: Broker, stream: str) -> str:
    client: Any = broker.client
    with broker.errors("XREVRANGE"):
        newest_one = client.xrevrange(stream, "+", "-", 1)
    return records.text(newest_one[0][0]) if newest_one else "0-0"


def _xread(
    broker: Broker, streams: Mapping[str, str], count: int, block_ms: int | None
) -> list[tuple[str, Sequence[Any]]]:
    client: Any = broker.blocking() if block_ms else broker.client
    with broker.errors("XREAD"):
        answer = client.xread(dict(streams), count=count, block=block_ms)
    # redis-py answers with a list, or with a mapping, by the protocol
    pairs = answer.items() if isinstance(answer, dict) else answer or []
    return [(records.text(stream), came) for stream, came in pairs]
