"""A mail, and whoever can send one: Resend, or the outbox on this machine.

``mailer(settings)`` says which. A mailer is safe to ask again under the same key: Resend keeps the
key, the outbox writes the same file. So a job that was retried sends its mail once.
"""

from __future__ import annotations

import html
import mimetypes
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Protocol

MAX_BATCH = 100
#: Resend's limit is 40 MB with the attachments in base64.
MAX_ATTACHED_BYTES = 29_000_000

_BREAK = frozenset(
    {"br", "p", "div", "tr", "li", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "table"}
)
_HIDDEN = frozenset({"script", "style", "head", "title"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that goes with a mail."""

    filename: str
    content: bytes
    content_type: str | None = None

    @property
    def media_type(self) -> str:
        """As given, else by the name."""
        return (
            self.content_type
            or mimetypes.guess_type(self.filename)[0]
            or "application/octet-stream"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptTemplate:
    """A template that the mail service keeps, and what to put into it."""

    id: str
    variables: Mapping[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A mail, checked: no line breaks in headers, addresses with an @.

    With a ``template`` it has neither ``html`` nor ``text``, and the template may say the subject.
    """

    sender: str
    to: tuple[str, ...]
    subject: str | None
    html: str | None = None
    text: str | None = None
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    reply_to: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    template: KeptTemplate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """What became of a batch: an id for each mail taken, a reason for each that was not."""

    ids: tuple[str, ...]
    #: place in the batch -> why
    refused: Mapping[int, str] = field(default_factory=dict)


class Mailer(Protocol):
    """Sends mails. ``key`` makes a repeated call harmless; raises as ``providers.http`` says."""

    @property
    def sender(self) -> str:
        """Whom the mails come from."""
        ...

    def send(self, message: Message, *, key: str) -> str:
        """Send one; returns its id."""
        ...

    def send_batch(self, messages: Sequence[Message], *, key: str) -> BatchResult:
        """Send up to 100, without attachments."""
        ...


def plain_text(markup: str) -> str:
    """A plain reading of a mail's HTML: a line for each block, links by their address."""
    reader = _Reader()
    reader.feed(markup)
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.parts).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0
        self._link = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self._hidden += 1
        elif tag in _BREAK:
            self.parts.append("\n")
        elif tag == "a":
            self._link = dict(attrs).get("href") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        elif tag in _BREAK and tag != "br":
            self.parts.append("\n")
        elif tag == "a" and self._link.startswith(("http:", "https:")):
            self.parts.append(f" <{self._link}>")
            self._link = ""

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data.replace("\n", " "))


def fill(template: str, values: Mapping[str, str], *, escape: bool) -> str:
    """``{{name}}`` replaced by its value, escaped for HTML where asked; in one pass."""

    def value(match: re.Match[str]) -> str:
        found = values.get(match[1])
        if found is None:
            return match[0]
        return html.escape(found) if escape else found

    return PLACEHOLDER.sub(value, template)


PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z_]\w*)\s*\}\}")
