"""A push to a browser, and whoever can send one.

Push services have no idempotency key. A push sent twice is shown once all the same: both carry the
same ``Topic``, by which an undelivered one is replaced, and the same ``tag``, by which a shown one
is.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from jobdesk.errors import PermanentError

#: A push service takes 4096 bytes encrypted, 3993 plain; some documents promise less.
MAX_PAYLOAD_BYTES = 3000


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """Where one browser of a user is reached, and the keys for it."""

    endpoint: str
    p256dh: str
    auth: str


class SubscriptionGone(PermanentError):
    """The browser has withdrawn its subscription: forget it."""


class PushRefused(PermanentError):
    """Our own key is refused, whoever the push is for."""


class PushSender(Protocol):
    """Sends pushes.

    Raises as ``providers.http`` says, :class:`SubscriptionGone` and :class:`PushRefused`.
    """

    def send(self, to: Subscription, payload: bytes, *, key: str) -> None:
        """Encrypt and send one. The same ``key`` has the browser show it once."""
        ...


def topic(key: str) -> str:
    """What pushes of the same key have in common: 32 URL-safe characters."""
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
    return base64.urlsafe_b64encode(digest[:24]).decode()


def payload(fields: Mapping[str, Any], *, key: str) -> bytes:
    """What the page's service worker gets: JSON, its ``body`` shortened where it is too long."""
    note = {name: value for name, value in fields.items() if value is not None}
    note.setdefault("tag", topic(key))
    text = str(note.get("body", ""))
    low, high = 0, len(text)
    raw = _json(note)
    if len(raw) <= MAX_PAYLOAD_BYTES:
        return raw
    while low < high:  # the longest head that fits
        middle = (low + high + 1) // 2
        if len(_json({**note, "body": text[:middle] + "…"})) <= MAX_PAYLOAD_BYTES:
            low = middle
        else:
            high = middle - 1
    if not low:
        raise PermanentError(
            f"a push of {len(raw):,} bytes is too large even without its text:"
            f" at most {MAX_PAYLOAD_BYTES:,}; put less into data"
        )
    return _json({**note, "body": text[:low] + "…"})


def _json(note: Mapping[str, Any]) -> bytes:
    return json.dumps(note, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
