"""What a report is before it is written: figures, tables, charts, in words of two languages.

Values are whole numbers in the unit of their column, so that nothing is rounded before it is shown:
halalas for money, minutes for hours, thousandths for percent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import NamedTuple


class Words(NamedTuple):
    """The same in English and Arabic."""

    en: str
    ar: str

    def in_(self, language: str) -> str:
        return self.ar if language == "ar" else self.en


#: A cell: a number in its column's unit, text, text in two languages, a date, or nothing.
Value = int | str | Words | date | None


class Unit(StrEnum):
    """What a value counts."""

    MONEY = "money"  # halalas
    HOURS = "hours"  # minutes
    PERCENT = "percent"  # thousandths of a percent
    COUNT = "count"
    DAYS = "days"  # tenths of a day
    TEXT = "text"
    DATE = "date"
    MONTH = "month"  # as 2024-01


@dataclass(frozen=True, slots=True, kw_only=True)
class Firm:
    """Whose report it is."""

    id: str
    name: str
    name_ar: str | None = None
    currency: str = "SAR"

    def called(self, language: str) -> str:
        return self.name_ar if language == "ar" and self.name_ar else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number with a name."""

    key: str
    label: Words
    value: int | None
    unit: Unit = Unit.MONEY
    #: shown large, at the head
    headline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table."""

    key: str
    label: Words
    unit: Unit = Unit.MONEY


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of values, in the order of the columns; perhaps with their totals."""

    key: str
    title: Words
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    totals: tuple[Value, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One colour of a chart."""

    label: Words
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart: upright columns side by side or on each other, or bars lying under each other."""

    key: str
    title: Words
    categories: tuple[Words, ...]
    series: tuple[Series, ...]
    unit: Unit = Unit.MONEY
    stacked: bool = False
    lying: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that is told to whoever asked."""

    kind: str
    title: Words
    firm: Firm
    start: date | None
    end: date
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    #: how it was counted, and what was left out
    notes: tuple[Words, ...] = field(default=())

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(len(table.rows) for table in self.tables)


_SCALE = {
    Unit.MONEY: (Decimal(100), Decimal("0.01")),
    Unit.HOURS: (Decimal(60), Decimal("0.01")),
    Unit.PERCENT: (Decimal(1000), Decimal("0.1")),
    Unit.DAYS: (Decimal(10), Decimal("0.1")),
    Unit.COUNT: (Decimal(1), Decimal(1)),
}


def shown(value: int, unit: Unit) -> Decimal:
    """A value as people read it: halalas as riyals, minutes as hours; rounded half up."""
    by, places = _SCALE[unit]
    return (Decimal(value) / by).quantize(places, ROUND_HALF_UP)


def ratio(part: int, whole: int) -> int | None:
    """``part`` of ``whole`` in thousandths of a percent, half up; None where there is no whole."""
    return None if whole <= 0 else divided(part * 100_000, whole)


def divided(dividend: int, by: int) -> int:
    """A quotient, rounded half up (away from zero), without a float on the way."""
    quotient, rest = divmod(abs(dividend), by)
    quotient += 2 * rest >= by
    return -quotient if dividend < 0 else quotient
