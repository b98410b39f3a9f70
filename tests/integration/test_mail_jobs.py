"""Mails, invoices and cleanups as jobs: the work with real providers, then through real workers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from jobdesk.broker.inspector import Inspector
from jobdesk.engine.context import JobContext
from jobdesk.engine.housekeeping import clean_failed
from jobdesk.errors import JobFailed, OutcomeUnknown, PermanentError, TransientError
from jobdesk.providers.resend import Resend
from jobdesk.tasks import cleanup, email, pdf
from jobdesk.tasks.email import BulkMail, TransactionalMail, send_bulk, send_transactional
from tests import resend_server
from tests.resend_server import API_KEY, FakeResend, Scripted, error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobdesk.broker.connection import Broker
    from jobdesk.settings import Settings

SENDER = "Traf3li <noreply@traf3li.com>"
MAIL = {"to": "client@example.com", "subject": "Invoice", "html": "<p>x</p>"}
INVOICE = {
    "invoiceId": "507f1f77bcf86cd799439011",
    "invoiceData": {
        "invoiceNumber": "INV-2024-001",
        "clientName": "Client Name",
        "items": [],
        "totalAmount": 5000,
    },
}


class Line:
    """A job context's line that remembers."""

    def __init__(self) -> None:
        self.logged: list[str] = []
        self.stopped = False

    def progress(self, _value: str) -> str:
        return "OK"

    def log(self, line: str) -> str:
        self.logged.append(line)
        return "OK"

    def cancelled(self) -> bool:
        return self.stopped


def context(line: Line | None = None, last_progress: Any = None) -> JobContext:
    return JobContext(
        line or Line(), id="j1", queue="email", type="bulk", attempt=1, last_progress=last_progress
    )


@pytest.fixture
def server() -> Iterator[FakeResend]:
    with resend_server.running() as running:
        yield running


@pytest.fixture
def resend(server: FakeResend) -> Iterator[Resend]:
    client = Resend(api_key=API_KEY, base_url=server.url, sender=SENDER, timeout_s=5)
    yield client
    client.close()


def bulk_mail(count: int, **changes: Any) -> BulkMail:
    recipients = [{"email": f"u{i}@example.com", "name": f"User {i}"} for i in range(count)]
    return BulkMail.model_validate(
        {"recipients": recipients, "subject": "Hi {{name}}", "html": "<p>{{name}}</p>", **changes}
    )


# --- bulk


def test_bulk_sends_a_hundred_in_a_request_and_one_mail_to_each(
    server: FakeResend, resend: Resend
) -> None:
    job = context()

    result = send_bulk(bulk_mail(250), job=job, mailer=resend)

    assert result == {"success": True, "sent": 250, "failed": 0, "batches": 3}
    assert [len(body) for _, _, body in server.requests] == [100, 100, 50]
    assert [headers["idempotency-key"] for _, headers, _ in server.requests] == [
        f"email:j1:0/batch-{n}" for n in (1, 2, 3)
    ]
    assert {len(mail["to"]) for mail in server.sent} == {1}
    assert server.sent[7]["subject"] == "Hi User 7"
    assert job.last_progress == {
        "done": 250, "total": 250, "sentBatches": 3, "sent": 250, "failed": 0,
    }  # fmt: skip


def test_a_name_is_escaped_in_html_and_a_missing_one_has_a_stand_in(
    server: FakeResend, resend: Resend
) -> None:
    recipients = [{"email": "a@x.co", "name": "<b>&"}, {"email": "b@x.co"}]

    send_bulk(bulk_mail(0, recipients=recipients, text="{{name}}"), job=context(), mailer=resend)
    send_bulk(
        bulk_mail(0, recipients=recipients[1:], defaultName="client"),
        job=JobContext(Line(), id="j2", queue="email", type="bulk", attempt=1),
        mailer=resend,
    )

    assert [(m["subject"], m["html"], m.get("text")) for m in server.sent] == [
        ("Hi <b>&", "<p>&lt;b&gt;&amp;</p>", "<b>&"),
        ("Hi b@x.co", "<p>b@x.co</p>", "b@x.co"),
        ("Hi client", "<p>client</p>", None),
    ]


