"""Commercial registrations by Wathq. Every call is billed: what is known is not asked again."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

from jobdesk.errors import JobFailure, NotConfigured, PermanentError, TransientError
from jobdesk.providers.http import Answer, Service, log
from jobdesk.providers.own import own

if TYPE_CHECKING:
    from jobdesk.settings import Settings

Product = Literal["info", "fullinfo", "status", "contract"]
_PATHS: dict[Product, str] = {
    "info": "/commercial-registration/info/{number}",
    "fullinfo": "/commercial-registration/fullinfo/{number}",
    "status": "/commercial-registration/status/{number}",
    "contract": "/company-contract/info/{number}",
}
#: A unified number (70 and 8 digits), or an old number of a registration.
NUMBER = re.compile(r"70[0-9]{8}|[1-6][0-9]{9}")


class NoAnswer(TransientError):
    """An empty 500, by which Wathq often means that there is no such record."""


class Registry(Protocol):
    """Tells what is registered; reads only. Raises as ``providers.http`` says."""

    def look_up(self, product: Product, number: str, language: str) -> dict[str, Any] | None:
        """The record; None where there is none."""
        ...


@lru_cache(maxsize=4)
def registry(settings: Settings) -> Registry:
    """Wathq as the settings have it; NotConfigured says which variable is missing."""
    if (made := own(settings, "registry")) is not None:
        return cast("Registry", made)
    if settings.wathq_api_key is None:
        raise NotConfigured("set WATHQ_API_KEY: registrations are looked up at Wathq")
    return Wathq(
        api_key=settings.wathq_api_key.get_secret_value(),
        base_url=settings.wathq_base_url,
        timeout_s=settings.wathq_timeout,
    )


class Wathq:
    """A :class:`Registry`."""

    def __init__(self, *, api_key: str, base_url: str, timeout_s: float = 30.0) -> None:
        api_key = api_key.strip()
        if not api_key.isascii() or not api_key.isprintable() or " " in api_key:
            raise NotConfigured("set WATHQ_API_KEY: what it holds now cannot be a key")
        self._service = Service(
            "Wathq",
            base_url,
            headers={"apiKey": api_key, "Accept": "application/json", "User-Agent": "jobdesk"},
            secrets=(api_key,),
            read_timeout_s=timeout_s,
        )

    def close(self) -> None:
        """Close the connections."""
        self._service.close()

    def look_up(self, product: Product, number: str, language: str) -> dict[str, Any] | None:
        """The record of a product; None where Wathq knows none."""
        if not NUMBER.fullmatch(number):
            raise PermanentError("a registration's number is 70… or begins with 1 to 6; 10 digits")
        path = _PATHS[product].format(number=number)
        try:
            answer = self._service.read(path, params={"language": language}, verdict=_verdict)
        except _NoRecord:
            return None
        if not isinstance(answer.body, dict):
            raise TransientError(f"Wathq's answer cannot be read: {answer.text}")
        return answer.body


class _NoRecord(PermanentError):
    """Wathq says that there is none."""


def _verdict(answer: Answer) -> JobFailure | None:
    """By the code in the body, which may come with another status than its own."""
    body = answer.body if isinstance(answer.body, dict) else {}
    code = str(body.get("code") or "")
    said = f"Wathq answered {answer.status} {code}: {answer.text}"
    if code.startswith("404.") or (answer.status == 404 and not code):
        return _NoRecord(said)
    if code.startswith("403.") or answer.status in {401, 403}:
        log.error("Wathq refuses us (%d %s): %s", answer.status, code, answer.text)
        return PermanentError(f"{said}; look at WATHQ_API_KEY and at what is subscribed to")
    if answer.status == 500 and not answer.text:
        return NoAnswer("Wathq answered 500 without a word: no such record, or a fault there")
    return None
