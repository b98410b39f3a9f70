"""The doctor: what is wrong with this Redis and its queues, and what to do about it.

It only reads, and its cost is bounded: some fifty commands per queue, and per state of a queue a
sample of its jobs. What looks wrong in a sample is read once more in one transaction before it is
reported, since jobs move while they are looked at.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from jobdesk.broker import sampling
from jobdesk.broker.connection import OLDEST
from jobdesk.broker.inspector import Inspector
from jobdesk.broker.keys import SCHEMA_VERSION, Meta
from jobdesk.errors import BrokerError, RedisUnavailable

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker
    from jobdesk.models import QueueStats

#: A lease is looked through by the next housekeeping; what is older was not.
STALL_GRACE_MS = 10_000
#: A due job is taken at once, or moved by the next housekeeping.
OVERDUE_MS = 60_000
SKEW_MS = 5_000
FULL, NEARLY_FULL = 0.95, 0.8
#: The failure rate is judged by so many minutes, and by no fewer ended jobs than these.
RATE_MINUTES, RATE_JOBS, RATE = 15, 10, 0.5


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    NOTE = "note"  #: worth knowing
    WARNING = "warning"  #: may be meant so
    FAULT = "fault"  #: jobs do not run, or can be lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that the doctor looked at."""

    level: Level
    #: a word that names the check, for scripts
    check: str
    message: str
    advice: str = ""
    queue: str = ""


def diagnose(broker: Broker, *, sample: int = 50) -> tuple[Finding, ...]:
    """Everything that the doctor finds, Redis first; raises what Redis being away raises.

    ``sample``: how many jobs of each state of each queue are looked at one by one.
    """
    inspector = Inspector(broker)
    found = list(_server(broker, inspector))
    names = inspector.queues()
    served = {queue for worker in inspector.workers() for queue in worker.queues}
    for stats in inspector.all_stats(names):
        found += _queue(broker, inspector, stats, served=stats.name in served, sample=sample)
    if not names:
        found.append(
            Finding(
                level=Level.NOTE,
                check="queues",
                message="no queue is known here yet",
                advice="start a worker (jobdesk worker) or add a job",
            )
        )
    return tuple(found)


# --- the server


def _server(broker: Broker, inspector: Inspector) -> Iterator[Finding]:
    before = time.time()
    now_ms = inspector.now_ms()
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


# --- one queue


def _queue(
    broker: Broker, inspector: Inspector, stats: QueueStats, *, served: bool, sample: int
) -> list[Finding]:
    queue = stats.name
    found: list[Finding] = []

    def tell(level: Level, check: str, message: str, advice: str = "") -> None:
        found.append(
            Finding(
                level=level, check=check, queue=queue, message=f"{queue}: {message}", advice=advice
            )
        )

    schema, outgoing, stalled, overdue = _counts(broker, inspector, queue)
    if schema > SCHEMA_VERSION:
        tell(
            Level.FAULT,
            "schema",
            f"written by a newer jobdesk (schema {schema}, this one knows {SCHEMA_VERSION})",
            "upgrade this one",
        )
        return found
    if stats.paused and stats.waiting:
        tell(
            Level.WARNING,
            "paused",
            f"paused, and {_jobs(stats.waiting)} waiting",
            f"jobdesk resume {queue}",
        )
    elif stats.waiting and not served:
        tell(
            Level.FAULT,
            "no-worker",
            f"{_jobs(stats.waiting)} waiting, and no worker takes them",
            f"jobdesk worker {queue}",
        )
    if stalled:
        tell(
            Level.FAULT,
            "stalled",
            f"{_jobs(stalled)} of workers that are gone, not yet given back",
            f"any worker of the queue does that: jobdesk worker {queue}",
        )
    if overdue and not stats.paused:
        tell(
            Level.WARNING if served else Level.FAULT,
            "overdue",
            f"{_jobs(overdue)} delayed beyond their time by over a minute",
            "" if served else f"no worker takes them: jobdesk worker {queue}",
        )
    if outgoing:
        tell(
            Level.WARNING if served else Level.FAULT,
            "outgoing",
            f"{outgoing:,} continuations for other queues not yet delivered",
            f"a worker of the queue delivers them: jobdesk worker {queue}",
        )
    _rate(inspector, queue, tell)
    _sampled(broker, stats, sample, tell)
    if not any(one.level in (Level.FAULT, Level.WARNING) for one in found):
        tell(Level.OK, "queue", f"well, {_jobs(stats.waiting)} waiting, {stats.active:,} active")
    return found


def _counts(broker: Broker, inspector: Inspector, queue: str) -> tuple[int, int, int, int]:
    """Schema, undelivered continuations, leases that ran out, delayed jobs that are overdue."""
    keys, now = broker.keys(queue), inspector.now_ms()
    pipe = broker.pipeline()
    pipe.hget(keys.meta, Meta.SCHEMA)
    pipe.llen(keys.outgoing)
    pipe.zcount(keys.active, "-inf", now - STALL_GRACE_MS)
    pipe.zcount(keys.delayed, "-inf", now - OVERDUE_MS)
    with broker.errors("read"):
        schema, outgoing, stalled, overdue = pipe.execute()
    return int(schema or 0), outgoing, stalled, overdue


def _rate(inspector: Inspector, queue: str, tell: Any) -> None:
    minutes = inspector.figures(queue, RATE_MINUTES)
    failed = sum(minute.failed for minute in minutes)
    ended = failed + sum(minute.completed for minute in minutes)
    if ended >= RATE_JOBS and failed / ended > RATE:
        tell(
            Level.WARNING,
            "failures",
            f"{failed:,} of the {ended:,} jobs that ended in the last {RATE_MINUTES} min failed",
            f"jobdesk jobs {queue} --status failed",
        )


def _sampled(broker: Broker, stats: QueueStats, sample: int, tell: Any) -> None:
    """Look at some jobs of each state one by one."""
    looked = sampling.look(broker, stats.name, sample)
    if looked.wrong:
        job_id, why = looked.wrong[0]
        tell(
            Level.FAULT,
            "record",
            f"{_jobs(len(looked.wrong))} of {looked.count:,} looked at are not as they must be;"
            f" job {job_id}: {why}",
            f"was Redis written to by hand? jobdesk remove {stats.name} {job_id}",
        )
    signs = broker.settings.secret is not None
    odd = looked.unsigned if signs else looked.signed
    if odd:
        tell(
            Level.FAULT,
            "signature",
            f"{_jobs(len(odd))} that {'is' if len(odd) == 1 else 'are'} yet to run"
            f" {'not signed' if signs else 'signed'}, as job {odd[0]}: workers with this"
            " JOBDESK_SECRET refuse such",
            "add them again with JOBDESK_SECRET set"
            if signs
            else "set JOBDESK_SECRET here and for the workers, as for who added them",
        )


def _jobs(count: int) -> str:
    return f"{count:,} job{'' if count == 1 else 's'}"
