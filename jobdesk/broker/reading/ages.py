"""How many jobs of a state are older than a grace: what a clean-up would remove, counted before it.

Ended jobs lie in the order of their end, so a count costs the same with a million of them. Waiting
and delayed ones do not lie by age: up to 2,000 are looked at, and for more there is only a bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from jobdesk.broker import records
from jobdesk.broker.inspector import Inspector
from jobdesk.broker.keys import Field
from jobdesk.errors import InvalidDelay, InvalidLimit
from jobdesk.models import (
    TEN_YEARS_S,
    TERMINAL_STATES,
    JobRow,
    JobState,
    check_queue_name,
    check_state,
    seconds,
)

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker

#: Waiting or delayed jobs whose age is looked at.
MAX_LOOKED = 2000
CLEANABLE = frozenset({JobState.COMPLETED, JobState.FAILED, JobState.WAITING, JobState.DELAYED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Older:
    """What a clean-up would remove."""

    #: no more than that; exactly that many, where ``exact``
    count: int
    exact: bool
    #: how many jobs are in that state at all
    total: int


def check_clean(state: object, grace: float | timedelta, limit: int) -> tuple[JobState, float]:
    """State and seconds of a clean-up that is possible; raises ``BadInput``."""
    which = check_state(state, CLEANABLE)
    span = seconds(grace, "grace", InvalidDelay)
    if not 0 <= span <= TEN_YEARS_S:
        raise InvalidDelay(f"grace must be 0 to {TEN_YEARS_S} seconds, got {grace!r}")
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 0:
        raise InvalidLimit(f"limit must be 0 (all) or more, got {limit!r}")
    return which, span


def older(
    broker: Broker, queue: str, state: object, *, grace: float | timedelta = 0, limit: int = 0
) -> Older:
    """How many jobs a clean-up of that state would remove now."""
    which, span = check_clean(state, grace, limit)
    name = broker.keys(check_queue_name(queue)).state(which)
    before_ms = Inspector(broker).now_ms() - round(span * 1000)
    pipe = broker.pipeline()
    pipe.zcard(name)
    ended = which in TERMINAL_STATES
    if ended:
        pipe.zcount(name, "-inf", before_ms)
    with broker.errors("ZCOUNT"):
        total, *counted = pipe.execute()
    exact, count = True, total
    if ended:
        (count,) = counted
    elif span:
        looked = _older_of_first(broker, queue, which, before_ms)
        exact = total <= MAX_LOOKED
        count = looked if exact else looked + total - MAX_LOOKED
        if limit and looked >= limit:
            exact = True
    return Older(count=min(count, limit) if limit else count, exact=exact, total=total)


def oldest(broker: Broker, queue: str, state: JobState, most: int = 3) -> tuple[JobRow, ...]:
    """Some of the jobs that a clean-up removes first; of ended ones those that ended first."""
    inspector = Inspector(broker)
    if state not in TERMINAL_STATES:
        return inspector.rows(queue, state, 0, most - 1).rows
    return tuple(reversed(inspector.rows(queue, state, -most, -1).rows))


def _older_of_first(broker: Broker, queue: str, state: JobState, before_ms: int) -> int:
    keys = broker.keys(queue)
    client: Any = broker.client
    with broker.errors("read"):
        found = client.zrange(keys.state(state), 0, MAX_LOOKED - 1)
        pipe = broker.pipeline()
        for raw in found:
            records.ask(pipe, keys, records.text(raw))
        answers = pipe.execute() if found else []
    added = [(records.record(values) or {}).get(Field.ADDED) for values in answers]
    # one without a record is removed too
    return sum(at is None or int(at) <= before_ms for at in added)
