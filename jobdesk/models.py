"""The values that jobdesk's layers hand to each other: frozen, with no I/O and no Redis in them.

Times: an *instant* is an aware ``datetime`` at the API and an integer ``…_ms`` (milliseconds since
1970, by the Redis server's clock) inside; a *span* is in seconds (float) at the API and in
milliseconds inside. The checks that refuse bad values live here, beside what they guard.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Any, Generic, TypeVar

from jobdesk.errors import (
    InvalidAttempts,
    InvalidBackoff,
    InvalidDelay,
    InvalidExpires,
    InvalidJobId,
    InvalidPriority,
    InvalidQueueName,
    InvalidRateLimit,
    InvalidRetention,
    InvalidState,
    InvalidTimeout,
    NaiveDatetime,
)

#: What the scripts take for "no priority": after every job that has one.
NO_PRIORITY = 11
TEN_YEARS_S = 10 * 366 * 86_400
DAY_S = 86_400
MAX_ATTEMPTS = 100
MAX_JOB_ID = 128

T = TypeVar("T")

_QUEUE_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_JOB_ID = re.compile(r"[^\x00-\x20\x7f-\xa0\ud800-\udfff:\s]{1,128}")


class JobState(StrEnum):
    """Where a job is. ``paused`` is how *waiting* is called while its queue is paused."""

    WAITING = "waiting"
    ACTIVE = "active"
    DELAYED = "delayed"
    COMPLETED = "completed"
    FAILED = "failed"
    PAUSED = "paused"


#: The states with a set of their own in Redis, in the order in which they are shown.
STORED_STATES = (
    JobState.WAITING,
    JobState.ACTIVE,
    JobState.DELAYED,
    JobState.COMPLETED,
    JobState.FAILED,
)
#: A job in one of these runs no more, unless somebody retries it.
TERMINAL_STATES = frozenset({JobState.COMPLETED, JobState.FAILED})


class EventName(StrEnum):
    """The twelve events of Bull, and the extensions that a reader may ignore."""

    COMPLETED = "completed"
    FAILED = "failed"
    STALLED = "stalled"
    WAITING = "waiting"
    ACTIVE = "active"
    PROGRESS = "progress"
    REMOVED = "removed"
    CLEANED = "cleaned"
    DRAINED = "drained"
    PAUSED = "paused"
    RESUMED = "resumed"
    ERROR = "error"
    # extensions
    DELAYED = "delayed"
    RETRYING = "retrying"
    DUPLICATED = "duplicated"
    CANCELLED = "cancelled"
    RESTORED = "restored"


CORE_EVENTS = tuple(EventName)[:12]

#: A worker that was not heard of for this long counts as lost; it beats every ten seconds.
LOST_MS = 30_000


class Priority(IntEnum):
    """Names for common priorities; 1 is the highest, 10 the lowest, none runs after 10."""

    CRITICAL = 1
    HIGH = 2
    NORMAL = 4
    LOW = 8


# --- checks -----------------------------------------------------------------------------------


def is_queue_name(name: str) -> bool:
    """Whether ``name`` can name a queue."""
    return _QUEUE_NAME.fullmatch(name) is not None


def check_queue_name(name: object) -> str:
    """Return ``name`` if it can name a queue, else raise :class:`InvalidQueueName`."""
    if not isinstance(name, str) or not is_queue_name(name):
        raise InvalidQueueName(f"queue name must match [A-Za-z0-9._-]{{1,64}}, got {name!r}")
    return name


def check_job_id(job_id: object) -> str:
    """Return ``job_id`` if it can be a job's id, else raise :class:`InvalidJobId`."""
    if not isinstance(job_id, str) or not _JOB_ID.fullmatch(job_id):
        raise InvalidJobId(
            "a job id has 1 to 128 characters and no ':', blank or control character,"
            f" got {job_id!r:.150}"
        )
    if job_id.isdigit():
        raise InvalidJobId(f"a job id of digits alone is refused, got {job_id!r}: add a letter")
    return job_id


