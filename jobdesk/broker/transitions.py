"""Typed calls of the scripts that move jobs from state to state: what workers and producers use.

Each method is one script call, safe to repeat after a lost answer. Operator commands are in
``control``, reads in ``inspector``.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jobdesk.broker import stored
from jobdesk.broker.keys import STATE_NAMES, Field, QueueKeys
from jobdesk.models import JobState, NewJob

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker
    from jobdesk.broker.server.wire import Sent

#: A script touches at most this many jobs in one call.
BATCH = 100


class Outcome(StrEnum):
    """How a run of a job ended, as ``exchange_jobs.lua`` takes it."""

    COMPLETED = "c"
    RETRY = "r"  #: failed, to be tried again
    AGAIN = "n"  #: to be run again, without costing an attempt
    FAILED = "f"
    REFUSED = "x"  #: failed without having run: revoked, expired, unreadable
    RELEASED = "b"  #: given back at its old place
    NOT_DUE = "s"  #: to be delayed until the instant in ``value``


# looking up a member of an enumeration costs as much as a call
_COMPLETED = Outcome.COMPLETED


@dataclass(slots=True)
class Finish:
    """The end of one run, on its way to Redis."""

    id: str
    epoch: bytes
    outcome: Outcome
    #: the result; of a failure its fingerprint, by which it is counted
    value: bytes = b""
    #: "Class: message" as a list shows it, at most 60 bytes
    error: str = ""
    #: the attempt's JSON from ``"o":`` on, see include/attempts.lua
    attempt: str = ""
    delay_ms: int = 0
    progress: str = ""
    #: continuations in the same queue, added in the same call
    adds: Sequence[NewJob] = ()
    #: continuations for other queues, delivered afterwards: a JSON text each
    outgoing: Sequence[bytes] = ()
    #: of the job, which its event names; "": the script looks it up
    type: str = ""
    #: whether it has completed, and there is nothing else to book
    plain: bool = field(init=False)

    def __post_init__(self) -> None:
        self.plain = bool(
            self.outcome is _COMPLETED
            and self.type
            and not (self.progress or self.adds or self.outgoing)
        )


@dataclass(slots=True)
class Taken:
    """A job as a worker gets it: its lease is running."""

    id: str
    type: str
    payload: bytes
    attempts: int
    attempts_made: int
    timeout_ms: int | None
    backoff: str
    generation: int
    stalls: int
    progress: str
    #: to the microsecond, as Huey's expiries are
    expires_ms: float | None
    #: Huey's revocations of this job, of this type: raw values, JSON
    revoked: bytes
    epoch: bytes
    #: a job of a queue that has etas as Huey does, taken before it is due
    due_ms: int | None = None


@dataclass(slots=True)
class Exchanged:
    """The answer of one exchange."""

    now_ms: int
    #: when the next delayed job of the queue is due, or None
    due_ms: int | None
    #: until the rate limit lets the next job through, or None
    opens_ms: int | None
    waiting: int
    #: OK, ALREADY or STALE for each finish, in order
    statuses: list[str]
    jobs: list[Taken]
    #: with housekeeping: continuations that wait to be delivered to other queues
    outgoing: int = 0


class Added(StrEnum):
    """What became of a job that was to be added."""

    ADDED = "ADDED"
    DUP = "DUP"


#: the letters of the script's answer
_ADDED = {
    ord(letter.upper() if what is Added.DUP else letter): (what, JobState(name))
    for letter, name in STATE_NAMES.items()
    for what in Added
}
_DUPLICATES = frozenset(ord(letter.upper()) for letter in STATE_NAMES)


class SentJobs:
    """Jobs on their way to Redis."""

    __slots__ = ("_sent",)

    def __init__(self, sent: Sent) -> None:
        self._sent = sent

    def answer(self) -> list[tuple[Added, JobState]]:
        """What became of each, as :meth:`Transitions.add` says it. Ask once."""
        return [_ADDED[letter] for letter in self._sent.answer()]

    def duplicates(self) -> list[bool]:
        """The same, for each whether its id was there already."""
        return [letter in _DUPLICATES for letter in self._sent.answer()]


class Transitions:
    """The moves of one queue's jobs."""

    __slots__ = ("_broker", "_prefix", "keys")

    def __init__(self, broker: Broker, queue: str) -> None:
        self._broker = broker
        self.keys: QueueKeys = broker.keys(queue)
        self._prefix = self.keys.prefix

    def add(self, jobs: Sequence[NewJob]) -> list[tuple[Added, JobState]]:
        """Add jobs, in order; one that is there already is left as it is (``DUP``).

        Raises ``QueueFull`` at maxmemory and ``RedisUnavailable``; the latter's ``sent`` says
        whether the jobs may have been added.
        """
        return self.send_add(jobs).answer()

    def send_add(self, jobs: Sequence[NewJob]) -> SentJobs:
        """The same, without waiting for the answer."""
        return SentJobs(self._broker.send("add_jobs", self._prefix, *add_args(jobs)))

    def exchange(
        self,
        worker: str,
        request: int,
        want: int,
        lease_ms: int,
        finishes: Sequence[Finish] = (),
        *,
        housekeeping: bool = False,
    ) -> Exchanged:
        """Book ``finishes`` and take up to ``want`` jobs under a lease of ``lease_ms``."""
        sent = self.send_exchange(
            worker, request, want, lease_ms, finishes, housekeeping=housekeeping
        )
        return exchanged(sent.answer(), finishes)

    def send_exchange(
        self,
        worker: str,
        request: int,
        want: int,
        lease_ms: int,
        finishes: Sequence[Finish] = (),
        *,
        housekeeping: bool = False,
    ) -> Sent:
        """The same, without waiting: :func:`exchanged` reads what its ``answer()`` brings."""
        args = exchange_args(worker, request, want, lease_ms, finishes, housekeeping)
        return self._broker.send("exchange_jobs", self._prefix, *args)

    def renew(self, lease_ms: int, jobs: Sequence[tuple[str, bytes]]) -> list[str]:
        """Extend leases of ``(id, epoch)``: OK, CANCEL or STALE for each, in order."""
        statuses: list[str] = []
        for start in range(0, len(jobs), BATCH):
            args: list[Any] = [lease_ms]
            for job_id, epoch in jobs[start : start + BATCH]:
                args += (job_id, epoch)
            answer = self._broker.run("renew_leases", self._prefix, *args)
            statuses += [status.decode() for status in answer]
        return statuses

    def release_worker(self, worker: str) -> int:
        """Give back at once what a worker that is known to be dead held; how many jobs."""
        total, skip = 0, 0
        while skip >= 0:
            given_back, skip = self._broker.run("release_worker", self._prefix, worker, skip)
            total += given_back
        return total

    def progress(self, job_id: str, epoch: bytes, value: str) -> str:
        """Store a running job's progress: OK, CANCEL or STALE."""
        return _word(self._broker.run("report_progress", self._prefix, job_id, epoch, value))

    def log(self, job_id: str, epoch: bytes, lines: Sequence[str]) -> str:
        """Append to a running job's log: OK or STALE."""
        status = "OK"
        for start in range(0, len(lines), BATCH):
            part = (secrets.token_hex(8), *lines[start : start + BATCH])
            status = _word(self._broker.run("append_log", self._prefix, job_id, epoch, *part))
        return status

    def fire(self, schedule: str, slot_ms: int, job: NewJob) -> str:
        """Add a schedule's job for one slot: FIRED, LATE, PAUSED, AHEAD or FIRST."""
        args = [schedule, slot_ms]
        _append_job(args, job)
        return _word(self._broker.run("fire_schedule", self._prefix, *args))

    def join_chord(self, chord: str, index: int, size: int, value: bytes) -> list[bytes] | None:
        """Note one member's result; all results, in order, once every member is in."""
        answer = self._broker.run("join_chord", self._prefix, chord, index, size, value)
        return list(answer[1:]) if len(answer) > 1 else None

    def release_lock(self, name: str, token: str) -> bool:
        """Give up a lock held with ``token``; an empty token releases whoever's it is."""
        return bool(self._broker.run("release_lock", self._prefix, name, token))

    def count_in_window(self, counter: str, window_ms: int) -> tuple[int, int]:
        """Count a use: uses in the current window, and ms until the window ends."""
        request = secrets.token_hex(8)
        used, left = self._broker.run("count_in_window", self._prefix, counter, window_ms, request)
        return int(used), int(left)


