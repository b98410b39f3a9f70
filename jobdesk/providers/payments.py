"""What became of a payment, in words that are the same for every provider.

:mod:`~jobdesk.providers.payment_services` says who is asked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from jobdesk.errors import PermanentError

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
