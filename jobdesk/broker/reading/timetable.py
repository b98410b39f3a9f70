"""What runs by the clock: its next times, by the published crontabs, and what its last run came to.

A worker publishes a schedule when it starts; the next time that it wrote then is soon over, so it
is found anew whenever it is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from jobdesk.broker import records
from jobdesk.cron import crontab
from jobdesk.errors import InvalidSchedule
from jobdesk.models import JobState, ScheduleInfo

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker
    from jobdesk.models import JobRow

#: Slots of one schedule that are counted at most.
MAX_SLOTS = 1500
NONE: Mapping[tuple[str, str], str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class LastRun:
    """The job that the last slot of a schedule added, as far as anything is kept of it."""

    job_id: str
    #: None when its record is not kept any more, or an operator has removed it
    row: JobRow | None = None
    #: how it ended, from its tombstone; None when that is not known either
    state: JobState | None = None
    error: str = ""


def job_id(schedule: str, slot_ms: int) -> str:
    """The id of the job of one slot: the same for all who fire it."""
    return f"cron.{schedule}.{slot_ms // 1000}"


def slots(schedule: ScheduleInfo, after_ms: int, until_ms: int) -> Iterator[int]:
    """The slots after ``after_ms``, up to ``until_ms``; only those of a crontab can be foretold."""
    try:
        times = crontab.parse(schedule.crontab)
        zone = ZoneInfo(schedule.timezone)
    except (InvalidSchedule, ValueError, OSError, LookupError):
        # a function of the application, or another release's notation
        if schedule.next_ms is not None and after_ms < schedule.next_ms <= until_ms:
            yield schedule.next_ms
        return
    at = datetime.fromtimestamp(after_ms / 1000, UTC)
    for _ in range(MAX_SLOTS):
        try:
            at = times.next_after(at, zone)
        except InvalidSchedule:
            return
        slot_ms = round(at.timestamp() * 1000)
        if slot_ms > until_ms:
            return
        yield slot_ms


def next_ms(schedule: ScheduleInfo, now_ms: int) -> int | None:
    """When a schedule fires next; what its worker has said where nothing else is known."""
    if schedule.next_ms is not None and schedule.next_ms > now_ms:
        return schedule.next_ms
    # a leap day and a weekday come together within 40 years
    found = next(slots(schedule, now_ms, now_ms + 41 * 366 * 86_400_000), None)
    return schedule.next_ms if found is None else found


def last_runs(
    broker: Broker,
    schedules: Sequence[ScheduleInfo],
    instead: Mapping[tuple[str, str], str] = NONE,
) -> Mapping[tuple[str, str], LastRun]:
    """(queue, schedule) -> what became of its last slot; two commands for each.

    ``instead``: jobs to look at in the place of those of the last slot.
    """
    ids = {
        (one.queue, one.name): job_id(one.name, one.last_ms) for one in schedules if one.last_ms
    } | dict(instead)
    ran = [(one, ids[one.queue, one.name]) for one in schedules if (one.queue, one.name) in ids]
    if not ran:
        return {}
    pipe = broker.pipeline()
    for one, id_ in ran:
        keys = broker.keys(one.queue)
        records.ask(pipe, keys, id_)
        pipe.get(keys.tombstone(id_))
    with broker.errors("read"):
        answers = pipe.execute()
    return {
        (one.queue, one.name): _last(one, id_, *answers[2 * at : 2 * at + 2])
        for at, (one, id_) in enumerate(ran)
    }


def _last(
    schedule: ScheduleInfo, id_: str, values: Sequence[bytes | None], tombstone: bytes | None
) -> LastRun:
    row = records.row(schedule.queue, id_, values)
    if row is not None:
        return LastRun(id_, row, row.state, row.error)
    if tombstone is None:
        return LastRun(id_)
    _, letter, rest = [*tombstone.split(b" ", 2), b"", b""][:3]
    state = records.state_of(letter)
    return LastRun(id_, None, state, records.text(rest) if state is JobState.FAILED else "")
