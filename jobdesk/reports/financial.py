"""The financial report: what was invoiced, what came in, what was spent, and the VAT of both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from jobdesk.db import tables
from jobdesk.db.functions import day_of
from jobdesk.reports.model import Chart, Column, Figure, Report, Series, Table, Unit, Words, ratio
from jobdesk.reports.period import Period, month_name
from jobdesk.reports.reading import (
    by_month,
    currency_notes,
    issued,
    left_out,
    of_firm,
    read_firm,
    received,
    total,
    whole,
)
from jobdesk.reports.wording import CATEGORIES, word_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from jobdesk.reports.model import Firm

_INVOICED = Words("Invoiced, net", "الفواتير (صافي)")
_EXPENSES = Words("Expenses, net", "المصروفات (صافي)")
_RECEIVED = Words("Received", "المقبوضات")
_RESULT = Words("Result", "النتيجة")
_VAT_OUT = Words("VAT on invoices", "ضريبة المخرجات")
_VAT_IN = Words("VAT on expenses", "ضريبة المدخلات")
_REFUNDED = Words("Refunded", "المبالغ المستردة")

_COLUMNS = (
    Column(key="month", label=Words("Month", "الشهر"), unit=Unit.MONTH),
    Column(key="invoicedNet", label=_INVOICED),
    Column(key="vatOut", label=_VAT_OUT),
    Column(key="invoicedTotal", label=Words("Invoiced, total", "الفواتير (إجمالي)")),
    Column(key="received", label=_RECEIVED),
    Column(key="refunded", label=_REFUNDED),
    Column(key="expensesNet", label=_EXPENSES),
    Column(key="vatIn", label=_VAT_IN),
    Column(key="result", label=_RESULT),
)
_NOTES = (
    Words(
        "Invoiced: issued invoices and credit notes by issue date; drafts and void ones are not "
        "counted. Received and refunded: payments by the day, in Riyadh, on which the money moved. "
        "Result: invoiced less expenses, both without VAT.",
        "الفواتير: الفواتير والإشعارات الدائنة الصادرة حسب تاريخ الإصدار، دون المسودات والملغاة. "
        "المقبوضات والمستردات حسب يوم حركة المال بتوقيت الرياض. "
        "النتيجة: الفواتير ناقص المصروفات، كلاهما دون الضريبة.",
    ),
)


def financial(connection: Connection, firm_id: str, period: Period) -> Report:
    """The figures of the period, by month and by category of expense."""
    firm = read_firm(connection, firm_id)
    rows = _months(connection, firm, period)
    sums = tuple(sum(whole(row[place]) for row in rows) for place in range(1, len(_COLUMNS)))
    net, vat_out, gross, received_, refunded, expenses, vat_in, result = sums
    categories = _categories(connection, firm, period)
    return Report(
        kind="financial",
        title=Words("Financial report", "التقرير المالي"),
        firm=firm,
        start=period.start,
        end=period.end,
        figures=(
            Figure(key="invoicedNet", label=_INVOICED, value=net, headline=True),
            Figure(key="received", label=_RECEIVED, value=received_, headline=True),
            Figure(key="expensesNet", label=_EXPENSES, value=expenses, headline=True),
            Figure(key="result", label=_RESULT, value=result, headline=True),
            Figure(key="invoicedTotal", label=_COLUMNS[3].label, value=gross),
            Figure(key="refunded", label=_REFUNDED, value=refunded),
            Figure(key="vatOut", label=_VAT_OUT, value=vat_out),
            Figure(key="vatIn", label=_VAT_IN, value=vat_in),
            Figure(
                key="vatDue", label=Words("VAT due", "الضريبة المستحقة"), value=vat_out - vat_in
            ),
            Figure(
                key="margin",
                label=Words("Result of net invoiced", "نسبة النتيجة إلى الفواتير"),
                value=ratio(result, net),
                unit=Unit.PERCENT,
            ),
        ),
        tables=(
            Table(
                key="months",
                title=Words("By month", "حسب الشهر"),
                columns=_COLUMNS,
                rows=tuple(rows),
                totals=(None, *sums),
            ),
            _expense_table(categories),
        ),
        charts=_charts(rows, categories),
        notes=(*_NOTES, *_other_currencies(connection, firm, period)),
    )


def _months(
    connection: Connection, firm: Firm, period: Period
) -> list[tuple[str, int, int, int, int, int, int, int, int]]:
    """One row a month, also of months in which nothing happened."""
    invoices, payments, expenses = tables.invoices.c, tables.payments.c, tables.expenses.c
    invoiced = by_month(
        connection,
        invoices.issue_date,
        (total(invoices.net), total(invoices.vat), total(invoices.total)),
        (*issued(firm), invoices.issue_date.between(period.start, period.end)),
    )
    came = by_month(
        connection,
        day_of(payments.received_at),
        (total(payments.amount),),
        (
            *received(firm),
            payments.received_at >= period.since,
            payments.received_at < period.until,
        ),
    )
    back = by_month(
        connection,
        day_of(payments.refunded_at),
        (total(payments.refunded),),
        (
            *received(firm),
            payments.refunded_at >= period.since,
            payments.refunded_at < period.until,
        ),
    )
    spent = by_month(
        connection,
        expenses.spent_on,
        (total(expenses.net), total(expenses.vat)),
        (*of_firm(tables.expenses, firm), expenses.spent_on.between(period.start, period.end)),
    )
    rows = []
    for month in period.months():
        net, vat_out, gross = invoiced.get(month, (0, 0, 0))
        (received_,) = came.get(month, (0,))
        (refunded,) = back.get(month, (0,))
        cost, vat_in = spent.get(month, (0, 0))
        rows.append((month, net, vat_out, gross, received_, refunded, cost, vat_in, net - cost))
    return rows


def _categories(
    connection: Connection, firm: Firm, period: Period
) -> list[tuple[str, int, int, int]]:
    expenses = tables.expenses.c
    query = (
        select(expenses.category, total(expenses.net), total(expenses.vat), total(expenses.total))
        .where(*of_firm(tables.expenses, firm), expenses.spent_on.between(period.start, period.end))
        .group_by(expenses.category)
    )
    rows = [
        (row[0], whole(row[1]), whole(row[2]), whole(row[3])) for row in connection.execute(query)
    ]
    return sorted(rows, key=lambda row: (-row[1], row[0]))


def _expense_table(categories: list[tuple[str, int, int, int]]) -> Table:
    return Table(
        key="expenses",
        title=Words("Expenses by category", "المصروفات حسب الفئة"),
        columns=(
            Column(key="category", label=Words("Category", "الفئة"), unit=Unit.TEXT),
            Column(key="net", label=Words("Net", "الصافي")),
            Column(key="vat", label=Words("VAT", "الضريبة")),
            Column(key="total", label=Words("Total", "الإجمالي")),
        ),
        rows=tuple((word_of(CATEGORIES, name), *sums) for name, *sums in categories),
        totals=(None, *(sum(whole(row[place]) for row in categories) for place in (1, 2, 3))),
    )


def _charts(
    rows: list[tuple[str, int, int, int, int, int, int, int, int]],
    categories: list[tuple[str, int, int, int]],
) -> tuple[Chart, ...]:
    by_month_ = Chart(
        key="months",
        title=Words("Invoiced, received and spent", "الفواتير والمقبوضات والمصروفات"),
        categories=tuple(month_name(row[0], short=True) for row in rows),
        series=(
            Series(label=_INVOICED, values=tuple(row[1] for row in rows)),
            Series(label=_RECEIVED, values=tuple(row[4] for row in rows)),
            Series(label=_EXPENSES, values=tuple(row[6] for row in rows)),
        ),
    )
    if not categories:
        return (by_month_,)
    spent = Chart(
        key="expenses",
        title=Words("Expenses by category, net", "المصروفات حسب الفئة (صافي)"),
        categories=tuple(word_of(CATEGORIES, row[0]) for row in categories[:8]),
        series=(Series(label=_EXPENSES, values=tuple(row[1] for row in categories[:8])),),
        lying=True,
    )
    return (by_month_, spent)


def _other_currencies(connection: Connection, firm: Firm, period: Period) -> tuple[Words, ...]:
    invoices, payments, expenses = tables.invoices, tables.payments, tables.expenses
    days = (period.start, period.end)
    return currency_notes(
        firm,
        invoices=left_out(
            connection,
            firm,
            invoices.c.status == "issued",
            invoices.c.issue_date.between(*days),
            table=invoices,
        ),
        payments=left_out(
            connection,
            firm,
            payments.c.received_at >= period.since,
            payments.c.received_at < period.until,
            table=payments,
        ),
        expenses=left_out(connection, firm, expenses.c.spent_on.between(*days), table=expenses),
    )
