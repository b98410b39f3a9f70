"""The email queue: ``transactional`` and ``bulk``.

Both may be run again without a second mail: the job's idempotency key goes with every request, and
bulk keeps in its progress how many batches are sent and goes on behind them.

In a pipeline Huey adds the fields of a step's result to the next step's data. ``pdf:invoice``
returns one field, ``document``, and ``transactional`` takes it as an attachment, so that
``invoice.s(…).then(transactional, to=…, subject=…, html=…)`` mails the invoice.
"""

from __future__ import annotations

import base64
import binascii
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
    model_validator,
)

from jobdesk import files
from jobdesk import settings as settings_module
from jobdesk.engine.queue import Queue
from jobdesk.errors import JobCancelled, PermanentError
from jobdesk.jobdata import JobData
from jobdesk.models import Backoff, JobOptions
from jobdesk.providers.mail import (
    MAX_ATTACHED_BYTES,
    MAX_BATCH,
    PLACEHOLDER,
    Attachment,
    Mailer,
    Message,
    fill,
)
from jobdesk.providers.mailers import mailer

if TYPE_CHECKING:
    from jobdesk.engine.context import JobContext
    from jobdesk.settings import Settings

queue = huey = Queue(
    "email",
    concurrency=5,
    defaults=JobOptions(timeout=60, priority=4, backoff=Backoff.exponential(3)),
    in_place_fallback=lambda settings: settings.email_fallback == "sync",
)

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@{_LABEL}(?:\.{_LABEL})*")
_NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>")
#: What a bulk mail's text may name.
_KNOWN = frozenset({"name", "email"})


# --- data -------------------------------------------------------------------------------------


def _one_line(text: str) -> str:
    if found := _CONTROL.search(text):
        raise ValueError(f"must be one line, without the character {found[0]!r}")
    return text


def _address(text: str) -> str:
    """``a@b`` or ``Name <a@b>``."""
    named = _NAMED.fullmatch(_one_line(text).strip())
    bare = named["address"] if named else text.strip()
    if not _ADDRESS.fullmatch(bare) or ".." in bare:
        raise ValueError("must be an e-mail address, as a@example.com or Name <a@example.com>")
    return text.strip()


def _bare_address(text: str) -> str:
    if "<" in text:
        raise ValueError("must be an e-mail address alone; the name has a field of its own")
    return _address(text)


def _as_list(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _base64(text: str) -> str:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("must be base64") from None
    return text


def _file_name(text: str) -> str:
    if "/" in text or "\\" in text or text in {".", ".."}:
        raise ValueError("must be a name, not a path")
    return _one_line(text)


Line = Annotated[str, Field(max_length=998), AfterValidator(_one_line)]
Address = Annotated[str, Field(max_length=320), AfterValidator(_address)]
BareAddress = Annotated[str, Field(max_length=320), AfterValidator(_bare_address)]
FileName = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_file_name)]
Addresses = Annotated[
    tuple[Address, ...],
    Field(max_length=50),
    BeforeValidator(_as_list, json_schema_input_type=str | tuple[Address, ...]),
]
TagText = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,256}$")]


class AttachmentData(JobData):
    """A file: its content in base64, or its path in the data folder."""

    filename: FileName | None = None
    content: Annotated[str, AfterValidator(_base64)] | None = None
    path: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    content_type: Annotated[str, Field(pattern=r"^[\w.+-]+/[\w.+-]+$", max_length=100)] | None = (
        None
    )

    @model_validator(mode="after")
    def _one_source(self) -> AttachmentData:
        if (self.content is None) == (self.path is None):
            raise ValueError("give content or path, one of them")
        if self.content is not None and self.filename is None:
            raise ValueError("content needs a filename")
        return self


class DocumentData(JobData):
    """What a pdf job made: the one field of its result."""

    path: Annotated[str, Field(min_length=1, max_length=1024)]
    filename: FileName
    bytes: int | None = None
    pages: int | None = None


class Tag(JobData):
    """A label that Resend keeps with the mail."""

    name: TagText
    value: TagText


class TransactionalMail(JobData):
    """One mail, to up to 50 addresses."""

    to: Annotated[Addresses, Field(min_length=1)]
    subject: Annotated[Line, Field(min_length=1)]
    html: str | None = None
    text: str | None = None
    reply_to: Addresses = ()
    cc: Addresses = ()
    bcc: Addresses = ()
    attachments: Annotated[tuple[AttachmentData, ...], Field(max_length=50)] = ()
    tags: Annotated[tuple[Tag, ...], Field(max_length=50)] = ()
    document: DocumentData | None = None

    @model_validator(mode="after")
    def _says_something(self) -> TransactionalMail:
        if self.html is None and self.text is None:
            raise ValueError("html or text is needed")
        return self


