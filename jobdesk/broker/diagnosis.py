"""The doctor: what is wrong with this Redis and its queues, and what to do about it.

It only reads, and its cost is bounded: some fifty commands per queue, and per state of a queue a
sample of its jobs. What looks wrong in a sample is read once more in one transaction before it is
reported, since jobs move while they are looked at.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any

from jobdesk.broker.inspector import MAX_PAGE
from jobdesk.broker.keys import SCHEMA_VERSION, Meta
from jobdesk.broker.keys import queues as queues_key
from jobdesk.broker.reading import asking, sampling, serverhealth
from jobdesk.broker.reading.figures import total
from jobdesk.broker.reading.findings import Finding, Level
from jobdesk.broker.server.rounds import Rounds
from jobdesk.counting import counted
from jobdesk.models import JobState, is_queue_name

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker
    from jobdesk.broker.reading.figures import Figures
    from jobdesk.broker.reading.sampling import Sample
    from jobdesk.broker.server.rounds import Asking
    from jobdesk.models import JobRow, QueueStats

#: Commands of a request where few are asked for: the figures of some minutes, and the like.
LEAST = 20
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
    found = steps(broker, Rounds(broker), sample=sample, most=MAX_PAGE)
    return tuple(one for one in found if one is not None)


def steps(
    broker: Broker, rounds: Rounds, *, sample: int, most: int
) -> Generator[Finding | None, None, None]:
    """The same step by step: the server, then queue after queue. None: a request was made.

    ``rounds`` counts what they cost. None is of more than ``most`` commands, or :data:`LEAST`.
    """
    yield from serverhealth.examine(broker)
    yield None
    names = rounds.one(asking.names(broker))
    workers = rounds.one(asking.worker_ids(broker, MAX_PAGE))
    yield None
    served: set[str] = set()
    for at in range(0, len(workers), most):
        for worker in rounds.one(asking.told_by(broker, workers[at : at + most])):
            served.update(worker.queues)
        yield None
    for name in names:
        if not is_queue_name(name):
            yield _no_name(broker, name)
            continue
        yield from _queue(broker, rounds, name, served=name in served, sample=sample, most=most)
    if not names:
        yield Finding(
            level=Level.NOTE,
            check="queues",
            message="no queue is known here yet",
            advice="start a worker (jobdesk worker) or add a job",
        )


def _no_name(broker: Broker, name: str) -> Finding:
    return Finding(
        level=Level.WARNING,
        check="name",
        message=f"{name!a:.80} is among the queues, and cannot be the name of one",
        advice=f"was Redis written to by hand? SREM it from {queues_key(broker.namespace)}",
    )


# --- one queue


def _queue(
    broker: Broker, rounds: Rounds, queue: str, *, served: bool, sample: int, most: int
) -> Generator[Finding | None, None, None]:
    (stats,) = rounds.one(asking.stats(broker, (queue,)))
    yield None
    found: list[Finding] = []

    def tell(level: Level, check: str, message: str, advice: str = "", job_id: str = "") -> None:
        found.append(
            Finding(
                level=level, check=check, queue=queue, message=f"{queue}: {message}",
                advice=advice, job_id=job_id,
            )
        )  # fmt: skip

    now_ms = rounds.one(asking.clock(broker))
    schema, outgoing, stalled, overdue = rounds.one(_counts(broker, queue, now_ms))
    yield None
    if schema > SCHEMA_VERSION:
        tell(
            Level.FAULT,
            "schema",
            f"written by a newer jobdesk (schema {schema}, this one knows {SCHEMA_VERSION})",
            "upgrade this one",
        )
        yield from found
        return
    if schema < SCHEMA_VERSION and any(
        (stats.waiting, stats.active, stats.delayed, stats.completed, stats.failed)
    ):
        tell(
            Level.FAULT,
            "schema",
            f"written by an older jobdesk (schema {schema}, this one knows {SCHEMA_VERSION})",
            "let the one that wrote it run its jobs, and empty the queue",
        )
        yield from found
        return
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
    lately = total(tuple(rounds.one(_lately(broker, queue, now_ms)).values()))
    yield None
    stuck = _stuck(rounds.one(asking.heads(broker, ((queue, JobState.WAITING),), (1,))), now_ms)
    yield None
    _rate(stats, lately, tell, served=served, stuck=stuck)
    looked = yield from sampling.look(broker, rounds, queue, sample, most)
    _sampled(broker, queue, looked, tell)
    if not any(one.level in (Level.FAULT, Level.WARNING) for one in found):
        tell(
            Level.OK,
            "queue",
            f"well, {counted(stats.waiting, 'job')} waiting, {stats.active:,} active",
        )
    yield from found


def _counts(broker: Broker, queue: str, now_ms: int) -> Asking[tuple[int, int, int, int]]:
    """Schema, undelivered continuations, leases that ran out, delayed jobs that are overdue."""
    keys = broker.keys(queue)

    def ask(pipe: Any) -> None:
        pipe.hget(keys.meta, Meta.SCHEMA)
        pipe.llen(keys.outgoing)
        pipe.zcount(keys.active, "-inf", now_ms - STALL_GRACE_MS)
        pipe.zcount(keys.delayed, "-inf", now_ms - OVERDUE_MS)

    schema, outgoing, stalled, overdue = yield ask
    return int(schema or SCHEMA_VERSION), outgoing, stalled, overdue


def _lately(broker: Broker, queue: str, now_ms: int) -> Asking[dict[tuple[str, int], Figures]]:
    last = now_ms // 60_000
    minutes = range(last - RATE_MINUTES + 1, last + 1)
    return asking.figures(broker, [(queue, number) for number in minutes])


def _rate(stats: QueueStats, lately: Figures, tell: Any, *, served: bool, stuck: bool) -> None:
    queue = stats.name
    failed, ended = lately.failed, lately.failed + lately.completed
    if served and not stats.paused and stats.waiting:
        if not ended + lately.retried and not stats.active and stuck and stats.rate_limit is None:
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


def _stuck(heads: Sequence[JobRow], now_ms: int) -> bool:
    """Whether the next job has waited for over a minute."""
    return any(now_ms - one.waits_since_ms > OVERDUE_MS for one in heads)


def _sampled(broker: Broker, queue: str, looked: Sample, tell: Any) -> None:
    """What is to be said of the jobs that were looked at one by one."""
    if looked.wrong:
        job_id, why = looked.wrong[0]
        tell(
            Level.FAULT,
            "record",
            f"{counted(len(looked.wrong), 'job')} of {looked.count:,} looked at"
            f" are not as they must be; job {job_id}: {why}",
            f"was Redis written to by hand? jobdesk remove {queue} {job_id}",
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
