"""The doctor's look at the Redis server: version, memory, eviction, what it keeps on disk, clock.

A Redis user that may not ask for one of these is told what it may not, and the rest is looked at.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobdesk.broker.connection import OLDEST
from jobdesk.broker.inspector import Inspector
from jobdesk.broker.reading.findings import Finding, Level
from jobdesk.errors import BrokerError, RedisUnavailable

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker

SKEW_MS = 5_000
FULL, NEARLY_FULL = 0.95, 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerBrief:
    """The server in a line: of a cluster the oldest version, and the sum of its masters."""

    version: str
    used_bytes: int
    #: 0: no limit
    most_bytes: int
    #: what it does when memory is full
    policy: str
    clients: int
    up_s: int
    appends: bool
    #: how many masters
    masters: int = 1

    @property
    def share(self) -> float | None:
        """How full it is, 0 to 1; None without a limit."""
        return self.used_bytes / self.most_bytes if self.most_bytes else None


def brief(broker: Broker) -> ServerBrief | None:
    """What the server says of itself, by one INFO each; None where it does not."""
    infos = [info for info in _infos(broker).values() if not isinstance(info, BrokerError)]
    if not infos:
        return None

    def whole(info: dict[str, Any], name: str) -> int:
        return int(info.get(name) or 0)

    policies = {str(info.get("maxmemory_policy", "?")) for info in infos}
    return ServerBrief(
        version=min(str(info.get("redis_version", "?")) for info in infos),
        used_bytes=sum(whole(info, "used_memory") for info in infos),
        most_bytes=sum(whole(info, "maxmemory") for info in infos),
        policy=", ".join(sorted(policies)),
        clients=sum(whole(info, "connected_clients") for info in infos),
        up_s=min(whole(info, "uptime_in_seconds") for info in infos),
        appends=all(bool(info.get("aof_enabled")) for info in infos),
        masters=len(infos),
    )


def examine(broker: Broker) -> Iterator[Finding]:
    """What is to be said of the server, or servers; raises what Redis being away raises."""
    before = time.time()
    now_ms = Inspector(broker).now_ms()
    skew = round((before + time.time()) * 500) - now_ms
    yield Finding(level=Level.OK, check="redis", message=f"{broker.describe()} answers")
    if abs(skew) > SKEW_MS:
        yield Finding(
            level=Level.WARNING,
            check="clock",
            message=f"this machine's clock is {abs(skew) / 1000:.0f} s"
            f" {'ahead of' if skew > 0 else 'behind'} the Redis server's",
            advice="have both set by NTP: schedules fire by the worker's clock",
        )
    for where, info in _infos(broker).items():
        if isinstance(info, BrokerError):
            yield Finding(
                level=Level.NOTE,
                check="info",
                message=f"{where} does not tell of itself: {info}",
                advice="let this Redis user run INFO to have version, memory and eviction checked",
            )
            continue
        yield from _version(where, info)
        yield from _memory(broker, where, info)
        yield from _persistence(broker, where, info)
    if broker.settings.secret is None:
        yield Finding(
            level=Level.NOTE,
            check="signing",
            message="payloads are not signed: who can write to Redis can make workers run jobs",
            advice="set the same JOBDESK_SECRET for producers and workers",
        )


def _infos(broker: Broker) -> dict[str, dict[str, Any] | BrokerError]:
    """Per server what it says of itself, or why it does not."""
    client: Any = broker.client
    try:
        with broker.errors("INFO"):
            if broker.address.kind != "cluster":
                return {broker.address.where: client.info()}
            return {node.name: client.info(target_nodes=node) for node in client.get_primaries()}
    except RedisUnavailable:
        raise
    except BrokerError as exc:
        return {broker.address.where: exc}


def _version(where: str, info: dict[str, Any]) -> Iterator[Finding]:
    version = str(info.get("redis_version", "?"))
    numbers = [int(part) if part.isdigit() else 0 for part in version.split(".")[:2]]
    if tuple(numbers) < OLDEST:
        yield Finding(
            level=Level.FAULT,
            check="version",
            message=f"{where} is Redis {version}",
            advice="jobdesk needs 6.2 or later",
        )
    else:
        yield Finding(level=Level.OK, check="version", message=f"{where} is Redis {version}")
    if info.get("role") == "slave":
        yield Finding(
            level=Level.FAULT,
            check="role",
            message=f"{where} is a replica and takes no writes",
            advice="connect to the master, or use redis+sentinel://",
        )


def _memory(broker: Broker, where: str, info: dict[str, Any]) -> Iterator[Finding]:
    policy = str(info.get("maxmemory_policy", "noeviction"))
    if policy != "noeviction":
        meant = broker.settings.allow_eviction
        yield Finding(
            level=Level.WARNING if meant else Level.FAULT,
            check="eviction",
            message=f"maxmemory-policy of {where} is {policy}, which throws jobs away",
            advice="CONFIG SET maxmemory-policy noeviction",
        )
    used, most = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    size = f"{used / 2**20:,.0f} MiB"
    if not most:
        yield Finding(
            level=Level.OK, check="memory", message=f"{where} uses {size}, without a limit"
        )
        return
    share = used / most
    level = Level.FAULT if share >= FULL else Level.WARNING if share >= NEARLY_FULL else Level.OK
    yield Finding(
        level=level,
        check="memory",
        message=f"{where} uses {size}, {share:.0%} of its limit",
        advice=""
        if level is Level.OK
        else "at the limit nothing can be added: clean ended jobs, or raise maxmemory",
    )


def _persistence(broker: Broker, where: str, info: dict[str, Any]) -> Iterator[Finding]:
    appends = bool(info.get("aof_enabled"))
    for name, what in (
        ("rdb_last_bgsave_status", "snapshot"),
        ("aof_last_bgrewrite_status", "rewriting of the append-only file"),
        ("aof_last_write_status", "writing of the append-only file"),
    ):
        if info.get(name, "ok") != "ok":
            yield Finding(
                level=Level.FAULT,
                check="persistence",
                message=f"the last {what} of {where} failed",
                advice="see the server's log; is its disk full?",
            )
    if appends:
        yield Finding(
            level=Level.OK, check="persistence", message=f"{where} keeps an append-only file"
        )
        return
    saves = _save_rule(broker)
    yield Finding(
        level=Level.WARNING,
        check="persistence",
        message=f"{where} writes nothing to disk: a restart loses every job"
        if saves == ""
        else f"{where} keeps no append-only file: a crash loses what came after its last snapshot",
        advice="CONFIG SET appendonly yes, and in redis.conf",
    )


def _save_rule(broker: Broker) -> str | None:
    """When the server makes snapshots, "" for never; None where it does not say."""
    client: Any = broker.client
    try:
        with broker.errors("CONFIG"):
            told = client.config_get("save")
    except RedisUnavailable:
        raise
    except BrokerError:
        return None
    value = told.get("save", told.get(b"save"))
    return value.decode() if isinstance(value, bytes) else value
