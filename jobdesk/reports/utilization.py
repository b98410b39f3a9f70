"""Time utilization: of the hours a person was there for, how many could be billed."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from sqlalchemy import case, select

from jobdesk.db import tables
from jobdesk.db.functions import month_of
from jobdesk.reports.model import (
    Chart,
    Column,
    Figure,
    Report,
    Series,
    Table,
    Unit,
    Value,
    Words,
    ratio,
)
from jobdesk.reports.period import Period, month_name, workdays
from jobdesk.reports.reading import read_firm, total, whole
from jobdesk.reports.wording import CATEGORIES, word_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from jobdesk.reports.model import Firm

_BILLABLE = Words("Billable", "قابلة للفوترة")
_OTHER = Words("Not billable", "غير قابلة للفوترة")
_AVAILABLE = Words("Available", "متاحة")
_UTILIZATION = Words("Utilization", "نسبة الاستغلال")
_VALUE = Words("Billable value", "قيمة الساعات")
_NOTES = (
    Words(
        "Hours by the day they were worked. Available: days of work (Sunday to Thursday, holidays "
        "included) in the period while the person was with the firm, times the hours of their "
        "day. Utilization: billable of available. Value: at the rate agreed on that day, no VAT.",
        "الساعات حسب يوم العمل. المتاحة: أيام العمل (الأحد إلى الخميس، شاملة العطل) في الفترة "
        "أثناء عمل الشخص في المكتب مضروبة في ساعات يومه. نسبة الاستغلال: القابلة للفوترة من "
        "المتاحة. القيمة بالسعر المتفق عليه في ذلك اليوم دون الضريبة.",
    ),
)


def time_utilization(connection: Connection, firm_id: str, period: Period) -> Report:
    """One row a person, and the firm's hours by month."""
    firm = read_firm(connection, firm_id)
    people = _people(connection, firm, period)
    months = _months(connection, firm, period)
    available, billable, other, worked, value = (
        sum(whole(row[place]) for row in people) for place in (3, 4, 5, 6, 8)
    )
    share = ratio(billable, available)
    return Report(
        kind="time-utilization",
        title=Words("Time utilization", "استغلال الوقت"),
        firm=firm,
        start=period.start,
        end=period.end,
        figures=(
            Figure(
                key="utilization", label=_UTILIZATION, value=share, unit=Unit.PERCENT, headline=True
            ),
            Figure(key="billable", label=_BILLABLE, value=billable, unit=Unit.HOURS, headline=True),
            Figure(
                key="available", label=_AVAILABLE, value=available, unit=Unit.HOURS, headline=True
            ),
            Figure(key="value", label=_VALUE, value=value, headline=True),
            Figure(key="notBillable", label=_OTHER, value=other, unit=Unit.HOURS),
        ),
        tables=(
            Table(
                key="people",
                title=Words("By person", "حسب الشخص"),
                columns=(
                    Column(key="userId", label=Words("Id", "المعرّف"), unit=Unit.TEXT),
                    Column(key="person", label=Words("Person", "الشخص"), unit=Unit.TEXT),
                    Column(key="role", label=Words("Role", "الدور"), unit=Unit.TEXT),
                    Column(key="available", label=_AVAILABLE, unit=Unit.HOURS),
                    Column(key="billable", label=_BILLABLE, unit=Unit.HOURS),
                    Column(key="notBillable", label=_OTHER, unit=Unit.HOURS),
                    Column(key="worked", label=Words("Worked", "الإجمالي"), unit=Unit.HOURS),
                    Column(key="utilization", label=_UTILIZATION, unit=Unit.PERCENT),
                    Column(key="value", label=_VALUE),
                ),
                rows=tuple(people),
                totals=(None, None, None, available, billable, other, worked, share, value),
            ),
            Table(
                key="months",
                title=Words("By month", "حسب الشهر"),
                columns=(
                    Column(key="month", label=Words("Month", "الشهر"), unit=Unit.MONTH),
                    Column(key="billable", label=_BILLABLE, unit=Unit.HOURS),
                    Column(key="notBillable", label=_OTHER, unit=Unit.HOURS),
                    Column(key="value", label=_VALUE),
                ),
                rows=tuple(months),
                totals=(None, billable, other, value),
            ),
        ),
        charts=_charts(people, months),
        notes=_NOTES,
    )


def _people(connection: Connection, firm: Firm, period: Period) -> list[tuple[Value, ...]]:
    entries = tables.time_entries.c
    query = (
        select(entries.user_id, *_sums())
        .where(entries.firm_id == firm.id, entries.worked_on.between(period.start, period.end))
        .group_by(entries.user_id)
    )
    worked: dict[str, tuple[int, ...]] = defaultdict(lambda: (0, 0, 0))
    for row in connection.execute(query):
        worked[row[0]] = tuple(whole(value) for value in row[1:])
    people = connection.execute(select(tables.users).where(tables.users.c.firm_id == firm.id)).all()
    rows: list[tuple[Value, ...]] = []
    for person in people:
        first = max(period.start, person.joined_on or period.start)
        last = min(period.end, person.left_on or period.end)
        available = workdays(first, last) * person.daily_minutes
        billable, other, value = worked[person.id]
        if available or billable or other:
            rows.append(
                (
                    person.id,
                    Words(person.name, person.name_ar or person.name),
                    word_of(CATEGORIES, person.role),
                    available,
                    billable,
                    other,
                    billable + other,
                    ratio(billable, available),
                    value,
                )
            )
    return sorted(rows, key=lambda row: (-whole(row[4]), str(row[0])))


def _months(connection: Connection, firm: Firm, period: Period) -> list[tuple[Value, ...]]:
    entries = tables.time_entries.c
    month = month_of(entries.worked_on).label("month")
    query = (
        select(month, *_sums())
        .where(entries.firm_id == firm.id, entries.worked_on.between(period.start, period.end))
        .group_by(month)
    )
    found = {row[0]: tuple(whole(v) for v in row[1:]) for row in connection.execute(query)}
    return [(month, *found.get(month, (0, 0, 0))) for month in period.months()]


def _sums() -> tuple[object, ...]:
    entries = tables.time_entries.c
    return (
        total(case((entries.billable.is_(True), entries.minutes), else_=0)),
        total(case((entries.billable.is_(True), 0), else_=entries.minutes)),
        total(case((entries.billable.is_(True), entries.amount), else_=0)),
    )


def _charts(people: list[tuple[Value, ...]], months: list[tuple[Value, ...]]) -> tuple[Chart, ...]:
    busiest = [row for row in people if row[7] is not None][:12]
    charts = [
        Chart(
            key="months",
            title=Words("Hours by month", "الساعات حسب الشهر"),
            categories=tuple(month_name(str(row[0]), short=True) for row in months),
            series=(
                Series(label=_BILLABLE, values=tuple(whole(row[1]) for row in months)),
                Series(label=_OTHER, values=tuple(whole(row[2]) for row in months)),
            ),
            unit=Unit.HOURS,
            stacked=True,
        )
    ]
    if busiest:
        charts.append(
            Chart(
                key="people",
                title=Words("Utilization by person", "نسبة الاستغلال حسب الشخص"),
                categories=tuple(row[1] for row in busiest if isinstance(row[1], Words)),
                series=(
                    Series(label=_UTILIZATION, values=tuple(whole(row[7]) for row in busiest)),
                ),
                unit=Unit.PERCENT,
                lying=True,
            )
        )
    return tuple(charts)
