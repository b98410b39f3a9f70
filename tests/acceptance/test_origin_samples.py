"""Every sample of the document that jobdesk was built from, put into Python, run end to end.

The samples add jobs as an application does; a worker, a process of its own, then runs them. What
needs an account speaks to a fake of the service over a real socket.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import UTC, date, datetime
from email import message_from_bytes, policy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pypdf
import pytest
from pydantic import SecretStr
from sqlalchemy import insert, select

from jobdesk import Backoff, JobOptions, JobSpec, QueueService
from jobdesk import settings as settings_module
from jobdesk.db import connection as database
from jobdesk.db import notices, tables
from jobdesk.errors import JobFailed, JobNotFound
from jobdesk.tasks import sync
from tests.fake_providers.base import running
from tests.fake_providers.lean_bank import ACCOUNT, APP_TOKEN, CLIENT_SECRET, ENTITY, FakeLean
from tests.fake_providers.payment_services import STRIPE_KEY, FakeStripe, intent
from tests.fake_providers.push_service import FakePushService, vapid_keys

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from jobdesk.settings import Settings

EMAIL = {"to": "client@example.com", "subject": "Invoice #12345", "html": "<h1>Ready</h1>"}


@pytest.fixture
def service(settings) -> QueueService:
    return QueueService(settings)


@contextmanager
def worker(module: str, environment: dict[str, str], folder: Path) -> Iterator[None]:
    """A worker as it is started on a host."""
    script = Path(sys.executable).with_name("huey_consumer")
    with (folder / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [script, module, "-w", "4", "-q"], env=environment, stdout=log, stderr=log, cwd=folder
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(40)


def mails(settings: Settings) -> list[Any]:
    """What the outbox has been given."""
    found = sorted(settings.data_folder.rglob("*.eml"))
    return [message_from_bytes(path.read_bytes(), policy=policy.default) for path in found]


def test_single_and_bulk_emails(service, settings, environment, tmp_path):
    environment |= {"FROM_EMAIL": "noreply@traf3li.com", "FROM_NAME": "Traf3li"}
    single = service.send_email(
        to="client@example.com",
        subject="Invoice #12345",
        html="<h1>Your invoice is ready</h1>",
        reply_to="support@traf3li.com",
    )
    bulk = service.send_bulk_emails(
        [
            {"email": "user1@example.com", "name": "User 1"},
            {"email": "user2@example.com", "name": "User 2"},
        ],
        "Newsletter Title",
        "<p>Hello {{name}}, ...</p>",
    )
    with worker("jobdesk.tasks.email.huey", environment, tmp_path):
        sent = service.wait("email", single.id, 60)
        many = service.wait("email", bulk.id, 60)

    assert sent["success"] is True
    assert sent["messageId"]
    assert many == {"success": True, "sent": 2, "failed": 0, "batches": 1}
    found = {str(mail["To"]): mail for mail in mails(settings)}
    assert len(found) == 3
    assert found["client@example.com"]["Reply-To"] == "support@traf3li.com"
    body = found["user1@example.com"].get_body(("html",)).get_content()
    assert "Hello User 1" in body


def test_an_invoice_of_high_priority(service, environment, tmp_path):
    invoice = service.generate_pdf(
        {
            "invoiceId": "507f1f77bcf86cd799439011",
            "invoiceData": {
                "invoiceNumber": "INV-2024-001",
                "clientName": "Client Name",
                "items": [],
                "totalAmount": 5000,
            },
        },
        "invoice",
        {"priority": 1},
    )
    assert service.get_job("pdf", invoice.id).priority == 1
    with worker("jobdesk.tasks.pdf.huey", environment, tmp_path):
        made = service.wait("pdf", invoice.id, 90)["document"]

    assert Path(made["path"]).read_bytes().startswith(b"%PDF")
    assert made["filename"] == "INV-2024-001.pdf"


def test_cleanups(service, settings, environment, tmp_path):
    logs, temporary = settings.data_folder / "logs", settings.data_folder / "tmp"
    for folder, name in ((logs, "app.log"), (temporary, "upload.bin")):
        folder.mkdir(parents=True)
        for path, age in ((folder / name, 40 * 86_400), (folder / f"new-{name}", 60)):
            path.write_text("x")
            os.utime(path, (time.time() - age,) * 2)
    old_logs = service.schedule_cleanup("old-logs", {"retentionDays": 30})
    temp_files = service.schedule_cleanup("temp-files", {"maxAgeHours": 24})
    with worker("jobdesk.tasks.cleanup.huey", environment, tmp_path):
        assert service.wait("cleanup", old_logs.id, 60)["files"] == 1
        assert service.wait("cleanup", temp_files.id, 60)["files"] == 1

    assert [path.name for path in logs.iterdir()] == ["new-app.log"]
    assert [path.name for path in temporary.iterdir()] == ["new-upload.bin"]


def test_custom_job_options_in_the_words_of_bull(service):
    handle = service.add_job(
        "email",
        "transactional",
        EMAIL,
        JobOptions.from_bull(
            {
                "priority": 1,
                "delay": 5000,
                "attempts": 5,
                "backoff": {"type": "fixed", "delay": 10000},
                "timeout": 30000,
                "removeOnComplete": True,
            }
        ),
    )

    job = service.get_job("email", handle.id)
    assert (job.state, job.priority, job.attempts) == ("delayed", 1, 5)
    assert job.run_at_ms - job.added_ms == 5000
    assert job.options.backoff == Backoff.fixed(10)
    assert job.options.timeout == 30
    assert job.options.remove_on_complete.as_option() is True


def test_custom_job_options_in_our_words(service):
    handle = service.add_job(
        "email", "transactional", EMAIL,
        priority=1, delay=5, attempts=5, backoff=Backoff.fixed(10), timeout=30,
        remove_on_complete=True,
    )  # fmt: skip

    assert service.get_job("email", handle.id).options.backoff == Backoff.fixed(10)


def test_bulk_jobs(service):
    jobs = [
        JobSpec("transactional", {**EMAIL, "subject": str(priority)}, {"priority": priority})
        for priority in (3, 1, 2)
    ]
    service.add_bulk_jobs("email", jobs)

    assert [job.data["subject"] for job in service.get_jobs("email")] == ["1", "2", "3"]


def test_status_and_statistics(service, environment, tmp_path):
    service.add_job("email", "transactional", EMAIL, job_id="job-id-123")
    with worker("jobdesk.tasks.email.huey", environment, tmp_path):
        service.wait("email", "job-id-123", 60)

    status = service.get_job_status("email", "job-id-123")
    assert (status.id, status.state) == ("job-id-123", "completed")
    assert status.return_value["success"] is True
    stats = service.get_queue_stats("email")
    assert (stats.name, stats.waiting, stats.active, stats.completed) == ("email", 0, 0, 1)
    assert (stats.failed, stats.delayed, stats.paused) == (0, 0, False)


def test_queue_management(service, environment, tmp_path):
    listed = service.get_all_queue_stats()
    assert len(listed) == 6
    assert listed[0].name == "email"

    service.pause_queue("email")
    service.send_email(**EMAIL, job_id="job-id-1")
    assert service.get_queue_stats("email").paused
    service.resume_queue("email")

    # A provider without its key fails a job for good: the samples want a failed one.
    environment |= {"JOBDESK_DELIVERY": "live", "FROM_EMAIL": "noreply@traf3li.com"}
    with (
        worker("jobdesk.tasks.email.huey", environment, tmp_path),
        pytest.raises(JobFailed, match="RESEND_API_KEY"),
    ):
        service.wait("email", "job-id-1", 60)

    failed = service.get_jobs("email", "failed", 0, 10)
    assert [job.id for job in failed] == ["job-id-1"]
    assert "NotConfigured" in failed[0].failed_reason
    service.retry_job("email", "job-id-1")
    assert service.get_job_status("email", "job-id-1").state == "waiting"
    service.remove_job("email", "job-id-1")
    with pytest.raises(JobNotFound):
        service.get_job("email", "job-id-1")
    assert service.clean_jobs("email", grace=86_400, status="completed").count == 0
    service.send_email(**EMAIL)
    service.send_email(**EMAIL, delay=60)
    assert service.empty_queue("email").count == 2


MYQUEUE = """
import logging
from typing import Any

