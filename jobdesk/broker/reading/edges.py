"""What comes next in each queue: since when its first job waits, and when a delayed one is due.

A read that shares its round trips, see :mod:`~jobdesk.broker.server.rounds`; two for any number of
queues.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobdesk.broker import records
from jobdesk.models import JobState

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker
    from jobdesk.broker.server.rounds import Asking


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """The near ends of a queue's line and of its delayed jobs; None where there are none."""

    #: since when the job waits that is taken next
    first_ms: int | None = None
    #: when the next delayed job is due
    due_ms: int | None = None


def asking(broker: Broker, queues: Sequence[str]) -> Asking[Mapping[str, Edge]]:
    """The edges of these queues."""
    keys = {queue: broker.keys(queue) for queue in queues}

    def ask_ends(pipe: Any) -> None:
        for names in keys.values():
            pipe.zrange(names.state(JobState.WAITING), 0, 0)
            pipe.zrange(names.state(JobState.DELAYED), 0, 0, withscores=True)

    answers = yield ask_ends
    firsts = {queue: raw for queue, (raw, *_) in _filled(queues, answers[::2])}
    due = {queue: int(score) for queue, ((_, score), *_) in _filled(queues, answers[1::2])}

    def ask_times(pipe: Any) -> None:
        for queue, raw in firsts.items():
            records.ask(pipe, keys[queue], records.text(raw))

    stored = yield ask_times
    since = {
        # a job that was delayed waits since it was due
        queue: row.waits_since_ms
        for queue, values in zip(firsts, stored, strict=True)
        if (row := records.row(queue, "", values)) is not None
    }
    return {
        queue: Edge(first_ms=since.get(queue) or None, due_ms=due.get(queue)) for queue in queues
    }


def _filled(queues: Sequence[str], answers: Sequence[Any]) -> list[tuple[str, Any]]:
    return [(queue, answer) for queue, answer in zip(queues, answers, strict=True) if answer]
