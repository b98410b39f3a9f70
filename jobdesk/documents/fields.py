"""What the data of several documents has: texts that can be printed, amounts, parties.

A text comes without control characters and marks of direction: directions are the template's, and
each word must have a glyph in the fonts we ship.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from jobdesk.jobdata import JobData

HUNDRED = Decimal(100)
ZERO = Decimal(0)

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """``text`` without what no page can show."""
    # the riyal's sign of 2025 has no glyph in any font we ship; directions are the template's
    return _CONTROL.sub("", text.replace("\u20c1", "SAR")).strip()


def no_bool(value: object) -> object:
    """True is no number, whatever Python says."""
    if isinstance(value, bool):
        raise ValueError("must be a number, not a bool")  # noqa: TRY004  # what pydantic reports
    return value


def _filled(text: str) -> str:
    if not text:
        raise ValueError("must not be empty")
    return text


def _lines(value: Any) -> Any:
    return (
        tuple(filter(None, map(str.strip, value.splitlines()))) if isinstance(value, str) else value
    )


Text = Annotated[str, Field(max_length=500), AfterValidator(printable)]
#: Text that must hold something when it is there.
Name = Annotated[Text, AfterValidator(_filled)]
TextLines = Annotated[
    tuple[Text, ...], BeforeValidator(_lines, json_schema_input_type=str | tuple[Text, ...])
]
LongText = Annotated[str, Field(max_length=4000), AfterValidator(printable)]
Amount = Annotated[
    Decimal,
    Field(allow_inf_nan=False, ge=0, lt=10**12, decimal_places=6),
    BeforeValidator(no_bool),
]
#: An amount that may be below zero: a balance.
Balance = Annotated[
    Decimal,
    Field(allow_inf_nan=False, gt=-(10**12), lt=10**12, decimal_places=6),
    BeforeValidator(no_bool),
]
Rate = Annotated[Decimal, Field(allow_inf_nan=False, ge=0, le=100), BeforeValidator(no_bool)]
Quantity = Annotated[
    Decimal, Field(allow_inf_nan=False, gt=0, lt=10**9, decimal_places=6), BeforeValidator(no_bool)
]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Language = Literal["en", "ar"]


class Party(JobData):
    """Seller or buyer, firm or client. ``address`` is a text, or its lines."""

    name: Name
    name_ar: Text | None = None
    address: TextLines = ()
    address_ar: TextLines = ()
    vat_number: Text | None = None
    cr_number: Text | None = None
    email: Text | None = None
    phone: Text | None = None


class Payment(JobData):
    """Where to pay."""

    bank_name: Text | None = None
    account_name: Text | None = None
    iban: Text | None = None
    reference: Text | None = None


class Paper(JobData):
    """A document whose labels stand in two languages as soon as its data do."""

    language: Language = "en"

    @property
    def bilingual(self) -> bool:
        """Whether every label stands in Arabic and in English."""
        return self.language == "ar" or _says_something_in_arabic(self)


def _says_something_in_arabic(value: object) -> bool:
    """Whether any field of it that is for Arabic is filled."""
    if isinstance(value, tuple):
        return any(map(_says_something_in_arabic, value))
    if not isinstance(value, BaseModel):
        return False
    return any(
        bool(held) if name.endswith("_ar") else _says_something_in_arabic(held)
        for name, held in value
    )
