"""The report queue: five kinds of report, and ``data-export``.

Its jobs run alone in a child process, limited in time and memory. docs/reports.md says what each
figure counts. Every report is of one firm. The file is named by the job: a job that runs again
replaces it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from jobdesk import files
from jobdesk import settings as settings_module
from jobdesk.engine.queue import Queue
from jobdesk.errors import JobCancelled
from jobdesk.jobdata import JobData
from jobdesk.models import Backoff, JobOptions
from jobdesk.reports.names import DatasetName, DefinitionName, MetricName, Operator

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from jobdesk.engine.context import JobContext
    from jobdesk.reports.model import Report
    from jobdesk.reports.period import Period

queue = huey = Queue(
    "report",
    concurrency=1,
    in_child=True,
    defaults=JobOptions(timeout=1800, attempts=2, priority=5, backoff=Backoff.exponential(10)),
)

#: Ten years: more is a typing error, and a chart that nobody can read.
MAX_DAYS = 3_660

FirmId = Annotated[str, Field(min_length=1, max_length=64)]
FilterValue = str | bool | int | float | None
Filters = Annotated[
    dict[
        Annotated[str, Field(max_length=40)],
        FilterValue | dict[Operator, FilterValue | list[FilterValue]],
    ],
    Field(max_length=20),
]


# --- data -------------------------------------------------------------------------------------


class ReportData(JobData):
    """What every report can be told: of which firm, as what, in which language."""

    firm_id: FirmId
    format: Literal["pdf", "xlsx", "json"] = "pdf"
    language: Literal["en", "ar"] = "en"


class PeriodData(ReportData):
    """A report of a period: both days are part of it, as days in Riyadh."""

    start_date: date
    end_date: date

    @model_validator(mode="after")
    def _in_order(self) -> PeriodData:
        _check_days(self.start_date, self.end_date)
        return self


class FinancialReport(PeriodData):
    """What was invoiced, received and spent."""

    report_type: Literal["financial"] = "financial"


class AnalyticsReport(PeriodData):
    """Named metrics; without any, all."""

    report_type: Literal["analytics"] = "analytics"
    metrics: Annotated[tuple[MetricName, ...], Field(max_length=20)] = ()


class TimeUtilization(PeriodData):
    """Billable of available hours, by person."""

    report_type: Literal["time-utilization"] = "time-utilization"


class ClientAging(ReportData):
    """What clients owe at the end of ``endDate``; without it, today."""

    report_type: Literal["client-aging"] = "client-aging"
    #: taken, as the other reports have it; what is owed does not begin on a day
    start_date: date | None = None
    end_date: date | None = None


class CustomReport(PeriodData):
    """One of the named definitions, with filters on its columns."""

    report_type: Literal["custom"] = "custom"
    definition: DefinitionName
    filters: Filters = Field(default_factory=dict)
    limit: Annotated[int, Field(ge=1, le=10_000)] = 1_000


class DataExport(JobData):
    """The rows of a dataset; columns, filters and days may narrow them."""

    firm_id: FirmId
    report_type: Literal["data-export"] = "data-export"
    data_type: DatasetName
    format: Literal["csv", "json", "xlsx"] = "csv"
    language: Literal["en", "ar"] = "en"
    start_date: date | None = None
    end_date: date | None = None
    columns: Annotated[tuple[str, ...], Field(max_length=40)] = ()
    filters: Filters = Field(default_factory=dict)

    @model_validator(mode="after")
    def _in_order(self) -> DataExport:
        if (self.start_date is None) != (self.end_date is None):
            raise ValueError("give startDate and endDate, or neither")
        if self.start_date is not None and self.end_date is not None:
            _check_days(self.start_date, self.end_date)
        return self


def _check_days(start: date, end: date) -> None:
    if end < start:
        raise ValueError("endDate is before startDate")
    if (end - start).days > MAX_DAYS:
        raise ValueError(f"the period is over {MAX_DAYS:,} days")


def _tests(filters: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """``{"status": "issued"}`` is short for ``{"status": {"eq": "issued"}}``."""
    return {key: test if isinstance(test, dict) else {"eq": test} for key, test in filters.items()}


# --- work -------------------------------------------------------------------------------------


def make_report(
    data: ReportData, count: Callable[[Connection], Report], *, job: JobContext
) -> dict[str, Any]:
    """Count the figures and write them in the format that was asked for."""
    settings = settings_module.current()
    job.progress(5)
    with _database() as connection:
        report = count(connection)
    job.log(f"{report.title.en} of {report.firm.name}: figures counted, {report.rows:,} rows")
    _check(job)
    job.progress(40)
    target = settings.data_folder / "reports" / files.file_name(job.id, f".{data.format}")
    if data.format == "pdf":
        from jobdesk.reports.as_pdf import write_pdf
        from jobdesk.reports.period import today

        write_pdf(
            report,
            target,
            root=settings.data_folder,
            language=data.language,
            made_on=today(datetime.now(UTC)),
            templates=settings.templates,
            told=lambda part: job.progress(40 + round(50 * part)),
        )
    else:
        from jobdesk.reports.as_json import write_json
        from jobdesk.reports.as_xlsx import write_xlsx

        write = write_json if data.format == "json" else write_xlsx
        with files.new_file(target, root=settings.data_folder) as temporary:
            write(report, temporary, language=data.language)
    return _written(target, _download_name(report, data.format), report.rows, job)


def export_rows(data: DataExport, *, job: JobContext) -> dict[str, Any]:
    """Write the rows of a dataset, a portion at a time."""
    from jobdesk.reports.export import Wanted, export

    settings = settings_module.current()
    wanted = Wanted(
        dataset=data.data_type,
        format=data.format,
        period=_period(data.start_date, data.end_date),
        columns=data.columns,
        filters=_tests(data.filters),
        language=data.language,
    )
    target = settings.data_folder / "reports" / files.file_name(job.id, f".{data.format}")

    def told(done: int, total: int) -> None:
        _check(job)
        if not done:
            job.log(f"{total:,} {data.data_type.replace('-', ' ')} to write as {data.format}")
        if done % 10_000 == 0 or done == total:
            job.progress({"done": done, "total": total})

    with (
        _database() as connection,
        files.new_file(target, root=settings.data_folder) as temporary,
    ):
        rows = export(connection, data.firm_id, wanted, temporary, told=told)
    return _written(target, f"{data.data_type}.{data.format}", rows, job)


@contextmanager
def _database() -> Iterator[Connection]:
    from jobdesk.db.connection import connect, reading

    with reading(connect()) as connection:
        yield connection


def _check(job: JobContext) -> None:
    if job.cancelled:
        raise JobCancelled("stopped before the report was written")


def _written(target: Path, name: str, rows: int, job: JobContext) -> dict[str, Any]:
    job.progress(100)
    job.log(f"written as {name}: {rows:,} rows, {target.stat().st_size:,} bytes")
    return {"success": True, "path": str(target), "filename": name, "rows": rows}


def _download_name(report: Report, suffix: str) -> str:
    days = [report.end] if report.start is None else [report.start, report.end]
    return "-".join([report.kind, *(f"{day:%Y%m%d}" for day in days)]) + f".{suffix}"


def _period(start: date | None, end: date | None) -> Period | None:
    from jobdesk.reports.period import Period

    return None if start is None or end is None else Period(start, end)


# --- types ------------------------------------------------------------------------------------


@queue.task()
def financial(data: FinancialReport, *, job: JobContext) -> dict[str, Any]:
    """Report what was invoiced, received and spent, and the VAT of it."""
    from jobdesk.reports.financial import financial as count
    from jobdesk.reports.period import Period

    period = Period(data.start_date, data.end_date)
    return make_report(data, lambda db: count(db, data.firm_id, period), job=job)


@queue.task()
def analytics(data: AnalyticsReport, *, job: JobContext) -> dict[str, Any]:
    """Report named metrics of the practice."""
    from jobdesk.reports.analytics import analytics as count
    from jobdesk.reports.period import Period

    period = Period(data.start_date, data.end_date)
    return make_report(data, lambda db: count(db, data.firm_id, period, data.metrics), job=job)


@queue.task()
def time_utilization(data: TimeUtilization, *, job: JobContext) -> dict[str, Any]:
    """Report billable of available hours, by person."""
    from jobdesk.reports.period import Period
    from jobdesk.reports.utilization import time_utilization as count

    period = Period(data.start_date, data.end_date)
    return make_report(data, lambda db: count(db, data.firm_id, period), job=job)


@queue.task()
def client_aging(data: ClientAging, *, job: JobContext) -> dict[str, Any]:
    """Report what clients owe, by how long it is past due."""
    from jobdesk.reports.aging import client_aging as count
    from jobdesk.reports.period import today

    as_of = data.end_date or today(datetime.now(UTC))
    return make_report(data, lambda db: count(db, data.firm_id, as_of), job=job)


@queue.task()
def custom(data: CustomReport, *, job: JobContext) -> dict[str, Any]:
    """Report one of the named definitions."""
    from jobdesk.reports.custom import custom as count
    from jobdesk.reports.period import Period

    period = Period(data.start_date, data.end_date)
    return make_report(
        data,
        lambda db: count(
            db,
            data.firm_id,
            period,
            definition=data.definition,
            filters=_tests(data.filters),
            limit=data.limit,
        ),
        job=job,
    )


@queue.task()
def data_export(data: DataExport, *, job: JobContext) -> dict[str, Any]:
    """Export the rows of a dataset as CSV, JSON or XLSX."""
    return export_rows(data, job=job)
