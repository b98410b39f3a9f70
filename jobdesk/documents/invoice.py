"""An invoice: what may be said of it, and its sums.

The original's minimal data (``invoiceNumber``, ``clientName``, ``items``, ``totalAmount``) is
enough. Two rules where it leaves room:

* **No VAT is invented.** VAT is shown only where a rate is given, on the line or for the invoice;
  without one ``totalAmount`` is simply the total. Unit prices are always without VAT.
* **The items decide.** Each line is rounded half-up, VAT too, and the sums are sums of rounded
  lines. A ``totalAmount`` that says otherwise is refused, naming both. Without items there is one
  line over the total.

It is a tax invoice when the seller has a VAT number and every line a rate: *simplified* while the
buyer has no VAT number. Labels are Arabic and English when ``language`` is ``ar`` or the seller has
a VAT number (Arabic is then mandatory).
"""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal
from functools import cached_property
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from jobdesk.documents.fields import (
    HUNDRED,
    ZERO,
    Amount,
    Currency,
    Language,
    LongText,
    Name,
    Party,
    Payment,
    Quantity,
    Rate,
    Text,
)
from jobdesk.documents.formats import rounded
from jobdesk.jobdata import JobData


class Item(JobData):
    """A line as it is given. ``discount`` is an amount off the line, before VAT."""

    description: Name
    description_ar: Text | None = None
    quantity: Quantity = Decimal(1)
    unit: Text | None = None
    unit_price: Amount
    discount: Amount = ZERO
    vat_rate: Rate | None = None
    #: Why the rate is zero: category and reason, as a tax invoice must say.
    vat_reason: Text | None = None


class Line(BaseModel):
    """A line as it is printed, every amount rounded."""

    model_config = ConfigDict(frozen=True)

    item: Item
    rate: Decimal | None
    discount: Decimal
    net: Decimal
    vat: Decimal

    @property
    def total(self) -> Decimal:
        """With VAT."""
        return self.net + self.vat


class VatGroup(BaseModel):
    """What one rate was charged on."""

    model_config = ConfigDict(frozen=True)

    rate: Decimal
    net: Decimal
    vat: Decimal


class InvoiceData(JobData):
    """The data of an invoice; see the module for how it is read."""

    invoice_number: Name
    client_name: Text | None = None
    items: tuple[Item, ...] = Field((), max_length=1000)
    total_amount: Amount | None = None

    seller: Party | None = None
    buyer: Party | None = None
    currency: Currency = "SAR"
    issue_date: date | None = None
    issue_time: time | None = None
    supply_date: date | None = None
    due_date: date | None = None
    vat_rate: Rate | None = None
    payment: Payment | None = None
    notes: LongText | None = None
    language: Language = "en"

    @model_validator(mode="after")
    def _makes_sense(self) -> InvoiceData:
        if self.buyer is None and not self.client_name:
            raise ValueError("clientName or buyer is needed: whom is the invoice for?")
        if not self.items and self.total_amount is None:
            raise ValueError("items or totalAmount is needed: what is the invoice over?")
        if not self.items and self.vat_rate is not None:
            raise ValueError("vatRate needs items: a total alone does not say what VAT is in it")
        if self.issue_date and self.due_date and self.due_date < self.issue_date:
            raise ValueError(f"dueDate {self.due_date} is before issueDate {self.issue_date}")
        for place, line in enumerate(self.lines):
            if line.net < 0:
                raise ValueError(
                    f"items[{place}]: the discount {line.discount:,f} is more than the line's "
                    f"{line.net + line.discount:,f}"
                )
            if line.rate == 0 and self._registered and not line.item.vat_reason:
                raise ValueError(
                    f"items[{place}]: a VAT rate of 0 needs a vatReason (category and reason)"
                )
        if self.total_amount is not None and self.items and self.total != self._given_total:
            raise ValueError(
                f"totalAmount is {self._given_total:,f}, but the items make {self.total:,f} "
                f"({self.net:,f} and VAT {self.vat:,f}); correct one of them, or leave out "
                "totalAmount"
            )
        return self

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """The lines, rounded; without items one over the total."""
        if not self.items:
            whole = Item(
                description="Amount due",
                description_ar="المبلغ المستحق",
                unit_price=self._given_total,
            )
            # what is given is the total: no rate is applied to it
            return (self._line(whole, None),)
        return tuple(
            self._line(item, self.vat_rate if item.vat_rate is None else item.vat_rate)
            for item in self.items
        )

    def _line(self, item: Item, rate: Decimal | None) -> Line:
        discount = rounded(item.discount, self.currency)
        net = rounded(item.quantity * item.unit_price, self.currency) - discount
        vat = rounded(net * (rate or ZERO) / HUNDRED, self.currency)
        return Line(item=item, rate=rate, discount=discount, net=net, vat=vat)

    @property
    def net(self) -> Decimal:
        """Without VAT."""
        return sum((line.net for line in self.lines), ZERO)

    @property
    def vat(self) -> Decimal:
        """The sum of the lines' VAT."""
        return sum((line.vat for line in self.lines), ZERO)

    @property
    def total(self) -> Decimal:
        """With VAT: what is to be paid."""
        return self.net + self.vat

    @property
    def vat_groups(self) -> tuple[VatGroup, ...]:
        """VAT by rate, highest first; empty where no rate was given."""
        groups: dict[Decimal, tuple[Decimal, Decimal]] = {}
        for line in self.lines:
            if line.rate is not None:
                net, vat = groups.get(line.rate, (ZERO, ZERO))
                groups[line.rate] = (net + line.net, vat + line.vat)
        return tuple(
            VatGroup(rate=rate, net=net, vat=vat)
            for rate, (net, vat) in sorted(groups.items(), reverse=True)
        )

    @property
    def has_vat(self) -> bool:
        """Whether any line has a rate."""
        return any(line.rate is not None for line in self.lines)

    @property
    def has_discount(self) -> bool:
        """Whether any line has a discount."""
        return any(line.discount for line in self.lines)

    @property
    def kind(self) -> Literal["plain", "tax", "simplified"]:
        """What it may be called."""
        if not self._registered or not all(line.rate is not None for line in self.lines):
            return "plain"
        return "tax" if self.buyer is not None and self.buyer.vat_number else "simplified"

    @property
    def bilingual(self) -> bool:
        """Whether every label stands in Arabic and in English."""
        return self.language == "ar" or self._registered

    @property
    def client(self) -> Party:
        """Whom it is for."""
        if self.buyer is not None:
            return self.buyer
        return Party(name=self.client_name or "")

    @property
    def _registered(self) -> bool:
        return bool(self.seller and self.seller.vat_number)

    @property
    def _given_total(self) -> Decimal:
        return rounded(self.total_amount or ZERO, self.currency)
