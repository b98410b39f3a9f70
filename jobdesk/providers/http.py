"""One outside service over HTTP, and the four ways in which a request to it can end.

*Done* is an answer; *permanent* a :class:`PermanentError`; *transient* a :class:`TransientError`,
with the delay that the service asked for; *unknown* an :class:`OutcomeUnknown`: the request left
and no answer came. Unknown is only raised for writes, and may only be retried where the service has
an idempotency key or a look-up. Secrets never get into an error's text. Redirects are never
followed.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit
from weakref import WeakSet

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


#: every client of this process that is still referred to
_clients: WeakSet[httpx.Client] = WeakSet()


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
        self,
        path: str,
        body: object,
        *,
        headers: Mapping[str, str] | None = None,
        verdict: Verdict | None = None,
        accept: frozenset[int] = frozenset(),
    ) -> Answer:
        """POST JSON. Raises as the module says; an answer that is returned is a 2xx with JSON.

        ``accept``: statuses outside of 2xx that are answers too.
        """
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        sent = {"Content-Type": "application/json", **(headers or {})}
        return self._exchange(
            "POST", path, content, sent, verdict=verdict, accept=accept, writes=True
        )

    def write_form(
        self, path: str, fields: Mapping[str, str], *, verdict: Verdict | None = None
    ) -> Answer:
        """POST a form; otherwise as :meth:`write`."""
        return self._form(path, fields, verdict, writes=True)

    def read(
        self,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        verdict: Verdict | None = None,
    ) -> Answer:
        """GET JSON. What is unknown for a write is only transient here."""
        if params:
            path += "?" + urlencode(params)
        return self._exchange("GET", path, None, headers or {}, verdict=verdict, writes=False)

    def read_form(
        self, path: str, fields: Mapping[str, str], *, verdict: Verdict | None = None
    ) -> Answer:
        """POST a form that asks and changes nothing, so that it may be asked again."""
        return self._form(path, fields, verdict, writes=False)

    def redact(self, text: str) -> str:
        """``text`` on one line, without this service's secrets or what looks like one."""
        for secret in self._secrets:
            text = text.replace(secret, "[redacted]")
        return redact(text)

    # --- inside

    def _form(
        self, path: str, fields: Mapping[str, str], verdict: Verdict | None, *, writes: bool
    ) -> Answer:
        content = urlencode(fields).encode()
        sent = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._exchange("POST", path, content, sent, verdict=verdict, writes=writes)

    def _exchange(
        self,
        method: str,
        path: str,
        content: bytes | None,
        headers: Mapping[str, str],
        *,
        verdict: Verdict | None,
        writes: bool,
        accept: frozenset[int] = frozenset(),
    ) -> Answer:
        with outcomes(self.name, self.redact, writes=writes):
            answer = self._send(method, path, content, headers)
        if answer.status in accept:
            return answer
        if 200 <= answer.status < 300:
            if answer.body is None:
                said = f"{self.name} answered {answer.status} without JSON"
                raise OutcomeUnknown(said) if writes else TransientError(said)
            return answer
        raise (verdict and verdict(answer)) or failure_by_status(self.name, answer)

    def _send(
        self, method: str, path: str, content: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        sent = {**self._headers, **headers}
        with self._http().stream(
            method, self.base_url + path, content=content, headers=sent
        ) as response:
            raw = bytearray()
            for chunk in response.iter_bytes():
                raw += chunk
                if len(raw) > MAX_ANSWER:
                    break
        text = raw.decode("utf-8", "replace")
        try:
            parsed = json.loads(text, parse_float=Decimal) if len(raw) <= MAX_ANSWER else None
        except (ValueError, RecursionError):
            parsed = None
        return Answer(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=parsed,
            text=self.redact(text[:2000])[:300],
        )

    def _http(self) -> httpx.Client:
        client = self._client
        if client is None or not usable(client, self._pid):
            import httpx

            self._pid = os.getpid()
            connect, read = self._timeouts_s
            client = self._client = quiet_client(
                timeout=httpx.Timeout(read, connect=connect), trust_env=self._trust_env
            )
        return client


@contextmanager
def outcomes(name: str, redacted: Callable[[str], str], *, writes: bool) -> Iterator[None]:
    """Every error of httpx inside becomes one of ours: nothing sent, unknown, or never possible."""
    import httpx

    def told(exc: Exception) -> str:
        return f"{type(exc).__name__} {redacted(str(exc))[:200]}".strip()

    try:
        yield
    except (
        httpx.ConnectError,
        httpx.ConnectTimeout,
        httpx.PoolTimeout,
        httpx.ProxyError,
        httpx.UnsupportedProtocol,
    ) as exc:
        raise TransientError(
            f"{name} could not be reached, nothing was sent: {told(exc)}"
        ) from None
    except (httpx.LocalProtocolError, httpx.InvalidURL) as exc:
        raise PermanentError(f"no request to {name} can be made: {told(exc)}") from None
    except (httpx.HTTPError, httpx.StreamError) as exc:
        said = f"{name} got the request and gave no answer: {told(exc)}"
        raise (OutcomeUnknown(said) if writes else TransientError(said)) from None


def failure_by_status(name: str, answer: Answer) -> JobFailure:
    """What the status of an answer that is no 2xx means, where a service has no word of its own."""
    said = f"{name} answered {answer.status}: {answer.text or 'nothing'}"
    if answer.status in TRANSIENT or answer.status >= 500:
        return TransientError(said, retry_after(answer.headers))
    if answer.status in {401, 403}:
        # the job cannot help it: somebody has to look at the credentials
        log.error("%s refuses our credentials (%d): %s", name, answer.status, answer.text)
    if 300 <= answer.status < 400:
        said = f"{name} answered with a redirect ({answer.status}), which is not followed"
    return PermanentError(said)


def quiet_client(**options: Any) -> httpx.Client:
    """A client that follows nothing and whose addresses stay out of the log: they name people."""
    import httpx

    logger = logging.getLogger("httpx")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.WARNING)
    client = httpx.Client(follow_redirects=False, **options)
    _clients.add(client)
    return client


def usable(client: httpx.Client, pid: int) -> bool:
    """Whether a client made in process ``pid`` can be used: a fork must not share connections."""
    return not client.is_closed and pid == os.getpid()


def close_all() -> None:
    """Close all connections to outside services; what is asked again opens new ones."""
    for client in list(_clients):
        client.close()


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
