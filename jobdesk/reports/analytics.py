"""Analytics: named metrics of the practice, each defined by one function here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import distinct, func, or_, select

from jobdesk.db import tables
from jobdesk.db.functions import day_of, days_between, month_of
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
    divided,
    ratio,
)
from jobdesk.reports.period import Period, month_name
from jobdesk.reports.reading import (
    currency_notes,
    issued,
    left_out,
    read_firm,
    received,
    total,
    whole,
)
from jobdesk.reports.wording import CATEGORIES, word_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from jobdesk.reports.model import Firm


@dataclass(frozen=True, slots=True)
class _Asked:
    """Of whom and when the metrics are."""

    connection: Connection
    firm: Firm
    period: Period

    def one(self, what: Any, *conditions: Any) -> int:
        return whole(self.connection.execute(select(what).where(*conditions)).scalar_one())

    @property
    def issued(self) -> tuple[Any, ...]:
        day = tables.invoices.c.issue_date
        return (*issued(self.firm), day.between(self.period.start, self.period.end))

    @property
    def received(self) -> tuple[Any, ...]:
        at = tables.payments.c.received_at
        return (*received(self.firm), at >= self.period.since, at < self.period.until)


@dataclass(frozen=True, slots=True)
class Metric:
    """A number that has a name."""

    label: Words
    unit: Unit
    count: Callable[[_Asked], int | None]


def _revenue(asked: _Asked) -> int:
    return asked.one(total(tables.invoices.c.net), *asked.issued)


def _received(asked: _Asked) -> int:
    return asked.one(total(tables.payments.c.amount), *asked.received)


def _invoices(asked: _Asked) -> int:
    return asked.one(func.count(), *asked.issued, tables.invoices.c.kind == "invoice")


def _average(asked: _Asked) -> int | None:
    kind = tables.invoices.c.kind == "invoice"
    count = _invoices(asked)
    net = asked.one(total(tables.invoices.c.net), *asked.issued, kind)
    return divided(net, count) if count else None


def _collection(asked: _Asked) -> int | None:
    """What has come so far, whenever, for the invoices issued in the period."""
    invoices, payments = tables.invoices.c, tables.payments.c
    came = asked.one(
        total(payments.amount - payments.refunded),
        *received(asked.firm),
        payments.invoice_id == invoices.id,
        *asked.issued,
    )
    return ratio(came, asked.one(total(invoices.total), *asked.issued))


def _days_to_pay(asked: _Asked) -> int | None:
    """From issue to payment, mean over the period's payments, in tenths of a day."""
    invoices, payments = tables.invoices.c, tables.payments.c
    days = days_between(invoices.issue_date, day_of(payments.received_at))
    days_sum, count = asked.connection.execute(
        select(total(days), func.count()).where(
            *asked.received, payments.invoice_id == invoices.id, *issued(asked.firm)
        )
    ).one()
    return divided(whole(days_sum) * 10, count) if count else None


def _new_clients(asked: _Asked) -> int:
    clients = tables.clients.c
    return asked.one(
        func.count(),
        clients.firm_id == asked.firm.id,
        clients.created_at >= asked.period.since,
        clients.created_at < asked.period.until,
    )


def _active_clients(asked: _Asked) -> int:
    """Clients with an invoice issued in the period."""
    return asked.one(func.count(distinct(tables.invoices.c.client_id)), *asked.issued)


def _cases_opened(asked: _Asked) -> int:
    cases = tables.cases.c
    return asked.one(
        func.count(),
        cases.firm_id == asked.firm.id,
        cases.opened_on.between(asked.period.start, asked.period.end),
    )


def _cases_closed(asked: _Asked) -> int:
    cases = tables.cases.c
    return asked.one(
        func.count(),
        cases.firm_id == asked.firm.id,
        cases.closed_on.between(asked.period.start, asked.period.end),
    )


def _cases_open(asked: _Asked) -> int:
    """Open at the end of the last day."""
    cases = tables.cases.c
    return asked.one(
        func.count(),
        cases.firm_id == asked.firm.id,
        cases.opened_on <= asked.period.end,
        or_(cases.closed_on.is_(None), cases.closed_on > asked.period.end),
    )


