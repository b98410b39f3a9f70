"""A receipt: what was received, from whom, how, and for which invoices."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from pydantic import Field, model_validator

from jobdesk.documents.fields import (
    ZERO,
    Amount,
    Currency,
    LongText,
    Name,
    Paper,
    Party,
    Text,
)
from jobdesk.documents.formats import rounded
from jobdesk.jobdata import JobData

#: How people pay, as the original's systems call it, and in both languages.
METHODS = {
    "cash": ("Cash", "نقدًا"),
    "bank-transfer": ("Bank transfer", "تحويل بنكي"),
    "card": ("Card", "بطاقة"),
    "mada": ("mada", "مدى"),
    "sadad": ("SADAD", "سداد"),
    "cheque": ("Cheque", "شيك"),
}


class PaidInvoice(JobData):
    """An invoice that was paid with it, or a part of one."""

    invoice_number: Name
    amount: Amount


class ReceiptData(Paper):
    """The data of a receipt. Amounts by invoice must make the amount received."""

    receipt_number: Name
    client_name: Text | None = None
    client: Party | None = None
    seller: Party | None = None
    amount: Amount
    currency: Currency = "SAR"
    received_date: date | None = None
    #: cash, bank-transfer, card, mada, sadad, cheque, or any other text
    payment_method: Text | None = None
    reference: Text | None = None
    invoices: tuple[PaidInvoice, ...] = Field((), max_length=200)
    purpose: Text | None = None
    purpose_ar: Text | None = None
    received_by: Text | None = None
    notes: LongText | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> ReceiptData:
        if self.client is None and not self.client_name:
            raise ValueError("clientName or client is needed: who paid?")
        if self.invoices and self.settled != self.total:
            raise ValueError(
                f"amount is {self.total:,f}, but the invoices make {self.settled:,f}; correct one"
                " of them, or leave out invoices"
            )
        return self

    @property
    def total(self) -> Decimal:
        """What was received, rounded."""
        return rounded(self.amount, self.currency)

    @property
    def settled(self) -> Decimal:
        """What the invoices come to."""
        return sum((rounded(one.amount, self.currency) for one in self.invoices), ZERO)

    @property
    def payer(self) -> Party:
        """Who paid."""
        return self.client or Party(name=self.client_name or "")

    @property
    def method(self) -> tuple[str, str]:
        """How it was paid, in English and in Arabic."""
        given = self.payment_method or ""
        return METHODS.get(given.lower().replace("_", "-").replace(" ", "-"), (given, given))
