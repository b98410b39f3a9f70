"""Every way in which a request can fail ends as one of our errors, without secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from jobdesk.errors import OutcomeUnknown, PermanentError, TransientError
from jobdesk.providers.http import Service, redact

if TYPE_CHECKING:
    from collections.abc import Iterator

NOTHING_SENT = {
    httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError,
    httpx.UnsupportedProtocol,
}  # fmt: skip
#: Errors that follow redirects, or that are abstract names for others.
NOT_RAISED = {httpx.HTTPStatusError}


def leaves(kind: type[Exception]) -> Iterator[type[Exception]]:
    children = kind.__subclasses__()
    if not children:
        yield kind
    for child in children:
        yield from leaves(child)


ALL = sorted(
    {leaf for leaf in leaves(httpx.HTTPError) if leaf.__module__.startswith("httpx")} - NOT_RAISED,
    key=lambda kind: kind.__name__,
)


def failing(error: Exception) -> Service:
    def answer(_request: httpx.Request) -> httpx.Response:
        raise error

    service = Service("Acme", "https://acme.example", headers={}, secrets=("hush-hush",))
    service._client = httpx.Client(transport=httpx.MockTransport(answer))
    return service


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_error_of_httpx_is_one_of_ours(kind: type[Exception]) -> None:
    service = failing(kind("broke with hush-hush"))

    with pytest.raises((TransientError, PermanentError)) as caught:
        service.write("/x", {}, headers={})
    service.close()

    assert "hush-hush" not in str(caught.value)
    if kind in NOTHING_SENT:
        assert type(caught.value) is TransientError
    elif kind is httpx.LocalProtocolError:
        assert type(caught.value) is PermanentError
    else:
        assert type(caught.value) is OutcomeUnknown


def test_the_list_of_errors_is_not_empty() -> None:
    assert {httpx.ReadTimeout, httpx.WriteError, httpx.RemoteProtocolError} <= set(ALL)


@pytest.mark.parametrize(
    "text",
    [
        "key re_AbCdEf123456 is wrong",
        "sk_live_1234567890",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "EAAGm0PX4ZCpsBAKZC",
        "Authorization: Bearer abc.def.ghi",
        '{"apiKey": "abcdef123"}',
        "api_key=abcdef123",
        'token: "abcdef123"',
    ],
)
def test_what_looks_like_a_secret_is_redacted(text: str) -> None:
    shown = redact(text)

    assert "[redacted]" in shown
    for secret in ("AbCdEf", "1234567890", "MfKQ9r8G", "Gm0PX4", "abc.def", "abcdef123"):
        assert secret not in shown


def test_a_message_is_one_line() -> None:
    assert redact("a\r\nb\x1b[31mc\u2028d") == "a b [31mc d"


def test_ordinary_words_stay() -> None:
    assert redact("Missing `to` field; re_try later") == "Missing `to` field; re_try later"
