"""Mails by template and of campaigns, at a Resend that checks what the real one checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from jobdesk import settings as settings_module
from jobdesk.engine.queue import Queue
from jobdesk.errors import (
    InvalidJobData,
    NotConfigured,
    OutcomeUnknown,
    PermanentError,
    TransientError,
)
from jobdesk.providers import http
from jobdesk.providers.mailers import mailer
from jobdesk.settings import Settings
from jobdesk.tasks import email
from jobdesk.tasks.mailing.campaign import send_campaign
from jobdesk.tasks.mailing.data import CampaignMail, TemplateMail
from jobdesk.tasks.mailing.single import send_template
from tests import resend_server
from tests.resend_server import API_KEY, FakeResend, Scripted, error

TEMPLATE: dict[str, Any] = {
    "to": "client@example.com",
    "templateId": "invoice-ready",
    "templateData": {"clientName": "Al Noor & <Co>", "invoiceNumber": "INV-7", "totalAmount": 1150},
    "subject": "Invoice INV-7",
}
CAMPAIGN: dict[str, Any] = {
    "campaignId": "spring-2026",
    "recipient": "Sara <sara+news@example.com>",
    "subject": "News for {{name}}",
    "html": '<p>Hello {{name}}</p><a href="{{unsubscribeUrl}}">leave</a>',
    "trackingId": "t-81723",
}
LEAVE = (
    "https://example.com/leave?t={trackingId}&m={email} "
    "mailto:leave@example.com?subject={campaignId}"
)


@pytest.fixture
def server() -> Iterator[FakeResend]:
    with resend_server.running() as running:
        yield running


@pytest.fixture
def live(settings: Settings, server: FakeResend) -> Iterator[Settings]:
    """Settings with which mail goes to the fake Resend."""
    made = settings.model_copy(
        update={
            "delivery": "live",
            "resend_api_key": SecretStr(API_KEY),
            "resend_base_url": server.url,
            "resend_timeout": 5.0,
            "from_email": "noreply@traf3li.com",
            "unsubscribe": LEAVE,
        }
    )
    settings_module.use(made)
    yield made
    http.close_all()


def by_template(settings: Settings, key: str = "email:j1:0", **changes: Any) -> dict[str, Any]:
    mail = TemplateMail.model_validate({**TEMPLATE, **changes})
    return send_template(mail, key=key, mailer=mailer(settings), settings=settings)


def of_campaign(settings: Settings, key: str = "email:j1:0", **changes: Any) -> dict[str, Any]:
    mail = CampaignMail.model_validate({**CAMPAIGN, **changes})
    return send_campaign(mail, key=key, mailer=mailer(settings), settings=settings)


# --- what both have in common

Send = Callable[..., dict[str, Any]]
both = pytest.mark.parametrize("send", [by_template, of_campaign])


@both
def test_done(server: FakeResend, live: Settings, send: Send) -> None:
    result = send(live)

    assert (result["success"], result["messageId"]) == (True, "id-1")
    assert server.requests[0][1]["idempotency-key"] == "email:j1:0"
    assert server.sent[0]["from"] == "noreply@traf3li.com"


@both
def test_what_resend_will_never_take_fails_for_good(
    server: FakeResend, live: Settings, send: Send
) -> None:
    server.invalid = {"client@example.com", "sara+news@example.com"}

    with pytest.raises(PermanentError, match="Invalid `to` field"):
        send(live)


@both
def test_trouble_passes_and_resend_says_when(
    server: FakeResend, live: Settings, send: Send
) -> None:
    server.script = [
        Scripted(503, error(503, "application_error", "x"), {"retry-after": "17"}),
        Scripted(429, error(429, "rate_limit_exceeded", "x"), {"retry-after": "2"}),
    ]

    with pytest.raises(TransientError) as trouble:
        send(live)
    with pytest.raises(TransientError) as limited:
        send(live)

    assert (trouble.value.delay, trouble.value.counts) == (17, True)
    assert (limited.value.delay, limited.value.counts) == (2, False)
    assert send(live)["messageId"] == "id-1"


@both
def test_a_lost_answer_is_asked_for_again_and_no_second_mail_goes_out(
    server: FakeResend, live: Settings, send: Send
) -> None:
    server.script = [Scripted(cut=True)]

    with pytest.raises(OutcomeUnknown):
        send(live)

    assert send(live)["messageId"] == "id-1"
    assert len(server.sent) == 1


@both
def test_without_a_key_nothing_is_pretended(settings: Settings, send: Send) -> None:
    bare = settings.model_copy(update={"delivery": "live", "from_email": "a@example.com"})

    with pytest.raises(NotConfigured, match="set RESEND_API_KEY"):
        send(bare)


@pytest.mark.parametrize(
    ("kind", "priority"),
    [("transactional", 2), ("bulk", 7), ("template", 4), ("campaign", 4)],
)
def test_mails_that_somebody_waits_for_go_first(kind: str, priority: int) -> None:
    queue: Queue = email.queue

    assert queue.types[kind].job_defaults.priority == priority


# --- by template


def test_a_template_is_filled_escaped_and_read_as_text(server: FakeResend, live: Settings) -> None:
    by_template(live)

    sent = server.sent[0]
    assert "Dear Al Noor &amp; &lt;Co&gt;," in sent["html"]
    assert "SAR\u00a01,150.00" in sent["html"]
    assert "Dear Al Noor & <Co>," in sent["text"]
    assert "your invoice INV-7 of SAR 1,150.00 is ready." in sent["text"].replace("\u00a0", " ")
    assert sent["subject"] == "Invoice INV-7"


def test_our_templates_speak_arabic(server: FakeResend, live: Settings) -> None:
    data = {**TEMPLATE["templateData"], "language": "ar", "link": "https://example.com/i/7"}
    by_template(live, templateData=data)
    by_template(live, "k2", templateId="welcome", templateData={"name": "سارة", "language": "ar"})

    assert 'dir="rtl"' in server.sent[0]["html"]
    assert "عرض الفاتورة <https://example.com/i/7>" in server.sent[0]["text"]
    assert "أهلًا سارة" in server.sent[1]["text"]


def test_a_firms_own_templates_go_first_and_may_have_a_text_of_their_own(
    server: FakeResend, live: Settings, tmp_path: Path
) -> None:
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail/invoice-ready.html").write_text("<p>Own {{ clientName }}</p>")
    (tmp_path / "mail/invoice-ready.txt").write_text(
        "Own {{ clientName }}, {{ 1150 | cell | money }}"
    )
    (tmp_path / "mail/layout.html").write_text("<main>{% block body %}{% endblock %}</main>")
    (tmp_path / "mail/plain.txt").write_text("Only text")
    own = live.model_copy(update={"templates": tmp_path})

    by_template(own)
    by_template(own, "k2", templateId="welcome", templateData={"name": "Sara"})
    by_template(own, "k3", templateId="plain")

    first, second, third = server.sent
    assert first["html"] == "<p>Own Al Noor &amp; &lt;Co&gt;</p>"
    assert first["text"] == "Own Al Noor & <Co>, SAR 1,150.00"
    assert second["html"].startswith("<main>")
    assert ("html" in third, third["text"]) == (False, "Only text")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"templateId": "nothing-of-the-kind"}, "there is no template mail/nothing-of-the-kind"),
        ({"templateData": {"clientName": "x"}}, "'totalAmount' is undefined"),
        (
            {"templateData": {**TEMPLATE["templateData"], "totalAmount": "much"}},
            "much' is no number",
        ),
    ],
)
def test_a_template_that_cannot_be_filled_fails_for_good_and_sends_nothing(
    server: FakeResend, live: Settings, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(PermanentError, match=said):
        by_template(live, **changes)

    assert server.requests == []


def test_a_template_that_resend_keeps_is_named_and_given_its_values(
    server: FakeResend, live: Settings
) -> None:
    server.templates = {"welcome-mail": "Welcome"}
    kept = {"templateId": "resend:welcome-mail", "templateData": {"NAME": "Sara", "COUNT": 3}}

    by_template(live, **kept, subject=None)

    sent = server.sent[0]
    assert sent["template"] == {"id": "welcome-mail", "variables": {"NAME": "Sara", "COUNT": 3}}
    assert not {"html", "text", "subject"} & set(sent)
    with pytest.raises(PermanentError, match="Template not found"):
        by_template(live, "k2", templateId="resend:other")


def test_the_outbox_says_which_template_it_would_have_been(settings: Settings) -> None:
    by_template(settings, templateId="resend:welcome-mail", templateData={"NAME": "Sara"})

    (path,) = (settings.data_folder / "outbox").iterdir()
    body = message_from_bytes(path.read_bytes(), policy=policy.default).get_content()
    assert body.splitlines() == ["[template welcome-mail]", "NAME: Sara"]


def test_a_document_goes_along(server: FakeResend, live: Settings) -> None:
    path = live.data_folder / "pdf" / "j1.pdf"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"%PDF-1.7")

    by_template(live, document={"path": str(path), "filename": "INV-7.pdf"})

    assert [one["filename"] for one in server.sent[0]["attachments"]] == ["INV-7.pdf"]


# --- of a campaign


def test_a_campaigns_mail_can_be_left_with_one_click(server: FakeResend, live: Settings) -> None:
    result = of_campaign(live)

    sent = server.sent[0]
    url = "https://example.com/leave?t=t-81723&m=sara%2Bnews%40example.com"
    assert sent["headers"] == {
        "List-Unsubscribe": f"<{url}>, <mailto:leave@example.com?subject=spring-2026>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    assert sent["tags"] == [
        {"name": "campaignId", "value": "spring-2026"},
        {"name": "trackingId", "value": "t-81723"},
    ]
    assert (sent["to"], sent["subject"]) == (["sara+news@example.com"], "News for Sara")
    assert f'<a href="{url.replace("&", "&amp;")}">' in sent["html"]
    assert (result["campaignId"], result["trackingId"]) == ("spring-2026", "t-81723")


def test_one_click_is_promised_only_where_there_is_an_address_for_it(
    server: FakeResend, live: Settings
) -> None:
    of_campaign(live.model_copy(update={"unsubscribe": "mailto:leave@example.com"}))

    assert server.sent[0]["headers"] == {"List-Unsubscribe": "<mailto:leave@example.com>"}


@pytest.mark.parametrize(
    ("unsubscribe", "said"),
    [
        (None, "set JOBDESK_UNSUBSCRIBE"),
        ("http://example.com/leave", "it must be an https:// URL"),
        ("mailto:nobody", "it must be an https:// URL"),
        ("https://example.com/{password}", "knows {trackingId}"),
        ("https://example.com/>,<x", "it must be an https:// URL"),
    ],
)
def test_a_campaign_that_cannot_be_left_is_not_sent(
    server: FakeResend, live: Settings, unsubscribe: str | None, said: str
) -> None:
    with pytest.raises(NotConfigured, match=said):
        of_campaign(live.model_copy(update={"unsubscribe": unsubscribe}))

    assert server.requests == []


def test_the_outbox_shows_the_way_out_too(settings: Settings) -> None:
    of_campaign(settings, recipient={"email": "sara@example.com"})

    (path,) = (settings.data_folder / "outbox").iterdir()
    mail = message_from_bytes(path.read_bytes(), policy=policy.default)
    assert mail["List-Unsubscribe"] == "<mailto:jobdesk@localhost?subject=unsubscribe>"
    assert mail["Subject"] == "News for sara@example.com"


# --- what is refused when it is added


@pytest.mark.parametrize(
    ("kind", "changes", "said"),
    [
        ("template", {"templateId": "../secret"}, "data.templateId"),
        ("template", {"templateId": "mail/x"}, "data.templateId"),
        ("template", {"subject": None}, "subject is needed"),
        ("template", {"subject": "a\nBcc: x@example.com"}, "one line"),
        ("template", {"to": "nobody"}, "e-mail address"),
        ("template", {"templateData": {"a b": 1}}, "no template can name"),
        ("template", {"templateData": {"__class__.x": 1}}, "no template can name"),
        ("template", {"templateId": "resend:x", "templateData": {"a": [1]}}, "a text or a number"),
        ("template", {"templateDate": {}}, "templateDate"),
        ("campaign", {"recipient": "nobody"}, "e-mail address"),
        ("campaign", {"recipient": "a@example.com, b@example.com"}, "e-mail address"),
        ("campaign", {"campaignId": "spring 2026"}, "data.campaignId"),
        ("campaign", {"trackingId": "a\r\nb"}, "data.trackingId"),
        ("campaign", {"html": "{{nam}}"}, "{{name}}, {{email}} and {{unsubscribeUrl}}"),
        ("campaign", {"subject": "a\r\nb"}, "one line"),
        ("campaign", {"recipients": []}, "recipients"),
    ],
)
def test_data_that_cannot_be_a_mail_is_refused_before_it_is_queued(
    kind: str, changes: dict[str, Any], said: str
) -> None:
    data = {**(TEMPLATE if kind == "template" else CAMPAIGN), **changes}
    queue: Queue = email.queue

    with pytest.raises(InvalidJobData) as refused:
        queue.types[kind].signature.bind((), data)

    assert said in str(refused.value)


@pytest.mark.parametrize("kind", ["template", "campaign"])
def test_data_as_the_original_sends_it_is_stored_as_it_is(kind: str) -> None:
    data = TEMPLATE if kind == "template" else CAMPAIGN
    queue: Queue = email.queue

    assert queue.types[kind].signature.bind((), data) == data
