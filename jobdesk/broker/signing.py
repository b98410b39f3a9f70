"""The signature of payloads: one text of it for who adds jobs and who checks them.

``s1.<kid>.<signature>.<json>``: the key's id, and an HMAC over queue, id, type and the JSON, so
that a payload is good for its own job only.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from functools import lru_cache

#: What a signed payload begins with.
SIGNED = b"s1."


@lru_cache(maxsize=16)
def key_id(secret: bytes) -> bytes:
    """What names a secret without telling it."""
    return hashlib.sha256(secret).hexdigest()[:8].encode()


def signature(secret: bytes, body: bytes, queue: str, job_id: str, type_: str) -> bytes:
    """The signature of one job's JSON."""
    message = f"{queue}\n{job_id}\n{type_}\n".encode(errors="surrogatepass") + body
    made = _keyed(secret).copy()
    made.update(message)
    return urlsafe_b64encode(made.digest()).rstrip(b"=")


@lru_cache(maxsize=16)
def _keyed(secret: bytes) -> hmac.HMAC:
    """HMAC-SHA256 after its key, to be copied: that is paid for once, and not for every job."""
    return hmac.new(secret, digestmod="sha256")


def sealed(secret: bytes | None, body: bytes, queue: str, job_id: str, type_: str) -> bytes:
    """The payload of that JSON: signed where there is a secret."""
    if not secret:
        return body
    made = signature(secret, body, queue, job_id, type_)
    return b"%b%b.%b.%b" % (SIGNED, key_id(secret), made, body)
