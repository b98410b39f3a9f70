"""Movements of a bank account; :mod:`~jobdesk.providers.banks` says who tells them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from jobdesk.errors import PermanentError


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