class Recipient(JobData):
    """One of a bulk mail's."""

    email: BareAddress
    name: Line | None = None


class BulkMail(JobData):
    """One mail each to many. ``{{name}}`` and ``{{email}}`` stand for the recipient's.

    A recipient without a name is called ``defaultName``; without that, by the address.
    """

    recipients: Annotated[tuple[Recipient, ...], Field(min_length=1, max_length=50_000)]
    subject: Annotated[Line, Field(min_length=1)]
    html: str | None = None
    text: str | None = None
    reply_to: Addresses = ()
    default_name: Line | None = None
    tags: Annotated[tuple[Tag, ...], Field(max_length=50)] = ()

    @model_validator(mode="after")
    def _can_be_filled(self) -> BulkMail:
        if self.html is None and self.text is None:
            raise ValueError("html or text is needed")
        for where in ("subject", "html", "text"):
            unknown = set(PLACEHOLDER.findall(getattr(self, where) or "")) - _KNOWN
            if unknown:
                # better now than in ten thousand mails
                raise ValueError(
                    f"{where} has the placeholder {{{{{min(unknown)}}}}}, "
                    "a bulk mail knows {{name}} and {{email}}"
                )
        return self


# --- work -------------------------------------------------------------------------------------


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
        attachments=_attachments(mail, settings),
        tags={tag.name: tag.value for tag in mail.tags},
    )
    return {"success": True, "messageId": mailer.send(message, key=key)}


def send_bulk(mail: BulkMail, *, job: JobContext, mailer: Mailer) -> dict[str, Any]:
    """Send a mail to each recipient, a hundred in a request, behind what is sent already."""
    total = len(mail.recipients)
    batches = -(-total // MAX_BATCH)
    before = job.last_progress if isinstance(job.last_progress, dict) else {}
    if before.get("total") != total:
        before = {}
    batch = min(int(before.get("sentBatches", 0)), batches)
    sent, failed = int(before.get("sent", 0)), int(before.get("failed", 0))
    if batch:
        job.log(f"going on behind batch {batch} of {batches}")
    for number in range(batch + 1, batches + 1):
        if job.cancelled:
            raise JobCancelled(f"stopped with {number - 1} of {batches} batches sent")
        start = (number - 1) * MAX_BATCH
        messages = [_filled(mail, to, mailer) for to in mail.recipients[start : start + MAX_BATCH]]
        result = mailer.send_batch(messages, key=f"{job.idempotency_key}/batch-{number}")
        sent += len(messages) - len(result.refused)
        failed += len(result.refused)
        for place, why in sorted(result.refused.items())[:20]:
            job.log(f"recipient {start + place + 1} was refused: {why}")
        job.progress(
            {
                "done": start + len(messages),
                "total": total,
                "sentBatches": number,
                "sent": sent,
                "failed": failed,
            }
        )
    return {"success": True, "sent": sent, "failed": failed, "batches": batches}


def _filled(mail: BulkMail, to: Recipient, mailer: Mailer) -> Message:
    values = {"name": to.name or mail.default_name or to.email, "email": to.email}
    return Message(
        sender=mailer.sender,
        to=(to.email,),
        subject=fill(mail.subject, values, escape=False),
        html=None if mail.html is None else fill(mail.html, values, escape=True),
        text=None if mail.text is None else fill(mail.text, values, escape=False),
        reply_to=mail.reply_to,
        tags={tag.name: tag.value for tag in mail.tags},
    )


def _attachments(mail: TransactionalMail, settings: Settings) -> tuple[Attachment, ...]:
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


# --- types ------------------------------------------------------------------------------------


@queue.task(priority=2)
def transactional(mail: TransactionalMail, *, job: JobContext) -> dict[str, Any]:
    """Send one mail."""
    settings = settings_module.current()
    return send_transactional(
        mail, key=job.idempotency_key, mailer=mailer(settings), settings=settings
    )


@queue.task(priority=7, timeout=3600)
def bulk(mail: BulkMail, *, job: JobContext) -> dict[str, Any]:
    """Send a mail to each of many recipients."""
    return send_bulk(mail, job=job, mailer=mailer(settings_module.current()))
