"""A report of the application's own: figures, tables and words, printed as they are given.

(The report queue makes its own reports from the tables; this is for what an application has worked
out itself.) Figures are numbers or texts; a number with a ``currency`` is printed as an amount.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from jobdesk.documents.fields import (
    Currency,
    LongText,
    Name,
    Paper,
    Party,
    Text,
    no_bool,
)
from jobdesk.jobdata import JobData

#: What a report is called that has no title, by its type.
TITLES = {
    "financial": ("Financial report", "تقرير مالي"),
    "analytics": ("Analytics report", "تقرير تحليلي"),
    "time-utilization": ("Time utilization report", "تقرير استغلال الوقت"),
    "client-aging": ("Client aging report", "تقرير أعمار الديون"),
}
MAX_CELLS = 50_000


def _in_bounds(value: float | str | None) -> float | str | None:
    if isinstance(value, int | float) and not abs(value) < 10**15:
        raise ValueError("must be a number below 10^15")
    return value


#: A number, a text, or nothing. What is a number in JSON is printed as one, and no text is.
Cell = Annotated[int | float | Text | None, BeforeValidator(no_bool), AfterValidator(_in_bounds)]


class Figure(JobData):
    """A number that says much, set large. ``currency`` makes it money, ``unit`` is another word."""

    label: Name
    label_ar: Text | None = None
    value: Cell
    unit: Text | None = None
    currency: Currency | None = None


class Column(JobData):
    """A column of a table. Money is in the report's currency, with all its digits."""

    label: Name
    label_ar: Text | None = None
    kind: Literal["text", "number", "money", "percent"] = "text"


class Section(JobData):
    """A part of a report: words, a table, or both. ``totals`` is a last row of the table."""

    title: Text | None = None
    title_ar: Text | None = None
    text: LongText | None = None
    text_ar: LongText | None = None
    columns: tuple[Column, ...] = Field((), max_length=12)
    rows: tuple[tuple[Cell, ...], ...] = Field((), max_length=10_000)
    totals: tuple[Cell, ...] = ()

    @model_validator(mode="after")
    def _has_square_rows(self) -> Section:
        width = len(self.columns)
        for place, row in enumerate(self.rows):
            if len(row) != width:
                raise ValueError(
                    f"rows[{place}] has {len(row)} cells, but there are {width} columns"
                )
        if self.totals and len(self.totals) != width:
            raise ValueError(f"totals has {len(self.totals)} cells, but there are {width} columns")
        return self


class ReportData(Paper):
    """The data of a report."""

    title: Text | None = None
    title_ar: Text | None = None
    subtitle: Text | None = None
    subtitle_ar: Text | None = None
    firm: Party | None = None
    start_date: date | None = None
    end_date: date | None = None
    issue_date: date | None = None
    currency: Currency = "SAR"
    figures: Annotated[tuple[Figure, ...], Field(max_length=24)] = ()
    sections: Annotated[tuple[Section, ...], Field(max_length=100)] = ()
    notes: LongText | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> ReportData:
        if self.start_date and self.end_date and self.end_date < self.start_date:
            raise ValueError(f"endDate {self.end_date} is before startDate {self.start_date}")
        cells = sum(len(part.rows) * len(part.columns) for part in self.sections)
        if cells > MAX_CELLS:
            raise ValueError(
                f"the tables have {cells:,} cells, limit {MAX_CELLS:,}: use data-export"
            )
        return self

    def titles(self, report_type: str) -> tuple[str, str]:
        """What it is called, in English and in Arabic."""
        words = report_type.replace("-", " ").replace("_", " ").strip().capitalize()
        english, arabic = TITLES.get(report_type, (words or "Report", "تقرير"))
        return self.title or english, self.title_ar or ("" if self.title else arabic)
