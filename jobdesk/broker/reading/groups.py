"""Failures by fingerprint: reading the groups that the scripts count, and acting on one of them.

To act on a group is to walk through the failed jobs in chunks, and to touch those whose last error
has its fingerprint: what failed for that reason, was retried and failed for another, is not of it.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobdesk.broker import records
from jobdesk.broker.operators.tally import Progress, Tally, Touched
from jobdesk.broker.reading import paging
from jobdesk.broker.server.rounds import Asking, Rounds
from jobdesk.errors import InvalidLimit
from jobdesk.models import check_queue_name

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker
    from jobdesk.broker.operators.undo import Bin

MAX_GROUPS = 200
#: What one call of `remove_group` and `retry_group` changes at most.
_MOST = {"remove_group": 250, "retry_group": 100}


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorGroup:
    """Failures of one type with one cause, as far as fingerprints tell."""

    fingerprint: str
    queue: str
    type: str
    #: the newest one's "Class: message", cut to what fits a row
    error: str
    #: failed attempts, those that were tried again included
    count: int
    #: of these, how many were a job's last
    failed: int
    first_ms: int
    last_ms: int
    #: up to three jobs, the newest first
    ids: tuple[str, ...]


def read(broker: Broker, queue: str, limit: int = 50) -> tuple[ErrorGroup, ...]:
    """The groups of a queue, the one that failed last first."""
    check_queue_name(queue)
    paging.check_limit(limit, MAX_GROUPS)
    return Rounds(broker).one(asking(broker, (queue,), limit)) if limit > 0 else ()


def asking(broker: Broker, queues: Sequence[str], limit: int) -> Asking[tuple[ErrorGroup, ...]]:
    """The groups of these queues, of each the ``limit`` that failed last."""
    keys = [broker.keys(queue) for queue in queues]

    def ask_which(pipe: Any) -> None:
        for one in keys:
            pipe.zrange(one.groups, 0, limit - 1, desc=True, withscores=True)

    found = yield ask_which
    having = [
        (queue, one, entries)
        for queue, one, entries in zip(queues, keys, found, strict=True)
        if entries
    ]

    def ask_what(pipe: Any) -> None:
        for _, one, entries in having:
            pipe.hmget(one.group, [raw for raw, _ in entries])

    stored = yield ask_what
    return tuple(
        _group(queue, records.text(raw), int(last), told)
        for (queue, _, entries), values in zip(having, stored, strict=True)
        for (raw, last), value in zip(entries, values, strict=True)
        if isinstance(told := records.json_value(value), dict)
    )


def act(
    broker: Broker,
    script: str,
    queue: str,
    fingerprint: str,
    bin_: Bin,
    *,
    progress: Progress | None = None,
    limit: int = 0,
) -> Touched:
    """Run ``retry_group`` or ``remove_group`` until all, or ``limit``, have been done.

    ``progress`` is told how many failed jobs have been looked at, of how many.
    """
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 0:
        raise InvalidLimit(f"limit must be 0 (all) or more, got {limit!r}")
    keys = broker.keys(check_queue_name(queue))
    client: Any = broker.client
    with broker.errors("ZCARD"):
        total = int(client.zcard(keys.failed))
    tally, looked, done = Tally(None), 0, False
    before: bytes | str = ""
    cursor: bytes | str = ""
    while not done:
        room = min(_MOST[script], limit - tally.count) if limit else _MOST[script]
        _, through, before, cursor, seen, ids, kept = broker.run(
            script,
            keys.prefix,
            fingerprint,
            room,
            before,
            cursor,
            *bin_.args(),
            secrets.token_hex(8),
        )
        bin_.kept(kept)
        tally.add(ids)
        looked += seen
        done = bool(through) or (limit > 0 and tally.count >= limit)
        if progress is not None and progress(looked, max(looked, total)) is False:
            break
    return tally.touched(done=done, operation=bin_.id)


def _group(queue: str, fingerprint: str, last_ms: int, told: dict[str, Any]) -> ErrorGroup:
    def whole(name: str) -> int:
        value = told.get(name)
        return int(value) if isinstance(value, int | float) else 0

    ids = told.get("ids")
    return ErrorGroup(
        fingerprint=fingerprint,
        queue=queue,
        type=str(told.get("t") or ""),
        error=str(told.get("e") or ""),
        count=whole("n"),
        failed=whole("f"),
        first_ms=whole("s"),
        last_ms=last_ms,
        ids=tuple(str(one) for one in ids) if isinstance(ids, list) else (),
    )