def check_priority(priority: object) -> int | None:
    """Return the priority (``None``: after all others), else raise :class:`InvalidPriority`."""
    if priority is None:
        return None
    if isinstance(priority, bool) or not isinstance(priority, int) or not 1 <= priority <= 10:
        raise InvalidPriority(
            f"priority must be an integer 1 (highest) to 10, got {priority!r}"
            " (in Huey a higher number runs first; here 1 does)"
        )
    return int(priority)


def check_attempts(attempts: object) -> int:
    """Return the number of attempts, 1 to 100, else raise :class:`InvalidAttempts`."""
    if (
        isinstance(attempts, bool)
        or not isinstance(attempts, int)
        or not 1 <= attempts <= MAX_ATTEMPTS
    ):
        raise InvalidAttempts(f"attempts must be an integer 1 to {MAX_ATTEMPTS}, got {attempts!r}")
    return attempts


def seconds(value: object, what: str, error: type[Exception]) -> float:
    """A span in seconds from a number or a ``timedelta``; NaN, infinity and bools are refused."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            span = float(value)
        except OverflowError:
            span = math.inf
        if math.isfinite(span):
            return span
    raise error(f"{what} must be a number of seconds or a timedelta, got {value!r:.60}")


def check_delay_ms(delay: object) -> int:
    """A delay in milliseconds, from seconds or a ``timedelta``."""
    span = seconds(delay, "delay", InvalidDelay)
    if not 0 <= span <= TEN_YEARS_S:
        raise InvalidDelay(f"delay must be 0 to {TEN_YEARS_S} seconds (ten years), got {delay!r}")
    return round(span * 1000)


def instant_ms(instant: object, what: str) -> int:
    """Milliseconds since 1970 of an aware ``datetime``."""
    if not isinstance(instant, datetime):
        raise InvalidDelay(f"{what} must be a datetime with a timezone, got {instant!r}")
    if instant.utcoffset() is None:
        raise NaiveDatetime(f"{what} needs a timezone (got {instant:%Y-%m-%d %H:%M})")
    return round(instant.timestamp() * 1000)


def check_timeout_ms(timeout: object) -> int | None:
    """A timeout in milliseconds; ``None`` means none."""
    if timeout is None:
        return None
    span = seconds(timeout, "timeout", InvalidTimeout)
    if not 0 < span <= DAY_S:
        raise InvalidTimeout(f"timeout is in seconds, above 0 and at most {DAY_S}, got {timeout!r}")
    return max(1, round(span * 1000))


def check_state(state: object, allowed: frozenset[JobState] | None = None) -> JobState:
    """The state of that name, ``paused`` read as ``waiting``; else :class:`InvalidState`."""
    choice = allowed if allowed is not None else frozenset(STORED_STATES)
    found: JobState | None
    try:
        found = JobState(str(state))
    except ValueError:
        found = None
    if found is JobState.PAUSED:
        found = JobState.WAITING
    if found is None or found not in choice:
        names = ", ".join(s.value for s in STORED_STATES if s in choice)
        raise InvalidState(f"state must be one of {names}; got {state!r}")
    return found


# --- job options ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long a failed job rests before its next attempt.

    ``fixed``: always ``delay_ms``. ``exponential``: Bull 4's ``(2^attempts_made - 1) · delay``.
    ``geometric``: Huey's ``delay · factor^(attempts_made - 1)``. ``max_delay_ms`` caps it;
    ``jitter`` (0 to 1) takes away a random share of up to that part.
    """

    kind: str
    delay_ms: int
    max_delay_ms: int | None = None
    jitter: float = 0.0
    factor: float = 2.0

    @classmethod
    def fixed(cls, seconds_: float | timedelta, jitter: float = 0.0) -> Backoff:
        """The same rest of ``seconds_`` after every failed attempt."""
        return cls._made("fixed", seconds_, None, jitter)

    @classmethod
    def exponential(
        cls,
        seconds_: float | timedelta,
        max_delay: float | timedelta | None = None,
        jitter: float = 0.0,
    ) -> Backoff:
        """Bull 4's exponential: 1, 3, 7, 15 … times ``seconds_``, at most ``max_delay``."""
        return cls._made("exponential", seconds_, max_delay, jitter)

    @classmethod
    def geometric(
        cls,
        seconds_: float | timedelta,
        factor: float = 2.0,
        max_delay: float | timedelta | None = None,
        jitter: float = 0.0,
    ) -> Backoff:
        """Huey's ``retry_delay`` and ``retry_backoff``: 1, f, f² … times ``seconds_``."""
        grown = seconds(factor, "backoff factor", InvalidBackoff)
        if grown <= 0:
            raise InvalidBackoff(f"backoff factor must be above 0, got {factor!r}")
        return replace(cls._made("geometric", seconds_, max_delay, jitter), factor=grown)

    @classmethod
    def _made(cls, kind: str, delay: object, max_delay: object, jitter: object) -> Backoff:
        span = seconds(delay, "backoff delay", InvalidBackoff)
        if not 0 <= span <= TEN_YEARS_S:
            raise InvalidBackoff(f"backoff delay must be 0 to {TEN_YEARS_S} seconds, got {delay!r}")
        cap = None
        if max_delay is not None:
            longest = seconds(max_delay, "backoff max_delay", InvalidBackoff)
            cap = round(min(longest, TEN_YEARS_S) * 1000)
            if longest < 0:
                raise InvalidBackoff(f"backoff max_delay must not be negative, got {max_delay!r}")
        share = seconds(jitter, "backoff jitter", InvalidBackoff)
        if not 0 <= share <= 1:
            raise InvalidBackoff(f"backoff jitter must be 0 to 1, got {jitter!r}")
        return cls(kind, round(span * 1000), cap, share)

    @classmethod
    def parse(cls, value: object) -> Backoff:
        """From a Backoff, seconds (fixed), ``"fixed:10"``, or a mapping ``{type, delay, …}``."""
        if isinstance(value, Backoff):
            return value
        if isinstance(value, int | float | timedelta) and not isinstance(value, bool):
            return cls.fixed(value)
        if isinstance(value, str):
            kind, _, rest = value.partition(":")
            try:
                value = {"type": kind, "delay": float(rest)}
            except ValueError:
                raise InvalidBackoff(
                    f"backoff reads kind:seconds, as fixed:10 or exponential:2, got {value!r}"
                ) from None
        if isinstance(value, Mapping):
            given = dict(value)
            kind, delay = given.pop("type", None), given.pop("delay", None)
            known = {"max_delay", "jitter"} | ({"factor"} if kind == "geometric" else set())
            if unknown := set(given) - known:
                raise InvalidBackoff(
                    f"backoff has no {min(map(str, unknown))!r} (type, delay, "
                    f"{', '.join(sorted(known))})"
                )
            if delay is None:
                raise InvalidBackoff("backoff needs a delay, in seconds")
            if kind == "fixed":
                return cls._made("fixed", delay, given.get("max_delay"), given.get("jitter", 0.0))
            if kind == "exponential":
                return cls.exponential(delay, **given)
            if kind == "geometric":
                return cls.geometric(delay, **given)
            raise InvalidBackoff(
                f"backoff type must be fixed, exponential or geometric, got {kind!r}"
            )
        raise InvalidBackoff(
            f"backoff must be Backoff.fixed(…), Backoff.exponential(…) or a mapping, got {value!r}"
        )

    def encode(self) -> str:
        """The short form kept in a job's record: ``kind:delay_ms:max_ms:jitter:factor``."""
        cap = "" if self.max_delay_ms is None else str(self.max_delay_ms)
        return f"{self.kind[0]}:{self.delay_ms}:{cap}:{_short(self.jitter)}:{_short(self.factor)}"

    @classmethod
    def decode(cls, text: str) -> Backoff:
        """The opposite of :meth:`encode`."""
        kind, delay, cap, jitter, factor = text.split(":")
        names = {"f": "fixed", "e": "exponential", "g": "geometric"}
        return cls(names[kind], int(delay), int(cap) if cap else None, float(jitter), float(factor))


