"""Webhooks of our own, signed as *Standard Webhooks* says.

``webhook-id`` is the same for every attempt: by it a receiver knows a message that it has had, so
an unknown outcome may be sent again. What the receiver answers beyond its status is not read.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jobdesk.errors import NotConfigured, PermanentError
from jobdesk.providers import guard
from jobdesk.providers.http import Answer, failure_by_status, outcomes, quiet_client, redact

if TYPE_CHECKING:
    from jobdesk.settings import Settings

#: Headers that a job may not set.
RESERVED = frozenset(
    {"host", "content-length", "content-type", "transfer-encoding", "connection", "te", "trailer"}
    | {"upgrade", "expect", "keep-alive", "proxy-authorization", "proxy-connection"}
)
MAX_BODY_BYTES = 262_144


class EndpointDisabled(PermanentError):
    """The receiver answered 410: nothing is to be sent there any more."""


class WebhookSender:
    """Signs and posts; raises as ``providers.http`` says, and :class:`EndpointDisabled`."""

    def __init__(
        self,
        *,
        secret: str,
        allowed: tuple[str, ...] = (),
        timeout_s: float = 15.0,
        resolver: guard.Resolver | None = None,
    ) -> None:
        self._secret = _secret(secret)
        self._allowed = frozenset(host.lower() for host in allowed)
        self._timeout_s = timeout_s
        self._resolver = resolver

    def send(self, url: str, payload: Any, *, key: str, headers: Mapping[str, str]) -> int:
        """Post ``payload``; returns the status, which is a 2xx."""
        import httpx

        body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
        if len(body) > MAX_BODY_BYTES:
            raise PermanentError(f"a webhook of {len(body):,} bytes is over {MAX_BODY_BYTES:,}")
        target = guard.resolve(url, allowed=self._allowed, resolver=self._resolver)
        sent = {
            **headers,
            "Host": target.authority,
            "Content-Type": "application/json",
            "User-Agent": "jobdesk",
            **signed_headers(self._secret, message_id(key), body, now_s=time.time()),
        }
        name = f"the webhook at {target.host}"
        timeout = httpx.Timeout(self._timeout_s, connect=5.0)
        with (
            outcomes(name, redact, writes=True),
            # no proxy, which would resolve the name again
            quiet_client(timeout=timeout, trust_env=False) as client,
            client.stream(
                "POST",
                target.url,
                content=body,
                headers=sent,
                extensions={"sni_hostname": target.host},
            ) as response,
        ):
            status, received = response.status_code, dict(response.headers)
        if 200 <= status < 300:
            return status
        if status == 410:
            raise EndpointDisabled(f"{name} answered 410: it wants nothing any more")
        told = {header.lower(): value for header, value in received.items()}
        raise failure_by_status(name, Answer(status=status, headers=told, body=None, text=""))


@lru_cache(maxsize=4)
def webhook_sender(settings: Settings) -> WebhookSender:
    """The sender of these settings; NotConfigured says which variable is missing."""
    if settings.webhook_secret is None:
        raise NotConfigured("set WEBHOOK_SECRET: a webhook nobody can check is not sent")
    return WebhookSender(
        secret=settings.webhook_secret.get_secret_value(),
        allowed=settings.webhook_hosts,
        timeout_s=settings.webhook_timeout,
    )


def message_id(key: str) -> str:
    """The ``webhook-id`` of a job's key."""
    return "msg_" + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def signed_headers(secret: bytes, id_: str, body: bytes, *, now_s: float) -> dict[str, str]:
    """The three headers of Standard Webhooks."""
    moment = str(int(now_s))
    signed = hmac.new(secret, f"{id_}.{moment}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": id_,
        "webhook-timestamp": moment,
        "webhook-signature": "v1," + base64.b64encode(signed).decode(),
    }


def _secret(text: str) -> bytes:
    try:
        raw = base64.b64decode(text.strip().removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) < 24:
        raise NotConfigured("set WEBHOOK_SECRET to whsec_ and at least 24 bytes in base64")
    return raw
