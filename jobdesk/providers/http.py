"""One outside service over HTTP, and the four ways in which a request to it can end.

*Done* is an answer; *permanent* a :class:`PermanentError`; *transient* a :class:`TransientError`,
with the delay that the service asked for; *unknown* an :class:`OutcomeUnknown`: the request left
and no answer came. Unknown is only raised for writes, and may only be retried where the service has
an idempotency key. Secrets never get into an error's text. Redirects are never followed.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from jobdesk.errors import (
    InvalidSetting,
    JobFailure,
    OutcomeUnknown,
    PermanentError,
    TransientError,
)

if TYPE_CHECKING:
    import httpx

log = logging.getLogger(__name__)

MAX_ANSWER = 1 << 20
MIN_DELAY_S, MAX_DELAY_S = 1.0, 3600.0
TRANSIENT = frozenset({408, 425, 429})  # and all from 500 on

_SECRETS = re.compile(
    r"\b(?:re_|sk_|pk_|rk_|whsec_|EAA)[A-Za-z0-9_\-/+=]{6,}"
    r"|(?i:(?:api[-_]?key|authorization|token|secret|password)[\"']?\s*[:=]\s*[\"']?)?"
    r"(?i:\b(?:bearer|basic)\s+)[^\s\"',}]{4,}"
    r"|(?i:(?:api[-_]?key|authorization|token|secret|password)[\"']?\s*[:=]\s*[\"']?)[^\s\"',}]{4,}"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a service said: status, headers (names in small letters), and the JSON it sent."""

    status: int
    headers: Mapping[str, str]
    body: Any
    #: the start of the raw text, redacted: for messages
    text: str


#: Looks at an answer that is no 2xx and returns what to raise, or None for the rule by status.
Verdict = Callable[[Answer], JobFailure | None]


class Service:
    """A service at a base URL. One per process is enough: it keeps its connections."""

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        headers: Mapping[str, str],
        secrets: tuple[str, ...] = (),
        read_timeout_s: float = 30.0,
        connect_timeout_s: float = 5.0,
    ) -> None:
        self.name = name
        self.base_url, loopback = check_base_url(base_url, f"{name.upper()}_BASE_URL")
        self._headers = dict(headers)
        self._secrets = tuple(secret for secret in secrets if secret)
        self._timeouts_s = (connect_timeout_s, read_timeout_s)
        self._trust_env = not loopback  # a proxy has no business with what runs on this machine
        self._client: httpx.Client | None = None
        self._pid = os.getpid()

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def write(
        self, path: str, body: object, *, headers: Mapping[str, str], verdict: Verdict | None = None
    ) -> Answer:
        """POST JSON. Raises as the module says; an answer that is returned is a 2xx with JSON."""
        import httpx

        try:
            answer = self._send("POST", path, body, headers)
        except (
            httpx.ConnectError,
            httpx.ConnectTimeout,
            httpx.PoolTimeout,
            httpx.ProxyError,
            httpx.UnsupportedProtocol,
        ) as exc:
            raise TransientError(
                f"{self.name} could not be reached, nothing was sent: {self._told(exc)}"
            ) from None
        except httpx.LocalProtocolError as exc:
            raise PermanentError(
                f"no request to {self.name} can be made: {self._told(exc)}"
            ) from None
        except (httpx.HTTPError, httpx.StreamError) as exc:
            raise OutcomeUnknown(
                f"{self.name} got the request and gave no answer: {self._told(exc)}"
            ) from None
        if 200 <= answer.status < 300:
            if answer.body is None:
                raise OutcomeUnknown(f"{self.name} answered {answer.status} without JSON")
            return answer
        raise (verdict and verdict(answer)) or self._by_status(answer)

    def redact(self, text: str) -> str:
        """``text`` on one line, without this service's secrets or what looks like one."""
        for secret in self._secrets:
            text = text.replace(secret, "[redacted]")
        return redact(text)

    # --- inside

    def _send(self, method: str, path: str, body: object, headers: Mapping[str, str]) -> Answer:
        request_body = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        sent = {**self._headers, "Content-Type": "application/json", **headers}
        with self._http().stream(
            method, self.base_url + path, content=request_body, headers=sent
        ) as response:
            raw = bytearray()
            for chunk in response.iter_bytes():
                raw += chunk
                if len(raw) > MAX_ANSWER:
                    break
        text = raw.decode("utf-8", "replace")
        try:
            parsed = json.loads(text, parse_float=Decimal) if len(raw) <= MAX_ANSWER else None
        except ValueError:
            parsed = None
        return Answer(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=parsed,
            text=self.redact(text[:2000])[:300],
        )

    def _http(self) -> httpx.Client:
        if self._client is None or self._pid != os.getpid():  # a fork must not share connections
            import httpx

            self._pid = os.getpid()
            connect, read = self._timeouts_s
            self._client = httpx.Client(
                timeout=httpx.Timeout(read, connect=connect),
                follow_redirects=False,
                trust_env=self._trust_env,
            )
        return self._client

    def _by_status(self, answer: Answer) -> JobFailure:
        said = f"{self.name} answered {answer.status}: {answer.text or 'nothing'}"
        if answer.status in TRANSIENT or answer.status >= 500:
            return TransientError(said, retry_after(answer.headers))
        if answer.status in {401, 403}:
            # the job cannot help it: somebody has to look at the credentials
            log.error("%s refuses our credentials (%d): %s", self.name, answer.status, answer.text)
        if 300 <= answer.status < 400:
            said = f"{self.name} answered with a redirect ({answer.status}), which is not followed"
        return PermanentError(said)

    def _told(self, exc: Exception) -> str:
        return f"{type(exc).__name__} {self.redact(str(exc))[:200]}".strip()


def redact(text: str) -> str:
    """``text`` on one line, without what looks like a secret."""
    return _CONTROL.sub(" ", _SECRETS.sub("[redacted]", text)).strip()


def retry_after(headers: Mapping[str, str], now_s: float | None = None) -> float | None:
    """The seconds of ``Retry-After``, given as seconds or as a date, within 1 s and 1 h."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        delay = float(value)
    except ValueError:
        try:
            then = parsedate_to_datetime(value)
        except (TypeError, ValueError):
            return None
        if then.tzinfo is None:
            then = then.replace(tzinfo=UTC)
        delay = then.timestamp() - (time.time() if now_s is None else now_s)
    if math.isnan(delay):
        return None
    return min(max(delay, MIN_DELAY_S), MAX_DELAY_S)


def check_base_url(url: str, variable: str) -> tuple[str, bool]:
    """The base URL without a slash at its end, and whether it is on this machine.

    https, or http to loopback; no user, no query. The error names the variable, not the URL.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise InvalidSetting(f"{variable} is not a URL") from None
    loopback = host == "localhost" or _is_loopback(host)
    if not host or parts.scheme not in {"http", "https"}:
        raise InvalidSetting(f"{variable} must be an https:// URL")
    if parts.scheme == "http" and not loopback:
        raise InvalidSetting(f"{variable} must be https:// ({host} is not this machine)")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise InvalidSetting(f"{variable} must be a plain URL, without user, query or fragment")
    return url.rstrip("/"), loopback


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
