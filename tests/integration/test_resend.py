"""Mail by Resend, against a server on this machine that checks what the real one checks."""

from __future__ import annotations

import logging
import socket
import time
from email.utils import formatdate
from typing import TYPE_CHECKING

import pytest

from jobdesk.errors import (
    InvalidSetting,
    NotConfigured,
    OutcomeUnknown,
    PermanentError,
    RetryLater,
    TransientError,
)
from jobdesk.providers.http import retry_after
from jobdesk.providers.mail import Attachment, Message
from jobdesk.providers.mailers import mailer
from jobdesk.providers.resend import Resend, header_key
from jobdesk.settings import load
from tests import resend_server
from tests.resend_server import API_KEY, FakeResend, Scripted, error

if TYPE_CHECKING:
    from collections.abc import Iterator

SENDER = "Traf3li <noreply@traf3li.com>"


@pytest.fixture
def server() -> Iterator[FakeResend]:
    with resend_server.running() as running:
        yield running


@pytest.fixture
def resend(server: FakeResend) -> Iterator[Resend]:
    client = Resend(api_key=API_KEY, base_url=server.url, sender=SENDER, timeout_s=5)
    yield client
    client.close()


def mail(**changes: object) -> Message:
    values: dict[str, object] = {
        "sender": SENDER,
        "to": ("client@example.com",),
        "subject": "فاتورة رقم 12345",
        "html": "<h1>Your invoice is ready</h1>",
    }
    return Message(**{**values, **changes})  # type: ignore[arg-type]


# --- done


def test_a_mail_is_sent_with_all_that_it_has(server: FakeResend, resend: Resend) -> None:
    message = mail(
        text="",
        cc=("a@example.com",),
        bcc=("b@example.com",),
        reply_to=("support@traf3li.com",),
        tags={"kind": "invoice"},
        attachments=(Attachment(filename="a.pdf", content=b"%PDF-1.7"),),
    )

    message_id = resend.send(message, key="email:j1:0")

    path, headers, body = server.requests[0]
    assert message_id == "id-1"
    assert (path, headers["idempotency-key"]) == ("/emails", "email:j1:0")
    assert body == {
        "from": SENDER,
        "to": ["client@example.com"],
        "subject": "فاتورة رقم 12345",
        "html": "<h1>Your invoice is ready</h1>",
        "text": "",
        "cc": ["a@example.com"],
        "bcc": ["b@example.com"],
        "reply_to": ["support@traf3li.com"],
        "tags": [{"name": "kind", "value": "invoice"}],
        "attachments": [
            {"filename": "a.pdf", "content": "JVBERi0xLjc=", "content_type": "application/pdf"}
        ],
    }


def test_the_same_key_and_body_send_one_mail(server: FakeResend, resend: Resend) -> None:
    first = resend.send(mail(), key="email:j1:0")
    second = resend.send(mail(), key="email:j1:0")

    assert (first, second, len(server.sent)) == ("id-1", "id-1", 1)


def test_a_batch_goes_in_one_request_and_names_who_was_refused(
    server: FakeResend, resend: Resend
) -> None:
    server.invalid = {"u7@example.com"}
    messages = [mail(to=(f"u{i}@example.com",)) for i in range(100)]

    result = resend.send_batch(messages, key="email:j1:0/batch-1")

    assert [path for path, _, _ in server.requests] == ["/emails/batch"]
    assert len(result.ids) == 99
    assert dict(result.refused) == {7: "Invalid `to` field."}


def test_a_batch_over_100_or_with_attachments_is_refused_before_it_is_sent(
    server: FakeResend, resend: Resend
) -> None:
    with pytest.raises(PermanentError, match="1 to 100"):
        resend.send_batch([mail()] * 101, key="k")
    with pytest.raises(PermanentError, match="attachments"):
        resend.send_batch([mail(attachments=(Attachment(filename="a", content=b""),))], key="k")

    assert server.requests == []


