"""A report as a PDF that can be handed on: figures at the head, charts, then the tables."""

from __future__ import annotations

import base64
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobdesk.documents import formats
from jobdesk.documents.markup import render_html
from jobdesk.documents.pdf import RenderedPdf, render_pdf
from jobdesk.reports.model import Report, Table, Unit, Value, Words, shown
from jobdesk.reports.period import month_name

if TYPE_CHECKING:
    from collections.abc import Callable

#: A PDF is for reading: what is longer says where the rest is.
MAX_TABLE_ROWS = 300

_HIDDEN = {"clientId", "userId", "id"}


def write_pdf(
    report: Report,
    target: Path,
    *,
    root: Path,
    language: str = "en",
    made_on: date,
    templates: Path | None = None,
    told: Callable[[float], None] = lambda _part: None,
) -> RenderedPdf:
    """Write the report to ``target``; ``told`` hears how much of the work is done, 0 to 1."""
    html = report_html(report, language=language, made_on=made_on, templates=templates, told=told)
    folders = () if templates is None else (templates,)
    return render_pdf(html, target, root=root, trusted_assets=folders)


def report_html(
    report: Report,
    *,
    language: str = "en",
    made_on: date,
    templates: Path | None = None,
    told: Callable[[float], None] = lambda _part: None,
) -> str:
    """The report as HTML, with its charts in it."""
    from jobdesk.reports.charts import svg

    charts = []
    for number, chart in enumerate(report.charts, 1):
        picture = base64.b64encode(svg(chart, language=language).encode()).decode()
        charts.append(
            {
                "title": chart.title.in_(language),
                "unit": _unit(chart.unit, report.firm.currency, language),
                "url": f"data:image/svg+xml;base64,{picture}",
            }
        )
        told(number / (len(report.charts) + 2))
    values = {
        "language": language,
        "title": report.title.in_(language),
        "firm": report.firm.called(language),
        "start": report.start,
        "end": report.end,
        "made_on": made_on,
        "headlines": [_figure(f, report, language) for f in report.figures if f.headline],
        "figures": [_figure(f, report, language) for f in report.figures if not f.headline],
        "charts": charts,
        "tables": [_table(table, report, language) for table in report.tables],
        "notes": [note.in_(language) for note in report.notes],
    }
    return render_html("firm-report.html", values, templates)


def _figure(figure: Any, report: Report, language: str) -> dict[str, Any]:
    return {
        "label": figure.label.in_(language),
        "value": _cell(figure.value, figure.unit, language),
        "unit": _unit(figure.unit, report.firm.currency, language),
    }


def _table(table: Table, report: Report, language: str) -> dict[str, Any]:
    places = [i for i, column in enumerate(table.columns) if column.key not in _HIDDEN]
    columns = [table.columns[place] for place in places]

    def line(row: tuple[Value, ...]) -> list[dict[str, Any]]:
        return [
            {
                # a table of zeros hides what is there
                "text": _cell(row[place], table.columns[place].unit, language)
                if row[place] != 0
                else "–",
                "number": _is_number(table.columns[place].unit),
                "whole": table.columns[place].unit in (Unit.MONTH, Unit.DATE),
            }
            for place in places
        ]

    money = any(column.unit is Unit.MONEY for column in columns)
    return {
        "title": table.title.in_(language),
        "unit": _unit(Unit.MONEY, report.firm.currency, language) if money else "",
        "columns": [
            {"label": c.label.in_(language), "number": _is_number(c.unit)} for c in columns
        ],
        "wide": len(columns) > 7,
        "rows": [line(row) for row in table.rows[:MAX_TABLE_ROWS]],
        "totals": None if table.totals is None else line(table.totals),
        "more": max(0, len(table.rows) - MAX_TABLE_ROWS),
    }


def _is_number(unit: Unit) -> bool:
    return unit not in (Unit.TEXT, Unit.MONTH, Unit.DATE)


def _cell(value: Value, unit: Unit, language: str) -> Any:
    """A value as markup that stays in order among words of the other direction."""
    if value is None:
        return ""
    if isinstance(value, Words):
        return formats.bidi(value.in_(language))
    if isinstance(value, date):
        return formats.long_date(value, language)
    if unit is Unit.MONTH:
        return formats.bidi(month_name(str(value)).in_(language))
    if isinstance(value, int):
        sign = "%" if unit is Unit.PERCENT else ""
        text = f"{shown(value, unit):,f}".replace("-", formats.MINUS)
        return formats.ltr(text + sign)
    return formats.bidi(value)


def _unit(unit: Unit, currency: str, language: str) -> str:
    if unit is Unit.MONEY:
        return formats.ARABIC_CURRENCY.get(currency, currency) if language == "ar" else currency
    if unit is Unit.HOURS:
        return "ساعة" if language == "ar" else "hours"
    return ""
