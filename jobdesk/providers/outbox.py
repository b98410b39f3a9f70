"""Mail that is not sent but written: one ``.eml`` file each, which any mail reader opens.

A file is named by the mail's key, so a repeated call writes the same file again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, getaddresses, parseaddr
from pathlib import Path

from jobdesk import files
from jobdesk.errors import PermanentError
from jobdesk.providers.mail import BatchResult, Message, plain_text


class Outbox:
    """A :class:`~jobdesk.providers.mail.Mailer` that writes to a folder."""

    def __init__(self, folder: Path, *, sender: str) -> None:
        self.folder = folder
        self.sender = sender

    def send(self, message: Message, *, key: str) -> str:
        """Write one mail; returns its Message-ID without the brackets."""
        message_id = _message_id(key, message.sender)
        path = self.folder / files.file_name(key.replace(":", "-"), ".eml")
        content = _as_email(message, message_id).as_bytes()
        self.folder.mkdir(parents=True, exist_ok=True)
        files.write_bytes(path, content, root=self.folder)
        return message_id

    def send_batch(self, messages: Sequence[Message], *, key: str) -> BatchResult:
        """Write each mail of the batch."""
        return BatchResult(
            ids=tuple(
                self.send(message, key=f"{key}-{place:03d}")
                for place, message in enumerate(messages, start=1)
            )
        )


def _message_id(key: str, sender: str) -> str:
    domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
    return f"{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}@{domain}"


def _as_email(message: Message, message_id: str) -> EmailMessage:
    mail = EmailMessage(policy=SMTP)
    try:
        mail["From"] = _addresses((message.sender,))
        for name, values in (
            ("To", message.to),
            ("Cc", message.cc),
            ("Bcc", message.bcc),
            ("Reply-To", message.reply_to),
        ):
            if values:
                mail[name] = _addresses(values)
        mail["Subject"] = message.subject or ""
        for name, value in message.headers.items():
            mail[name] = value
        for name, value in message.tags.items():
            mail["X-Tag"] = f"{name}={value}"
    except ValueError as exc:  # a line break, an address that is none
        raise PermanentError(f"the mail's headers cannot be written: {exc}") from exc
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = f"<{message_id}>"
    mail.set_content(_text(message))
    if message.html is not None:
        mail.add_alternative(message.html, subtype="html")
    for attachment in message.attachments:
        kind, _, subtype = attachment.media_type.partition("/")
        mail.add_attachment(
            attachment.content, maintype=kind, subtype=subtype, filename=attachment.filename
        )
    return mail


def _text(message: Message) -> str:
    if message.template is not None:  # only the service that keeps it knows what it says
        lines = [f"{name}: {value}" for name, value in message.template.variables.items()]
        return "\n".join([f"[template {message.template.id}]", *lines])
    return plain_text(message.html or "") if message.text is None else message.text


def _addresses(values: Sequence[str]) -> list[Address]:
    return [
        Address(display_name=name, addr_spec=address)
        for name, address in getaddresses(list(values))
    ]
