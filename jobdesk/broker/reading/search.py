"""Searching lists of jobs for what no index knows: text, types, workers, fingerprints.

A search walks a list in its own order and reads a bounded number of rows per call. It says how far
it came, and goes on from there with the next call. It looks into data and errors up to a size, and
counts what it did not look into.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jobdesk.broker import records, stored
from jobdesk.broker.inspector import Inspector
from jobdesk.models import JobRow, JobState

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker

#: Rows that one call looks at.
MOST_ROWS = 2000
#: Rows per round trip.
PAGE = 500
#: Data or an error larger than that is not looked into.
MOST_BYTES = 65_536
#: A call that has read so many bytes of data ends early.
MOST_READ = 16 * 1024 * 1024

#: (row, its data and error as text, "" where they are not read) -> whether it is looked for
Matches = Callable[[JobRow, str], bool]


@dataclass(frozen=True, slots=True)
class Place:
    """How far a search has come: in which of its lists, and behind which row of that."""

    at: int = 0
    cursor: str | None = None
    #: rows looked at so far, over all calls
    looked: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one call found."""

    rows: tuple[JobRow, ...]
    #: where the next call goes on; None when all lists have been looked through
    place: Place | None
    #: rows that have been looked at by now, over all calls
    looked: int
    #: rows that the lists have now
    total: int
    #: rows of this call whose data or error is too large to be looked into
    too_large: int = 0


@dataclass(slots=True)
class _Texts:
    """The texts of a page of rows."""

    of: dict[str, str] = field(default_factory=dict)
    read: int = 0
    too_large: int = 0


def search(
    broker: Broker,
    lists: Sequence[tuple[str, JobState]],
    matches: Matches,
    place: Place | None = None,
    *,
    texts: bool = False,
    rows: int = MOST_ROWS,
) -> Found:
    """Look at the next ``rows`` rows of ``lists``, from ``place`` on.

    ``texts``: read the data and the last error of each, for ``matches`` to look into.
    """
    inspector = Inspector(broker)
    place = place or Place()
    at, cursor, looked = place.at, place.cursor, place.looked
    left, read, too_large = rows, 0, 0
    found: list[JobRow] = []
    while left > 0 and at < len(lists) and read < MOST_READ:
        queue, state = lists[at]
        page = inspector.rows_after(queue, state, cursor, min(PAGE, left))
        told = _texts(broker, queue, page.rows) if texts else _Texts()
        found += [row for row in page.rows if matches(row, told.of.get(row.id, ""))]
        left -= max(1, len(page.rows))
        looked += len(page.rows)
        read += told.read
        too_large += told.too_large
        cursor = page.cursor
        if cursor is None:
            at += 1
    queues = {queue for queue, _ in lists}
    stats = {one.name: one for one in inspector.all_stats(sorted(queues))}
    return Found(
        rows=tuple(found),
        place=Place(at, cursor, looked) if at < len(lists) else None,
        looked=looked,
        total=sum(getattr(stats[queue], state.value) for queue, state in lists),
        too_large=too_large,
    )


@dataclass(frozen=True, slots=True)
class Match:
    """What :func:`find` came to."""

    #: the place of the first row that matches; None when there is none so far
    at: int | None
    #: the last place that was looked at
    upto: int
    total: int


def find(
    broker: Broker,
    queue: str,
    state: JobState,
    matches: Matches,
    *,
    start: int,
    back: bool = False,
    reverse: bool = False,
    texts: bool = False,
    rows: int = MOST_ROWS,
) -> Match:
    """The next row of one list that matches, from place ``start`` on, or ``back`` from it."""
    inspector = Inspector(broker)
    left, at, total = rows, start, 0
    while left > 0 and at >= 0:
        size = min(PAGE, left, at + 1) if back else min(PAGE, left)
        offset = at - size + 1 if back else at
        page = inspector.window(queue, state, offset=offset, limit=size, reverse=reverse)
        total = page.total
        if offset >= total or not page.rows:
            break
        told = _texts(broker, queue, page.rows) if texts else _Texts()
        places = [
            page.offset + i
            for i, row in enumerate(page.rows)
            if matches(row, told.of.get(row.id, ""))
        ]
        if places:
            return Match(places[-1] if back else places[0], at, total)
        left -= size
        at = offset - 1 if back else offset + size
    return Match(None, max(0, min(at, total - 1)), total)


def rows_of(broker: Broker, keys: Sequence[tuple[str, str]]) -> tuple[JobRow | None, ...]:
    """These jobs, (queue, id) each, as they are now; None for one that is gone."""
    if not keys:
        return ()
    pipe = broker.pipeline()
    for queue, job_id in keys:
        records.ask(pipe, broker.keys(queue), job_id)
    with broker.errors("HMGET"):
        stored = pipe.execute()
    return tuple(
        records.row(queue, job_id, values)
        for (queue, job_id), values in zip(keys, stored, strict=True)
    )


def _texts(broker: Broker, queue: str, rows: Sequence[JobRow]) -> _Texts:
    """Data and last error of each row, where they are not too large."""
    keys, told = broker.keys(queue), _Texts()
    pipe = broker.pipeline()
    for row in rows:
        pipe.hget(keys.record(row.id), row.id)
        pipe.hstrlen(keys.aside(row.id), row.id)
    with broker.errors("HSTRLEN"):
        answers: list[Any] = pipe.execute() if rows else []
    specs, sizes = answers[::2], answers[1::2]
    pipe = broker.pipeline()
    for row, size in zip(rows, sizes, strict=True):
        if 0 < size <= MOST_BYTES:
            pipe.hget(keys.aside(row.id), row.id)
        if row.error:
            pipe.lindex(keys.attempts(row.id), -1)
    with broker.errors("HGET"):
        given = iter(pipe.execute())
    for row, spec, size in zip(rows, specs, sizes, strict=True):
        parts = [row.error]
        beside = next(given) if 0 < size <= MOST_BYTES else None
        if size <= MOST_BYTES:
            raw = beside or stored.inline(spec) or b""
            told.read += len(raw)
            parts.append(_plain(raw))
        else:
            told.too_large += 1
        if row.error:
            raw = next(given)
            told.read += len(raw or b"")
            parts.append(records.attempt(raw).error[:MOST_BYTES] if raw else "")
        told.of[row.id] = "\n".join(parts)
    return told


def _plain(raw: bytes) -> str:
    """A payload as people know it: without its signature, and é for an escaped one."""
    import json

    found = records.payload(raw)
    if found.broken:
        return str(found.data)
    return json.dumps(found.data, ensure_ascii=False)
