"""What other operators have just done, or are doing, to a queue: said before one does the like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobdesk.broker.operators import audit, presence, undo
from jobdesk.broker.operators.audit import DESTRUCTIVE

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker

LATELY_MS = 300_000
#: How far back a queue's audit is looked through, and how many queues are.
ENTRIES, QUEUES = 30, 20
_RETRIES = frozenset({"retry all", "retry group"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """Something that another operator did."""

    who: str
    queue: str
    #: as it is in the audit: ``clean completed``
    action: str
    #: when it was done, or begun
    at_ms: int
    #: of how many jobs; None where they were not counted
    count: int | None = None
    #: False while it goes on
    done: bool = True


@dataclass(frozen=True, slots=True)
class Others:
    """Other operators, as far as they matter to a command."""

    #: the latest first
    deeds: tuple[Deed, ...] = ()
    #: who is at work on this Redis
    present: tuple[str, ...] = ()


def look(broker: Broker, queues: Sequence[str], who: str, now_ms: int) -> Others:
    """What others than ``who`` did to these queues in the last five minutes, and who is there.

    What was taken back since is left out.
    """
    deeds = [deed for queue in queues[:QUEUES] for deed in _deeds(broker, queue, who, now_ms)]
    deeds.sort(key=lambda deed: (deed.done, -deed.at_ms))
    present = tuple(one.who for one in presence.present(broker) if one.who != who)
    return Others(tuple(deeds), present)


def _deeds(broker: Broker, queue: str, who: str, now_ms: int) -> list[Deed]:
    noted = audit.read(broker, queue, ENTRIES)
    undone = {one.job_id for one in noted if one.action == "undo"}
    known = {one.operation for one in noted if one.operation}
    found = [
        Deed(who=one.who, queue=queue, action=one.action, at_ms=one.at_ms,
             count=1 if one.count is None and one.job_id else one.count)
        for one in noted
        if one.who != who and now_ms - one.at_ms <= LATELY_MS and one.count != 0
        and _weighs(one.action) and one.operation not in undone - {""}
    ]  # fmt: skip
    # a command is noted at its end; what it has taken away so far lies in the trash before
    return found + [
        Deed(who=one.who, queue=queue, action=one.action, at_ms=one.at_ms, count=one.count,
             done=False)
        for one in undo.operations(broker, queue)
        if one.who != who and one.id not in known | undone
        and now_ms - one.at_ms <= LATELY_MS and _weighs(one.action)
    ]  # fmt: skip


def _weighs(action: str) -> bool:
    return action in _RETRIES or action.partition(" ")[0] in DESTRUCTIVE