from jobdesk import JobContext, Queue

queue = huey = Queue("myqueue")


@queue.task(name="process")
def process(text: str, *, job: JobContext) -> dict[str, Any]:
    logging.getLogger("myqueue").warning("Processing %s: %s", job.type, text)
    job.progress(50)
    return {"success": True}
"""


def test_a_queue_of_ones_own(service, environment, tmp_path):
    (tmp_path / "myqueue.py").write_text(MYQUEUE)
    environment |= {"PYTHONPATH": str(tmp_path)}
    with worker("myqueue.huey", environment, tmp_path):
        deadline = time.monotonic() + 30
        while not service.inspector.types("myqueue"):
            assert time.monotonic() < deadline, (tmp_path / "worker.log").read_text()
            time.sleep(0.02)
        handle = service.add_job("myqueue", "process", {"text": "hello"})
        assert service.wait("myqueue", handle.id, 30) == {"success": True}

    assert service.get_job_status("myqueue", handle.id).progress == 50
    assert "Processing process: hello" in (tmp_path / "worker.log").read_text()
    assert len(service.get_all_queue_stats()) == 7


def test_the_default_options_of_all_queues(service, settings):
    from jobdesk.models import DEFAULT_OPTIONS

    assert DEFAULT_OPTIONS.attempts == 3
    assert DEFAULT_OPTIONS.backoff == Backoff.exponential(2)
    assert DEFAULT_OPTIONS.remove_on_complete.as_option() == {"age": 86400, "count": 1000}
    assert DEFAULT_OPTIONS.remove_on_fail.as_option() == {"age": 172800}


FIRM = "507f1f77bcf86cd799439014"
BANK_ACCOUNT, PAYMENT = "507f1f77bcf86cd799439015", "507f1f77bcf86cd799439016"
USER = "507f1f77bcf86cd799439013"


@pytest.fixture
def firm(settings) -> Iterator[Engine]:
    """What the application has in its tables by the time it adds the samples."""
    engine = database.connect(settings)
    added = datetime(2024, 1, 1, tzinfo=UTC)
    rows: list[tuple[Any, dict[str, Any]]] = [
        (tables.firms, {"id": FIRM, "name": "Traf3li", "created_at": added}),
        (tables.clients, {"id": "c1", "firm_id": FIRM, "name": "Client Name", "kind": "company",
                          "created_at": added}),
        (tables.invoices, {"id": "i1", "firm_id": FIRM, "client_id": "c1", "number": "INV-2024-001",
                           "status": "issued", "issue_date": date(2024, 5, 1),
                           "due_date": date(2024, 6, 1), "net": 434_783, "vat": 65_217,
                           "total": 500_000}),
        (tables.bank_accounts, {"id": BANK_ACCOUNT, "firm_id": FIRM, "provider": "lean",
                                "entity_id": ENTITY, "account_id": ACCOUNT}),
        (tables.payments, {"id": PAYMENT, "firm_id": FIRM, "amount": 500_000, "method": "card",
                           "status": "pending", "provider": "stripe", "external_id": "pi_1",
                           "created_at": added}),
        (tables.sessions, {"id": "s1", "user_id": USER, "created_at": added,
                           "expires_at": added}),
    ]  # fmt: skip
    with engine.begin() as connection:
        for table, row in rows:
            connection.execute(insert(table).values(**row))
    yield engine
    database.close_all()


def text_of(path: str) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(path).pages)


def whatsapp_post(secret: str) -> tuple[bytes, str]:
    """What WhatsApp posts to the application's webhook, and how it signs it."""
    message = {"from": "966501234567", "id": "wamid.1", "timestamp": "1750857384",
               "type": "text", "text": {"body": "مرحبا"}}  # fmt: skip
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"phone_number_id": "whatsapp_phone_id"},
        "messages": [message],
    }
    change = {"field": "messages", "value": value}
    body = json.dumps({"object": "whatsapp_business_account",
                       "entry": [{"id": "WABA", "changes": [change]}]}).encode()  # fmt: skip
    return body, "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def test_notifications_reports_syncs_and_a_cleanup_of_sessions(
    service, settings, environment, tmp_path, firm
):
    private, public = vapid_keys()
    with (
        running(FakePushService()) as browsers,
        running(FakeLean()) as lean,
        running(FakeStripe()) as stripe,
    ):
        browsers.vapid_public = public
        stripe.intents["pi_1"] = intent("pi_1", "succeeded", 500_000)
        environment |= {
            "JOBDESK_DELIVERY": "live",
            "VAPID_PUBLIC_KEY": public,
            "VAPID_PRIVATE_KEY": private,
            "CONTACT_EMAIL": "support@traf3li.com",
            "JOBDESK_PUSH_HOSTS": browsers.place,
            "LEAN_APP_TOKEN": APP_TOKEN,
            "LEAN_CLIENT_SECRET": CLIENT_SECRET,
            "LEAN_BASE_URL": lean.url,
            "LEAN_TOKEN_URL": lean.url,
            "STRIPE_SECRET_KEY": STRIPE_KEY,
            "STRIPE_BASE_URL": stripe.url,
            "WHATSAPP_APP_SECRET": "app-secret",
        }
        settings_module.use(settings.model_copy(
            update={"whatsapp_app_secret": SecretStr("app-secret")}
        ))  # fmt: skip
        sync.receive_whatsapp(*whatsapp_post("app-secret"))

        added = {
            "in-app": service.send_notification(
                {
                    "userId": USER,
                    "title": "Payment Received",
                    "message": "Your payment of SAR 5,000 has been received",
                    "type": "success",
                    "link": "/invoices/123",
                },
                "in-app",
            ),
            "push": service.send_notification(
                {
                    "userId": USER,
                    "subscription": browsers.subscription(),
                    "title": "New Message",
                    "body": "You have a new message from your lawyer",
                },
                "push",
            ),
            "report": service.generate_pdf(
                {
                    "reportId": "507f1f77bcf86cd799439012",
                    "reportData": {
                        "figures": [{"label": "Invoiced", "value": 5000, "currency": "SAR"}]
                    },
                    "reportType": "financial",
                },
                "report",
            ),
            "financial": service.generate_report(
                {
                    "firmId": FIRM,
                    "startDate": "2024-01-01",
                    "endDate": "2024-12-31",
                    "reportType": "financial",
                },
                "financial",
                {"priority": 2},
            ),
            "whatsapp-messages": service.schedule_sync(
                "whatsapp-messages", {"firmId": FIRM, "phoneNumberId": "whatsapp_phone_id"}
            ),
            "bank-transactions": service.schedule_sync(
                "bank-transactions",
                {
                    "firmId": FIRM,
                    "bankAccountId": BANK_ACCOUNT,
                    "startDate": "2024-01-01",
                    "endDate": "2024-01-31",
                },
            ),
            "payment-status": service.schedule_sync(
                "payment-status", {"paymentId": PAYMENT, "paymentProvider": "stripe"}
            ),
            "sessions": service.schedule_cleanup("sessions"),
        }
        assert service.get_job("report", added["financial"].id).priority == 2
        with worker("jobdesk.tasks.huey", environment, tmp_path):
            results = {
                name: service.wait(handle.queue, handle.id, 90) for name, handle in added.items()
            }

    assert all(result["success"] for name, result in results.items() if name != "report")
    [(_, note)] = browsers.received
    assert note["title"] == "New Message"
    [notice] = notices.listed(firm, USER)
    assert notice["title"] == "Payment Received"
    assert "5,000" in text_of(results["report"]["document"]["path"])
    assert "5,000.00" in text_of(results["financial"]["path"])
    with firm.connect() as connection:
        messages = connection.execute(select(tables.whatsapp_messages.c.body)).scalars().all()
        banked = connection.execute(select(tables.bank_transactions.c.id)).all()
        paid = connection.execute(select(tables.payments.c.status)).scalar_one()
        left = connection.execute(select(tables.sessions.c.id)).all()
    assert messages == ["مرحبا"]
    assert (len(banked), paid, left) == (3, "paid", [])
