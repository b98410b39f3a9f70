"""The doctor: what is wrong with this Redis and its queues, and what to do about it.

It only reads, and its cost is bounded: some fifty commands per queue, and per state of a queue a
sample of its jobs. What looks wrong in a sample is read once more in one transaction before it is
reported, since jobs move while they are looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jobdesk.broker import asking, sampling, serverhealth
from jobdesk.broker.figures import total
from jobdesk.broker.findings import Finding, Level
from jobdesk.broker.inspector import Inspector
from jobdesk.broker.keys import SCHEMA_VERSION, Meta
from jobdesk.broker.keys import queues as queues_key
from jobdesk.broker.rounds import carry_out
from jobdesk.counting import counted
from jobdesk.errors import InvalidQueueName
from jobdesk.models import JobState

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker
    from jobdesk.models import QueueStats

#: A lease is looked through by the next housekeeping; what is older was not.
STALL_GRACE_MS = 10_000
#: A due job is taken at once, or moved by the next housekeeping.
OVERDUE_MS = 60_000
#: The failure rate is judged by so many minutes, and by no fewer ended jobs than these.
RATE_MINUTES, RATE_JOBS, RATE = 15, 10, 0.5
#: A queue grows too fast when so many wait, and that much more is added than ends.
GROWING_JOBS, GROWING = 100, 1.5


def diagnose(broker: Broker, *, sample: int = 50) -> tuple[Finding, ...]:
    """Everything that the doctor finds, Redis first; raises what Redis being away raises.

    ``sample``: how many jobs of each state of each queue are looked at one by one.
    """
    return tuple(one for part in steps(broker, sample=sample) for one in part)


def steps(broker: Broker, *, sample: int = 50) -> Iterator[list[Finding]]:
    """The same step by step: the server, then queue after queue."""
    inspector = Inspector(broker)
    yield list(serverhealth.examine(broker))
    names = carry_out(broker, asking.names(broker))
    served = {queue for worker in inspector.workers() for queue in worker.queues}
    for name in names:
        try:
            stats = inspector.stats(name)
        except InvalidQueueName:
            yield [_no_name(broker, name)]
            continue
        yield _queue(broker, inspector, stats, served=name in served, sample=sample)
    if not names:
        yield [
            Finding(
                level=Level.NOTE,
                check="queues",
                message="no queue is known here yet",
                advice="start a worker (jobdesk worker) or add a job",
            )
        ]


def _no_name(broker: Broker, name: str) -> Finding:
    return Finding(
        level=Level.WARNING,
        check="name",
        message=f"{name!a:.80} is among the queues, and cannot be the name of one",
        advice=f"was Redis written to by hand? SREM it from {queues_key(broker.namespace)}",
    )


# --- one queue


def _queue(
    broker: Broker, inspector: Inspector, stats: QueueStats, *, served: bool, sample: int
) -> list[Finding]:
    queue = stats.name
    found: list[Finding] = []

    def tell(level: Level, check: str, message: str, advice: str = "", job_id: str = "") -> None:
        found.append(
            Finding(
                level=level, check=check, queue=queue, message=f"{queue}: {message}",
                advice=advice, job_id=job_id,
            )
        )  # fmt: skip

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
            f"paused, and {counted(stats.waiting, 'job')} waiting",
            f"jobdesk resume {queue}",
        )
    elif stats.waiting and not served:
        tell(
            Level.FAULT,
            "no-worker",
            f"{counted(stats.waiting, 'job')} waiting, and no worker takes them",
            f"jobdesk worker {queue}",
        )
    if stalled:
        tell(
            Level.FAULT,
            "stalled",
            f"{counted(stalled, 'job')} of workers that are gone, not yet given back",
            f"any worker of the queue does that: jobdesk worker {queue}",
        )
    if overdue and not stats.paused:
        tell(
            Level.WARNING if served else Level.FAULT,
            "overdue",
            f"{counted(overdue, 'job')} delayed, and due for over a minute",
            f"see the workers' logs; jobdesk why {queue}"
            if served
            else f"no worker takes them: jobdesk worker {queue}",
        )
    if outgoing:
        tell(
            Level.WARNING if served else Level.FAULT,
            "outgoing",
            f"{outgoing:,} continuations for other queues not yet delivered",
            f"a worker of the queue delivers them: jobdesk worker {queue}",
        )
    _rate(inspector, stats, tell, served=served)
    _sampled(broker, stats, sample, tell)
    if not any(one.level in (Level.FAULT, Level.WARNING) for one in found):
        tell(
            Level.OK,
            "queue",
            f"well, {counted(stats.waiting, 'job')} waiting, {stats.active:,} active",
        )
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


def _rate(inspector: Inspector, stats: QueueStats, tell: Any, *, served: bool) -> None:
    queue = stats.name
    lately = total(inspector.figures(queue, RATE_MINUTES))
    failed, ended = lately.failed, lately.failed + lately.completed
    if served and not stats.paused and stats.waiting:
        if not ended + lately.retried and not stats.active and _stuck(inspector, stats):
            tell(
                Level.FAULT,
                "idle",
                f"{counted(stats.waiting, 'job')} waiting,"
                " workers are there, and none of them takes any",
                f"see the workers' logs; jobdesk why {queue}",
            )
        elif stats.waiting >= GROWING_JOBS and lately.added > GROWING * ended:
            tell(
                Level.WARNING,
                "growing",
                f"{lately.added:,} jobs were added in the last {RATE_MINUTES} min and {ended:,}"
                f" ended; {stats.waiting:,} wait",
                f"more workers or slots: jobdesk worker {queue}",
            )
    if ended >= RATE_JOBS and failed / ended > RATE:
        tell(
            Level.WARNING,
            "failures",
            f"{failed:,} of the {ended:,} jobs that ended in the last {RATE_MINUTES} min failed",
            f"jobdesk jobs {queue} --status failed",
        )


def _stuck(inspector: Inspector, stats: QueueStats) -> bool:
    """Whether the next job has waited for over a minute, and no rate limit keeps it."""
    head = inspector.rows(stats.name, JobState.WAITING, 0, 0).rows
    if not head or stats.rate_limit is not None:
        return False
    since = max(head[0].added_ms, head[0].run_at_ms or 0)
    return inspector.now_ms() - since > OVERDUE_MS


def _sampled(broker: Broker, stats: QueueStats, sample: int, tell: Any) -> None:
    """Look at some jobs of each state one by one."""
    looked = sampling.look(broker, stats.name, sample)
    if looked.wrong:
        job_id, why = looked.wrong[0]
        tell(
            Level.FAULT,
            "record",
            f"{counted(len(looked.wrong), 'job')} of {looked.count:,} looked at"
            f" are not as they must be; job {job_id}: {why}",
            f"was Redis written to by hand? jobdesk remove {stats.name} {job_id}",
            job_id,
        )
    signs = broker.settings.secret is not None
    odd = looked.unsigned if signs else looked.signed
    if odd:
        tell(
            Level.FAULT,
            "signature",
            f"{counted(len(odd), 'job')} that {'is' if len(odd) == 1 else 'are'} yet to run"
            f" {'not signed' if signs else 'signed'}, as job {odd[0]}: workers with this"
            " JOBDESK_SECRET refuse such",
            "add them again with JOBDESK_SECRET set"
            if signs
            else "set JOBDESK_SECRET here and for the workers, as for who added them",
            odd[0],
        )
