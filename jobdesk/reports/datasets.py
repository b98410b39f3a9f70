"""What can be exported or grouped: named sets of rows, each with the columns that may be named.

Nothing that a job says becomes SQL: it names a dataset, columns and operators from here, and its
values are bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import Boolean, FromClause, Select, select

from jobdesk.db import tables
from jobdesk.db.functions import day_of
from jobdesk.db.types import Instant
from jobdesk.errors import PermanentError
from jobdesk.reports.model import Unit, Words

if TYPE_CHECKING:
    from jobdesk.reports.names import DatasetName
    from jobdesk.reports.period import Period


@dataclass(frozen=True, slots=True)
class Field:
    """A column: its name outside, what it is, and where it is."""

    key: str
    label: Words
    source: Any
    unit: Unit = Unit.TEXT


@dataclass(frozen=True, slots=True)
class Dataset:
    """Rows of one table, with the names that its references stand for."""

    title: Words
    source: FromClause
    firm_id: Any
    id: Any
    #: what startDate and endDate are of
    day: Any
    fields: tuple[Field, ...]

    def field(self, key: str) -> Field:
        """The column; a PermanentError that lists them where there is none."""
        for one in self.fields:
            if one.key == key:
                return one
        known = ", ".join(one.key for one in self.fields)
        raise PermanentError(f"there is no column {key!r}; there are {known}")


_clients, _cases, _users = tables.clients, tables.cases, tables.users
_invoices, _payments, _expenses = tables.invoices, tables.payments, tables.expenses
_entries, _bank = tables.time_entries, tables.bank_transactions

_CLIENT = Field("client", Words("Client", "العميل"), _clients.c.name)
_CLIENT_AR = Field("clientAr", Words("Client (Arabic)", "العميل بالعربية"), _clients.c.name_ar)
_CASE = Field("case", Words("Case", "القضية"), _cases.c.number)


def _id(table: Any) -> Field:
    return Field("id", Words("Id", "المعرّف"), table.c.id)


def _money(key: str, en: str, ar: str, source: Any) -> Field:
    return Field(key, Words(en, ar), source, Unit.MONEY)


def _day(key: str, en: str, ar: str, source: Any) -> Field:
    return Field(key, Words(en, ar), source, Unit.DATE)


DATASETS: dict[DatasetName, Dataset] = {
    "clients": Dataset(
        Words("Clients", "العملاء"),
        _clients,
        _clients.c.firm_id,
        _clients.c.id,
        day_of(_clients.c.created_at),
        (
            _id(_clients),
            Field("name", Words("Name", "الاسم"), _clients.c.name),
            Field("nameAr", Words("Name (Arabic)", "الاسم بالعربية"), _clients.c.name_ar),
            Field("kind", Words("Kind", "النوع"), _clients.c.kind),
            Field("email", Words("E-mail", "البريد"), _clients.c.email),
            Field("phone", Words("Phone", "الهاتف"), _clients.c.phone),
            Field("vatNumber", Words("VAT no.", "الرقم الضريبي"), _clients.c.vat_number),
            Field("crNumber", Words("CR no.", "السجل التجاري"), _clients.c.cr_number),
            Field("city", Words("City", "المدينة"), _clients.c.city),
            _day("createdAt", "Since", "منذ", _clients.c.created_at),
        ),
    ),
    "cases": Dataset(
        Words("Cases", "القضايا"),
        _cases.join(_clients, _clients.c.id == _cases.c.client_id),
        _cases.c.firm_id,
        _cases.c.id,
        _cases.c.opened_on,
        (
            _id(_cases),
            Field("number", Words("Number", "الرقم"), _cases.c.number),
            Field("title", Words("Title", "العنوان"), _cases.c.title),
            Field("titleAr", Words("Title (Arabic)", "العنوان بالعربية"), _cases.c.title_ar),
            _CLIENT,
            _CLIENT_AR,
            Field("practiceArea", Words("Area", "المجال"), _cases.c.practice_area),
            Field("status", Words("Status", "الحالة"), _cases.c.status),
            _day("openedOn", "Opened", "فُتحت", _cases.c.opened_on),
            _day("closedOn", "Closed", "أُغلقت", _cases.c.closed_on),
        ),
    ),
    "invoices": Dataset(
        Words("Invoices", "الفواتير"),
        _invoices.join(_clients, _clients.c.id == _invoices.c.client_id).outerjoin(
            _cases, _cases.c.id == _invoices.c.case_id
        ),
        _invoices.c.firm_id,
        _invoices.c.id,
        _invoices.c.issue_date,
        (
            _id(_invoices),
            Field("number", Words("Number", "الرقم"), _invoices.c.number),
            _CLIENT,
            _CLIENT_AR,
            _CASE,
            Field("kind", Words("Kind", "النوع"), _invoices.c.kind),
            Field("status", Words("Status", "الحالة"), _invoices.c.status),
            _day("issueDate", "Issued", "تاريخ الإصدار", _invoices.c.issue_date),
            _day("dueDate", "Due", "الاستحقاق", _invoices.c.due_date),
            _money("net", "Net", "الصافي", _invoices.c.net),
            _money("vat", "VAT", "الضريبة", _invoices.c.vat),
            _money("total", "Total", "الإجمالي", _invoices.c.total),
            Field("currency", Words("Currency", "العملة"), _invoices.c.currency),
        ),
    ),
    "payments": Dataset(
        Words("Payments", "المدفوعات"),
        _payments.outerjoin(_clients, _clients.c.id == _payments.c.client_id).outerjoin(
            _invoices, _invoices.c.id == _payments.c.invoice_id
        ),
        _payments.c.firm_id,
        _payments.c.id,
        day_of(_payments.c.received_at),
        (
            _id(_payments),
            Field("invoice", Words("Invoice", "الفاتورة"), _invoices.c.number),
            _CLIENT,
            _CLIENT_AR,
            Field("method", Words("Method", "الطريقة"), _payments.c.method),
            Field("status", Words("Status", "الحالة"), _payments.c.status),
            _day("receivedAt", "Received", "تاريخ القبض", _payments.c.received_at),
            _money("amount", "Amount", "المبلغ", _payments.c.amount),
            _money("refunded", "Refunded", "المسترد", _payments.c.refunded),
            Field("currency", Words("Currency", "العملة"), _payments.c.currency),
            Field("provider", Words("Provider", "المزوّد"), _payments.c.provider),
            Field("externalId", Words("Reference", "المرجع"), _payments.c.external_id),
        ),
    ),
    "expenses": Dataset(
        Words("Expenses", "المصروفات"),
        _expenses.outerjoin(_cases, _cases.c.id == _expenses.c.case_id),
        _expenses.c.firm_id,
        _expenses.c.id,
        _expenses.c.spent_on,
        (
            _id(_expenses),
            _day("spentOn", "Date", "التاريخ", _expenses.c.spent_on),
            Field("category", Words("Category", "الفئة"), _expenses.c.category),
            Field("vendor", Words("Vendor", "المورّد"), _expenses.c.vendor),
            _CASE,
            _money("net", "Net", "الصافي", _expenses.c.net),
            _money("vat", "VAT", "الضريبة", _expenses.c.vat),
            _money("total", "Total", "الإجمالي", _expenses.c.total),
            Field("currency", Words("Currency", "العملة"), _expenses.c.currency),
        ),
    ),
    "time-entries": Dataset(
        Words("Time entries", "سجلات الوقت"),
        _entries.join(_users, _users.c.id == _entries.c.user_id).outerjoin(
            _cases, _cases.c.id == _entries.c.case_id
        ),
        _entries.c.firm_id,
        _entries.c.id,
        _entries.c.worked_on,
        (
            _id(_entries),
            _day("workedOn", "Date", "التاريخ", _entries.c.worked_on),
            Field("person", Words("Person", "الشخص"), _users.c.name),
            Field("personAr", Words("Person (Arabic)", "الشخص بالعربية"), _users.c.name_ar),
            _CASE,
            Field("hours", Words("Hours", "الساعات"), _entries.c.minutes, Unit.HOURS),
            Field("billable", Words("Billable", "قابلة للفوترة"), _entries.c.billable),
            _money("rate", "Rate an hour", "سعر الساعة", _entries.c.rate),
            _money("amount", "Amount", "المبلغ", _entries.c.amount),
            Field("description", Words("Description", "الوصف"), _entries.c.description),
        ),
    ),
    "bank-transactions": Dataset(
        Words("Bank transactions", "الحركات البنكية"),
        _bank,
        _bank.c.firm_id,
        _bank.c.id,
        day_of(_bank.c.booked_at),
        (
            Field("id", Words("Id", "المعرّف"), _bank.c.external_id),
            Field("bankAccountId", Words("Account", "الحساب"), _bank.c.bank_account_id),
            _day("bookedAt", "Booked", "التاريخ", _bank.c.booked_at),
            _money("amount", "Amount", "المبلغ", _bank.c.amount),
            Field("currency", Words("Currency", "العملة"), _bank.c.currency),
            Field("description", Words("Description", "الوصف"), _bank.c.description),
            Field("merchant", Words("Merchant", "التاجر"), _bank.c.merchant),
            Field("category", Words("Category", "الفئة"), _bank.c.category),
            Field("status", Words("Status", "الحالة"), _bank.c.status),
        ),
    ),
}


def rows_of(
    dataset: Dataset,
    columns: Iterable[Any],
    firm_id: str,
    period: Period | None,
    filters: Mapping[str, Mapping[str, Any]],
) -> Select[Any]:
    """A query of the firm's rows in the period that pass the filters; not yet in an order."""
    query = select(*columns).select_from(dataset.source).where(dataset.firm_id == firm_id)
    if period is not None:
        query = query.where(dataset.day.between(period.start, period.end))
    for key, tests in filters.items():
        field = dataset.field(key)
        for operator, value in tests.items():
            query = query.where(_test(field, operator, value))
    return query


