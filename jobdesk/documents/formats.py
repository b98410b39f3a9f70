"""How amounts, numbers and dates are written on a document: pure functions, used as Jinja filters.

Digits are Western in both languages, which is usual on Saudi invoices. Whatever is read from left
to right (amounts, dates, codes, phone numbers) goes through :func:`ltr` where it may stand among
Arabic words: WeasyPrint knows no ``unicode-bidi``, and would print ``150.00-``.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from unicodedata import bidirectional

from markupsafe import Markup, escape

#: Digits after the point, where a currency has not two.
PLACES = {"BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "OMR": 3, "TND": 3, "JPY": 0, "KRW": 0}
#: What Arabic writes after the amount. The riyal's own sign (U+20C1) is in no font we ship.
ARABIC_CURRENCY = {
    "SAR": "ر.س", "AED": "د.إ", "KWD": "د.ك", "BHD": "د.ب", "QAR": "ر.ق", "OMR": "ر.ع",
    "EGP": "ج.م", "JOD": "د.أ",
}  # fmt: skip
MONTHS = {
    "en": (
        "January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December",
    ),
    "ar": (
        "يناير", "فبراير", "مارس", "أبريل", "مايو", "يونيو",
        "يوليو", "أغسطس", "سبتمبر", "أكتوبر", "نوفمبر", "ديسمبر",
    ),
}  # fmt: skip
#: A number as people write it, phone numbers and dates in figures included.
_NUMBER = re.compile(r"([+-]?[0-9](?:[0-9 .,:/-]*[0-9])?)")
MINUS = "\N{MINUS SIGN}"


def rounded(amount: Decimal, currency: str = "SAR") -> Decimal:
    """Half-up to the currency's smallest unit."""
    return amount.quantize(Decimal(1).scaleb(-PLACES.get(currency, 2)), ROUND_HALF_UP)


def amount(value: Decimal, currency: str = "SAR") -> str:
    """``1,150.00``: an amount without its currency."""
    return _signed(f"{rounded(value, currency):,f}")


def price(value: Decimal, currency: str = "SAR") -> str:
    """A unit price: an amount, with the digits it has beyond the currency's smallest unit."""
    exact = value.normalize()
    if exact == rounded(value, currency):
        return amount(value, currency)
    return _signed(f"{exact:,f}")


def money(value: Decimal, currency: str = "SAR", language: str = "en") -> Markup:
    """``SAR 1,150.00``; in Arabic ``1,150.00 ر.س``, where the abbreviation is known."""
    if language == "ar" and currency in ARABIC_CURRENCY:
        sign = ARABIC_CURRENCY[currency]
        return Markup("<span>{}\N{NO-BREAK SPACE}{}</span>").format(
            ltr(amount(value, currency)), sign
        )
    return ltr(f"{currency}\N{NO-BREAK SPACE}{amount(value, currency)}")


def cell(value: float) -> Decimal:
    """A number of JSON as it was written there: 0.1 is a tenth."""
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"{str(value)[:40]!r} is no number, as 5000 or 5000.50") from None


def number(value: Decimal | int) -> str:
    """``1,234.5``: a quantity or a rate, without zeros that say nothing."""
    text = f"{Decimal(value):,f}"
    return _signed(text.rstrip("0").rstrip(".") if "." in text else text)


def long_date(value: date, language: str = "en", *, short: bool = False) -> Markup:
    """``24 November 2026``; the month's name makes it one date in every country.

    ``short`` cuts an English month to three letters; Arabic does not shorten its months.
    """
    month = MONTHS.get(language, MONTHS["en"])[value.month - 1]
    if short and language != "ar":
        month = month[:3]
    text = f"{value.day}\N{NO-BREAK SPACE}{month}\N{NO-BREAK SPACE}{value.year}"
    # an Arabic date is read right to left as it stands: wrapping it would turn its parts round
    return escape(text) if language == "ar" else ltr(text)


def ltr(value: object) -> Markup:
    """``value``, escaped, in a span of its own that reads from left to right."""
    return Markup('<bdi dir="ltr">{}</bdi>').format("" if value is None else value)


def bidi(value: str) -> Markup:
    """Text from outside, escaped, in the direction of its first letter.

    ``dir="auto"`` means nothing to WeasyPrint: "Co." would end up as ".Co" among Arabic.
    """
    first = next((kind for c in value if (kind := bidirectional(c)) in ("L", "R", "AL")), "L")
    if first == "L":
        return ltr(value)
    # a number that is signed or grouped, as a phone's, would have its parts turned round
    pieces = (ltr(p) if place % 2 else escape(p) for place, p in enumerate(_NUMBER.split(value)))
    return Markup('<bdi dir="rtl">{}</bdi>').format(Markup("").join(pieces))


def _signed(text: str) -> str:
    return MINUS + text[1:] if text.startswith("-") else text
