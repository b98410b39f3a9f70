"""The pdf queue: ``invoice``. Its jobs run alone in a child process, limited in time and memory.

The result is one field, ``document``, which ``email:transactional`` takes as an attachment. Where
the data names no issue date, the invoice is dated on the day it is made; where it names no seller,
that is ``FROM_NAME``.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jobdesk import files
from jobdesk import settings as settings_module
from jobdesk.documents.invoice import InvoiceData  # noqa: TC001  # read by pydantic
from jobdesk.documents.rendering import PageOptions, render_invoice
from jobdesk.engine.queue import Queue
from jobdesk.jobdata import JobData
from jobdesk.models import JobOptions

if TYPE_CHECKING:
    from jobdesk.engine.context import JobContext
    from jobdesk.settings import Settings

queue = huey = Queue(
    "pdf", concurrency=2, in_child=True, defaults=JobOptions(timeout=120, attempts=2, priority=4)
)


class InvoiceJob(JobData):
    """The original's data of an invoice job."""

    invoice_id: str | None = None
    invoice_data: InvoiceData
    options: PageOptions = PageOptions()
    firm_id: str | None = None


def make_invoice(data: InvoiceJob, *, job_id: str, settings: Settings) -> dict[str, Any]:
    """Write the invoice into the data folder."""
    folder = settings.data_folder
    target = folder / "pdf" / files.file_name(job_id, ".pdf")
    rendered = render_invoice(
        data.invoice_data,
        target,
        root=folder,
        issued=datetime.now(settings.zone).date(),
        seller_name=settings.from_name,
        page=data.options,
        templates=settings.templates,
    )
    return {
        "document": {
            "path": str(rendered.path),
            "filename": download_name(data.invoice_data.invoice_number),
            "bytes": rendered.bytes,
            "pages": rendered.pages,
        }
    }


def download_name(number: str) -> str:
    """What the file is called where it is attached: by the invoice's number, as far as is safe."""
    plain = re.sub(r"[^\w.-]+", "-", number).strip(".-")[:80]
    return f"{plain or 'invoice'}.pdf"


@queue.task()
def invoice(data: InvoiceJob, *, job: JobContext) -> dict[str, Any]:
    """Make an invoice as a PDF."""
    return make_invoice(data, job_id=job.id, settings=settings_module.current())
