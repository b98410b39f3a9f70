"""The signature of payloads: one text of it for who adds jobs and who checks them.

``s1.<kid>.<signature>.<json>``: the key's id, and an HMAC over queue, id, type and the JSON, so
that a payload is good for its own job only. The signature is the first half of HMAC-SHA256, the
128 bits that RFC 2104 (5) asks for at least, in 22 characters of base64.
"""

from __future__ import annotations

import hashlib
import hmac
from binascii import b2a_base64
from functools import lru_cache

#: What a signed payload begins with.
SIGNED = b"s1."
_BYTES, _CHARACTERS = 16, 22


class Key:
    """A secret as payloads are signed with it."""

    __slots__ = ("_head", "_keyed", "id")

    def __init__(self, secret: bytes) -> None:
        #: what names the secret without telling it
        self.id = hashlib.sha256(secret).hexdigest()[:8].encode()
        self._head = SIGNED + self.id + b"."
        #: HMAC-SHA256 after its key, to be copied: that is paid for once, and not for every job
        self._keyed = hmac.new(secret, digestmod="sha256")

    def signature(self, body: bytes, queue: str, job_id: str, type_: str) -> bytes:
        """The signature of one job's JSON."""
        made = self._keyed.copy()
        made.update(f"{queue}\n{job_id}\n{type_}\n".encode(errors="surrogatepass") + body)
        return b2a_base64(made.digest()[:_BYTES], newline=False)[:_CHARACTERS]

    def sealed(self, body: bytes, queue: str, job_id: str, type_: str) -> bytes:
        """The signed payload of that JSON."""
        return b"".join((self._head, self.signature(body, queue, job_id, type_), b".", body))


@lru_cache(maxsize=16)
def key(secret: bytes) -> Key:
    """The key of a secret."""
    return Key(secret)


def sealed(secret: bytes | None, body: bytes, queue: str, job_id: str, type_: str) -> bytes:
    """The payload of that JSON: signed where there is a secret."""
    return key(secret).sealed(body, queue, job_id, type_) if secret else body
