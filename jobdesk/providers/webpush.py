"""Web push: encrypted and signed by pywebpush, sent like every other request of ours.

Not by pywebpush's own ``webpush()``: that follows redirects, waits for ever, and does not tell
whether a push that failed had left. The endpoint comes from a browser, so only the hosts of the
browsers' push services (and those of the settings) are spoken to.
"""

from __future__ import annotations

import logging
import os
import re
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from jobdesk.errors import NotConfigured, PermanentError
from jobdesk.providers.http import Answer, failure_by_status, outcomes, quiet_client, redact, usable
from jobdesk.providers.own import own
from jobdesk.providers.push import (
    PushRefused,
    PushSender,
    Subscription,
    SubscriptionGone,
    topic,
)

if TYPE_CHECKING:
    import httpx

    from jobdesk.settings import Settings

log = logging.getLogger(__name__)

HOSTS = frozenset({"fcm.googleapis.com", "updates.push.services.mozilla.com", "web.push.apple.com"})
HOST_SUFFIXES = (".notify.windows.com",)
#: How long a push waits for a device that is off.
TTL_S = 86_400
#: How long a signature is good: at most 24 hours.
_SIGNED_S = 12 * 3600


@lru_cache(maxsize=4)
def push_sender(settings: Settings) -> PushSender:
    """The sender that the settings ask for; NotConfigured says which variable is missing."""
    if settings.delivery == "outbox":
        from jobdesk.providers.notes import PushOutbox

        return PushOutbox(settings.data_folder / "outbox")
    if (made := own(settings, "push")) is not None:
        return cast("PushSender", made)
    if settings.vapid_private_key is None:
        raise NotConfigured(
            "set VAPID_PRIVATE_KEY (or JOBDESK_DELIVERY=outbox to write pushes to files)"
        )
    if settings.contact_email is None:
        raise NotConfigured("set CONTACT_EMAIL: push services want somebody to write to")
    return WebPush(
        private_key=settings.vapid_private_key.get_secret_value(),
        public_key=settings.vapid_public_key,
        contact=settings.contact_email,
        hosts=settings.push_hosts,
        timeout_s=settings.push_timeout,
    )


class WebPush:
    """A :class:`~jobdesk.providers.push.PushSender`."""

    def __init__(
        self,
        *,
        private_key: str,
        public_key: str | None,
        contact: str,
        hosts: tuple[str, ...] = (),
        timeout_s: float = 15.0,
    ) -> None:
        self._key = _vapid(private_key, public_key)
        self._subject = contact if contact.startswith("https:") else f"mailto:{contact.strip()}"
        if not re.fullmatch(r"mailto:[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+|https://\S+", self._subject):
            raise NotConfigured("set CONTACT_EMAIL to an address alone, as support@example.com")
        self._hosts = frozenset(host.lower() for host in hosts)
        self._timeout_s = timeout_s
        self._client: httpx.Client | None = None
        self._pid = os.getpid()

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def send(self, to: Subscription, payload: bytes, *, key: str) -> None:
        """Encrypt one for the browser's key, sign it, and hand it to the browser's push service."""
        origin = self._origin(to.endpoint)
        body = _encrypted(to, payload)
        headers = {
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(TTL_S),
            "Urgency": "normal",
            "Topic": topic(key),
            **self._signed(origin),
        }
        name = f"the push service {urlsplit(origin).hostname}"
        with (
            outcomes(name, redact, writes=True),
            self._http().stream("POST", to.endpoint, content=body, headers=headers) as response,
        ):
            answer = _read(response)
        if 200 <= answer.status <= 202:
            return
        if answer.status in {404, 410}:
            raise SubscriptionGone(f"{name} does not know the subscription any more")
        if answer.status in {401, 403}:
            log.error("%s refuses our VAPID key (%d): %s", name, answer.status, answer.text)
            raise PushRefused(
                f"{name} refuses our signature ({answer.status}): {answer.text or 'nothing'};"
                " look at VAPID_PRIVATE_KEY and CONTACT_EMAIL"
            )
        raise failure_by_status(name, answer)

    def _origin(self, endpoint: str) -> str:
        """Scheme and host of an endpoint that we speak to; the signature is for it alone."""
        parts = urlsplit(endpoint)
        try:
            host, port = (parts.hostname or "").lower(), parts.port
        except ValueError:
            raise PermanentError("the subscription's endpoint is not a URL") from None
        place = host if port is None else f"{host}:{port}"
        ours = place in self._hosts
        known = port in {None, 443} and (host in HOSTS or host.endswith(HOST_SUFFIXES))
        if parts.username or parts.password or not (ours or (known and parts.scheme == "https")):
            raise PermanentError(
                f"{place or 'the endpoint'} is no push service that we speak to;"
                " JOBDESK_PUSH_HOSTS adds one"
            )
        if parts.scheme != "https" and not (
            parts.scheme == "http" and host in {"127.0.0.1", "localhost", "::1"}
        ):
            raise PermanentError(f"the push service {place} must be reached by https")
        return f"{parts.scheme}://{place if port != 443 else host}"

    def _signed(self, origin: str) -> dict[str, str]:
        claims = {
            "aud": origin,
            "exp": int(time.time()) + _SIGNED_S,
            "sub": self._subject,
        }
        signed: dict[str, str] = self._key.sign(claims)
        return signed

    def _http(self) -> httpx.Client:
        client = self._client
        if client is None or not usable(client, self._pid):
            import httpx

            self._pid = os.getpid()
            timeout = httpx.Timeout(self._timeout_s, connect=5.0)
            client = self._client = quiet_client(timeout=timeout, trust_env=not self._hosts)
        return client


def _read(response: Any) -> Answer:
    raw = bytearray()
    for chunk in response.iter_bytes():
        raw += chunk
        if len(raw) > 2000:
            break
    text = redact(raw.decode("utf-8", "replace"))[:300]
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(status=response.status_code, headers=headers, body=None, text=text)


def _encrypted(to: Subscription, payload: bytes) -> bytes:
    from pywebpush import WebPusher, WebPushException

    keys = {"p256dh": to.p256dh, "auth": to.auth}
    try:
        pusher = WebPusher({"endpoint": to.endpoint, "keys": keys})
        return bytes(pusher.encode(payload)["body"])
    except (WebPushException, ValueError, IndexError, TypeError) as exc:
        raise PermanentError(
            f"the subscription's keys cannot be used ({type(exc).__name__}):"
            " the browser has to subscribe again"
        ) from None


def _vapid(private_key: str, public_key: str | None) -> Any:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    from py_vapid import Vapid
    from py_vapid.utils import b64urlencode

    try:
        if "-----BEGIN" in private_key:
            key = Vapid.from_pem(private_key.strip().encode())
        else:
            key = Vapid.from_string(private_key.strip())
        own = b64urlencode(
            key.public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        )
    except Exception:  # noqa: BLE001  # whatever the libraries raise: it may hold the key
        raise NotConfigured("set VAPID_PRIVATE_KEY: what it holds now cannot be a key") from None
    if public_key is not None and public_key.strip().rstrip("=") != own:
        raise NotConfigured("set VAPID_PUBLIC_KEY to the public half of VAPID_PRIVATE_KEY")
    return key
