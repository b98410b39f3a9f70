"""Which operators are at work: each says so now and then, and is forgotten 30 seconds later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobdesk.broker import keys, records
from jobdesk.broker.reading.asking import clock
from jobdesk.broker.server.rounds import carry_out

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker
    from jobdesk.broker.server.rounds import Asking

#: An operator who has not been heard of for so long has left.
PRESENT_MS = 30_000
#: More than this many are not listed.
MOST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """An operator at work."""

    who: str
    seen_ms: int


def asking(broker: Broker, who: str, now_ms: int) -> Asking[tuple[Operator, ...]]:
    """Say that ``who`` is at work, and who else is; with an empty name, only look."""
    name = keys.seen(broker.namespace)

    def ask(pipe: Any) -> None:
        if who:
            pipe.zremrangebyscore(name, "-inf", now_ms - PRESENT_MS)
            pipe.zadd(name, {who: now_ms})
            pipe.pexpire(name, PRESENT_MS)
        pipe.zrange(
            name, "+inf", now_ms - PRESENT_MS, desc=True, byscore=True, offset=0, num=MOST,
            withscores=True,
        )  # fmt: skip

    *_, found = yield ask
    return tuple(Operator(who=records.text(raw), seen_ms=int(score)) for raw, score in found)


def seen(broker: Broker, who: str) -> None:
    """Say that ``who`` is at work; to be repeated every ten seconds or so."""
    carry_out(broker, asking(broker, who, _now_ms(broker)))


def left(broker: Broker, who: str) -> None:
    """Say that ``who`` has left."""
    client: Any = broker.client
    with broker.errors("presence"):
        client.zrem(keys.seen(broker.namespace), who)


def present(broker: Broker) -> tuple[Operator, ...]:
    """The operators of the last 30 seconds, the latest first."""
    return carry_out(broker, asking(broker, "", _now_ms(broker)))


def _now_ms(broker: Broker) -> int:
    return carry_out(broker, clock(broker))
