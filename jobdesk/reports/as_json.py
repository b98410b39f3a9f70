"""A report as JSON: amounts as decimal strings, so that no reader makes floats of them."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

from jobdesk.reports.model import Report, Unit, Value, Words, shown


def write_json(report: Report, path: Path, *, language: str = "en") -> None:
    """Write the report; text is in the language, names of fields are the same in both."""
    path.write_text(
        json.dumps(as_object(report, language), ensure_ascii=False, indent=1) + "\n",
        encoding="utf-8",
    )


def as_object(report: Report, language: str = "en") -> dict[str, Any]:
    """The report as plain values."""
    return {
        "reportType": report.kind,
        "title": report.title.in_(language),
        "firmId": report.firm.id,
        "firm": report.firm.called(language),
        "currency": report.firm.currency,
        "startDate": None if report.start is None else report.start.isoformat(),
        "endDate": report.end.isoformat(),
        "figures": {
            figure.key: _value(figure.value, figure.unit, language) for figure in report.figures
        },
        "tables": {
            table.key: {
                "rows": [
                    {
                        column.key: _value(value, column.unit, language)
                        for column, value in zip(table.columns, row, strict=True)
                    }
                    for row in table.rows
                ],
                "totals": None
                if table.totals is None
                else {
                    column.key: _value(value, column.unit, language)
                    for column, value in zip(table.columns, table.totals, strict=True)
                    if value is not None
                },
            }
            for table in report.tables
        },
        "notes": [note.in_(language) for note in report.notes],
    }


def _value(value: Value, unit: Unit, language: str) -> Any:
    if isinstance(value, Words):
        return value.in_(language)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int):
        return value if unit is Unit.COUNT else str(shown(value, unit))
    return value
