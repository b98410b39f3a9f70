"""Movements of a bank account, and who can tell them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol, cast

from jobdesk.errors import NotConfigured, PermanentError
from jobdesk.providers.own import own

if TYPE_CHECKING:
    from jobdesk.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One movement; ``amount_minor`` is signed: negative is money going out."""

    external_id: str
    booked_at: datetime
    value_at: datetime | None
    amount_minor: int
    currency: str
    balance_minor: int | None
    description: str | None
    reference: str | None
    merchant: str | None
    category: str | None
    status: str
    #: the bank may still change it
    mutable: bool
    raw: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementPage:
    """A page of movements, and how many pages there are."""

    movements: tuple[Movement, ...]
    #: from 1
    number: int
    pages: int


class ConsentExpired(PermanentError):
    """The bank's customer has to connect the account anew."""


class BankFeed(Protocol):
    """Tells the movements of an account; reads only, so it may always be asked again."""

    def movements(
        self, *, entity_id: str, account_id: str, start: date, end: date
    ) -> Iterator[MovementPage]:
        """Page by page; raises as ``providers.http`` says, and :class:`ConsentExpired`."""
        ...


@lru_cache(maxsize=4)
def bank_feed(settings: Settings) -> BankFeed:
    """The feed that the settings ask for; NotConfigured says which variable is missing."""
    if (made := own(settings, "bank")) is not None:
        return cast("BankFeed", made)
    if settings.lean_app_token is None:
        raise NotConfigured("set LEAN_APP_TOKEN: bank accounts are read by Lean")
    if settings.lean_client_secret is None:
        raise NotConfigured("set LEAN_CLIENT_SECRET: bank accounts are read by Lean")
    from jobdesk.providers.lean import Lean

    return Lean(
        app_token=settings.lean_app_token,
        client_secret=settings.lean_client_secret.get_secret_value(),
        base_url=settings.lean_base_url,
        token_url=settings.lean_token_url,
        timeout_s=settings.lean_timeout,
    )
