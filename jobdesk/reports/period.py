"""Days, months and instants of a report. The firm's calendar is Riyadh's: UTC+3, all year."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone

from jobdesk.documents.formats import MONTHS
from jobdesk.reports.model import Words

RIYADH = timezone(timedelta(hours=3), "Asia/Riyadh")
#: Monday is 0: the week of work is Sunday to Thursday.
WORKDAYS = frozenset({6, 0, 1, 2, 3})


@dataclass(frozen=True, slots=True)
class Period:
    """From the first day to the last, both included."""

    start: date
    end: date

    @property
    def since(self) -> datetime:
        """The instant at which the first day begins."""
        return begin_of(self.start)

    @property
    def until(self) -> datetime:
        """The instant at which the day after the last begins."""
        return begin_of(self.end + timedelta(days=1))

    def months(self) -> list[str]:
        """``2024-01`` and so on: every month that has a day in the period."""
        first, last = _count(self.start), _count(self.end)
        return [f"{month // 12:04}-{month % 12 + 1:02}" for month in range(first, last + 1)]

    def days(self) -> Iterator[date]:
        for ordinal in range(self.start.toordinal(), self.end.toordinal() + 1):
            yield date.fromordinal(ordinal)


def begin_of(day: date) -> datetime:
    """When a day begins in Riyadh, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=RIYADH).astimezone(UTC)


def today(now: datetime) -> date:
    """The day in Riyadh."""
    return now.astimezone(RIYADH).date()


def month_name(month: str, *, short: bool = False) -> Words:
    """``2024-01`` as people say it."""
    year, number = month.split("-")
    english, arabic = MONTHS["en"][int(number) - 1], MONTHS["ar"][int(number) - 1]
    if short:
        return Words(f"{english[:3]} {year[2:]}", f"{arabic} {year[2:]}")
    return Words(f"{english} {year}", f"{arabic} {year}")


def workdays(first: date, last: date) -> int:
    """Days of work from ``first`` to ``last``, both included; holidays are counted as days."""
    days = (last - first).days + 1
    if days <= 0:
        return 0
    weeks, rest = divmod(days, 7)
    start = first.weekday()
    return weeks * len(WORKDAYS) + sum((start + i) % 7 in WORKDAYS for i in range(rest))


def _count(day: date) -> int:
    return day.year * 12 + day.month - 1
