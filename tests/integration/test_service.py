"""The original's conveniences: what each makes of its arguments."""

from __future__ import annotations

import pytest

from jobdesk import Backoff, JobOptions, QueueService
from jobdesk.errors import BadInput, InvalidJobData, UnknownType

MAIL = {"to": "client@example.com", "subject": "Invoice", "html": "<p>x</p>"}


@pytest.fixture
def service(settings) -> QueueService:
    return QueueService()


def test_a_mail_is_told_by_fields_by_an_object_or_by_both(service):
    by_fields = service.send_email(**MAIL, reply_to="a@example.com")
    by_object = service.send_email({**MAIL, "replyTo": "a@example.com"})
    by_both = service.send_email(MAIL, reply_to="a@example.com")

    wanted = {**MAIL, "replyTo": "a@example.com"}
    for handle in (by_fields, by_object, by_both):
        job = service.get_job("email", handle.id)
        assert (job.type, job.data) == ("transactional", wanted)


def test_job_options_stand_among_the_fields_of_a_mail_or_behind_it(service):
    service.send_email(**MAIL, priority=1, delay=60, job_id="m1")
    service.send_email(MAIL, {"priority": 3, "timeout": 5}, job_id="m2")
    service.send_email(MAIL, JobOptions(priority=3), priority=1, job_id="m3")

    jobs = [service.get_job("email", job_id) for job_id in ("m1", "m2", "m3")]
    assert [job.priority for job in jobs] == [1, 3, 1]
    assert [job.state for job in jobs] == ["delayed", "waiting", "waiting"]
    assert jobs[1].options.timeout == 5
    assert all(job.data == MAIL for job in jobs)


def test_a_field_that_no_mail_has_is_refused(service):
    with pytest.raises(InvalidJobData, match=r"data\.subjct"):
        service.send_email(to="a@example.com", subjct="x", html="x")
    with pytest.raises(InvalidJobData):
        service.send_email("a@example.com")

    assert service.get_queue_stats("email").waiting == 0


def test_bulk_mails_are_one_job(service):
    people = [{"email": "u1@example.com", "name": "One"}, {"email": "u2@example.com"}]

    handle = service.send_bulk_emails(
        people, "News", "<p>{{name}}</p>", {"priority": 9}, default_name="you"
    )

    job = service.get_job("email", handle.id)
    assert (job.type, job.priority) == ("bulk", 9)
    assert job.data == {
        "recipients": people,
        "subject": "News",
        "html": "<p>{{name}}</p>",
        "defaultName": "you",
    }


def test_a_pdf_is_an_invoice_unless_told_otherwise(service):
    data = {"invoiceData": {"invoiceNumber": "1", "clientName": "C", "items": [], "totalAmount": 1}}
    handle = service.generate_pdf(data, options={"priority": 1}, attempts=4)

    job = service.get_job("pdf", handle.id)
    assert (job.type, job.priority, job.attempts) == ("invoice", 1, 4)


def test_a_cleanup_needs_no_data(service):
    handle = service.schedule_cleanup("temp-files", backoff=Backoff.fixed(1))

    job = service.get_job("cleanup", handle.id)
    assert (job.type, job.data, job.priority) == ("temp-files", {}, 9)


@pytest.mark.parametrize(
    ("send", "says"),
    [
        (lambda s: s.send_notification({"userId": "u"}, "pusch"), "did you mean 'push'"),
        (lambda s: s.generate_report({}, "finances"), "'finances' in queue report"),
        (lambda s: s.schedule_sync("payment-state", {}), "did you mean 'payment-status'"),
        (lambda s: s.generate_pdf({}, "invioce"), "did you mean 'invoice'"),
    ],
)
def test_types_that_are_not_there_are_refused_by_name(service, send, says):
    with pytest.raises(UnknownType, match=says):
        send(service)


def test_bulls_own_options_are_taken_only_by_name(service):
    service.schedule_cleanup("old-logs", None, JobOptions.from_bull({"delay": 5000}), job_id="b1")

    job = service.get_job("cleanup", "b1")
    assert job.run_at_ms - job.added_ms == 5000
    with pytest.raises(BadInput):
        service.schedule_cleanup("old-logs", None, {"removeOnFail": True})
