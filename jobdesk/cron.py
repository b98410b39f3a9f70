"""Schedules in the form of a crontab, which know their next time.

``crontab(minute='0', hour='2')`` reads the fields as Huey's does and, like it, is a function of a
datetime; it also holds its fields and finds its slots without trying minutes. A *slot* is a
minute at which a schedule fires. Slots are matched against the wall clock of a zone:

* a slot in the hour that a zone skips fires at the next minute that exists, once
* a slot in the hour that a zone has twice fires in the first, once

Day and day of week must both match (as in Huey, not as in cron, where either may). Instants are
returned in UTC, since datetimes of one zone are compared by the wall clock in Python.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from calendar import monthrange
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Protocol

from jobdesk.errors import InvalidSchedule, NaiveDatetime

_RANGE = re.compile(r"(\d{1,4})-(\d{1,4})(?:/(\d{1,4}))?", re.ASCII)
_EVERY = re.compile(r"\*/(\d{1,4})", re.ASCII)
_NUMBER = re.compile(r"\d{1,4}", re.ASCII)
_MINUTE = timedelta(minutes=1)
#: A day of February 29 and a weekday come together within 40 years at the latest.
_YEARS = 41
#: How far a foreign callable is stepped.
_STEPS = 24 * 60

_ALLOWED = {
    "minute": range(60),
    "hour": range(24),
    "day": range(1, 32),
    "month": range(1, 13),
    "day_of_week": range(8),
}


class Schedule(Protocol):
    """What the scheduler asks of a schedule."""

    def next_after(self, instant: datetime, zone: tzinfo) -> datetime | None:
        """The first slot after ``instant``."""

    def latest_at(
        self, instant: datetime, zone: tzinfo, since: datetime | None = None
    ) -> datetime | None:
        """The last slot at or before ``instant`` and after ``since``, if there is one."""


class crontab:  # noqa: N801 - Huey's name, and it is called like a function
    """A schedule by minute, hour, day, month and day of week (0 and 7 are Sunday).

    A field is ``*``, a number, a range ``a-b`` (which may wrap around), steps ``*/n`` and
    ``a-b/n``, or several of these with commas. ``strict=False`` passes over what cannot be read,
    as Huey does by default, as long as something is left.
    """

    __slots__ = ("_days", "_hours", "_minutes", "_months", "_weekdays", "fields")

    def __init__(  # noqa: PLR0917  # the five fields, in Huey's order
        self,
        minute: str | int = "*",
        hour: str | int = "*",
        day: str | int = "*",
        month: str | int = "*",
        day_of_week: str | int = "*",
        strict: bool = True,
    ) -> None:
        #: the five fields as given, in the order of a crontab's line
        self.fields = tuple(
            _field_text(name, value)
            for name, value in (
                ("minute", minute),
                ("hour", hour),
                ("day", day),
                ("month", month),
                ("day_of_week", day_of_week),
            )
        )
        self._minutes, self._hours, self._days, self._months, self._weekdays = (
            _matched(name, text, strict) for name, text in zip(_ALLOWED, self.fields, strict=True)
        )
        if self._days[0] > max(_longest(month) for month in self._months):
            raise InvalidSchedule(
                f"crontab {str(self)!r} never comes: no day {self.fields[2]} in month"
                f" {self.fields[3]}"
            )

    @classmethod
    def hourly(cls) -> crontab:
        """At minute 0 of every hour."""
        return cls(minute="0")

    @classmethod
    def daily(cls) -> crontab:
        """At midnight."""
        return cls(minute="0", hour="0")

    @classmethod
    def parse(cls, line: str) -> crontab:
        """From the five-field form that ``str()`` gives."""
        fields = line.split()
        if len(fields) != len(_ALLOWED):
            raise InvalidSchedule(
                f"a crontab has five fields (minute hour day month day-of-week), got {line!r:.100}"
            )
        minute, hour, day, month, day_of_week = fields
        return cls(minute, hour, day, month, day_of_week)

    def __str__(self) -> str:
        return " ".join(self.fields)

    def __repr__(self) -> str:
        return f"crontab({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, crontab) and self.fields == other.fields

    def __hash__(self) -> int:
        return hash(self.fields)

    def __call__(self, timestamp: datetime) -> bool:
        """Whether the minute of ``timestamp``, read as a wall clock, is a slot."""
        return (
            timestamp.minute in self._minutes
            and timestamp.hour in self._hours
            and self._on(timestamp.date())
        )

    def next_after(self, instant: datetime, zone: tzinfo) -> datetime:
        """The first slot after ``instant``."""
        after = _utc(instant)
        wall = _minute(after.astimezone(zone))
        for slot_wall in self._walls_from(wall):
            slot = _instant(slot_wall, zone)
            if slot > after:
                return slot
        raise InvalidSchedule(f"crontab {str(self)!r} has no slot after {instant.isoformat()}")

    def latest_at(
        self, instant: datetime, zone: tzinfo, since: datetime | None = None
    ) -> datetime | None:
        """The last slot at or before ``instant`` and after ``since``; None if there is none."""
        until = _utc(instant)
        oldest = None if since is None else _utc(since)
        local = until.astimezone(zone)
        # In the second of two equal hours, all of the first one's slots have been.
        first = local.replace(fold=0).utcoffset()
        second = local.replace(fold=1).utcoffset()
        ahead = first - second if local.fold and first and second else timedelta(0)
        for slot_wall in self._walls_back(_minute(local) + max(ahead, timedelta(0))):
            slot = _instant(slot_wall, zone)
            if slot <= until:
                return slot if oldest is None or slot > oldest else None
        return None

    # --- walking the wall clock, field by field

    def _on(self, day: date) -> bool:
        return (
            day.month in self._months
            and day.day in self._days
            and day.isoweekday() % 7 in self._weekdays
        )

    def _walls_from(self, wall: datetime) -> Iterator[datetime]:
        """Matching wall-clock minutes at or after ``wall``, earliest first."""
        today = wall.date()
        for day in self._days_from(today):
            first_hour = wall.hour if day == today else 0
            for hour in self._hours[bisect_left(self._hours, first_hour) :]:
                from_minute = wall.minute if day == today and hour == wall.hour else 0
                for minute in self._minutes[bisect_left(self._minutes, from_minute) :]:
                    yield datetime.combine(day, time(hour, minute))

    def _walls_back(self, wall: datetime) -> Iterator[datetime]:
        """Matching wall-clock minutes at or before ``wall``, latest first."""
        today = wall.date()
        for day in self._days_back(today):
            last_hour = wall.hour if day == today else 23
            for hour in reversed(self._hours[: bisect_right(self._hours, last_hour)]):
                to_minute = wall.minute if day == today and hour == wall.hour else 59
                for minute in reversed(self._minutes[: bisect_right(self._minutes, to_minute)]):
                    yield datetime.combine(day, time(hour, minute))

    def _days_from(self, start: date) -> Iterator[date]:
        for year in range(start.year, min(start.year + _YEARS, 9999)):
            for month in self._months:
                if (year, month) >= (start.year, start.month):
                    for day in self._days_of(year, month):
                        if day >= start:
                            yield day

    def _days_back(self, end: date) -> Iterator[date]:
        for year in range(end.year, max(end.year - _YEARS, 1), -1):
            for month in reversed(self._months):
                if (year, month) <= (end.year, end.month):
                    for day in reversed(self._days_of(year, month)):
                        if day <= end:
                            yield day

    def _days_of(self, year: int, month: int) -> list[date]:
        first_weekday, length = monthrange(year, month)
        # monthrange counts from Monday, a crontab from Sunday
        return [
            date(year, month, day)
            for day in self._days
            if day <= length and (first_weekday + day) % 7 in self._weekdays
        ]


class Stepped:
    """A schedule from a foreign callable, which can only be asked minute by minute.

    It is asked about the wall clock, without a zone, as Huey does; at most 24 hours from an
    instant: what it has no slot in is answered with None.
    """

    def __init__(self, matches: Callable[[datetime], object]) -> None:
        self.matches = matches

    def __str__(self) -> str:
        return getattr(self.matches, "__name__", type(self.matches).__name__)

    def __call__(self, timestamp: datetime) -> bool:
        """What the callable says of ``timestamp``."""
        return bool(self.matches(timestamp))

    def next_after(self, instant: datetime, zone: tzinfo) -> datetime | None:
        """The first slot after ``instant`` within 24 hours."""
        minute = _minute_utc(_utc(instant))
        for _ in range(_STEPS):
            minute += _MINUTE
            if self._fires(minute, zone):
                return minute
        return None

    def latest_at(
        self, instant: datetime, zone: tzinfo, since: datetime | None = None
    ) -> datetime | None:
        """The last slot at or before ``instant`` and after ``since``, within 24 hours."""
        minute = _minute_utc(_utc(instant))
        oldest = None if since is None else _utc(since)
        for _ in range(_STEPS):
            if oldest is not None and minute <= oldest:
                return None
            if self._fires(minute, zone):
                return minute
            minute -= _MINUTE
        return None

    def _fires(self, minute: datetime, zone: tzinfo) -> bool:
        local = minute.astimezone(zone)
        if local.fold:
            return False
        wall = _minute(local)
        skipped = _minute((minute - _MINUTE).astimezone(zone)) + _MINUTE
        while skipped < wall:
            if self.matches(skipped):
                return True
            skipped += _MINUTE
        return bool(self.matches(wall))


def as_schedule(value: object) -> Schedule:
    """A crontab, or another Schedule, as it is; a callable stepped by the minute.

    Anything else is an ``InvalidSchedule``.
    """
    if isinstance(value, crontab | Stepped):
        return value
    if hasattr(value, "next_after") and hasattr(value, "latest_at"):
        own: Schedule = value
        return own
    if callable(value):
        return Stepped(value)
    raise InvalidSchedule(
        f"a schedule is crontab(…) or a function of a datetime, got {value!r:.80}"
    )


# --- fields -------------------------------------------------------------------------------------


def _field_text(name: str, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InvalidSchedule(f"crontab {name} is text or a number, got {value!r:.60}")
    return str(value).replace(" ", "")


def _matched(name: str, text: str, strict: bool) -> tuple[int, ...]:
    """The values that a field matches, in order; Sunday is 0."""
    allowed = _ALLOWED[name]
    found: set[int] = set()
    for piece in text.split(","):
        values = _piece(name, piece, allowed)
        if values is None and strict:
            raise InvalidSchedule(
                f"crontab {name} {text!r}: cannot read {piece!r} (*, n, a-b, */n, a-b/n)"
            )
        found.update(values or ())
    if not found:
        raise InvalidSchedule(f"crontab {name} {text!r} matches nothing")
    return tuple(sorted({value % 7 for value in found} if name == "day_of_week" else found))


def _piece(name: str, piece: str, allowed: range) -> list[int] | None:
    """The values of one part between commas; None if it has no form that is known."""
    if piece == "*":
        return list(allowed)
    if _NUMBER.fullmatch(piece):
        return [_within(name, piece, int(piece), allowed)]
    if every := _EVERY.fullmatch(piece):
        if name == "day_of_week":
            raise InvalidSchedule(
                f"crontab day_of_week {piece!r}: a week has no even steps; list the days"
            )
        return list(allowed)[:: _step(name, piece, every[1])]
    if bounds := _RANGE.fullmatch(piece):
        first = _within(name, piece, int(bounds[1]), allowed)
        last = _within(name, piece, int(bounds[2]), allowed)
        if first <= last:
            values = list(range(first, last + 1))
        else:
            # Around the end: Saturday is the last day of a week that may also end with 7.
            end = 6 if name == "day_of_week" else allowed[-1]
            values = [*range(first, end + 1), *range(allowed[0], last + 1)]
        return values[:: _step(name, piece, bounds[3] or "1")]
    return None


def _within(name: str, piece: str, value: int, allowed: range) -> int:
    if value not in allowed:
        raise InvalidSchedule(
            f"crontab {name} {piece!r}: {value} is not within {allowed[0]} to {allowed[-1]}"
        )
    return value


def _step(name: str, piece: str, text: str) -> int:
    if int(text) < 1:
        raise InvalidSchedule(f"crontab {name} {piece!r}: a step is 1 or more")
    return int(text)


def _longest(month: int) -> int:
    return monthrange(2000, month)[1]


# --- wall clock and instants --------------------------------------------------------------------


def _utc(instant: datetime) -> datetime:
    if instant.utcoffset() is None:
        raise NaiveDatetime(f"a schedule's instant needs a timezone (got {instant.isoformat()})")
    return instant.astimezone(UTC)


def _minute(local: datetime) -> datetime:
    """The wall-clock minute, without a zone."""
    return local.replace(second=0, microsecond=0, tzinfo=None, fold=0)


def _minute_utc(instant: datetime) -> datetime:
    return instant.replace(second=0, microsecond=0)


def _instant(wall: datetime, zone: tzinfo) -> datetime:
    """When the wall clock shows ``wall`` for the first time, or the end of the gap it is in."""
    early = wall.replace(tzinfo=zone).astimezone(UTC)
    if early.astimezone(zone).replace(tzinfo=None, fold=0) == wall:
        return early
    # In a gap, fold=0 goes by the offset before it, which overshoots, and fold=1 by the one after.
    after = wall.replace(tzinfo=zone, fold=1)
    low, high, offset = after.astimezone(UTC), early, after.utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        if middle.astimezone(zone).utcoffset() == offset:
            high = middle
        else:
            low = middle
    end = high.astimezone(zone).replace(microsecond=0)
    return end.astimezone(UTC) + timedelta(seconds=-end.second % 60)