def _billable(asked: _Asked) -> int:
    entries = tables.time_entries.c
    return asked.one(
        total(entries.minutes),
        entries.firm_id == asked.firm.id,
        entries.billable.is_(True),
        entries.worked_on.between(asked.period.start, asked.period.end),
    )


#: Every metric by the name that a job may ask for it by.
METRICS: dict[str, Metric] = {
    "revenue": Metric(Words("Invoiced, net", "الفواتير (صافي)"), Unit.MONEY, _revenue),
    "received": Metric(Words("Received", "المقبوضات"), Unit.MONEY, _received),
    "collection-rate": Metric(Words("Collected so far", "نسبة التحصيل"), Unit.PERCENT, _collection),
    "active-clients": Metric(
        Words("Active clients", "العملاء النشطون"), Unit.COUNT, _active_clients
    ),
    "new-clients": Metric(Words("New clients", "العملاء الجدد"), Unit.COUNT, _new_clients),
    "invoices-issued": Metric(Words("Invoices issued", "الفواتير الصادرة"), Unit.COUNT, _invoices),
    "average-invoice": Metric(
        Words("Average invoice, net", "متوسط الفاتورة (صافي)"), Unit.MONEY, _average
    ),
    "days-to-pay": Metric(Words("Days to pay", "أيام السداد"), Unit.DAYS, _days_to_pay),
    "cases-opened": Metric(Words("Cases opened", "القضايا المفتوحة"), Unit.COUNT, _cases_opened),
    "cases-closed": Metric(Words("Cases closed", "القضايا المغلقة"), Unit.COUNT, _cases_closed),
    "open-cases": Metric(
        Words("Cases open at the end", "القضايا القائمة"), Unit.COUNT, _cases_open
    ),
    "billable-hours": Metric(
        Words("Billable hours", "الساعات القابلة للفوترة"), Unit.HOURS, _billable
    ),
}
_HEADLINES = 4


def analytics(
    connection: Connection, firm_id: str, period: Period, metrics: Sequence[str] = ()
) -> Report:
    """The metrics that were named, or all; then where the revenue came from."""
    firm = read_firm(connection, firm_id)
    asked = _Asked(connection, firm, period)
    names = list(dict.fromkeys(metrics)) or list(METRICS)
    areas, clients, cases = _areas(asked), _top_clients(asked), _cases_by_month(asked)
    revenue = Words("Invoiced, net", "الفواتير (صافي)")
    return Report(
        kind="analytics",
        title=Words("Practice analytics", "تحليلات المكتب"),
        firm=firm,
        start=period.start,
        end=period.end,
        figures=tuple(
            Figure(
                key=_camel(name),
                label=METRICS[name].label,
                value=METRICS[name].count(asked),
                unit=METRICS[name].unit,
                headline=place < _HEADLINES,
            )
            for place, name in enumerate(names)
        ),
        tables=(
            Table(
                key="practiceAreas",
                title=Words("By practice area", "حسب مجال الممارسة"),
                columns=(
                    Column(key="area", label=Words("Area", "المجال"), unit=Unit.TEXT),
                    Column(key="invoices", label=Words("Invoices", "الفواتير"), unit=Unit.COUNT),
                    Column(key="revenue", label=revenue),
                ),
                rows=tuple(areas),
                totals=(None, *(sum(whole(row[place]) for row in areas) for place in (1, 2))),
            ),
            Table(
                key="topClients",
                title=Words("Largest clients", "أكبر العملاء"),
                columns=(
                    Column(key="clientId", label=Words("Id", "المعرّف"), unit=Unit.TEXT),
                    Column(key="client", label=Words("Client", "العميل"), unit=Unit.TEXT),
                    Column(key="invoices", label=Words("Invoices", "الفواتير"), unit=Unit.COUNT),
                    Column(key="revenue", label=revenue),
                ),
                rows=tuple(clients),
            ),
            Table(
                key="casesByMonth",
                title=Words("Cases by month", "القضايا حسب الشهر"),
                columns=(
                    Column(key="month", label=Words("Month", "الشهر"), unit=Unit.MONTH),
                    Column(key="opened", label=Words("Opened", "فُتحت"), unit=Unit.COUNT),
                    Column(key="closed", label=Words("Closed", "أُغلقت"), unit=Unit.COUNT),
                ),
                rows=tuple(cases),
            ),
        ),
        charts=_charts(areas, cases, revenue),
        notes=(
            Words(
                "Invoiced: issued invoices and credit notes by issue date. Collected so far: "
                "payments for them up to now, refunds taken off, of their total with VAT. Days to "
                "pay: from issue to payment, over the payments of the period.",
                "الفواتير: الفواتير والإشعارات الدائنة الصادرة حسب تاريخ الإصدار. نسبة التحصيل: ما "
                "سُدد منها حتى الآن بعد خصم المستردات من إجماليها شاملًا الضريبة. أيام السداد: من "
                "الإصدار إلى السداد لمدفوعات الفترة.",
            ),
            *currency_notes(
                firm,
                invoices=left_out(
                    connection,
                    firm,
                    tables.invoices.c.status == "issued",
                    tables.invoices.c.issue_date.between(period.start, period.end),
                    table=tables.invoices,
                ),
            ),
        ),
    )


