"""What became of a payment, in words that are the same for every provider, and who can say it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, Protocol, cast

from jobdesk.errors import NotConfigured, PermanentError
from jobdesk.providers.own import own

if TYPE_CHECKING:
    from jobdesk.settings import Settings

PaymentStatus = Literal[
    "pending", "authorized", "paid", "failed", "cancelled", "expired", "refunded",
    "partially_refunded", "unknown",
]  # fmt: skip
#: Who can be asked without a line of one's own.
KNOWN = ("stripe", "moyasar")
#: Statuses in which the money has come.
RECEIVED: frozenset[PaymentStatus] = frozenset({"paid", "refunded", "partially_refunded"})

_ID = re.compile(r"[A-Za-z0-9_-]{1,120}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentState:
    """A payment as its provider has it now."""

    external_id: str
    #: the provider's own word
    provider_status: str
    status: PaymentStatus
    amount_minor: int
    currency: str
    refunded_minor: int = 0
    paid_at: datetime | None = None


class PaymentProvider(Protocol):
    """Says what became of payments; reads only, so it may always be asked again."""

    @property
    def name(self) -> str:
        """What the provider is called in our tables."""
        ...

    def payment(self, external_id: str) -> PaymentState:
        """The payment of that id; raises as ``providers.http`` says."""
        ...


@lru_cache(maxsize=8)
def payment_provider(settings: Settings, name: str) -> PaymentProvider:
    """The provider of that name; NotConfigured says which variable is missing."""
    if (made := own(settings, f"payment.{name}")) is not None:
        return cast("PaymentProvider", made)
    if name == "stripe":
        if settings.stripe_secret_key is None:
            raise NotConfigured("set STRIPE_SECRET_KEY: the payment is Stripe's")
        from jobdesk.providers.stripe import Stripe

        return Stripe(
            secret_key=settings.stripe_secret_key.get_secret_value(),
            base_url=settings.stripe_base_url,
            timeout_s=settings.stripe_timeout,
        )
    if name == "moyasar":
        if settings.moyasar_secret_key is None:
            raise NotConfigured("set MOYASAR_SECRET_KEY: the payment is Moyasar's")
        from jobdesk.providers.moyasar import Moyasar

        return Moyasar(
            secret_key=settings.moyasar_secret_key.get_secret_value(),
            base_url=settings.moyasar_base_url,
            timeout_s=settings.moyasar_timeout,
        )
    raise PermanentError(f"no payment provider {name!r:.40}; there are stripe and moyasar")


def path_id(external_id: str) -> str:
    """An id as it may stand in a path."""
    if not _ID.fullmatch(external_id):
        raise PermanentError("the payment's id at its provider cannot be one")
    return external_id


def refund_status(refunded_minor: int, amount_minor: int) -> PaymentStatus:
    """Paid, or how much of it went back."""
    if refunded_minor <= 0:
        return "paid"
    return "refunded" if refunded_minor >= amount_minor else "partially_refunded"