def test_bulk_goes_on_behind_the_last_batch_that_was_sent(
    server: FakeResend, resend: Resend
) -> None:
    first = context()
    server.script = [
        Scripted(status=0, cut=False, late_s=1e-9),
        Scripted(503, error(503, "x", "x")),
    ]
    with pytest.raises(TransientError):
        send_bulk(bulk_mail(250), job=first, mailer=resend)
    line = Line()

    second = context(line, first.last_progress)
    result = send_bulk(bulk_mail(250), job=second, mailer=resend)

    assert result == {"success": True, "sent": 250, "failed": 0, "batches": 3}
    assert [m["to"][0] for m in server.sent] == [f"u{i}@example.com" for i in range(250)]
    assert line.logged == ["going on behind batch 1 of 3"]


def test_a_batch_whose_answer_was_lost_is_not_sent_twice(
    server: FakeResend, resend: Resend
) -> None:
    server.script = [Scripted(cut=True)]
    first = context()
    with pytest.raises(OutcomeUnknown):
        send_bulk(bulk_mail(150), job=first, mailer=resend)

    result = send_bulk(bulk_mail(150), job=context(None, first.last_progress), mailer=resend)

    assert (result["sent"], len(server.sent)) == (150, 150)


def test_refused_recipients_are_counted_and_logged_without_their_address(
    server: FakeResend, resend: Resend
) -> None:
    server.invalid = {"u3@example.com", "u120@example.com"}
    line = Line()

    result = send_bulk(bulk_mail(150), job=context(line), mailer=resend)

    assert (result["sent"], result["failed"], len(server.sent)) == (148, 2, 148)
    assert line.logged == [
        "recipient 4 was refused: Invalid `to` field.",
        "recipient 121 was refused: Invalid `to` field.",
    ]


def test_a_cancelled_bulk_stops_between_batches(server: FakeResend, resend: Resend) -> None:
    line = Line()
    line.stopped = True

    with pytest.raises(Exception, match="stopped with 0 of 1 batches"):
        send_bulk(bulk_mail(5), job=context(line), mailer=resend)

    assert server.sent == []


# --- attachments


def test_a_document_of_the_data_folder_goes_along(
    server: FakeResend, resend: Resend, settings: Settings
) -> None:
    path = settings.data_folder / "pdf" / "j1.pdf"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"%PDF-1.7")
    mail = TransactionalMail.model_validate(
        {
            **MAIL,
            "document": {"path": str(path), "filename": "INV-1.pdf"},
            "attachments": [{"path": "pdf/j1.pdf"}, {"filename": "a.txt", "content": "YQ=="}],
        }
    )

    result = send_transactional(mail, key="k", mailer=resend, settings=settings)

    assert result == {"success": True, "messageId": "id-1"}
    assert [(a["filename"], a["content"]) for a in server.sent[0]["attachments"]] == [
        ("j1.pdf", "JVBERi0xLjc="),
        ("a.txt", "YQ=="),
        ("INV-1.pdf", "JVBERi0xLjc="),
    ]


@pytest.mark.parametrize(
    "path",
    [
        "../secret",
        "/etc/hostname",
        "link",
        "folder/../../secret",
        "pipe",
        "folder",
        "nothing",
        "a\0b",
    ],
)
def test_no_other_file_can_be_attached(
    server: FakeResend, resend: Resend, settings: Settings, path: str
) -> None:
    data = settings.data_folder
    (data / "folder").mkdir(parents=True)
    (data.parent / "secret").write_text("canary")
    (data / "link").symlink_to(data.parent / "secret")
    os.mkfifo(data / "pipe")
    mail = TransactionalMail.model_validate({**MAIL, "attachments": [{"path": path}]})

    with pytest.raises(PermanentError):
        send_transactional(mail, key="k", mailer=resend, settings=settings)

    assert server.requests == []


# --- through a worker