def test_after_the_last_call_of_a_second_the_next_one_holds_still(
    server: FakeResend, resend: Resend
) -> None:
    server.remaining = 0
    resend.send(mail(), key="one")
    server.remaining = 10

    started = time.monotonic()
    resend.send(mail(), key="two")

    assert time.monotonic() - started > 0.8


# --- permanent


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "validation_error"),
        (401, "missing_api_key"),
        (403, "invalid_api_key"),
        (404, "not_found"),
        (405, "method_not_allowed"),
        (409, "invalid_idempotent_request"),
        (422, "missing_required_field"),
        (429, "monthly_quota_exceeded"),
        (301, "moved"),
    ],
)
def test_what_will_never_work_is_permanent(
    server: FakeResend, resend: Resend, status: int, name: str
) -> None:
    server.script = [Scripted(status, error(status, name, "no"), {"Location": server.url + "/x"})]

    with pytest.raises(PermanentError):
        resend.send(mail(), key="k")

    assert len(server.requests) == 1


def test_another_body_under_the_same_key_is_not_sent(server: FakeResend, resend: Resend) -> None:
    resend.send(mail(), key="k")

    with pytest.raises(PermanentError, match="sent before with other content"):
        resend.send(mail(subject="other"), key="k")
    assert len(server.sent) == 1


