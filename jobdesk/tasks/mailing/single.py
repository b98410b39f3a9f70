"""One mail: with the content that is given, or from a template."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobdesk import files
from jobdesk.errors import PermanentError
from jobdesk.providers.mail import (
    MAX_ATTACHED_BYTES,
    Attachment,
    KeptTemplate,
    Mailer,
    Message,
    plain_text,
)
from jobdesk.tasks.mailing.data import AttachmentData

if TYPE_CHECKING:
    from jobdesk.settings import Settings
    from jobdesk.tasks.mailing.data import TemplateMail, TransactionalMail


def send_transactional(
    mail: TransactionalMail, *, key: str, mailer: Mailer, settings: Settings
) -> dict[str, Any]:
    """Send one mail; the original's result."""
    message = Message(
        sender=mailer.sender,
        to=mail.to,
        subject=mail.subject,
        html=mail.html,
        text=mail.text,
        cc=mail.cc,
        bcc=mail.bcc,
        reply_to=mail.reply_to,
        attachments=attachments(mail, settings),
        tags={tag.name: tag.value for tag in mail.tags},
    )
    return {"success": True, "messageId": mailer.send(message, key=key)}


def send_template(
    mail: TemplateMail, *, key: str, mailer: Mailer, settings: Settings
) -> dict[str, Any]:
    """Send one mail from a template."""
    kept, html, text = None, None, None
    if mail.kept_id is not None:
        kept = KeptTemplate(id=mail.kept_id, variables=mail.template_data)
    else:
        html, text = rendered(mail, settings.templates)
    message = Message(
        sender=mailer.sender,
        to=mail.to,
        subject=mail.subject,
        html=html,
        text=text,
        cc=mail.cc,
        bcc=mail.bcc,
        reply_to=mail.reply_to,
        attachments=attachments(mail, settings),
        tags={tag.name: tag.value for tag in mail.tags},
        template=kept,
    )
    return {"success": True, "messageId": mailer.send(message, key=key)}


def rendered(mail: TemplateMail, folder: Path | None) -> tuple[str | None, str]:
    """The HTML of a local template, where it has any, and its text: its own, or the HTML's."""
    from jobdesk.documents.markup import has_template, render_html, render_text

    values = {"subject": mail.subject, **mail.template_data}
    page, plain = f"mail/{mail.template_id}.html", f"mail/{mail.template_id}.txt"
    if has_template(page, folder):
        html = render_html(page, values, folder)
        if has_template(plain, folder):
            return html, render_text(plain, values, folder)
        return html, plain_text(html)
    if has_template(plain, folder):
        return None, render_text(plain, values, folder)
    raise PermanentError(
        f"there is no template {page} nor {plain}; JOBDESK_TEMPLATES is {folder or 'not set'}"
    )


def attachments(
    mail: TransactionalMail | TemplateMail, settings: Settings
) -> tuple[Attachment, ...]:
    """The files of a mail, and the document that a pdf job handed on."""
    wanted = list(mail.attachments)
    if mail.document is not None:
        wanted.append(AttachmentData(path=mail.document.path, filename=mail.document.filename))
    room, attachments = MAX_ATTACHED_BYTES, []
    for one in wanted:
        if one.path is not None:
            folder = settings.data_folder
            content = files.read_bytes(folder / one.path, root=folder, limit=MAX_ATTACHED_BYTES)
        else:
            content = base64.b64decode(one.content or "")
        room -= len(content)
        if room < 0:
            raise PermanentError(f"the attachments are over {MAX_ATTACHED_BYTES:,} bytes together")
        name = one.filename or Path(one.path or "").name
        attachments.append(
            Attachment(filename=name, content=content, content_type=one.content_type)
        )
    return tuple(attachments)