@contextmanager
def running_worker(environment: dict[str, str]) -> Iterator[None]:
    """A real worker of all queues, as an operator starts one."""
    code = (
        "from huey.bin.huey_consumer import consumer_main; import sys;"
        "sys.argv = ['huey_consumer', 'jobdesk.tasks.huey', '-w', '4']; consumer_main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stderr=subprocess.PIPE
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        _, complaints = process.communicate(timeout=40)
        sys.stderr.write(complaints.decode())  # shown where the test fails


@pytest.fixture
def worker(environment: dict[str, str]) -> Iterator[None]:
    with running_worker(environment):
        yield


@pytest.mark.usefixtures("worker")
def test_an_invoice_is_made_and_mailed_in_one_pipeline(settings: Settings) -> None:
    made = pdf.invoice.s(**INVOICE).then(email.transactional, **MAIL)

    steps = pdf.queue.enqueue(made)

    document, sent = steps.get(blocking=True, timeout=60)
    [mail] = until(lambda: list((settings.data_folder / "outbox").glob("*.eml")))
    assert (document["document"]["pages"], sent["success"]) == (1, True)
    found = message_from_bytes(mail.read_bytes(), policy=default)
    [attachment] = found.iter_attachments()  # type: ignore[attr-defined]  # an EmailMessage
    assert (attachment.get_filename(), attachment.get_content()[:5]) == (
        "INV-2024-001.pdf",
        b"%PDF-",
    )


@pytest.mark.usefixtures("worker")
def test_the_types_run_as_jobs(settings: Settings, broker: Broker) -> None:
    temp = settings.data_folder / "tmp" / "a"
    temp.parent.mkdir(parents=True)
    temp.write_text("x")
    os.utime(temp, (1, 1))

    sent = email.transactional(**MAIL)
    many = email.bulk(recipients=[{"email": "a@x.co"}, {"email": "b@x.co"}], subject="s", text="t")
    document = pdf.invoice(**INVOICE)
    cleaned = cleanup.temp_files()

    assert sent.wait(timeout=60)["success"] is True
    assert many.wait(timeout=60) == {"success": True, "sent": 2, "failed": 0, "batches": 1}
    made = document.wait(timeout=60)["document"]
    assert Path(made["path"]).read_bytes()[:5] == b"%PDF-"
    assert (made["filename"], made["pages"]) == ("INV-2024-001.pdf", 1)
    assert cleaned.wait(timeout=60)["files"] == 1
    assert not temp.exists()
    assert clean_failed(86_400, dry_run=True, broker=broker) == {"removed": 0, "queues": {}}


@pytest.mark.usefixtures("settings")
def test_a_mail_survives_trouble_and_lost_answers_and_is_sent_once(
    server: FakeResend, environment: dict[str, str], broker: Broker
) -> None:
    server.script = [
        Scripted(503, error(503, "internal_server_error", "sorry")),
        Scripted(cut=True),
        Scripted(429, error(429, "rate_limit_exceeded", "wait"), {"retry-after": "1"}),
    ]
    live = {
        **environment,
        "JOBDESK_DELIVERY": "live",
        "RESEND_API_KEY": API_KEY,
        "RESEND_BASE_URL": server.url,
        "FROM_EMAIL": "noreply@traf3li.com",
    }

    with running_worker(live):
        handle = email.transactional.options(backoff="fixed:0.1")(**MAIL)
        result = handle.wait(timeout=60)

    status = Inspector(broker).status("email", handle.id)
    assert result == {"success": True, "messageId": "id-1"}
    assert (len(server.requests), len(server.sent)) == (4, 1)
    assert status.attempts_made == 3  # the full rate cost none


@pytest.mark.usefixtures("settings")
def test_a_provider_that_is_not_configured_fails_its_job_at_once(
    environment: dict[str, str], broker: Broker
) -> None:
    with running_worker({**environment, "JOBDESK_DELIVERY": "live"}):
        handle = email.transactional(**MAIL)
        with pytest.raises(JobFailed, match="NotConfigured: set RESEND_API_KEY"):
            handle.wait(timeout=60)

    assert Inspector(broker).status("email", handle.id).attempts_made == 1


def until(look: Any, seconds: float = 60) -> Any:
    """What ``look`` finds, as soon as it finds something."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return found
