"""What WhatsApp posts to us: whether it is WhatsApp's, and what is in it.

There is no way to ask WhatsApp for messages: they and the fate of ours come by webhook alone, more
than once and in any order.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from jobdesk.errors import BadInput

MAX_BODY_BYTES = 3 << 20
#: What can become of a message of ours, in the order in which it does.
RANK = {"sent": 1, "delivered": 2, "read": 3, "failed": 4}


class NotWhatsApp(BadInput):
    """A post that does not come from WhatsApp, or is none of its events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message to one of our numbers."""

    id: str
    contact: str | None
    contact_name: str | None
    kind: str
    body: str | None
    reply_to: str | None
    media: Mapping[str, str]
    at: datetime
    raw: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What became of a message of ours."""

    id: str
    status: str
    contact: str | None
    error_code: int | None
    at: datetime


def verify(body: bytes, signature: str | None, app_secret: str) -> None:
    """Raise :class:`NotWhatsApp` unless ``X-Hub-Signature-256`` is that of these bytes."""
    told = (signature or "").strip().removeprefix("sha256=").lower()
    right = hmac.new(app_secret.encode(), body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(told.encode("utf-8", "replace"), right.encode()):
        raise NotWhatsApp("the post is not signed by WhatsApp with our app's secret")


def challenge(query: Mapping[str, str], verify_token: str) -> str:
    """The answer to the request that sets the webhook up; NotWhatsApp: answer 403."""
    told = query.get("hub.verify_token", "")
    if query.get("hub.mode") != "subscribe" or not hmac.compare_digest(
        told.encode("utf-8", "replace"), verify_token.encode()
    ):
        raise NotWhatsApp("the request does not know our verify token")
    return query.get("hub.challenge", "")


def changes(body: bytes) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Of a post's changes about messages: an id of the event, the number's id, the value."""
    if len(body) > MAX_BODY_BYTES:
        raise NotWhatsApp(f"a post of {len(body):,} bytes is over {MAX_BODY_BYTES:,}")
    try:
        told = json.loads(body)
        entries = told["entry"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NotWhatsApp("the post is no event of WhatsApp") from None
    for entry in entries if isinstance(entries, list) else ():
        for change in _list(entry, "changes"):
            value = change.get("value")
            if change.get("field") != "messages" or not isinstance(value, dict):
                continue
            metadata = value.get("metadata")
            number = metadata.get("phone_number_id") if isinstance(metadata, dict) else None
            if isinstance(number, str) and number:
                text = json.dumps(value, ensure_ascii=False, sort_keys=True)
                digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
                yield f"{number[:40]}:{digest}", number[:120], value


def messages(value: Mapping[str, Any]) -> Iterator[Message]:
    """The messages of a change; what cannot be read is left out."""
    names = {}
    for contact in _list(value, "contacts"):
        profile = contact.get("profile")
        if isinstance(profile, dict) and profile.get("name"):
            names[str(contact.get("wa_id") or contact.get("user_id"))] = str(profile["name"])[:200]
    for row in _list(value, "messages"):
        at = _instant(row.get("timestamp"))
        if not row.get("id") or at is None:
            continue
        # a newer payload may name a user without a number
        who = row.get("from") or row.get("user_id")
        kind = str(row.get("type") or "unsupported")[:30]
        context, part = row.get("context"), row.get(kind)
        part = part if isinstance(part, dict) else {}
        yield Message(
            id=str(row["id"])[:200],
            contact=str(who)[:80] if who else None,
            contact_name=names.get(str(who)),
            kind=kind,
            body=_text(kind, part),
            reply_to=str(context["id"])[:200]
            if isinstance(context, dict) and context.get("id")
            else None,
            media={name: str(part[name]) for name in ("id", "mime_type", "sha256") if name in part},
            at=at,
            raw=row,
        )


def fates(value: Mapping[str, Any]) -> Iterator[Fate]:
    """What became of messages of ours, of a change."""
    for row in _list(value, "statuses"):
        at = _instant(row.get("timestamp"))
        status = str(row.get("status"))
        if not row.get("id") or at is None or status not in RANK:
            continue
        errors = _list(row, "errors")
        code = errors[0].get("code") if errors else None
        contact = row.get("recipient_id")
        yield Fate(
            id=str(row["id"])[:200],
            status=status,
            contact=str(contact)[:80] if contact else None,
            error_code=code if isinstance(code, int) else None,
            at=at,
        )


def _list(value: Any, name: str) -> list[dict[str, Any]]:
    rows = value.get(name) if isinstance(value, Mapping) else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _text(kind: str, part: Mapping[str, Any]) -> str | None:
    """What a message says in words: its text, its caption, the button that was pressed."""
    for name in ("body", "caption", "text", "emoji", "filename"):
        if isinstance(part.get(name), str):
            return str(part[name])
    if kind == "interactive":
        for reply in part.values():
            if isinstance(reply, dict) and isinstance(reply.get("title"), str):
                return str(reply["title"])
    return None


def _instant(value: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(value), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
