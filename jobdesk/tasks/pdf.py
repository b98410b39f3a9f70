"""The pdf queue: ``invoice``, ``report``, ``contract``, ``statement``, ``receipt`` and ``custom``.

Its jobs run alone in a child process, limited in time and memory. The result is one field,
``document``, which ``email:transactional`` takes as an attachment. Where the data names no date,
the document is dated on the day it is made; where it names no seller, that is ``FROM_NAME``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from jobdesk import files
from jobdesk import settings as settings_module
from jobdesk.documents.contract import ContractData
from jobdesk.documents.invoice import InvoiceData
from jobdesk.documents.page import PageOptions
from jobdesk.documents.receipt import ReceiptData
from jobdesk.documents.rendering import (
    Printing,
    contract_html,
    invoice_html,
    receipt_html,
    report_html,
    statement_html,
    write_custom,
    write_paper,
)
from jobdesk.documents.report import ReportData
from jobdesk.documents.statement import StatementData
from jobdesk.engine.queue import Queue
from jobdesk.jobdata import JobData
from jobdesk.models import JobOptions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from jobdesk.documents.pdf import RenderedPdf
    from jobdesk.engine.context import JobContext

queue = huey = Queue(
    "pdf", concurrency=2, in_child=True, defaults=JobOptions(timeout=120, attempts=2, priority=4)
)

#: A web page, or a style sheet.
Source = Annotated[str, Field(max_length=2_000_000)]


class DocumentJob(JobData):
    """What every document can be told."""

    options: PageOptions = PageOptions()
    firm_id: str | None = None


class InvoiceJob(DocumentJob):
    """An invoice: ``invoiceData`` says what for and how much."""

    invoice_id: str | None = None
    invoice_data: InvoiceData


class ReportJob(DocumentJob):
    """A report of the application's own; ``reportType`` names it where it has no title."""

    report_id: str | None = None
    report_data: ReportData = ReportData()
    report_type: Annotated[str, Field(max_length=100)] = ""


class ContractJob(DocumentJob):
    """A contract."""

    contract_id: str | None = None
    contract_data: ContractData


class StatementJob(DocumentJob):
    """A statement of account."""

    statement_id: str | None = None
    statement_data: StatementData


class ReceiptJob(DocumentJob):
    """A receipt."""

    receipt_id: str | None = None
    receipt_data: ReceiptData


class CustomJob(DocumentJob):
    """HTML, and CSS beside it. It may load ``data:`` URLs and our fonts, no file and no host."""

    html: Annotated[Source, Field(min_length=1)]
    css: Source | None = None
    file_name: Annotated[str, Field(max_length=200)] | None = None


def make_document(
    job_id: str, name: str, make: Callable[[Path, Path], RenderedPdf]
) -> dict[str, Any]:
    """Make a document in the data folder; ``make`` is given its path and the folder."""
    folder = settings_module.current().data_folder
    rendered = make(folder / "pdf" / files.file_name(job_id, ".pdf"), folder)
    return {
        "document": {
            "path": str(rendered.path),
            "filename": download_name(name),
            "bytes": rendered.bytes,
            "pages": rendered.pages,
        }
    }


def download_name(name: str) -> str:
    """What the file is called where it is attached: by the document's own name, as is safe."""
    plain = re.sub(r"[^\w.-]+", "-", re.sub(r"(?i)\.pdf$", "", name)).strip(".-")[:80]
    return f"{plain or 'document'}.pdf"


def _make_paper(
    job: JobContext, options: PageOptions, name: str, html: Callable[[Printing], str]
) -> dict[str, Any]:
    how = Printing.now(settings_module.current(), options)
    job.log(f"laying out {download_name(name)}")
    made = make_document(
        job.id, name, lambda target, root: write_paper(html(how), target, how, root=root)
    )
    return _told(job, made)


def _told(job: JobContext, made: dict[str, Any]) -> dict[str, Any]:
    document = made["document"]
    job.log(f"{document['pages']} pages, {document['bytes']:,} bytes")
    job.progress(100)
    return made


@queue.task()
def invoice(data: InvoiceJob, *, job: JobContext) -> dict[str, Any]:
    """Make an invoice as a PDF."""
    doc = data.invoice_data
    return _make_paper(job, data.options, doc.invoice_number, lambda how: invoice_html(doc, how))


@queue.task()
def report(data: ReportJob, *, job: JobContext) -> dict[str, Any]:
    """Make a report as a PDF, of figures that are given."""
    doc = data.report_data
    name = doc.title or f"{data.report_type or 'report'}-{data.report_id or job.id}"

    def html(how: Printing) -> str:
        return report_html(doc, how, report_type=data.report_type, report_id=data.report_id)

    return _make_paper(job, data.options, name, html)


@queue.task()
def contract(data: ContractJob, *, job: JobContext) -> dict[str, Any]:
    """Make a contract as a PDF."""
    doc = data.contract_data
    name = doc.contract_number or doc.title
    return _make_paper(job, data.options, name, lambda how: contract_html(doc, how))


@queue.task()
def statement(data: StatementJob, *, job: JobContext) -> dict[str, Any]:
    """Make a statement of account as a PDF."""
    doc = data.statement_data
    name = doc.statement_number or f"statement-{doc.holder.name}"
    return _make_paper(job, data.options, name, lambda how: statement_html(doc, how))


@queue.task()
def receipt(data: ReceiptJob, *, job: JobContext) -> dict[str, Any]:
    """Make a receipt as a PDF."""
    doc = data.receipt_data
    return _make_paper(job, data.options, doc.receipt_number, lambda how: receipt_html(doc, how))


@queue.task()
def custom(data: CustomJob, *, job: JobContext) -> dict[str, Any]:
    """Make a PDF of HTML that is given."""
    name = data.file_name or f"document-{job.id}"
    made = make_document(
        job.id,
        name,
        lambda target, root: write_custom(data.html, target, data.options, root=root, css=data.css),
    )
    return _told(job, made)
