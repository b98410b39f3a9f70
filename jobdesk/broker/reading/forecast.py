"""The next hour of a queue: what becomes due when, and how long the line will be by then.

Arrivals are counted per minute: delayed jobs, those to be retried among them, and the slots of
schedules. How fast the line gets shorter is the measured rate while there is one, else what the
slots of its workers can do at the run times of the last hours. A forecast and no promise: nobody
knows what producers will add.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jobdesk.broker import records
from jobdesk.broker.inspector import Inspector
from jobdesk.broker.keys import Field
from jobdesk.broker.reading import figures, timetable
from jobdesk.models import JobState, check_queue_name

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker
    from jobdesk.broker.reading.figures import Figures
    from jobdesk.models import QueueStats, ScheduleInfo

MINUTES = 60
MINUTE_MS = 60_000
#: The measured rate is that of so many minutes that are over, and the current one.
RATE_MINUTES = 5
MAX_WORKERS = 200
#: A job that waits for longer than that, while none ends, waits for something else.
LATE_MS = 60_000
#: So many delayed jobs are looked at, to tell those to be retried from the others.
MAX_LOOKED = 100


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the line gets shorter."""

    per_second: float
    #: measured, slots, paused, no-worker, stuck: jobs wait and none ends, or unknown: none has run
    how: str
    slots: int = 0
    #: of "slots": what a job takes on average
    run_ms: float = 0.0
    #: whether the queue's own rate limit is what decides
    limited: bool = False