def _short(number: float) -> str:
    """The shortest text that reads back as ``number``."""
    text = f"{number:g}"
    return text if float(text) == number else repr(number)


@dataclass(frozen=True, slots=True)
class Retention:
    """How long ended jobs are kept. Neither age nor count: for ever; ``count=0``: not at all."""

    age_ms: int | None = None
    count: int | None = None

    @classmethod
    def parse(cls, value: object, what: str = "retention") -> Retention:
        """From a bool (True: remove at once), a count, or a mapping ``{age: seconds, count}``."""
        if isinstance(value, Retention):
            return value
        if value is True:
            return cls(count=0)
        if value is False:
            return cls()
        if isinstance(value, int):
            return cls(count=cls._count(value, what))
        if isinstance(value, Mapping):
            if unknown := set(value) - {"age", "count"}:
                raise InvalidRetention(
                    f"{what}: unknown key {min(map(str, unknown))!r} (age, count)"
                )
            age, count = value.get("age"), value.get("count")
            if age is not None:
                age = seconds(age, f"{what} age", InvalidRetention)
                if not 0 <= age <= TEN_YEARS_S:
                    raise InvalidRetention(f"{what} age must be 0 or more seconds, got {age!r}")
            return cls(
                age_ms=None if age is None else round(age * 1000),
                count=None if count is None else cls._count(count, what),
            )
        raise InvalidRetention(f"{what} must be a bool, a count or {{age, count}}, got {value!r}")

    @staticmethod
    def _count(value: object, what: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 10**9:
            raise InvalidRetention(f"{what} count must be an integer of 0 or more, got {value!r}")
        return value

    def encode(self) -> str:
        """The short form kept in Redis: ``age_ms:count``, each empty where there is no limit."""
        age = "" if self.age_ms is None else str(self.age_ms)
        return f"{age}:{'' if self.count is None else self.count}"

    @classmethod
    def decode(cls, text: str) -> Retention:
        """The opposite of :meth:`encode`."""
        age, _, count = text.partition(":")
        return cls(int(age) if age else None, int(count) if count else None)

    def as_option(self) -> bool | dict[str, float | int]:
        """As the original's option: True (remove at once), False (keep), or ``{age, count}``."""
        if self.count == 0:
            return True
        if self.age_ms is None and self.count is None:
            return False
        shown: dict[str, float | int] = {}
        if self.age_ms is not None:
            shown["age"] = self.age_ms / 1000 if self.age_ms % 1000 else self.age_ms // 1000
        if self.count is not None:
            shown["count"] = self.count
        return shown


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOptions:
    """What may be said of a job beside its data. ``None``: the default of type, queue or all.

    Spans are in seconds or ``timedelta``, instants aware datetimes; every value is checked here.
    """

    priority: int | None = None
    delay: float | timedelta | None = None
    run_at: datetime | None = None
    attempts: int | None = None
    backoff: Any = None
    timeout: float | timedelta | None = None
    job_id: str | None = None
    expires: float | timedelta | datetime | None = None
    remove_on_complete: Any = None
    remove_on_fail: Any = None
    lifo: bool | None = None

    def __post_init__(self) -> None:
        check_priority(self.priority)
        if self.delay is not None:
            check_delay_ms(self.delay)
            if self.run_at is not None:
                raise InvalidDelay("give delay or run_at, not both")
        if self.run_at is not None:
            instant_ms(self.run_at, "run_at")
        if self.attempts is not None:
            check_attempts(self.attempts)
        if self.backoff is not None and not callable(self.backoff):
            object.__setattr__(self, "backoff", Backoff.parse(self.backoff))
        check_timeout_ms(self.timeout)
        if self.job_id is not None:
            check_job_id(self.job_id)
        if isinstance(self.expires, datetime):
            instant_ms(self.expires, "expires")
        elif self.expires is not None:
            span = seconds(self.expires, "expires", InvalidExpires)
            if not 0 < span <= TEN_YEARS_S:
                raise InvalidExpires(f"expires must be above 0 seconds, got {self.expires!r}")
        for name in ("remove_on_complete", "remove_on_fail"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, Retention.parse(value, name))
        if self.lifo is not None and not isinstance(self.lifo, bool):
            raise InvalidDelay(f"lifo must be True or False, got {self.lifo!r}")

    @classmethod
    def from_bull(cls, options: Mapping[str, Any]) -> JobOptions:
        """From Bull's own options: camelCase, spans in milliseconds (ages in seconds)."""
        given = dict(options)

        def span(name: str) -> float | None:
            value = given.pop(name, None)
            return None if value is None else seconds(value, name, InvalidDelay) / 1000

        backoff = given.pop("backoff", None)
        if isinstance(backoff, int | float) and not isinstance(backoff, bool):
            backoff = Backoff.fixed(seconds(backoff, "backoff", InvalidBackoff) / 1000)
        elif isinstance(backoff, Mapping):
            if backoff.get("delay") is None:
                raise InvalidBackoff("backoff needs a delay, in milliseconds")
            scaled = dict(backoff)
            scaled["delay"] = seconds(scaled["delay"], "backoff delay", InvalidBackoff) / 1000
            backoff = Backoff.parse(scaled)
        made = cls(
            priority=given.pop("priority", None),
            delay=span("delay"),
            timeout=span("timeout"),
            attempts=given.pop("attempts", None),
            backoff=backoff,
            job_id=given.pop("jobId", None),
            remove_on_complete=given.pop("removeOnComplete", None),
            remove_on_fail=given.pop("removeOnFail", None),
            lifo=given.pop("lifo", None),
        )
        if given:
            raise InvalidBackoff(f"unknown Bull option {min(map(str, given))!r}")
        return made

    def over(self, defaults: JobOptions) -> JobOptions:
        """These options, with ``defaults`` where nothing is said."""
        timed = self.delay is not None or self.run_at is not None
        names = [
            n
            for n in JobOptions.__slots__
            if getattr(self, n) is None
            and getattr(defaults, n) is not None
            and not (timed and n in ("delay", "run_at"))
        ]
        return replace(self, **{n: getattr(defaults, n) for n in names}) if names else self


#: Nothing is said of this one job.
NO_OPTIONS = JobOptions()
#: The defaults of all queues, the original's.
DEFAULT_OPTIONS = JobOptions(
    attempts=3,
    backoff=Backoff.exponential(2),
    remove_on_complete=Retention(age_ms=DAY_S * 1000, count=1000),
    remove_on_fail=Retention(age_ms=2 * DAY_S * 1000),
)


@dataclass(frozen=True, slots=True)
class JobSpec:
    """One job of a bulk add."""

    type: str
    data: Any = None
    options: JobOptions | Mapping[str, Any] | None = None


# not frozen: one is made for every job that is added, and that takes four times as long
@dataclass(slots=True, kw_only=True)
class NewJob:
    """A checked job on its way to Redis: what the add script takes, nothing else."""

    id: str
    type: str
    #: the encoded, maybe signed, payload (``engine.codec``)
    payload: bytes
    priority: int = NO_PRIORITY
    #: rest before it may run; with ``run_at_ms`` set, that instant counts
    delay_ms: int = 0
    run_at_ms: int = 0
    lifo: bool = False
    #: further short fields of the record: see ``broker.keys`` (at, bk, to, ex, rc, rf …)
    fields: tuple[tuple[str, str | int], ...] = ()


# --- what is read back -------------------------------------------------------------------------


def when(ms: int | None) -> datetime | None:
    """The aware instant (UTC) of milliseconds since 1970, or None."""
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One run of a job: who ran it, from when to when, and how it ended."""

    number: int
    started_ms: int | None
    ended_ms: int | None
    worker: str
    #: "" while it runs and when it completed; else "Class: message"
    error: str = ""
    traceback: str = ""
    #: completed, failed, retrying, stalled, released or active
    outcome: str = "failed"
    generation: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """A job as a list shows it: its record, without the big values beside it."""

    id: str
    queue: str
    type: str
    state: JobState
    priority: int | None
    added_ms: int
    run_at_ms: int | None
    started_ms: int | None
    finished_ms: int | None
    attempts_made: int
    attempts: int
    stalled: int
    generation: int
    worker: str
    progress: Any
    #: "Class: message", cut to what fits a row
    error: str
    #: while active: when its lease ends
    lease_ms: int | None = None
    cancelling: bool = False
    #: of its last error: what it has in common with others (``broker.groups``)
    fingerprint: str = ""

    @property
    def retrying(self) -> bool:
        """A delayed job with a failed attempt behind it."""
        return self.state is JobState.DELAYED and self.attempts_made > 0

    @property
    def waits_since_ms(self) -> int:
        """Since when it is in the line: one that was delayed, since it was due."""
        return max(self.added_ms, self.run_at_ms or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(JobRow):
    """A job with everything kept of it."""

    data: Any
    options: JobOptions
    return_value: Any = None
    failed_reason: str = ""
    stacktrace: tuple[str, ...] = ()
    history: tuple[Attempt, ...] = ()
    log: tuple[str, ...] = ()
    #: the job that an operator made this one from; "" for most
    origin: str = ""
    #: what is added when it ends: ("then" or "error", queue, type, id) of each continuation
    followers: tuple[tuple[str, str, str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatus:
    """What :meth:`Desk.get_job_status` answers: the original's fields, in snake case."""

    id: str
    queue: str
    type: str
    state: JobState
    progress: Any
    return_value: Any
    failed_reason: str | None
    attempts_made: int
    timestamp: datetime | None
    processed_on: datetime | None
    finished_on: datetime | None
    stacktrace: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueStats:
    """The counts of one queue. While it is paused, ``waiting`` counts what rests."""

    name: str
    waiting: int = 0
    active: int = 0
    completed: int = 0
    failed: int = 0
    delayed: int = 0
    paused: bool = False
    max_active: int | None = None
    rate_limit: tuple[int, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerInfo:
    """A worker process as it reported itself with its last heartbeat."""

    id: str
    host: str
    pid: int
    queues: tuple[str, ...]
    slots: int
    #: jobs in hand, per queue
    in_hand: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    version: str = ""
    started_ms: int = 0
    beat_ms: int = 0
    #: tells its process from all others, also from one that has its ``pid`` later
    mark: str = ""
    #: the process that starts another in its place; 0: none does
    parent: int = 0
    #: a process of ``-k process``, which its parent alone can stop
    fork: bool = False
    #: told to stop: it ends what it has, and takes nothing more
    stopping: bool = False
    #: when it was found dead; 0: it was not
    ended_ms: int = 0

    def lost(self, now_ms: int) -> bool:
        """Whether it has died, or was not heard of for 30 seconds: three beats."""
        return bool(self.ended_ms) or now_ms - self.beat_ms >= LOST_MS

    @property
    def busy(self) -> int:
        """How many jobs it had in hand at its last heartbeat."""
        return sum(map(len, self.in_hand.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event of a queue's stream. ``n`` counts up by one: a step over a number is a gap."""

    id: str
    n: int
    queue: str
    name: str
    timestamp_ms: int
    job_id: str = ""
    type: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleInfo:
    """A schedule: what it runs, when it last fired and fires next."""

    name: str
    queue: str
    type: str
    crontab: str
    paused: bool
    last_ms: int | None
    next_ms: int | None
    #: in which its crontab is read
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeInfo:
    """A type as its worker published it: its JSON Schema and the defaults of its jobs."""

    queue: str
    name: str
    schema: Mapping[str, Any]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    doc: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """A page of a list: rows, how many there are in all, and where the next page starts."""

    rows: tuple[T, ...]
    total: int
    cursor: str | None = None


def check_rate_limit(value: object) -> tuple[int, int] | None:
    """``(jobs, seconds)`` as ``(jobs, milliseconds)``; None lifts the limit."""
    if value is None:
        return None
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise InvalidRateLimit(f"rate_limit is (jobs, seconds) or None, got {value!r}")
    jobs, per = value
    span = seconds(per, "rate_limit seconds", InvalidRateLimit)
    whole = isinstance(jobs, int) and not isinstance(jobs, bool)
    if not whole or jobs < 1 or not 0.001 <= span <= DAY_S:
        raise InvalidRateLimit(f"rate_limit is (jobs, seconds), both above 0, got {value!r}")
    return jobs, round(span * 1000)