def _word(answer: Any) -> str:
    return answer.decode() if isinstance(answer, bytes) else str(answer)


def _append_job(args: list[Any], job: NewJob) -> None:
    args += (
        job.id,
        job.payload,
        stored.spec(job.type, job.fields, job.priority, job.lifo),
        job.priority,
        job.delay_ms,
        job.run_at_ms,
        1 if job.lifo else 0,
    )


def add_args(jobs: Sequence[NewJob]) -> list[Any]:
    """The arguments of ``add_jobs.lua``: what a job has in common with the one before is left out.

    Most jobs of a bulk differ in nothing but their id and their data.
    """
    args: list[Any] = [""]
    likeness = []
    before: NewJob | None = None
    for job in jobs:
        if before is not None and _is_like(job, before):
            likeness.append("1")
            args += (job.id, job.payload)
        else:
            likeness.append("0")
            _append_job(args, job)
        before = job
    args[0] = "".join(likeness)
    return args


def _is_like(job: NewJob, before: NewJob) -> bool:
    return (
        job.fields is before.fields
        and job.type == before.type
        and job.priority == before.priority
        and job.lifo == before.lifo
        and job.delay_ms == before.delay_ms
        and job.run_at_ms == before.run_at_ms
    )


def exchange_args(  # noqa: PLR0917 - the order of the script's own arguments
    worker: str,
    request: int,
    want: int,
    lease_ms: int,
    finishes: Sequence[Finish] = (),
    housekeeping: bool = False,
) -> list[Any]:
    """The arguments of ``exchange_jobs.lua``."""
    args: list[Any] = [worker, request, want, lease_ms, 1 if housekeeping else 0, 0]
    others: list[Finish] = []
    epoch, kind, count_at = b"", "", 0
    for finish in finishes:
        if not finish.plain:
            others.append(finish)
            continue
        if finish.epoch != epoch or finish.type != kind:
            epoch, kind, count_at = finish.epoch, finish.type, len(args) + 2
            args += (epoch, kind, 0)
            args[5] += 1
        args[count_at] += 1
        args += (finish.id, finish.value)
    args.append(len(others))
    for finish in others:
        args += (
            finish.id,
            finish.epoch,
            finish.outcome.value,
            finish.value,
            finish.error,
            finish.attempt,
            finish.delay_ms,
            finish.progress,
            len(finish.adds),
        )
        for job in finish.adds:
            _append_job(args, job)
        args.append(len(finish.outgoing))
        args += finish.outgoing
    return args