def _areas(asked: _Asked) -> list[tuple[Value, ...]]:
    invoices, cases = tables.invoices.c, tables.cases.c
    query = (
        select(cases.practice_area, func.count(), total(invoices.net))
        .select_from(tables.invoices.outerjoin(tables.cases, cases.id == invoices.case_id))
        .where(*asked.issued)
        .group_by(cases.practice_area)
    )
    none = Words("Without a case", "دون قضية")
    found = sorted(
        ((row[0], row[1], whole(row[2])) for row in asked.connection.execute(query)),
        key=lambda row: (-row[2], row[0] or ""),
    )
    return [(word_of(CATEGORIES, area) if area else none, *sums) for area, *sums in found]


def _top_clients(asked: _Asked) -> list[tuple[Value, ...]]:
    invoices, clients = tables.invoices.c, tables.clients.c
    net = total(invoices.net).label("net")
    query = (
        select(clients.id, clients.name, clients.name_ar, func.count(), net)
        .select_from(tables.invoices.join(tables.clients, clients.id == invoices.client_id))
        .where(*asked.issued)
        .group_by(clients.id, clients.name, clients.name_ar)
        .order_by(net.desc(), clients.id)
        .limit(10)
    )
    return [
        (row[0], Words(row[1], row[2] or row[1]), row[3], whole(row[4]))
        for row in asked.connection.execute(query)
    ]


def _cases_by_month(asked: _Asked) -> list[tuple[Value, ...]]:
    cases = tables.cases.c
    counts = []
    for day in (cases.opened_on, cases.closed_on):
        month = month_of(day).label("month")
        query = (
            select(month, func.count())
            .where(
                cases.firm_id == asked.firm.id,
                day.between(asked.period.start, asked.period.end),
            )
            .group_by(month)
        )
        counts.append({row[0]: row[1] for row in asked.connection.execute(query)})
    opened, closed = counts
    return [(month, opened.get(month, 0), closed.get(month, 0)) for month in asked.period.months()]


def _charts(
    areas: list[tuple[Value, ...]], cases: list[tuple[Value, ...]], revenue: Words
) -> tuple[Chart, ...]:
    by_case = Chart(
        key="casesByMonth",
        title=Words("Cases opened and closed", "القضايا المفتوحة والمغلقة"),
        categories=tuple(month_name(str(row[0]), short=True) for row in cases),
        series=(
            Series(label=Words("Opened", "فُتحت"), values=tuple(whole(row[1]) for row in cases)),
            Series(label=Words("Closed", "أُغلقت"), values=tuple(whole(row[2]) for row in cases)),
        ),
        unit=Unit.COUNT,
    )
    if not areas:
        return (by_case,)
    by_area = Chart(
        key="practiceAreas",
        title=Words("Invoiced by practice area", "الفواتير حسب مجال الممارسة"),
        categories=tuple(row[0] for row in areas[:10] if isinstance(row[0], Words)),
        series=(Series(label=revenue, values=tuple(whole(row[2]) for row in areas[:10])),),
        lying=True,
    )
    return (by_area, by_case)


def _camel(name: str) -> str:
    first, *others = name.split("-")
    return first + "".join(other.capitalize() for other in others)
