"""Mail written to files, as a mail reader finds it."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jobdesk.errors import PermanentError
from jobdesk.providers.mail import Attachment, Message, fill, plain_text
from jobdesk.providers.mailers import mailer
from jobdesk.providers.outbox import Outbox
from jobdesk.settings import load

if TYPE_CHECKING:
    from email.message import EmailMessage

SENDER = '"ترافعلي" <noreply@traf3li.com>'


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path / "outbox", sender=SENDER)


def mail(**changes: object) -> Message:
    values: dict[str, object] = {
        "sender": SENDER,
        "to": ("Client <client@example.com>", "b@example.com"),
        "subject": "فاتورة رقم 12345",
        "html": "<h1>Hello</h1><p>Your <b>invoice</b></p>",
    }
    return Message(**{**values, **changes})  # type: ignore[arg-type]


def read(outbox: Outbox, name: str) -> EmailMessage:
    return message_from_bytes((outbox.folder / name).read_bytes(), policy=default)  # type: ignore[return-value]


def test_a_mail_reader_finds_headers_both_texts_and_the_files(outbox: Outbox) -> None:
    message_id = outbox.send(
        mail(
            cc=("c@example.com",),
            bcc=("d@example.com",),
            reply_to=("support@traf3li.com",),
            tags={"kind": "invoice"},
            attachments=(
                Attachment(filename="فاتورة.pdf", content=b"%PDF-1.7"),
                Attachment(filename="notes", content=b"\x00\x01"),
            ),
        ),
        key="email:j1:0",
    )

    found = read(outbox, "email-j1-0.eml")
    assert found["From"] == "ترافعلي <noreply@traf3li.com>"
    assert found["To"] == "Client <client@example.com>, b@example.com"
    assert (found["Cc"], found["Bcc"]) == ("c@example.com", "d@example.com")
    assert (found["Reply-To"], found["X-Tag"]) == ("support@traf3li.com", "kind=invoice")
    assert found["Subject"] == "فاتورة رقم 12345"
    assert found["Message-ID"] == f"<{message_id}>"
    assert message_id.endswith("@traf3li.com")
    assert found["Date"].datetime.tzinfo is not None
    html, text = found.get_body(("html",)), found.get_body(("plain",))
    assert html is not None
    assert text is not None
    assert html.get_content().strip() == "<h1>Hello</h1><p>Your <b>invoice</b></p>"
    assert text.get_content().split() == ["Hello", "Your", "invoice"]
    assert [(a.get_filename(), a.get_content_type(), a.get_content()) for a in
            found.iter_attachments()] == [
        ("فاتورة.pdf", "application/pdf", b"%PDF-1.7"),
        ("notes", "application/octet-stream", b"\x00\x01"),
    ]  # fmt: skip


def test_the_same_key_writes_the_same_file_again(outbox: Outbox) -> None:
    first = outbox.send(mail(), key="email:j1:0")
    second = outbox.send(mail(), key="email:j1:0")
    other = outbox.send(mail(), key="email:j1:1")

    assert first == second != other
    assert sorted(p.name for p in outbox.folder.iterdir()) == ["email-j1-0.eml", "email-j1-1.eml"]


def test_a_batch_is_a_file_each(outbox: Outbox) -> None:
    result = outbox.send_batch([mail(), mail()], key="email:j1:0/batch-1")

    assert len(set(result.ids)) == 2
    assert len(list(outbox.folder.glob("*.eml"))) == 2


@pytest.mark.parametrize("key", ["../../x", "/etc/passwd", "a/b", "..", "con", "x" * 300, "مفتاح"])
def test_no_key_leads_out_of_the_folder(outbox: Outbox, key: str, tmp_path: Path) -> None:
    outbox.send(mail(), key=key)

    assert [p.parent for p in tmp_path.rglob("*.eml")] == [outbox.folder]


@pytest.mark.parametrize(
    "changes", [{"subject": "a\r\nBcc: x@example.com"}, {"tags": {"a": "b\nBcc: x@example.com"}}]
)
def test_a_line_break_in_a_header_is_refused(outbox: Outbox, changes: dict[str, object]) -> None:
    with pytest.raises(PermanentError, match="headers"):
        outbox.send(mail(**changes), key="k")

    assert not list(outbox.folder.glob("*"))


def test_settings_choose_the_outbox(tmp_path: Path) -> None:
    made = mailer(load(delivery="outbox", data=tmp_path, from_name="Traf3li"))

    made.send(mail(sender=made.sender), key="k")

    assert (tmp_path / "outbox" / "k.eml").exists()
    assert made.sender == "Traf3li <jobdesk@localhost>"


def test_plain_text_reads_as_the_html_does() -> None:
    html = (
        "<html><head><title>t</title><style>p{}</style></head><body><h1>Hi &amp; hello</h1>"
        "<p>One<br>two</p><script>x()</script><ul><li>a<li>b</ul>"
        '<a href="https://x.example/?a=1&amp;b=2">link</a> <a href="#top">up</a></body></html>'
    )

    assert plain_text(html) == (
        "Hi & hello\n\nOne\ntwo\n\na\nb\nlink <https://x.example/?a=1&b=2> up"
    )


def test_placeholders_are_filled_in_one_pass_and_escaped_in_html() -> None:
    values = {"name": "<b>{{email}}</b>", "email": "a@b.example"}

    assert fill("Hi {{name}}, {{ email }} {{x}}", values, escape=True) == (
        "Hi &lt;b&gt;{{email}}&lt;/b&gt;, a@b.example {{x}}"
    )
    assert fill("{{name}}", values, escape=False) == "<b>{{email}}</b>"
