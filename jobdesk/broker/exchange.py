"""What goes into ``exchange_jobs.lua``, and what comes out of it: ends of runs, and jobs taken.

Pure: Python values to the script's arguments, its answer to Python values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jobdesk.broker import stored
from jobdesk.broker.keys import Field

if TYPE_CHECKING:
    from jobdesk.models import NewJob


class Outcome(StrEnum):
    """How a run of a job ended, as ``exchange_jobs.lua`` takes it."""

    COMPLETED = "c"
    RETRY = "r"  #: failed, to be tried again
    AGAIN = "n"  #: to be run again, without costing an attempt
    FAILED = "f"
    REFUSED = "x"  #: failed without having run: revoked, expired, unreadable
    RELEASED = "b"  #: broken off, and given back at its old place
    UNBEGUN = "u"  #: given back before anybody has begun it, which costs it nothing
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
    #: what in its record cannot be read; then the rest of this is made up, but id and epoch
    corrupt: str = ""


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
    paused: bool = False


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
            args += stored.new_job(job)
        args.append(len(finish.outgoing))
        args += finish.outgoing
    return args


def exchanged(answer: Any, finishes: Sequence[Finish] = ()) -> Exchanged:
    """Read the answer of ``exchange_jobs.lua`` to a request with these ``finishes``."""
    now, epoch, due, opens, waiting, letters, flat, told, beside, revoked, outgoing, paused = answer
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
        paused == 1,
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
    try:
        return _read(job_id, spec, status, epoch, now_ms, beside, revoked)
    except (ValueError, KeyError) as exc:
        # one job must not hold up all that were taken with it
        return Taken(
            job_id.decode(), "?", b"", 1, 0, None, "", 0, 0, "", None, b"", epoch, corrupt=repr(exc)
        )


def _read(  # noqa: PLR0917 - as above
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
