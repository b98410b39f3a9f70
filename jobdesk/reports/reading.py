"""What the reports' queries have in common: whose they are, in which currency, and exact sums."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, FromClause, Table, func, select

from jobdesk.db import tables
from jobdesk.db.functions import month_of
from jobdesk.errors import PermanentError
from jobdesk.reports.model import Firm, Words

if TYPE_CHECKING:
    from sqlalchemy import Connection

#: Payments that came, whatever went back of them later.
RECEIVED = ("paid", "partially_refunded", "refunded")


def read_firm(connection: Connection, firm_id: str) -> Firm:
    """The firm; a PermanentError where there is none, so that nobody gets an empty report."""
    found = tables.firms
    row = connection.execute(select(found).where(found.c.id == firm_id)).one_or_none()
    if row is None:
        raise PermanentError(f"there is no firm {firm_id!r} in the database")
    return Firm(id=row.id, name=row.name, name_ar=row.name_ar, currency=row.currency)


def total(value: Any) -> ColumnElement[int]:
    """A sum that is 0 of nothing. PostgreSQL answers with a Decimal: see :func:`whole`."""
    return func.coalesce(func.sum(value), 0)


def whole(value: Any) -> int:
    """An exact sum as an int, in both databases."""
    return int(value)


def of_firm(table: Table, firm: Firm) -> tuple[ColumnElement[bool], ...]:
    """The firm's rows, in its currency."""
    return (table.c.firm_id == firm.id, table.c.currency == firm.currency)


def issued(firm: Firm) -> tuple[ColumnElement[bool], ...]:
    """The firm's issued invoices and credit notes: neither drafts nor void ones."""
    return (*of_firm(tables.invoices, firm), tables.invoices.c.status == "issued")


def received(firm: Firm) -> tuple[ColumnElement[bool], ...]:
    """The firm's payments that came."""
    payments = tables.payments
    return (
        *of_firm(payments, firm),
        payments.c.status.in_(RECEIVED),
        payments.c.received_at.is_not(None),
    )


def by_month(
    connection: Connection,
    day: Any,
    sums: Iterable[Any],
    conditions: Iterable[Any],
    source: FromClause | None = None,
) -> dict[str, tuple[int, ...]]:
    """Sums by the month of ``day``: month -> one int per sum."""
    month = month_of(day).label("month")
    query = select(month, *sums).where(*conditions).group_by(month)
    if source is not None:
        query = query.select_from(source)
    return {row[0]: tuple(whole(value) for value in row[1:]) for row in connection.execute(query)}


def left_out(connection: Connection, firm: Firm, *conditions: Any, table: Table) -> int:
    """How many rows are not counted for being in another currency than the firm's."""
    query = select(func.count()).where(
        table.c.firm_id == firm.id, table.c.currency != firm.currency, *conditions
    )
    return whole(connection.execute(query).scalar_one())


def currency_notes(
    firm: Firm, *, invoices: int = 0, payments: int = 0, expenses: int = 0
) -> tuple[Words, ...]:
    """What to say of rows that were left out; nothing where there were none."""
    counts = (
        (invoices, "invoices", "فواتير"),
        (payments, "payments", "مدفوعات"),
        (expenses, "expenses", "مصروفات"),
    )
    return tuple(
        Words(
            f"Not counted, because not in {firm.currency}: {count:,} {english}.",
            f"لم تُحتسب لأنها بعملة غير {firm.currency}: {count:,} {arabic}.",
        )
        for count, english, arabic in counts
        if count
    )
