"""What the demo adds: jobs of every type that needs no outside account, on generated input."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobdesk.models import JobState, JobStatus

if TYPE_CHECKING:
    from jobdesk.engine.handle import JobHandle
    from jobdesk.service import QueueService

DAY_S = 86_400

INVOICE = {
    "invoiceNumber": "INV-2026-001",
    "clientName": "Client Name",
    "items": [
        {"description": "Legal consultation", "quantity": "6", "unitPrice": "650.00"},
        {"description": "Drafting of a lease", "quantity": "1", "unitPrice": "1100.00"},
    ],
    "totalAmount": 5000,
}
TAX_INVOICE = {
    "invoiceNumber": "INV-2026-002",
    "clientName": "شركة الأفق للتجارة المحدودة",
    "language": "ar",
    "seller": {
        "name": "مكتب نجد للاستشارات القانونية",
        "vatNumber": "310122393500003",
        "address": "طريق الملك فهد، الرياض 12211",
    },
    "buyer": {"name": "شركة الأفق للتجارة المحدودة", "vatNumber": "311111111100003"},
    "items": [
        {
            "description": "استشارة قانونية — Legal consultation",
            "quantity": "10",
            "unitPrice": "750.00",
            "vatRate": "15",
        },
        {
            "description": "صياغة عقد — Contract drafting",
            "quantity": "1",
            "unitPrice": "2500.00",
            "vatRate": "15",
        },
    ],
}


@dataclass(slots=True)
class Shown:
    """A job of the demo, and what it is there to show."""

    what: str
    handle: JobHandle
    expected: JobState = JobState.COMPLETED
    status: JobStatus | None = None

    @property
    def ended(self) -> bool:
        return self.status is not None and self.status.state in ("completed", "failed")

    @property
    def as_expected(self) -> bool:
        return self.status is not None and self.status.state == self.expected


class Traffic:
    """The jobs of one run of the demo."""

    def __init__(self, service: QueueService, folder: Path) -> None:
        self._service = service
        self._folder = folder
        self.jobs: list[Shown] = []

    def add(self) -> None:
        """Make the input and add the jobs."""
        self._old_files()
        service = self._service
        self._show(
            "an invoice",
            service.generate_pdf({"invoiceId": "507f1f77bcf86cd799439011", "invoiceData": INVOICE}),
        )
        self._show(
            "a tax invoice in Arabic, first in line",
            service.generate_pdf({"invoiceData": TAX_INVOICE}, "invoice", {"priority": 1}),
        )
        self._pipeline()
        self._show(
            "a mail",
            service.send_email(
                to="client@example.com",
                subject="Invoice #12345",
                html="<h1>Your invoice is ready</h1>",
                replyTo="support@example.com",
            ),
        )
        self._show(
            "a mail in Arabic",
            service.send_email(
                to="عميل <client@example.com>",
                subject="فاتورتك جاهزة",
                html='<p dir="rtl">فاتورتك جاهزة.</p>',
            ),
        )
        self._show(
            "a newsletter to 250 recipients, in batches of 100",
            service.send_bulk_emails(
                [{"email": f"user{n}@example.com", "name": f"User {n}"} for n in range(250)],
                "Newsletter",
                "<p>Hello {{name}},</p><p>news from the demo.</p>",
            ),
        )
        self._show(
            "a delayed mail, one second later",
            service.send_email(
                {"to": "client@example.com", "subject": "A reminder", "html": "<p>Soon.</p>"},
                {"delay": 1},
            ),
        )
        self._show("a retry", service.add_job("demo", "flaky", {"fails": 1}))
        self._show("progress and a log", service.add_job("demo", "countdown"))
        self._show(
            "a failure on purpose", service.add_job("demo", "broken"), expected=JobState.FAILED
        )
        self._show(
            "a cleanup, as a dry run",
            service.schedule_cleanup("old-logs", {"retentionDays": 30, "dryRun": True}),
        )
        self._show("a cleanup", service.schedule_cleanup("old-logs", {"retentionDays": 30}))
        self._show("a cleanup of old failures", service.schedule_cleanup("failed-jobs"))
        self._schedule()

    def _show(self, what: str, handle: JobHandle, expected: JobState = JobState.COMPLETED) -> None:
        self.jobs.append(Shown(what, handle, expected))

    def _pipeline(self) -> None:
        """From the invoice to its mail, from queue to queue."""
        from jobdesk.tasks.email import transactional
        from jobdesk.tasks.pdf import invoice, queue

        number = {"invoiceNumber": "INV-2026-003"}
        first = invoice.s(invoiceData={**INVOICE, **number})
        mailed = first.then(
            transactional,
            to="client@example.com",
            subject="Invoice INV-2026-003",
            html="<p>Please find the invoice attached.</p>",
        )
        made, sent = queue.enqueue(mailed)
        self._show("a pipeline: the invoice …", made)
        self._show("… and its mail", sent)

    def _schedule(self) -> None:
        """A schedule's job, now instead of in the night. Its worker must have published it."""
        from jobdesk.errors import JobdeskError

        until = time.monotonic() + 20
        while True:
            try:
                handle = self._service.run_schedule("cleanup", "temp-files")
            except JobdeskError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)
            else:
                self._show("a schedule run now", handle)
                return

    def _old_files(self) -> None:
        """Logs and temporary files that have lain about for long."""
        for folder, name, age_days in (
            ("logs", "app.log.1", 45),
            ("logs", "app.log", 0),
            ("tmp", "upload-1.part", 3),
            ("tmp", "upload-2.part", 2),
            ("tmp", "fresh.part", 0),
        ):
            path = self._folder / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("x" * 2048)
            then = time.time() - age_days * DAY_S
            os.utime(path, (then, then))

    def wait(self, limit_s: float, worker_lives: Callable[[], bool]) -> None:
        """Wait until every job has ended, for ``limit_s`` at most."""
        until = time.monotonic() + limit_s
        while time.monotonic() < until and worker_lives():
            self.look()
            if all(shown.ended for shown in self.jobs):
                return
            time.sleep(0.1)

    def look(self) -> None:
        """Read where the jobs stand."""
        from jobdesk.errors import JobNotFound

        for shown in self.jobs:
            if not shown.ended:
                try:
                    shown.status = shown.handle.status()
                except JobNotFound:
                    continue  # the mail of a pipeline is added when the invoice is there

    def documents(self) -> list[str]:
        """Paths of the PDFs that were made."""
        found: list[str] = []
        for shown in self.jobs:
            value: Any = shown.status.return_value if shown.status else None
            if isinstance(value, dict) and isinstance(value.get("document"), dict):
                found.append(str(value["document"]["path"]))
        return found