def _test(field: Field, operator: str, value: Any) -> Any:
    if operator == "in":
        if not isinstance(value, Sequence) or isinstance(value, str) or len(value) > 500:
            raise PermanentError(f"{field.key}: 'in' takes a list of up to 500 values")
        return _operand(field).in_([_value(field, one) for one in value])
    wanted = _value(field, value)
    column = _operand(field)
    match operator:
        case "eq":
            return column.is_(None) if wanted is None else column == wanted
        case "ne":
            return column.is_not(None) if wanted is None else column != wanted
        case "lt":
            return column < wanted
        case "lte":
            return column <= wanted
        case "gt":
            return column > wanted
        case "gte":
            return column >= wanted
    raise PermanentError(f"{field.key}: there is no operator {operator!r}")


def _operand(field: Field) -> Any:
    """Instants are compared by their day in Riyadh, as they are shown."""
    return day_of(field.source) if isinstance(field.source.type, Instant) else field.source


def _value(field: Field, value: Any) -> Any:
    """A filter's value in the unit of its column."""
    try:
        if value is None:
            return None
        if isinstance(field.source.type, Boolean):
            if isinstance(value, bool):
                return value
            raise ValueError("true or false")
        if field.unit is Unit.DATE:
            return date.fromisoformat(str(value))
        if field.unit in (Unit.MONEY, Unit.HOURS):
            exact = Decimal(str(value)) * (100 if field.unit is Unit.MONEY else 60)
            if not exact.is_finite() or abs(exact) > 10**17 or exact != exact.to_integral_value():
                raise ValueError("an amount")
            return int(exact)
        if not isinstance(value, str):
            raise ValueError("text")  # noqa: TRY004  # told as the others are
    except (ValueError, ArithmeticError):
        wanted = "a date as 2024-01-31" if field.unit is Unit.DATE else f"{field.unit.value}"
        raise PermanentError(f"filters.{field.key}: {value!r:.60} is not {wanted}") from None
    return value
