"""A report as a workbook: a sheet of figures, then one per table; numbers are numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobdesk.reports.cells import safe_cell
from jobdesk.reports.model import Report, Table, Unit, Value, Words, shown
from jobdesk.reports.period import month_name

if TYPE_CHECKING:
    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

FORMATS = {
    Unit.MONEY: "#,##0.00",
    Unit.HOURS: "#,##0.00",
    Unit.PERCENT: '0.0"%"',
    Unit.DAYS: "0.0",
    Unit.COUNT: "#,##0",
    Unit.DATE: "yyyy-mm-dd",
}
_WIDTHS = {Unit.TEXT: 30, Unit.MONTH: 18, Unit.DATE: 12}
_NOT_IN_NAMES = re.compile(r"[\[\]:*?/\\]")


class Sheets:
    """A workbook that is written row by row, and the formats of its cells."""

    def __init__(self, path: Path, *, right_to_left: bool) -> None:
        import xlsxwriter

        self.right_to_left = right_to_left
        self.book: Workbook = xlsxwriter.Workbook(
            str(path),
            {
                "constant_memory": True,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
                "tmpdir": str(path.parent),
            },
        )
        self.plain = {
            unit: self.book.add_format({"num_format": code}) for unit, code in FORMATS.items()
        }
        self.bold = self.book.add_format({"bold": True})
        self.head = self.book.add_format({"bold": True, "bottom": 1, "text_wrap": True})
        self.large = self.book.add_format({"bold": True, "font_size": 14})
        self.wrapped = self.book.add_format({"text_wrap": True, "valign": "top"})
        self.total = {
            unit: self.book.add_format({"num_format": code, "bold": True, "top": 1})
            for unit, code in FORMATS.items()
        }

    def add(self, name: str) -> Worksheet:
        sheet = self.book.add_worksheet(_NOT_IN_NAMES.sub(" ", name)[:31])
        if self.right_to_left:
            sheet.right_to_left()
        return sheet

    def write(
        self,
        sheet: Worksheet,
        place: tuple[int, int],
        value: Any,
        unit: Unit,
        styles: Mapping[Unit, Any] | None = None,
    ) -> None:
        """One cell: a number with its format, a date as a date, text as text."""
        style = (self.plain if styles is None else styles).get(unit)
        if value is None:
            return
        if isinstance(value, int):
            # a cell holds 15 digits: halalas of ten trillion riyals
            sheet.write_number(*place, float(shown(value, unit)), style)
        elif isinstance(value, date):
            sheet.write_datetime(*place, value, style)
        else:
            sheet.write_string(*place, safe_cell(str(value)))


def write_xlsx(report: Report, path: Path, *, language: str = "en") -> None:
    """Write the report to ``path``."""
    sheets = Sheets(path, right_to_left=language == "ar")
    try:
        _figures(sheets, report, language)
        for table in report.tables:
            _table(sheets, table, language)
    finally:
        sheets.book.close()


def _figures(sheets: Sheets, report: Report, language: str) -> None:
    sheet = sheets.add({"ar": "الملخص"}.get(language, "Summary"))
    sheet.set_column(0, 0, 36)
    sheet.set_column(1, 1, 18)
    sheet.set_column(2, 2, 8)
    sheet.write_string(0, 0, report.title.in_(language), sheets.large)
    sheet.write_string(1, 0, safe_cell(report.firm.called(language)))
    if report.start is not None:
        sheet.write_datetime(2, 0, _at(report.start), sheets.plain[Unit.DATE])
    sheet.write_datetime(2, 1, _at(report.end), sheets.plain[Unit.DATE])
    row = 4
    for figure in report.figures:
        sheet.write_string(row, 0, figure.label.in_(language))
        sheets.write(sheet, (row, 1), figure.value, figure.unit)
        if figure.unit is Unit.MONEY:
            sheet.write_string(row, 2, report.firm.currency)
        row += 1
    for note in report.notes:
        row += 1
        sheet.write_string(row, 0, note.in_(language), sheets.wrapped)


def _table(sheets: Sheets, table: Table, language: str) -> None:
    sheet = sheets.add(table.title.in_(language))
    for place, column in enumerate(table.columns):
        sheet.set_column(place, place, _WIDTHS.get(column.unit, 16))
    sheet.freeze_panes(1, 0)
    for place, column in enumerate(table.columns):
        sheet.write_string(0, place, column.label.in_(language), sheets.head)
    lines = [(row, sheets.plain) for row in table.rows]
    if table.totals is not None:
        lines.append((table.totals, sheets.total))
    for number, (row, styles) in enumerate(lines, 1):
        for place, (column, value) in enumerate(zip(table.columns, row, strict=True)):
            said = _said(value, column.unit, language)
            sheets.write(sheet, (number, place), said, column.unit, styles)


def _said(value: Value, unit: Unit, language: str) -> Any:
    if isinstance(value, Words):
        return value.in_(language)
    if unit is Unit.MONTH and isinstance(value, str):
        return month_name(value).in_(language)
    return value


def _at(day: date) -> Any:
    from datetime import datetime, time

    return datetime.combine(day, time())
