"""Why a job, or a whole queue, does not run: the reasons, the one that decides first.

Every reason has a code for programs, a sentence for people and the facts it is made of. It reads a
bounded number of keys, in a handful of requests, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jobdesk.broker import records
from jobdesk.broker.inspector import CLASS, Inspector
from jobdesk.broker.keys import Field, Meta
from jobdesk.broker.reading import figures
from jobdesk.counting import counted
from jobdesk.errors import JobNotFound
from jobdesk.models import NO_PRIORITY, JobState, check_queue_name, when

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker
    from jobdesk.broker.keys import QueueKeys
    from jobdesk.models import JobRow, WorkerInfo

#: The rate of ended jobs is judged by so many minutes that are over, and the current one.
RATE_MINUTES = 5
MAX_WORKERS = 200
#: An expiry that is nearer than this is told of.
SOON_MS = 300_000
#: An error is told up to so many characters of its first line.
MOST_OF_ERROR = 300

_META = (Meta.PAUSED, Meta.MAX_ACTIVE, Meta.LIMIT_JOBS, Meta.LIMIT_MS)


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that keeps a job from running, or tells where it is.

    Codes: ``paused no-worker busy max-active rate-limited unknown-type revoked expired expires-soon
    next in-line due delayed retrying active worker-gone stalled cancelling failed completed`` and,
    for a queue, ``empty working``.
    """

    code: str
    message: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """The answer: the reason that decides first, at least one."""

    queue: str
    job_id: str
    state: JobState | None
    reasons: tuple[Reason, ...]

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of the reasons, in order."""
        return tuple(reason.code for reason in self.reasons)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Queue:
    """What keeps all jobs of a queue."""

    name: str
    now_ms: int
    paused: bool
    max_active: int | None
    limit: tuple[int, int] | None
    #: jobs taken in the current window of the rate limit, and ms until it ends
    taken: int
    opens_ms: int
    waiting: int
    active: int
    delayed: int
    next_due_ms: int | None
    workers: tuple[WorkerInfo, ...]
    #: jobs that ended per second lately
    rate: float


def why(broker: Broker, queue: str, job_id: str) -> Why:
    """Why a job does not run, or what became of it; raises ``JobNotFound``."""
    keys = broker.keys(check_queue_name(queue))
    pipe = broker.pipeline()
    records.ask(pipe, keys, job_id)
    pipe.zrank(keys.wait, job_id)
    pipe.zscore(keys.active, job_id)
    pipe.hget(keys.revoked, f"r:{job_id}")
    pipe.lindex(keys.attempts(job_id), -1)
    with broker.errors("read"):
        values, rank, lease, revoked, last = pipe.execute()
    stored = records.record(values)
    row = records.row(queue, job_id, values, None if lease is None else int(lease))
    if stored is None or row is None:
        raise JobNotFound(f"no job {job_id} in queue {queue}")
    state = _read(broker, keys)
    if row.state is JobState.ACTIVE:
        found = _active(state, row)
    elif row.state is JobState.FAILED:
        past = [] if last is None else [records.attempt(last)]
        found = _failed(state, row, records.reason(row.state, row.error, past))
    elif row.state is JobState.COMPLETED:
        found = _completed(state, row)
    else:
        expires = records.number(stored.get(Field.EXPIRES))
        found = _yet_to_run(
            broker, keys, state, row, rank=rank, expires_ms=expires, revoked=revoked is not None
        )
    return Why(queue=queue, job_id=job_id, state=row.state, reasons=tuple(found))


def why_queue(broker: Broker, queue: str) -> Why:
    """Why a queue does not move, or that it does."""
    keys = broker.keys(check_queue_name(queue))
    state = _read(broker, keys)
    found = list(_blocks(state)) if state.waiting or state.delayed or state.paused else []
    if not state.waiting:
        told = "nothing waits"
        if state.next_due_ms is not None:
            due = max(0, state.next_due_ms - state.now_ms)
            told += f"; {state.delayed:,} delayed, the next is due in {_span(due)}"
        facts = {"delayed": state.delayed, "next_due_ms": state.next_due_ms}
        found.append(Reason("empty", told, facts))
    elif not any(r.code in ("paused", "no-worker") for r in found):
        found.append(_working(state))
    return Why(queue=queue, job_id="", state=None, reasons=tuple(found))


# --- what is read of the queue


def _read(broker: Broker, keys: QueueKeys) -> _Queue:
    inspector = Inspector(broker)
    now = inspector.now_ms()
    minute = now // 60_000
    pipe = broker.pipeline()
    pipe.hmget(keys.meta, _META)
    pipe.get(keys.lim)
    pipe.pttl(keys.lim)
    pipe.zcard(keys.wait)
    pipe.zcard(keys.active)
    pipe.zcard(keys.delayed)
    pipe.zrange(keys.delayed, 0, 0, withscores=True)
    for number in range(minute - RATE_MINUTES, minute + 1):
        pipe.hgetall(keys.figures("m", number))
    with broker.errors("read"):
        meta, taken, opens, waiting, active, delayed, head, *minutes = pipe.execute()
    paused, max_active, limit_jobs, limit_ms = meta
    jobs, span = records.number(limit_jobs), records.number(limit_ms)
    ended = figures.total(tuple(figures.parse(0, stored) for stored in minutes))
    seconds = RATE_MINUTES * 60 + now % 60_000 / 1000
    return _Queue(
        name=keys.queue,
        now_ms=now,
        paused=paused == b"1",
        max_active=records.number(max_active),
        limit=(jobs, span) if jobs is not None and span is not None else None,
        taken=records.number(taken, 0) or 0,
        opens_ms=max(0, opens),
        waiting=waiting,
        active=active,
        delayed=delayed,
        next_due_ms=int(head[0][1]) if head else None,
        workers=tuple(w for w in inspector.workers(MAX_WORKERS) if keys.queue in w.queues),
        rate=(ended.completed + ended.failed + ended.retried) / seconds,
    )


def _blocks(state: _Queue) -> Iterator[Reason]:
    """What keeps every job of the queue, or slows all of them down."""
    if state.paused:
        yield Reason("paused", f"queue {state.name} is paused")
    if not state.workers:
        yield Reason("no-worker", f"no worker has queue {state.name}", {"workers": 0})
    if state.limit is not None and state.taken >= state.limit[0]:
        jobs, span = state.limit
        yield Reason(
            "rate-limited",
            f"rate limit of {jobs:,} jobs per {_span(span)}: the next may start in"
            f" {_span(state.opens_ms)}",
            {"jobs": jobs, "per_ms": span, "until_ms": state.now_ms + state.opens_ms},
        )
    if state.max_active is not None and state.active >= state.max_active:
        yield Reason(
            "max-active",
            f"{state.active:,} jobs of queue {state.name} are active, and at most"
            f" {state.max_active:,} may be",
            {"active": state.active, "max_active": state.max_active},
        )
        return
    slots = sum(worker.slots for worker in state.workers)
    in_hand = sum(len(ids) for worker in state.workers for ids in worker.in_hand.values())
    if state.workers and in_hand >= slots:
        yield Reason(
            "busy",
            f"all {slots:,} slots of the {counted(len(state.workers), 'worker')}"
            f" with queue {state.name} are taken",
            {"slots": slots, "in_hand": in_hand, "workers": len(state.workers)},
        )


def _working(state: _Queue) -> Reason:
    facts: dict[str, Any] = {
        "waiting": state.waiting, "active": state.active, "per_second": state.rate,
        "workers": len(state.workers),
    }  # fmt: skip
    if not state.rate:
        return Reason(
            "working",
            f"{counted(len(state.workers), 'worker')}, {state.active:,} active,"
            f" and none ended in the last {RATE_MINUTES} min",
            facts,
        )
    left = round(1000 * state.waiting / state.rate)
    return Reason(
        "working",
        f"{_rate(state.rate)} end: the {state.waiting:,} waiting take about {_span(left)}",
        {**facts, "estimate_ms": left},
    )


# --- one job


def _yet_to_run(
    broker: Broker,
    keys: QueueKeys,
    state: _Queue,
    row: JobRow,
    *,
    rank: int | None,
    expires_ms: int | None,
    revoked: bool,
) -> Iterator[Reason]:
    urgency = NO_PRIORITY if row.priority is None else row.priority
    pipe = broker.pipeline()
    pipe.hlen(keys.types)
    pipe.hexists(keys.types, row.type)
    pipe.hexists(keys.revoked, f"rt:{row.type}")
    pipe.zcount(keys.wait, "-inf", f"({urgency * CLASS}")
    with broker.errors("read"):
        types, known, type_revoked, higher = pipe.execute()
    if row.state is JobState.DELAYED:
        yield from _delayed(state, row)
    yield from _blocks(state)
    if types and not known:
        yield Reason(
            "unknown-type",
            f"no worker has published type {row.type}: one that takes the job fails it",
            {"type": row.type},
        )
    if revoked or type_revoked:
        yield Reason(
            "revoked", f"{'it' if revoked else f'type {row.type}'} is revoked: it will fail at once"
        )
    if expires_ms is not None and expires_ms - state.now_ms < SOON_MS:
        left = expires_ms - state.now_ms
        yield Reason(
            "expires-soon" if left > 0 else "expired",
            f"it expires in {_span(left)}: not started by then, it fails"
            if left > 0
            else f"it expired {_span(-left)} ago: it fails when it is taken",
            {"expires_ms": expires_ms},
        )
    if rank is not None:
        yield _place(state, row, rank, min(higher, rank))


def _delayed(state: _Queue, row: JobRow) -> Iterator[Reason]:
    left = (row.run_at_ms or 0) - state.now_ms
    facts = {"run_at_ms": row.run_at_ms}
    if left <= 0:
        yield Reason("due", "its time has come: a worker's next look moves it to the line", facts)
    else:
        yield Reason("delayed", f"delayed until {_clock(row.run_at_ms)}, in {_span(left)}", facts)
    if row.retrying:
        yield Reason(
            "retrying",
            f"attempt {row.attempts_made} of {row.attempts} failed: {row.error}",
            {"attempts_made": row.attempts_made, "attempts": row.attempts, "error": row.error},
        )


def _place(state: _Queue, row: JobRow, rank: int, higher: int) -> Reason:
    same = rank - higher
    facts: dict[str, Any] = {"ahead": rank, "ahead_higher": higher, "ahead_same": same}
    waited = f"waits for {_span(max(0, state.now_ms - row.waits_since_ms))}"
    if rank == 0:
        return Reason("next", f"it is the next to be taken, and {waited}", facts)
    told = f"{rank:,} ahead of it"
    if higher:
        told += f" ({higher:,} of a higher priority, {same:,} of its own)"
    if state.rate:
        left = round(1000 * rank / state.rate)
        facts |= {"per_second": state.rate, "estimate_ms": left}
        told += f": at {_rate(state.rate)} about {_span(left)}"
    return Reason("in-line", f"{told}; it {waited}", facts)


def _active(state: _Queue, row: JobRow) -> Iterator[Reason]:
    since = max(0, state.now_ms - (row.started_ms or state.now_ms))
    yield Reason(
        "active",
        f"it runs since {_span(since)}, attempt {row.attempts_made + 1} of {row.attempts},"
        f" on {row.worker}",
        {"started_ms": row.started_ms, "worker": row.worker, "attempt": row.attempts_made + 1},
    )
    if row.cancelling:
        yield Reason("cancelling", "it is to be cancelled: its worker hears of it soon")
    left = (row.lease_ms or 0) - state.now_ms
    alive = any(worker.id == row.worker for worker in state.workers)
    facts = {"lease_ms": row.lease_ms, "worker": row.worker}
    if left <= 0:
        yield Reason(
            "stalled",
            f"its lease ended {_span(-left)} ago: a worker's housekeeping puts it back in the line",
            facts,
        )
    elif not alive:
        yield Reason(
            "worker-gone",
            f"its worker has not been heard of; unless it comes back, the job returns to the line"
            f" in {_span(left)}",
            facts,
        )


def _failed(state: _Queue, row: JobRow, error: str) -> Iterator[Reason]:
    told = error.partition("\n")[0]
    cut = told if len(told) <= MOST_OF_ERROR else told[: MOST_OF_ERROR - 1] + "…"
    yield Reason(
        "failed",
        f"it failed {_ago(state, row.finished_ms)}, after {row.attempts_made} of {row.attempts}"
        f" attempts: {cut}",
        {
            "finished_ms": row.finished_ms, "attempts_made": row.attempts_made,
            "attempts": row.attempts, "error": cut, "fingerprint": row.fingerprint,
        },
    )  # fmt: skip


def _completed(state: _Queue, row: JobRow) -> Iterator[Reason]:
    ran = max(0, (row.finished_ms or 0) - (row.started_ms or row.finished_ms or 0))
    yield Reason(
        "completed",
        f"it completed {_ago(state, row.finished_ms)}, and ran for {_span(ran)}",
        {"finished_ms": row.finished_ms, "ran_ms": ran},
    )


# --- words


def _ago(state: _Queue, ms: int | None) -> str:
    return "some time ago" if ms is None else f"{_span(max(0, state.now_ms - ms))} ago"


def _clock(ms: int | None) -> str:
    at = when(ms)
    return "?" if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _rate(per_second: float) -> str:
    return f"{per_second:,.1f} jobs/s" if per_second >= 1 else f"{per_second * 60:,.1f} jobs/min"


def _span(ms: float) -> str:
    if ms < 1000:
        return f"{round(ms)} ms"
    seconds = round(ms / 1000)
    for unit, size, small, step in (("d", 86_400, "h", 3600), ("h", 3600, "min", 60)):
        if seconds >= size:
            rest = seconds % size // step
            return f"{seconds // size} {unit}" + (f" {rest} {small}" if rest else "")
    return f"{seconds // 60} min" if seconds >= 120 else f"{seconds} s"
