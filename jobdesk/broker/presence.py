"""Which operators are at work: each says so now and then, and is forgotten 30 seconds later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobdesk.broker import keys, records

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker

#: An operator who has not been heard of for so long has left.
PRESENT_MS = 30_000
#: More than this many are not listed.
MOST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """An operator at work."""

    who: str
    seen_ms: int


def seen(broker: Broker, who: str) -> None:
    """Say that ``who`` is at work; to be repeated every ten seconds or so."""
    client: Any = broker.client
    name = keys.seen(broker.namespace)
    with broker.errors("presence"):
        now = _now_ms(client)
        pipe = broker.pipeline()
        pipe.zremrangebyscore(name, "-inf", now - PRESENT_MS)
        pipe.zadd(name, {who: now})
        pipe.pexpire(name, PRESENT_MS)
        pipe.execute()


def left(broker: Broker, who: str) -> None:
    """Say that ``who`` has left."""
    client: Any = broker.client
    with broker.errors("presence"):
        client.zrem(keys.seen(broker.namespace), who)


def present(broker: Broker) -> tuple[Operator, ...]:
    """The operators of the last 30 seconds, the latest first."""
    client: Any = broker.client
    with broker.errors("presence"):
        found = client.zrange(
            keys.seen(broker.namespace), "+inf", _now_ms(client) - PRESENT_MS, desc=True,
            byscore=True, offset=0, num=MOST, withscores=True,
        )  # fmt: skip
    return tuple(Operator(who=records.text(raw), seen_ms=int(score)) for raw, score in found)


def _now_ms(client: Any) -> int:
    seconds, micros = client.time()
    return int(seconds) * 1000 + int(micros) // 1000
