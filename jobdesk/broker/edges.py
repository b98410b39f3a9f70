"""What comes next in each queue: since when its first job waits, and when a delayed one is due.

Two requests for any number of queues.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobdesk.broker import records
from jobdesk.broker.keys import Field
from jobdesk.models import JobState, check_queue_name

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """The near ends of a queue's line and of its delayed jobs; None where there are none."""

    #: since when the job waits that is taken next
    first_ms: int | None = None
    #: when the next delayed job is due
    due_ms: int | None = None


def read(broker: Broker, queues: Sequence[str]) -> Mapping[str, Edge]:
    """The edges of these queues."""
    if not queues:
        return {}
    keys = {queue: broker.keys(check_queue_name(queue)) for queue in queues}
    pipe = broker.pipeline()
    for names in keys.values():
        pipe.zrange(names.state(JobState.WAITING), 0, 0)
        pipe.zrange(names.state(JobState.DELAYED), 0, 0, withscores=True)
    with broker.errors("ZRANGE"):
        answers: list[Any] = pipe.execute()
    firsts = {queue: raw for queue, (raw, *_) in _filled(queues, answers[::2])}
    pipe = broker.pipeline()
    for queue, raw in firsts.items():
        pipe.hmget(keys[queue].job(records.text(raw)), (Field.ADDED, Field.RUN_AT))
    stored: list[Any] = []
    if firsts:
        with broker.errors("HMGET"):
            stored = pipe.execute()
    since = {
        # a job that was delayed waits since it was due
        queue: max(records.number(added, 0) or 0, records.number(run_at, 0) or 0)
        for queue, (added, run_at) in zip(firsts, stored, strict=True)
    }
    due = {queue: int(score) for queue, ((_, score), *_) in _filled(queues, answers[1::2])}
    return {
        queue: Edge(first_ms=since.get(queue) or None, due_ms=due.get(queue)) for queue in queues
    }


def _filled(queues: Sequence[str], answers: Sequence[Any]) -> list[tuple[str, Any]]:
    return [(queue, answer) for queue, answer in zip(queues, answers, strict=True) if answer]
