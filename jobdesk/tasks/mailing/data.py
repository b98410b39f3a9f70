"""What the data of a mail may be: addresses, one-line texts, attachments, and the four mails."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
    model_validator,
)

from jobdesk.jobdata import JobData
from jobdesk.providers.mail import PLACEHOLDER

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@{_LABEL}(?:\.{_LABEL})*")
_NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>")
#: What a bulk mail's text may name, and a campaign's.
_KNOWN = ("name", "email")
_KNOWN_IN_CAMPAIGN = (*_KNOWN, "unsubscribeUrl")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,49}", re.ASCII)
#: Says that a template is one that Resend keeps.
KEPT = "resend:"


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
        _check_placeholders(self, "a bulk mail", _KNOWN)
        return self


def _check_placeholders(mail: BulkMail | CampaignMail, what: str, known: tuple[str, ...]) -> None:
    for where in ("subject", "html", "text"):
        unknown = set(PLACEHOLDER.findall(getattr(mail, where) or "")) - set(known)
        if unknown:
            # better now than in ten thousand mails
            names = [f"{{{{{name}}}}}" for name in known]
            raise ValueError(
                f"{where} has the placeholder {{{{{min(unknown)}}}}}, "
                f"{what} knows {', '.join(names[:-1])} and {names[-1]}"
            )


class TemplateMail(JobData):
    """One mail from a template: ``mail/<templateId>.html`` (and ``.txt``), the firm's or ours.

    ``resend:<id>`` is a template that Resend keeps, by its id or alias; its values are texts and
    numbers, and it may say the subject itself.
    """

    to: Annotated[Addresses, Field(min_length=1)]
    template_id: Annotated[
        str, StringConstraints(pattern=r"^(resend:)?[A-Za-z0-9][A-Za-z0-9_-]{0,99}$")
    ]
    template_data: dict[str, Any] = Field(default_factory=dict)
    subject: Annotated[Line, Field(min_length=1)] | None = None
    reply_to: Addresses = ()
    cc: Addresses = ()
    bcc: Addresses = ()
    attachments: Annotated[tuple[AttachmentData, ...], Field(max_length=50)] = ()
    tags: Annotated[tuple[Tag, ...], Field(max_length=50)] = ()
    document: DocumentData | None = None

    @property
    def kept_id(self) -> str | None:
        """The id of a template that Resend keeps."""
        return self.template_id.removeprefix(KEPT) if self.template_id.startswith(KEPT) else None

    @model_validator(mode="after")
    def _fits_its_template(self) -> TemplateMail:
        if self.kept_id is None and self.subject is None:
            raise ValueError("subject is needed: only a template at Resend has one of its own")
        for name, value in self.template_data.items():
            if not _VARIABLE.fullmatch(name):
                raise ValueError(f"templateData has {name!r:.60}, which no template can name")
            fits = isinstance(value, str | int | float) and not isinstance(value, bool)
            if self.kept_id is not None and not fits:
                raise ValueError(
                    f"templateData.{name} must be a text or a number for a template at Resend"
                )
        return self


def _as_recipient(value: Any) -> Any:
    """``a@b`` or ``Name <a@b>``, as an object."""
    if not isinstance(value, str):
        return value
    named = _NAMED.fullmatch(value.strip())
    if named is None:
        return {"email": value}
    return {"email": named["address"], "name": named["name"].strip(' "') or None}


class CampaignMail(JobData):
    """One mail of a campaign, to one recipient, who can leave it with one click.

    ``{{name}}``, ``{{email}}`` and ``{{unsubscribeUrl}}`` are filled in.
    """

    campaign_id: TagText
    recipient: Annotated[
        Recipient, BeforeValidator(_as_recipient, json_schema_input_type=str | Recipient)
    ]
    subject: Annotated[Line, Field(min_length=1)]
    html: Annotated[str, Field(min_length=1)]
    text: str | None = None
    tracking_id: TagText | None = None
    reply_to: Addresses = ()
    default_name: Line | None = None

    @model_validator(mode="after")
    def _can_be_filled(self) -> CampaignMail:
        _check_placeholders(self, "a campaign", _KNOWN_IN_CAMPAIGN)
        return self
