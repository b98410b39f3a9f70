"""Custom reports: one of the definitions below, with filters; never a query out of a job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func

from jobdesk.db import tables
from jobdesk.reports.datasets import DATASETS, rows_of
from jobdesk.reports.model import Chart, Column, Figure, Report, Series, Table, Unit, Value, Words
from jobdesk.reports.reading import read_firm, total, whole
from jobdesk.reports.wording import CATEGORIES, word_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from jobdesk.reports.names import DatasetName, DefinitionName
    from jobdesk.reports.period import Period

MAX_ROWS = 10_000
_COUNT = Words("Count", "العدد")


@dataclass(frozen=True, slots=True)
class Definition:
    """A grouping that has a name: of which rows, by which column, and what is summed."""

    title: Words
    dataset: DatasetName
    by: str
    sums: tuple[str, ...]
    #: the column with the group's name in Arabic
    by_ar: str | None = None
    #: what tells two groups of one name apart
    id: Any = None
    #: rows that are never of this: for money, those of other currencies than the firm's
    money: bool = True


DEFINITIONS: dict[DefinitionName, Definition] = {
    "invoices-by-client": Definition(
        Words("Invoices by client", "الفواتير حسب العميل"),
        "invoices",
        "client",
        ("net", "vat", "total"),
        by_ar="clientAr",
        id=tables.clients.c.id,
    ),
    "invoices-by-status": Definition(
        Words("Invoices by status", "الفواتير حسب الحالة"),
        "invoices",
        "status",
        ("net", "vat", "total"),
    ),
    "payments-by-method": Definition(
        Words("Payments by method", "المدفوعات حسب الطريقة"),
        "payments",
        "method",
        ("amount", "refunded"),
    ),
    "expenses-by-category": Definition(
        Words("Expenses by category", "المصروفات حسب الفئة"),
        "expenses",
        "category",
        ("net", "vat", "total"),
    ),
    "expenses-by-case": Definition(
        Words("Expenses by case", "المصروفات حسب القضية"),
        "expenses",
        "case",
        ("net", "vat", "total"),
    ),
    "hours-by-case": Definition(
        Words("Hours by case", "الساعات حسب القضية"),
        "time-entries",
        "case",
        ("hours", "amount"),
        money=False,
    ),
    "hours-by-person": Definition(
        Words("Hours by person", "الساعات حسب الشخص"),
        "time-entries",
        "person",
        ("hours", "amount"),
        by_ar="personAr",
        id=tables.users.c.id,
        money=False,
    ),
    "cases-by-practice-area": Definition(
        Words("Cases by practice area", "القضايا حسب المجال"),
        "cases",
        "practiceArea",
        (),
        money=False,
    ),
}


def custom(
    connection: Connection,
    firm_id: str,
    period: Period,
    *,
    definition: DefinitionName,
    filters: Mapping[str, Mapping[str, Any]],
    limit: int = 1_000,
) -> Report:
    """The groups of a definition, largest first. Totals are of all groups, shown or not."""
    firm = read_firm(connection, firm_id)
    wanted = DEFINITIONS[definition]
    dataset = DATASETS[wanted.dataset]
    by = dataset.field(wanted.by)
    names = [by.source, *([dataset.field(wanted.by_ar).source] if wanted.by_ar else [])]
    sums = [dataset.field(key) for key in wanted.sums]
    query = rows_of(
        dataset,
        [*names, func.count(), *(total(field.source) for field in sums)],
        firm_id,
        period,
        filters,
    ).group_by(*names, *([] if wanted.id is None else [wanted.id]))
    if wanted.money:
        query = query.where(dataset.field("currency").source == firm.currency)
    groups: list[tuple[Value, ...]] = []
    for row in connection.execute(query):
        values = tuple(whole(value) for value in row[len(names) :])
        groups.append((_name(row[0], row[1] if wanted.by_ar else None), *values))
    # by the first sum, else by the count
    groups.sort(key=lambda row: (-whole(row[min(2, len(row) - 1)]), str(row[0])))
    totals = [sum(whole(row[place]) for row in groups) for place in range(1, len(sums) + 2)]
    columns = (
        Column(key=by.key, label=by.label, unit=Unit.TEXT),
        Column(key="count", label=_COUNT, unit=Unit.COUNT),
        *(Column(key=field.key, label=field.label, unit=field.unit) for field in sums),
    )
    shown = groups[:limit]
    return Report(
        kind=f"custom-{definition}",
        title=wanted.title,
        firm=firm,
        start=period.start,
        end=period.end,
        figures=tuple(
            Figure(key=column.key, label=column.label, value=value, unit=column.unit, headline=True)
            for column, value in zip(columns[1:], totals, strict=True)
        ),
        tables=(
            Table(
                key="groups",
                title=wanted.title,
                columns=columns,
                rows=tuple(shown),
                totals=(None, *totals),
            ),
        ),
        charts=_chart(wanted.title, columns, shown),
        notes=_cut(len(groups), limit),
    )


def _name(name: str | None, name_ar: str | None) -> Words:
    if name is None:
        return Words("None", "دون")
    return Words(name, name_ar) if name_ar else word_of(CATEGORIES, name)


def _chart(
    title: Words, columns: tuple[Column, ...], groups: list[tuple[Value, ...]]
) -> tuple[Chart, ...]:
    largest = groups[:12]
    if not largest:
        return ()
    place = min(2, len(columns) - 1)
    return (
        Chart(
            key="groups",
            title=title,
            categories=tuple(row[0] for row in largest if isinstance(row[0], Words)),
            series=(
                Series(
                    label=columns[place].label, values=tuple(whole(row[place]) for row in largest)
                ),
            ),
            unit=columns[place].unit,
            lying=True,
        ),
    )


def _cut(groups: int, limit: int) -> tuple[Words, ...]:
    if groups <= limit:
        return ()
    return (
        Words(
            f"The {limit:,} largest of {groups:,} groups are shown; the totals are of all.",
            f"يُعرض أكبر {limit:,} من {groups:,} مجموعة؛ والإجماليات للجميع.",
        ),
    )
