"""Data exports: a dataset's rows as CSV, JSON or XLSX, one portion in memory at a time."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import func

from jobdesk.reports.cells import safe_cell
from jobdesk.reports.datasets import DATASETS, rows_of
from jobdesk.reports.model import Unit, shown
from jobdesk.reports.period import RIYADH
from jobdesk.reports.reading import read_firm

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from jobdesk.reports.datasets import Field
    from jobdesk.reports.names import DatasetName
    from jobdesk.reports.period import Period

#: Rows fetched and written at once.
PORTION = 1_000
#: What a sheet holds below its head; what is more goes on the next sheet.
SHEET_ROWS = 1_048_575

#: Writes portions of rows.
_Write = Callable[[Sequence[Sequence[Any]]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to export."""

    dataset: DatasetName
    format: str
    period: Period | None = None
    #: none: all
    columns: tuple[str, ...] = ()
    filters: Mapping[str, Mapping[str, Any]]
    language: str = "en"


def export(
    connection: Connection,
    firm_id: str,
    wanted: Wanted,
    path: Path,
    *,
    told: Callable[[int, int], None],
) -> int:
    """Write the rows to ``path``, telling (done, total) after each portion; returns how many."""
    firm = read_firm(connection, firm_id)
    dataset = DATASETS[wanted.dataset]
    fields = [dataset.field(key) for key in wanted.columns] or list(dataset.fields)
    asked = (firm.id, wanted.period, wanted.filters)
    total = connection.execute(rows_of(dataset, [func.count()], *asked)).scalar_one()
    told(0, total)
    query = rows_of(dataset, [field.source for field in fields], *asked).order_by(dataset.id)
    done = 0
    # on this statement alone: with it on the connection, every other would be streamed too
    streamed = connection.execute(query, execution_options={"yield_per": PORTION})
    with streamed, _WRITERS[wanted.format](path, fields, wanted) as write:
        for rows in streamed.partitions():
            write(rows)
            done += len(rows)
            told(done, total)
    return done


@contextmanager
def _csv(path: Path, fields: Sequence[Field], wanted: Wanted) -> Iterator[_Write]:
    # with the mark that makes Excel read UTF-8; everything quoted, as RFC 4180 has it
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
        writer.writerow([field.label.in_(wanted.language) for field in fields])

        def write(rows: Sequence[Sequence[Any]]) -> None:
            writer.writerows(
                [_text(value, field.unit) for value, field in zip(row, fields, strict=True)]
                for row in rows
            )

        yield write


@contextmanager
def _json(path: Path, fields: Sequence[Field], wanted: Wanted) -> Iterator[_Write]:  # noqa: ARG001  # as the others
    """An array, with one object a line."""
    first = True
    with path.open("w", encoding="utf-8") as stream:
        stream.write("[")

        def write(rows: Sequence[Sequence[Any]]) -> None:
            nonlocal first
            for row in rows:
                one = {
                    field.key: _plain(value, field.unit)
                    for value, field in zip(row, fields, strict=True)
                }
                stream.write("\n" if first else ",\n")
                stream.write(json.dumps(one, ensure_ascii=False))
                first = False

        yield write
        stream.write("\n]\n")


@contextmanager
def _xlsx(path: Path, fields: Sequence[Field], wanted: Wanted) -> Iterator[_Write]:
    from jobdesk.reports.as_xlsx import Sheets

    sheets = Sheets(path, right_to_left=wanted.language == "ar")
    title = DATASETS[wanted.dataset].title.in_(wanted.language)
    widths = {Unit.TEXT: 22}

    def begin(number: int) -> Any:
        sheet = sheets.add(title if number == 1 else f"{title} {number}")
        for place, field in enumerate(fields):
            sheet.set_column(place, place, widths.get(field.unit, 14))
        sheet.freeze_panes(1, 0)
        for place, field in enumerate(fields):
            sheet.write_string(0, place, field.label.in_(wanted.language), sheets.head)
        return sheet

    number, sheet, line = 1, begin(1), 1

    def write(rows: Sequence[Sequence[Any]]) -> None:
        nonlocal number, sheet, line
        for row in rows:
            if line > SHEET_ROWS:
                number += 1
                sheet, line = begin(number), 1
            for place, (value, field) in enumerate(zip(row, fields, strict=True)):
                sheets.write(sheet, (line, place), _told(value), field.unit)
            line += 1

    try:
        yield write
    finally:
        sheets.book.close()


_WRITERS = {"csv": _csv, "json": _json, "xlsx": _xlsx}


def _told(value: Any) -> Any:
    """A value as people read it: an instant is a day in Riyadh, true is yes."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone(RIYADH).date()
    return value


def _text(value: Any, unit: Unit) -> str:
    value = _told(value)
    if value is None:
        return ""
    if isinstance(value, int):
        return str(shown(value, unit))
    if isinstance(value, date):
        return value.isoformat()
    return safe_cell(value)


def _plain(value: Any, unit: Unit) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if unit is Unit.COUNT else str(shown(value, unit))
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return value
