"""The data of the notification queue's jobs."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, JsonValue, StringConstraints

from jobdesk import settings as settings_module
from jobdesk.jobdata import JobData
from jobdesk.providers import guard
from jobdesk.providers.sms import phone_number
from jobdesk.providers.webhook import RESERVED
from jobdesk.tasks.fields import Id, Text, Title  # read by pydantic

Url = Annotated[str, Field(min_length=1, max_length=1000)]


Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_+/=-]{1,200}$")]


class SubscriptionKeys(JobData):
    """The browser's keys."""

    p256dh: Annotated[Key, Field(alias="p256dh")]
    auth: Key


class SubscriptionData(JobData):
    """A subscription as the browser gives it."""

    endpoint: Url
    keys: SubscriptionKeys
    expiration_time: float | None = None


class PushContent(JobData):
    """What is shown, and what the page's service worker gets with it."""

    title: Title
    body: Text
    icon: Url | None = None
    badge: Url | None = None
    #: anything; the whole push has at most 3,000 bytes
    data: dict[str, JsonValue] | None = None


class Push(PushContent):
    """One user. Without a subscription: to all that are stored of the user."""

    user_id: Id
    subscription: SubscriptionData | None = None
    firm_id: Id | None = None


class PushUser(JobData):
    """One of a bulk push's."""

    user_id: Id
    subscription: SubscriptionData | None = None


class BulkPush(PushContent):
    """Many users, each with a subscription or by what is stored."""

    users: Annotated[tuple[PushUser | Id, ...], Field(min_length=1, max_length=50_000)]
    firm_id: Id | None = None


MAX_CHARACTERS = 1600


class Sms(JobData):
    """One text message."""

    phone_number: Annotated[str, Field(max_length=40), AfterValidator(phone_number)]
    message: Annotated[str, Field(min_length=1, max_length=MAX_CHARACTERS)]
    #: a registered name of at most 11 characters, or a number
    sender_id: (
        Annotated[str, StringConstraints(pattern=r"^(?:[A-Za-z0-9 ._-]{1,11}|\+?[0-9]{3,15})$")]
        | None
    ) = None
    firm_id: Id | None = None


_PATH = re.compile(r"/(?![/\\])[^\x00-\x20\x7f\\]*")


def _link(text: str) -> str:
    if not _PATH.fullmatch(text):
        raise ValueError("must be a path of this application, as /invoices/123")
    return text


class InApp(JobData):
    """One notice to one user."""

    user_id: Id
    title: Title
    message: Text
    type: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,19}$")] = "info"
    link: Annotated[str, Field(max_length=1000), AfterValidator(_link)] | None = None
    metadata: dict[str, JsonValue] | None = None
    firm_id: Id | None = None


_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")


def _url(text: str) -> str:
    guard.check(text, allowed=settings_module.current().webhook_hosts)
    return text


def _headers(given: dict[str, str]) -> dict[str, str]:
    for name, value in given.items():
        if not _HEADER.fullmatch(name):
            raise ValueError(f"{name!r:.40} is no name of a header")
        if name.lower() in RESERVED or name.lower().startswith("webhook-"):
            raise ValueError(f"{name} is not the caller's to set")
        if len(value) > 1000 or not re.fullmatch(r"[\t\x20-\x7e]*", value):
            raise ValueError(f"the value of {name} is none a header can have")
    return given


class Webhook(JobData):
    """One event to one address."""

    webhook_url: Annotated[str, Field(max_length=1000), AfterValidator(_url)]
    payload: dict[str, JsonValue] | list[JsonValue]
    headers: Annotated[dict[str, str], AfterValidator(_headers)] = Field(
        default_factory=dict, max_length=30
    )
    firm_id: Id | None = None