def test_a_wrong_key_is_told_to_the_operator_and_shown_to_nobody(
    server: FakeResend, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = Resend(api_key="re_wrong_key_123456", base_url=server.url, sender=SENDER)

    with caplog.at_level(logging.ERROR), pytest.raises(PermanentError) as caught:
        wrong.send(mail(), key="k")
    wrong.close()

    assert "refuses our credentials" in caplog.text
    assert "re_wrong" not in caplog.text + str(caught.value)
    assert "[redacted]" in str(caught.value)


# --- transient


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_trouble_over_there_is_transient(server: FakeResend, resend: Resend, status: int) -> None:
    server.script = [Scripted(status, error(status, "internal_server_error", "sorry"))]

    with pytest.raises(TransientError) as caught:
        resend.send(mail(), key="k")

    assert isinstance(caught.value, RetryLater)
    assert (caught.value.delay, caught.value.counts) == (None, True)
    assert resend.send(mail(), key="k") == "id-1"


def test_a_full_rate_names_the_delay_and_costs_no_attempt(
    server: FakeResend, resend: Resend
) -> None:
    body = error(429, "rate_limit_exceeded", "slow down")
    server.script = [Scripted(429, body, {"retry-after": "7"})]

    with pytest.raises(TransientError) as caught:
        resend.send(mail(), key="k")

    assert (caught.value.delay, caught.value.counts) == (7.0, False)


def test_a_used_up_day_rests_for_hours(server: FakeResend, resend: Resend) -> None:
    server.script = [Scripted(429, error(429, "daily_quota_exceeded", "tomorrow"))]

    with pytest.raises(TransientError) as caught:
        resend.send(mail(), key="k")

    assert (caught.value.delay, caught.value.counts) == (4 * 3600, False)


def test_the_same_key_at_work_elsewhere_is_transient(server: FakeResend, resend: Resend) -> None:
    server.script = [Scripted(409, error(409, "concurrent_idempotent_requests", "wait"))]

    with pytest.raises(TransientError):
        resend.send(mail(), key="k")


@pytest.mark.parametrize(
    ("header", "delay"),
    [
        ("30", 30.0),
        ("0", 1.0),
        ("-5", 1.0),
        ("1.5", 1.5),
        ("999999", 3600.0),
        ("inf", 3600.0),
        ("nan", None),
        ("soon", None),
        ("", None),
        (formatdate(1_800_000_090, usegmt=True), 90.0),
        (formatdate(1_700_000_000, usegmt=True), 1.0),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date_and_kept_in_bounds(
    header: str, delay: float | None
) -> None:
    assert retry_after({"retry-after": header}, now_s=1_800_000_000) == delay


def test_nobody_listening_is_transient_and_nothing_was_sent() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        client = Resend(
            api_key=API_KEY, base_url=f"http://127.0.0.1:{taken.getsockname()[1]}", sender=SENDER
        )

        with pytest.raises(TransientError, match="nothing was sent") as caught:
            client.send(mail(), key="k")
        client.close()

    assert not isinstance(caught.value, OutcomeUnknown)


# --- unknown


def test_a_cut_connection_is_unknown_and_the_retry_sends_no_second_mail(
    server: FakeResend, resend: Resend
) -> None:
    server.script = [Scripted(cut=True)]

    with pytest.raises(OutcomeUnknown):
        resend.send(mail(), key="k")
    message_id = resend.send(mail(), key="k")

    assert (message_id, len(server.sent), len(server.requests)) == ("id-1", 1, 2)


def test_a_late_answer_is_unknown_and_the_retry_sends_no_second_mail(server: FakeResend) -> None:
    server.script = [Scripted(late_s=5)]
    client = Resend(api_key=API_KEY, base_url=server.url, sender=SENDER, timeout_s=0.3)

    with pytest.raises(OutcomeUnknown):
        client.send(mail(), key="k")
    message_id = client.send(mail(), key="k")
    client.close()

    assert (message_id, len(server.sent)) == ("id-1", 1)


@pytest.mark.parametrize("raw", ["<html>ok</html>", "", "[]", '{"id": 5}', '{"id": "a"'])
def test_an_answer_that_cannot_be_read_is_unknown(
    server: FakeResend, resend: Resend, raw: str
) -> None:
    server.script = [Scripted(200, raw=raw)]

    with pytest.raises(OutcomeUnknown):
        resend.send(mail(), key="k")


def test_an_endless_answer_is_not_read_to_its_end(server: FakeResend, resend: Resend) -> None:
    server.script = [Scripted(200, raw='{"id": "' + "x" * 3_000_000 + '"}')]

    with pytest.raises(OutcomeUnknown):
        resend.send(mail(), key="k")


# --- not configured


@pytest.mark.parametrize(
    ("values", "variable"),
    [
        ({"from_email": "a@b.example"}, "RESEND_API_KEY"),
        ({"resend_api_key": API_KEY}, "FROM_EMAIL"),
        ({"resend_api_key": "re_with blank", "from_email": "a@b.example"}, "RESEND_API_KEY"),
    ],
)
def test_what_is_not_configured_names_the_variable(values: dict[str, str], variable: str) -> None:
    with pytest.raises(NotConfigured, match=f"set {variable}") as caught:
        mailer(load(**values))

    assert API_KEY not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.resend.com",
        "ftp://127.0.0.1",
        "https://user:secret@api.resend.com",
        "https://api.resend.com?key=secret",
        "https://",
        "api.resend.com",
        "https://a:b",
    ],
)
def test_a_base_url_is_https_or_on_this_machine(url: str) -> None:
    with pytest.raises(InvalidSetting, match="RESEND_BASE_URL") as caught:
        Resend(api_key=API_KEY, base_url=url, sender=SENDER)

    assert "secret" not in str(caught.value)


def test_settings_make_a_resend_that_sends(server: FakeResend) -> None:
    made = mailer(
        load(
            resend_api_key=API_KEY,
            resend_base_url=server.url,
            from_email="noreply@traf3li.com",
            from_name="Traf3li, Legal",
        )
    )

    made.send(mail(sender=made.sender), key="k")

    assert server.sent[0]["from"] == '"Traf3li, Legal" <noreply@traf3li.com>'


def test_a_key_that_no_header_carries_becomes_a_digest_of_itself() -> None:
    assert header_key("email:j1:0") == "email:j1:0"
    assert header_key("وظيفة") == header_key("وظيفة")
    assert header_key("وظيفة") != header_key("x" * 300)
    assert len(header_key("x" * 300)) <= 256
