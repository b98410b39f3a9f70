"""What the demo adds first: a job of every type that needs no account, and some to show a point."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from jobdesk.demo import samples
from jobdesk.models import JobState, JobStatus

if TYPE_CHECKING:
    from jobdesk.service import QueueService

DAY_S = 86_400
#: How long workers may take until their types and schedules are known.
UP_S = 40.0
T = TypeVar("T")

#: Types that the demo cannot run: what each needs.
NEEDS = {
    ("sync", "bank-transactions"): "LEAN_APP_TOKEN and LEAN_CLIENT_SECRET",
    ("sync", "payment-status"): "STRIPE_SECRET_KEY or MOYASAR_SECRET_KEY",
    ("sync", "zatca-invoice"): "ZATCA_BINARY_TOKEN and ZATCA_SECRET",
    ("sync", "wathq-registration"): "WATHQ_API_KEY",
    ("sync", "mudad-payment"): "MOYASAR_SECRET_KEY",
    ("sync", "wathq-contract"): "WATHQ_API_KEY",
}
ENDED_WELL = frozenset({JobState.COMPLETED})
ON_PURPOSE = frozenset({JobState.FAILED})
#: of what asks the internet: where that is not there, the demo is none the worse
EITHER = ENDED_WELL | ON_PURPOSE


@dataclass(slots=True)
class Shown:
    """A job of the demo, and what it is there to show."""

    what: str
    queue: str
    type: str
    id: str
    expected: Collection[JobState] = ENDED_WELL
    status: JobStatus | None = None

    @property
    def ended(self) -> bool:
        """Whether it is known to have ended."""
        return self.status is not None and self.status.state in EITHER

    @property
    def as_expected(self) -> bool:
        """Whether it ended as it should."""
        return self.status is not None and self.status.state in self.expected

    @property
    def skipped(self) -> bool:
        """Whether it may fail, and has."""
        state = None if self.status is None else self.status.state
        return self.expected is EITHER and state is JobState.FAILED


class Traffic:
    """The jobs that the demo begins with."""

    def __init__(self, service: QueueService, folder: Path, webhook_host: str) -> None:
        self._service = service
        self._folder = folder
        self._webhook = f"http://{webhook_host}/hooks/jobdesk"
        self.jobs: list[Shown] = []

    def add(self, go_on: Callable[[], bool] = lambda: True) -> None:
        """Make the input and add the jobs, unless ``go_on`` says no between two queues."""
        for step in (
            self._documents, self._mails, self._points, self._reports, self._notifications,
            self._syncs, self._cleanups, self._of_published_types,
        ):  # fmt: skip
            if not go_on():
                return
            step()

    def _add(
        self,
        what: str,
        queue: str,
        type_: str,
        data: samples.Data | None = None,
        expected: Collection[JobState] = ENDED_WELL,
        **options: Any,
    ) -> None:
        handle = self._service.add_job(queue, type_, data, **options)
        self._show(what, queue, type_, handle.id, expected)

    def _show(
        self,
        what: str,
        queue: str,
        type_: str,
        job_id: str,
        expected: Collection[JobState] = ENDED_WELL,
    ) -> None:
        self.jobs.append(Shown(what, queue, type_, job_id, expected))

    # --- the six queues

    def _documents(self) -> None:
        made: samples.Data = {"invoiceId": samples.FIRM, "invoiceData": samples.INVOICE}
        self._add("an invoice", "pdf", "invoice", made)
        self._add(
            "a tax invoice in Arabic, first in line", "pdf", "invoice",
            {"invoiceData": samples.TAX_INVOICE}, priority=1,
        )  # fmt: skip
        self._pipeline()
        self._add("a report", "pdf", "report", {"reportData": samples.REPORT})
        self._add("a contract", "pdf", "contract", {"contractData": samples.CONTRACT})
        self._add("a statement", "pdf", "statement", {"statementData": samples.STATEMENT})
        self._add("a receipt", "pdf", "receipt", {"receiptData": samples.RECEIPT})
        self._add("a letter", "pdf", "custom", {"html": samples.LETTER, "fileName": "hearing.pdf"})

    def _pipeline(self) -> None:
        """From the invoice to its mail, from queue to queue."""
        from jobdesk.tasks.email import transactional
        from jobdesk.tasks.pdf import invoice, queue

        number = {"invoiceNumber": "INV-2026-003"}
        first = invoice.s(invoiceData={**samples.INVOICE, **number})
        mailed = first.then(
            transactional,
            to=samples.CLIENT,
            subject="Invoice INV-2026-003",
            html="<p>Please find the invoice attached.</p>",
        )
        made, sent = queue.enqueue(mailed)
        self._show("a pipeline: the invoice …", "pdf", "invoice", made.id)
        self._show("… and its mail", "email", "transactional", sent.id)

    def _mails(self) -> None:
        service = self._service
        mail = service.send_email(
            to=samples.CLIENT,
            subject="Invoice #12345",
            html="<h1>Your invoice is ready</h1>",
            replyTo="support@example.com",
        )
        self._show("a mail", "email", "transactional", mail.id)
        self._add(
            "a mail in Arabic", "email", "transactional",
            {"to": f"عميل <{samples.CLIENT}>", "subject": "فاتورتك جاهزة",
             "html": '<p dir="rtl">فاتورتك جاهزة.</p>'},
        )  # fmt: skip
        self._show(
            "a newsletter to 250 recipients, in batches of 100", "email", "bulk",
            service.send_bulk_emails(samples.recipients(250), "Newsletter", samples.NEWSLETTER).id,
        )  # fmt: skip
        self._add(
            "a mail from a template", "email", "template",
            {"to": samples.CLIENT, "subject": "Your invoice is ready",
             "templateId": "invoice-ready", "templateData": {
                "clientName": "Client Name", "invoiceNumber": "INV-2026-001",
                "totalAmount": 5000, "currency": "SAR",
                "link": "https://example.com/invoices/1"}},
        )  # fmt: skip
        self._add(
            "a campaign's mail, which can be left", "email", "campaign",
            {"campaignId": "autumn", "trackingId": "t-1", "subject": "Autumn at the firm",
             "recipient": {"email": samples.CLIENT, "name": "Client Name"},
             "html": '<p>Hello {{name}}. <a href="{{unsubscribeUrl}}">Leave</a></p>'},
        )  # fmt: skip
        self._add(
            "a delayed mail, one second later", "email", "transactional",
            {"to": samples.CLIENT, "subject": "A reminder", "html": "<p>Soon.</p>"}, delay=1,
        )  # fmt: skip

    def _points(self) -> None:
        self._add("a retry", "demo", "flaky", {"fails": 1})
        self._add("progress and a log", "demo", "countdown")
        self._add("a failure on purpose", "demo", "broken", expected=ON_PURPOSE)

    def _reports(self) -> None:
        """After their database is there; the other queues work meanwhile."""
        from jobdesk.demo import database

        firm = database.fill()
        days = {"firmId": firm, "startDate": "2026-01-01", "endDate": "2026-10-31"}
        aging = {"firmId": firm, "endDate": "2026-10-31", "format": "pdf", "language": "ar"}
        custom = {**days, "definition": "invoices-by-client", "format": "json"}
        export = {**days, "dataType": "invoices", "format": "csv"}
        for type_, data, what in (
            ("financial", {**days, "format": "pdf"}, "the year's figures, as PDF"),
            ("analytics", {**days, "format": "xlsx"}, "the practice's metrics, as XLSX"),
            ("time-utilization", {**days, "format": "json"}, "billable hours, as JSON"),
            ("client-aging", aging, "what clients owe, as PDF in Arabic"),
            ("custom", custom, "invoices by client, as JSON"),
            ("data-export", export, "all invoices, as CSV"),
        ):
            self._add(what, "report", type_, data)

    def _notifications(self) -> None:
        push = {"title": "A hearing", "body": "On Sunday at ten"}
        users = [{"userId": f"user-{n}", "subscription": samples.subscription(n)} for n in range(5)]
        self._add(
            "a push", "notification", "push",
            {**push, "userId": "user-1", "subscription": samples.subscription(1)},
        )  # fmt: skip
        self._add("a push to five", "notification", "bulk-push", {**push, "users": users})
        self._add(
            "an SMS", "notification", "sms",
            {"phoneNumber": samples.PHONE, "message": "Your hearing is on Sunday at ten."},
        )  # fmt: skip
        self._add(
            "a notice inside the application", "notification", "in-app",
            {"userId": "user-1", "title": "Invoice paid", "message": "INV-2026-001 was paid.",
             "type": "success", "link": "/invoices/1"},
        )  # fmt: skip
        self._add(
            "a signed webhook to a receiver on loopback", "notification", "webhook",
            {"webhookUrl": self._webhook, "payload": {"event": "invoice.paid", "id": 1}},
        )  # fmt: skip

    def _syncs(self) -> None:
        from jobdesk.demo import database

        database.post_whatsapp()
        self._add(
            "what WhatsApp has posted", "sync", "whatsapp-messages",
            {"firmId": samples.FIRM, "phoneNumberId": samples.WHATSAPP_NUMBER},
        )  # fmt: skip
        self._add(
            "currency rates, where there is internet", "sync", "currency-rates", {},
            EITHER, attempts=1, timeout=8,
        )  # fmt: skip

    def _cleanups(self) -> None:
        self._old_files()
        dry = {"retentionDays": 30, "dryRun": True}
        self._add("a cleanup, as a dry run", "cleanup", "old-logs", dry)
        self._add("a cleanup", "cleanup", "old-logs", {"retentionDays": 30})
        self._add("a cleanup of old failures", "cleanup", "failed-jobs")
        for type_, what in (
            ("sessions", "expired sessions"),
            ("tokens", "expired tokens"),
            ("notifications", "notices that were read long ago"),
            ("audit-logs", "audit logs, to an archive"),
        ):
            self._add(f"a cleanup of {what}", "cleanup", type_)

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

    # --- what workers must have told of first

    def _of_published_types(self) -> None:
        """A schedule's job, now instead of in the night; and an invoice that nobody has checked.

        The invoice comes as from a program without our functions: by the published schema, which
        does not do sums.
        """
        run = _once_up(lambda: self._service.run_schedule("cleanup", "temp-files"))
        self._show("a schedule run now", "cleanup", "temp-files", run.id)
        wrong = _once_up(
            lambda: self._service.control.add_job(
                "pdf",
                "invoice",
                samples.WRONG_INVOICE,
                priority=1,
                job_id=samples.WRONG_INVOICE_ID,
            )
        )
        self._show("an invoice whose total is wrong", "pdf", "invoice", wrong, ON_PURPOSE)

    # --- waiting for them

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
                # the mail of a pipeline is added when the invoice is there
                with suppress(JobNotFound):
                    shown.status = self._service.get_job_status(shown.queue, shown.id)


def _once_up(call: Callable[[], T]) -> T:
    """What ``call`` gives, once the workers have published what it needs."""
    from jobdesk.errors import JobdeskError

    until = time.monotonic() + UP_S
    while True:
        try:
            return call()
        except JobdeskError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