def exchanged(answer: Any, finishes: Sequence[Finish] = ()) -> Exchanged:
    """Read the answer of ``exchange_jobs.lua`` to a request with these ``finishes``."""
    now, epoch, due, opens, waiting, letters, flat, told, beside, revoked, outgoing = answer
    statuses = [_STATUSES[letter] for letter in letters]
    plain = [finish.plain for finish in finishes]
    if False in plain:
        # the script has booked the plain ones first
        order = sorted(range(len(plain)), key=lambda index: not plain[index])
        booked = dict(zip(order, statuses, strict=True))
        statuses = [booked[index] for index in range(len(plain))]
    before, payloads, revocations = _by_id(told), _by_id(beside), _by_id(revoked)
    return Exchanged(
        int(now),
        int(due) if due >= 0 else None,
        int(opens) if opens >= 0 else None,
        int(waiting),
        statuses,
        [
            _taken(
                job_id,
                spec,
                before.get(job_id),
                epoch,
                now,
                payloads.get(job_id),
                revocations.get(job_id, b""),
            )
            for job_id, spec in zip(flat[::2], flat[1::2], strict=True)
        ],
        int(outgoing),
    )


def _by_id(flat: list[bytes]) -> dict[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=True)) if flat else {}


_STATUSES = {ord("o"): "OK", ord("a"): "ALREADY", ord("s"): "STALE"}


def _taken(  # noqa: PLR0917 - the order of the script's own answer
    job_id: bytes,
    spec: bytes,
    status: bytes | None,
    epoch: bytes,
    now_ms: int,
    beside: bytes | None,
    revoked: bytes,
) -> Taken:
    head, _, payload = spec.partition(b"\n")
    if not status:
        kind, attempts, timeout_ms, backoff, expires_ms, eta_ms = _options(head.partition(b"\t")[2])
        made, generation, stalls, progress = 0, 0, 0, ""
    else:
        found = stored.fields(head, status) or {}
        kind, attempts, timeout_ms, backoff, expires_ms, eta_ms = _options_of(found)
        made = int(found.get(Field.ATTEMPTS_MADE, 0))
        generation = int(found.get(Field.GENERATION, 0))
        stalls = int(found.get(Field.STALLED, 0))
        progress = found.get(Field.PROGRESS, "")
    return Taken(
        job_id.decode(),
        kind,
        payload if beside is None else beside,
        attempts,
        made,
        timeout_ms,
        backoff,
        generation,
        stalls,
        progress,
        expires_ms,
        revoked,
        epoch,
        eta_ms if eta_ms is not None and eta_ms > now_ms else None,
    )


_Options = tuple[str, int, int | None, str, float | None, int | None]


@lru_cache(maxsize=1024)
def _options(line: bytes) -> _Options:
    """What a spec says behind its time: most jobs of a type say the same."""
    return _options_of(stored.fields(b"0\t" + line, None) or {})


def _options_of(found: Mapping[str, str]) -> _Options:
    timeout, expires = found.get(Field.TIMEOUT), found.get(Field.EXPIRES)
    eta = found.get(Field.ETA)
    return (
        found[Field.TYPE],
        int(found.get(Field.ATTEMPTS, stored.USUAL_ATTEMPTS)),
        int(timeout) if timeout else None,
        found.get(Field.BACKOFF, ""),
        float(expires) if expires else None,
        int(eta) if eta else None,
    )
