"""Client aging: what clients owe on a day, by how long it is past due."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import case, func, select

from jobdesk.db import tables
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
from jobdesk.reports.period import Period
from jobdesk.reports.reading import (
    currency_notes,
    issued,
    left_out,
    read_firm,
    received,
    total,
    whole,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection, Subquery

    from jobdesk.reports.model import Firm

#: key, words, and after how many days past due it begins
BUCKETS = (
    ("current", Words("Not due", "غير مستحق"), None),
    ("days1to30", Words("1–30 days", "من 1 إلى 30 يومًا"), 1),
    ("days31to60", Words("31–60 days", "من 31 إلى 60 يومًا"), 31),
    ("days61to90", Words("61–90 days", "من 61 إلى 90 يومًا"), 61),
    ("over90", Words("Over 90 days", "أكثر من 90 يومًا"), 91),
)
_OWED = Words("Owed", "المستحق")
_NOTES = (
    Words(
        "Open balance of an issued invoice: its total less the payments for it that had come by "
        "the end of the day, refunds taken off. It ages from its due date; on that day it is not "
        "yet past due. Unapplied: payments of a client that name no invoice; owed is what is left "
        "when they are taken off.",
        "الرصيد المفتوح للفاتورة الصادرة: إجماليها ناقص المدفوعات الواردة لها حتى نهاية اليوم بعد "
        "خصم المستردات. يُحتسب العمر من تاريخ الاستحقاق. غير المخصص: مدفوعات للعميل لا تذكر "
        "فاتورة، وتُخصم من المستحق.",
    ),
)


def client_aging(connection: Connection, firm_id: str, as_of: date) -> Report:
    """One row a client who owes, or has paid, more than was asked."""
    firm = read_firm(connection, firm_id)
    rows = _clients(connection, firm, as_of)
    sums = [sum(whole(row[place]) for row in rows) for place in range(2, 9)]
    invoiced, unapplied, owed = sum(sums[:5]), sums[5], sums[6]
    overdue = sum(sums[1:5])
    return Report(
        kind="client-aging",
        title=Words("Client aging", "أعمار الذمم"),
        firm=firm,
        start=None,
        end=as_of,
        figures=(
            Figure(key="owed", label=_OWED, value=owed, headline=True),
            Figure(key="overdue", label=Words("Past due", "متأخر"), value=overdue, headline=True),
            Figure(key="over90", label=BUCKETS[4][1], value=sums[4], headline=True),
            Figure(
                key="overdueShare",
                label=Words("Share past due", "نسبة المتأخر"),
                value=ratio(overdue, invoiced),
                unit=Unit.PERCENT,
                headline=True,
            ),
            Figure(key="unapplied", label=Words("Unapplied", "غير مخصص"), value=unapplied),
            Figure(
                key="clients", label=Words("Clients", "العملاء"), value=len(rows), unit=Unit.COUNT
            ),
        ),
        tables=(
            Table(
                key="clients",
                title=Words("By client", "حسب العميل"),
                columns=(
                    Column(key="clientId", label=Words("Id", "المعرّف"), unit=Unit.TEXT),
                    Column(key="client", label=Words("Client", "العميل"), unit=Unit.TEXT),
                    *(Column(key=key, label=label) for key, label, _ in BUCKETS),
                    Column(key="unapplied", label=Words("Unapplied", "غير مخصص")),
                    Column(key="owed", label=_OWED),
                ),
                rows=tuple(rows),
                totals=(None, None, *sums),
            ),
        ),
        charts=(
            Chart(
                key="buckets",
                title=Words("Open invoices by age", "الفواتير المفتوحة حسب العمر"),
                categories=tuple(label for _, label, _ in BUCKETS),
                series=(Series(label=_OWED, values=tuple(sums[:5])),),
            ),
            *_largest(rows),
        ),
        notes=(
            *_NOTES,
            *currency_notes(
                firm,
                invoices=left_out(
                    connection,
                    firm,
                    tables.invoices.c.status == "issued",
                    tables.invoices.c.issue_date <= as_of,
                    table=tables.invoices,
                ),
            ),
        ),
    )


def open_invoices(firm: Firm, as_of: date) -> Subquery:
    """Every issued invoice with what is open of it at the end of a day."""
    invoices, payments = tables.invoices.c, tables.payments.c
    until = Period(as_of, as_of).until
    back = case((payments.refunded_at < until, payments.refunded), else_=0)
    paid = (
        select(payments.invoice_id, total(payments.amount - back).label("paid"))
        .where(*received(firm), payments.received_at < until, payments.invoice_id.is_not(None))
        .group_by(payments.invoice_id)
        .subquery()
    )
    return (
        select(
            invoices.id,
            invoices.client_id,
            invoices.due_date,
            (invoices.total - func.coalesce(paid.c.paid, 0)).label("open"),
        )
        .select_from(tables.invoices.outerjoin(paid, paid.c.invoice_id == invoices.id))
        .where(*issued(firm), invoices.issue_date <= as_of)
        .subquery()
    )


def _clients(connection: Connection, firm: Firm, as_of: date) -> list[tuple[Value, ...]]:
    balance = open_invoices(firm, as_of)
    # cut-offs are dates made here, since databases count days each in their own way
    due = balance.c.due_date
    first = [as_of - timedelta(days=after) for _, _, after in BUCKETS if after is not None]
    bounds = (
        due > first[0],
        (due <= first[0]) & (due > first[1]),
        (due <= first[1]) & (due > first[2]),
        (due <= first[2]) & (due > first[3]),
        due <= first[3],
    )
    query = (
        select(
            balance.c.client_id,
            *(total(case((bound, balance.c.open), else_=0)) for bound in bounds),
        )
        .where(balance.c.open != 0)
        .group_by(balance.c.client_id)
    )
    open_ = {row[0]: [whole(value) for value in row[1:]] for row in connection.execute(query)}
    unapplied = _unapplied(connection, firm, as_of)
    clients = tables.clients.c
    # by firm, then picked here: the ids may be more than a statement takes parameters
    names = {
        row.id: row
        for row in connection.execute(
            select(clients.id, clients.name, clients.name_ar).where(clients.firm_id == firm.id)
        )
        if row.id in open_ or row.id in unapplied
    }
    rows: list[tuple[Value, ...]] = []
    for client_id, client in names.items():
        ages = open_.get(client_id, [0] * len(BUCKETS))
        credit = unapplied.get(client_id, 0)
        if any(ages) or credit:
            name = Words(client.name, client.name_ar or client.name)
            rows.append((client_id, name, *ages, credit, sum(ages) - credit))
    return sorted(rows, key=lambda row: (-whole(row[-1]), str(row[0])))


def _unapplied(connection: Connection, firm: Firm, as_of: date) -> dict[str, int]:
    payments = tables.payments.c
    until = Period(as_of, as_of).until
    back = case((payments.refunded_at < until, payments.refunded), else_=0)
    query = (
        select(payments.client_id, total(payments.amount - back))
        .where(
            *received(firm),
            payments.received_at < until,
            payments.invoice_id.is_(None),
            payments.client_id.is_not(None),
        )
        .group_by(payments.client_id)
    )
    return {row[0]: whole(row[1]) for row in connection.execute(query)}


def _largest(rows: list[tuple[Value, ...]]) -> tuple[Chart, ...]:
    largest = [row for row in rows[:10] if whole(row[-1]) > 0]
    if not largest:
        return ()
    return (
        Chart(
            key="clients",
            title=Words("Who owes most", "أكبر المدينين"),
            categories=tuple(row[1] for row in largest if isinstance(row[1], Words)),
            series=(Series(label=_OWED, values=tuple(whole(row[-1]) for row in largest)),),
            lying=True,
        ),
    )
