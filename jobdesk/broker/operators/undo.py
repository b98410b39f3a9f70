"""Undoing an operator's command: what it took away lies in the trash for 15 minutes.

Kept are the jobs that a removal deletes and the failures that a retry forgets, for commands of
operators (:class:`~jobdesk.broker.control.Control` with a name), up to 1,000 jobs and 4 MiB each.
A command that is larger, or that comes while Redis uses over 80 % of its memory limit, cannot be
undone, and says so by an empty operation id.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jobdesk.broker import records
from jobdesk.broker.ids import new_id
from jobdesk.broker.reading import paging
from jobdesk.errors import BrokerError, OperationNotFound, RedisUnavailable
from jobdesk.models import check_queue_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobdesk.broker.connection import Broker
    from jobdesk.broker.operators.tally import Progress

KEPT_MS = 900_000
MAX_JOBS = 1000
#: Operations that a queue's trash holds at most.
MAX_OPERATIONS = 100
#: The share of maxmemory above which nothing is kept.
MOST_MEMORY = 0.8
BATCH = 100

_WHY = {
    "EXISTS": "a job of that id has been added since",
    "TAKEN": "a worker has taken it since, or it is gone",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A command that can be undone."""

    id: str
    queue: str
    #: as it is in the audit: ``remove``, ``clean completed`` …
    action: str
    who: str
    at_ms: int
    #: how many jobs an undo would bring back
    count: int

    @property
    def until_ms(self) -> int:
        """When it is thrown away."""
        return self.at_ms + KEPT_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """What an undo did."""

    operation: str
    action: str
    #: the ids that are as they were
    restored: tuple[str, ...]
    #: the other ids, and why not
    refused: tuple[tuple[str, str], ...] = ()
    #: False when it was stopped: what is left can be undone later
    done: bool = True


@dataclass(slots=True)
class Bin:
    """One command's place in the trash, over all the calls that it takes."""

    action: str
    who: str
    #: "" when nothing is kept; in the order of their making
    id: str = field(default_factory=lambda: new_id()[:13])

    def args(self) -> tuple[str, str, str]:
        """What the scripts take: operation, action and who."""
        return self.id, self.action, self.who

    def kept(self, flag: Any) -> None:
        """Note a script's answer: once something was not kept, nothing is."""
        if not flag:
            self.id = ""


def refusal(broker: Broker, queue: str, count: int) -> str:
    """Why a command that changes ``count`` jobs of a queue could not be undone; "" when it can.

    For what is said before the command is given: whether it was kept, its answer says.
    """
    if count > MAX_JOBS:
        return f"over {MAX_JOBS:,} jobs"
    client: Any = broker.client
    try:
        with broker.errors("INFO"):
            if broker.address.kind == "cluster":
                node = client.get_node_from_key(broker.keys(queue).wait)
                info = client.info("memory", target_nodes=node)
            else:
                info = client.info("memory")
    except RedisUnavailable:
        raise
    except BrokerError:
        return ""
    most = int(info.get("maxmemory", 0))
    if most and int(info.get("used_memory", 0)) > MOST_MEMORY * most:
        return f"Redis uses over {MOST_MEMORY:.0%} of its memory"
    return ""


def operations(broker: Broker, queue: str, limit: int = 10) -> tuple[Operation, ...]:
    """What can be undone of a queue, the newest first."""
    keys = broker.keys(check_queue_name(queue))
    paging.check_limit(limit, MAX_OPERATIONS)
    if limit <= 0:
        return ()
    client: Any = broker.client
    with broker.errors("ZRANGE"):
        found: Sequence[bytes] = client.zrange(keys.trash, 0, limit - 1, desc=True)
        if not found:
            return ()
        pipe = broker.pipeline()
        for raw in found:
            pipe.hmget(keys.operation(records.text(raw)), ("action", "who", "at", "n", "next"))
        told = zip(found, pipe.execute(), strict=True)
    return tuple(
        Operation(
            id=records.text(raw),
            queue=queue,
            action=records.text(action),
            who=records.text(who),
            at_ms=records.number(at, 0) or 0,
            count=(records.number(n, 0) or 0) - (records.number(following, 1) or 1) + 1,
        )
        for raw, (action, who, at, n, following) in told
        if action is not None
    )


def undo(broker: Broker, queue: str, operation: str, progress: Progress | None = None) -> Undone:
    """Bring back what ``operation`` took away; raises ``OperationNotFound``."""
    prefix = broker.keys(check_queue_name(queue)).prefix
    restored: list[str] = []
    refused: list[tuple[str, str]] = []
    while True:
        answer = broker.run("undo_operation", prefix, operation, BATCH, secrets.token_hex(8))
        if answer[0] == b"NOTFOUND":
            raise OperationNotFound(
                f"operation {operation!r:.80} of queue {queue} cannot be undone (any more):"
                " the trash keeps what it can for 15 minutes"
            )
        _, action, left, ids, others = answer
        restored += [records.text(raw) for raw in ids]
        told = [records.text(raw) for raw in others]
        refused += [(job_id, _WHY[why]) for job_id, why in zip(told[::2], told[1::2], strict=True)]
        done = len(restored) + len(refused)
        stopped = progress is not None and progress(done, done + left) is False
        if left == 0 or stopped:
            break
    return Undone(
        operation=operation,
        action=records.text(action),
        restored=tuple(restored),
        refused=tuple(refused),
        done=left == 0,
    )
