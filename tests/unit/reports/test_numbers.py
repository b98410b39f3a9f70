from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobdesk.reports.model import Unit, divided, ratio, shown
from jobdesk.reports.period import WORKDAYS, Period, begin_of, month_name, today, workdays

DAYS = st.dates(date(2000, 1, 1), date(2099, 12, 31))


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (123_456, Unit.MONEY, "1234.56"),
        (-5, Unit.MONEY, "-0.05"),
        (0, Unit.MONEY, "0.00"),
        (10**17, Unit.MONEY, "1000000000000000.00"),
        (50, Unit.HOURS, "0.83"),
        (86_250, Unit.PERCENT, "86.3"),
        (276, Unit.DAYS, "27.6"),
        (7, Unit.COUNT, "7"),
    ],
)
def test_values_are_shown_in_their_unit_rounded_half_up(value: int, unit: Unit, text: str) -> None:
    assert str(shown(value, unit)) == text


@given(st.integers(-(10**15), 10**15), st.integers(1, 10**6))
def test_a_quotient_is_rounded_half_away_from_zero(dividend: int, by: int) -> None:
    exact = Decimal(dividend) / by

    assert abs(Decimal(divided(dividend, by)) - exact) <= Decimal("0.5000001")
    assert divided(-dividend, by) == -divided(dividend, by)


def test_a_share_of_nothing_is_no_number() -> None:
    assert ratio(1, 0) is None
    assert ratio(1, -5) is None
    assert ratio(1, 3) == 33_333


@given(DAYS, st.integers(0, 800))
def test_days_of_work_are_those_from_sunday_to_thursday(first: date, length: int) -> None:
    last = first + timedelta(days=length)

    counted = sum(day.weekday() in WORKDAYS for day in Period(first, last).days())

    assert workdays(first, last) == counted
    assert workdays(last + timedelta(days=1), first) == 0


@given(DAYS, st.integers(0, 800))
def test_a_period_has_every_month_of_its_days_once_and_in_order(first: date, length: int) -> None:
    period = Period(first, first + timedelta(days=length))

    assert period.months() == sorted({f"{day:%Y-%m}" for day in period.days()})


def test_a_day_begins_at_nine_in_the_evening_before_in_utc() -> None:
    assert begin_of(date(2025, 1, 1)) == datetime(2024, 12, 31, 21, tzinfo=UTC)
    assert today(datetime(2024, 12, 31, 21, tzinfo=UTC)) == date(2025, 1, 1)
    assert today(datetime(2024, 12, 31, 20, 59, tzinfo=UTC)) == date(2024, 12, 31)


def test_months_have_names_in_both_languages() -> None:
    assert month_name("2024-02") == ("February 2024", "فبراير 2024")
    assert month_name("2024-02", short=True) == ("Feb 24", "فبراير 24")