@dataclass(frozen=True, slots=True)
class Arrivals:
    """One minute in which something arrives."""

    #: when it begins; the first one begins now
    at_ms: int
    #: delayed jobs that become due, those to be retried among them
    delayed: int
    #: of these, those to be retried; None where there are too many to look at
    retrying: int | None
    #: schedule -> how often it fires
    scheduled: Mapping[str, int]
    #: how long the line is when they have arrived
    line: int
    #: how long it takes from then until nobody waits, if nothing else comes; None: for ever
    drained_ms: int | None

    @property
    def count(self) -> int:
        """How many jobs arrive."""
        return self.delayed + sum(self.scheduled.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The next hour of one queue."""

    queue: str
    now_ms: int
    #: the line as it is now
    waiting: int
    pace: Pace
    #: until the line of now is empty; None: for ever
    drained_ms: int | None
    minutes: tuple[Arrivals, ...] = ()
    #: delayed jobs that are due after the hour
    later: int = 0
    #: schedules that do not fire, since they are paused
    paused: tuple[str, ...] = field(default=())

    @property
    def arriving(self) -> int:
        """How many jobs arrive within the hour."""
        return sum(one.count for one in self.minutes)


def read(broker: Broker, queue: str) -> Forecast:
    """The forecast of a queue, by two handfuls of commands and one per minute to come."""
    keys = broker.keys(check_queue_name(queue))
    inspector = Inspector(broker)
    now = inspector.now_ms()
    starts = [now, *range((now // MINUTE_MS + 1) * MINUTE_MS, now + MINUTES * MINUTE_MS, MINUTE_MS)]
    ends = [*starts[1:], now + MINUTES * MINUTE_MS]
    pipe = broker.pipeline()
    pipe.zcard(keys.delayed)
    pipe.zrangebyscore(keys.delayed, "-inf", f"({ends[-1]}", 0, MAX_LOOKED + 1, withscores=True)
    for at, end in enumerate(ends):
        # what is overdue arrives now
        pipe.zcount(keys.delayed, "-inf" if at == 0 else starts[at], f"({end}")
    with broker.errors("ZCOUNT"):
        delayed, first, *counts = pipe.execute()
    stats = inspector.stats(queue)
    schedules = inspector.schedules(queue)
    fired = _fired(schedules, now, starts, ends)
    retrying = _retrying(broker, queue, first, starts)
    pace = _pace(inspector, stats, now)
    return Forecast(
        queue=queue,
        now_ms=now,
        waiting=stats.waiting,
        pace=pace,
        drained_ms=_drained(stats.waiting, pace),
        minutes=_minutes(starts, counts, retrying, fired, stats.waiting, pace),
        later=delayed - sum(counts),
        paused=tuple(one.name for one in schedules if one.paused),
    )


def _minutes(  # noqa: PLR0917  # what was read, side by side
    starts: Sequence[int],
    counts: Sequence[int],
    retrying: Counter[int] | None,
    fired: Sequence[Counter[str]],
    waiting: int,
    pace: Pace,
) -> tuple[Arrivals, ...]:
    found: list[Arrivals] = []
    line, at = float(waiting), starts[0]
    for number, start in enumerate(starts):
        line = max(0.0, line - pace.per_second * (start - at) / 1000)
        at = start
        come = counts[number] + fired[number].total()
        if not come:
            continue
        line += come
        found.append(Arrivals(
            start, counts[number], None if retrying is None else retrying[number],
            dict(fired[number]), round(line), _drained(line, pace),
        ))  # fmt: skip
    return tuple(found)


def _drained(line: float, pace: Pace) -> int | None:
    if line <= 0:
        return 0
    return round(1000 * line / pace.per_second) if pace.per_second > 0 else None


def _fired(
    schedules: Sequence[ScheduleInfo], now: int, starts: Sequence[int], ends: Sequence[int]
) -> list[Counter[str]]:
    """Per minute: schedule -> how often it fires."""
    found: list[Counter[str]] = [Counter() for _ in starts]
    for one in schedules:
        if one.paused:
            continue
        for slot in timetable.slots(one, now, ends[-1] - 1):
            found[_place(slot, starts)][one.name] += 1
    return found


def _retrying(
    broker: Broker, queue: str, first: Sequence[tuple[bytes, float]], starts: Sequence[int]
) -> Counter[int] | None:
    """Per minute, how many of the delayed jobs have failed before; None where that costs much."""
    if len(first) > MAX_LOOKED:
        return None
    if not first:
        return Counter()
    keys = broker.keys(queue)
    pipe = broker.pipeline()
    for raw, _ in first:
        records.ask(pipe, keys, records.text(raw))
    with broker.errors("HMGET"):
        stored = [records.record(values) or {} for values in pipe.execute()]
    return Counter(
        _place(int(due), starts)
        for (_, due), found in zip(first, stored, strict=True)
        if records.number(found.get(Field.ATTEMPTS_MADE), 0)
    )


def _place(at_ms: int, starts: Sequence[int]) -> int:
    return max(0, at_ms // MINUTE_MS - starts[0] // MINUTE_MS)


# --- how fast it goes


def _pace(inspector: Inspector, stats: QueueStats, now_ms: int) -> Pace:
    workers = [one for one in inspector.workers(MAX_WORKERS) if stats.name in one.queues]
    slots = sum(one.slots for one in workers)
    if stats.max_active is not None:
        slots = min(slots, stats.max_active)
    if stats.paused:
        return Pace(0.0, "paused", slots)
    if not workers:
        return Pace(0.0, "no-worker")
    minutes = figures.total(inspector.figures(stats.name, RATE_MINUTES + 1))
    seconds = RATE_MINUTES * 60 + now_ms % MINUTE_MS / 1000
    measured = (minutes.completed + minutes.failed + minutes.retried) / seconds
    run_ms = _mean_run(figures.total(inspector.hourly_figures(stats.name, 2)))
    able = 1000 * slots / run_ms if run_ms else 0.0
    if not measured and _late(inspector, stats, now_ms):
        return Pace(0.0, "stuck", slots)
    # with nobody in the line, what ran is what came, and not what could have run
    if measured and (stats.waiting or not able):
        found = Pace(measured, "measured", slots)
    elif able:
        found = Pace(max(able, measured), "slots", slots, run_ms)
    else:
        return Pace(0.0, "unknown", slots)
    return _limited(found, stats)


def _late(inspector: Inspector, stats: QueueStats, now_ms: int) -> bool:
    """Whether the job in front has waited for long enough to be taken, if any were."""
    rows = inspector.rows(stats.name, JobState.WAITING, 0, 0).rows if stats.waiting else ()
    return any(now_ms - row.waits_since_ms > LATE_MS for row in rows)


def _limited(pace: Pace, stats: QueueStats) -> Pace:
    if stats.rate_limit is None:
        return pace
    jobs, per = stats.rate_limit
    most = jobs / per if per else pace.per_second
    if pace.per_second <= most:
        return pace
    return Pace(most, pace.how, pace.slots, pace.run_ms, limited=True)


def _mean_run(hours: Figures) -> float:
    """The mean of a histogram by powers of two, in ms; 0 where nothing ran."""
    count = sum(hours.runs.values())
    whole = sum(n * (0.5 if k == 0 else 0.75 * 2.0**k) for k, n in hours.runs.items())
    return whole / count if count else 0.0
