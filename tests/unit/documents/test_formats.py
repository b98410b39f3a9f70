"""Amounts, numbers, dates and directions."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from jobdesk.documents import formats


@pytest.mark.parametrize(
    ("value", "currency", "text"),
    [
        ("1150", "SAR", "1,150.00"),
        ("0.005", "SAR", "0.01"),
        ("-1450", "SAR", "−1,450.00"),
        ("1.2345", "KWD", "1.235"),
        ("1234.5", "JPY", "1,235"),
    ],
)
def test_an_amount_has_the_digits_of_its_currency(value: str, currency: str, text: str) -> None:
    assert formats.amount(Decimal(value), currency) == text


def test_money_names_its_currency_in_the_documents_language() -> None:
    english = formats.money(Decimal(1150), "SAR", "en")
    arabic = formats.money(Decimal(1150), "SAR", "ar")
    unknown = formats.money(Decimal(1150), "CHF", "ar")

    assert english == '<bdi dir="ltr">SAR\u00a01,150.00</bdi>'
    assert arabic == '<span><bdi dir="ltr">1,150.00</bdi>\u00a0ر.س</span>'
    assert "CHF" in unknown


def test_a_unit_price_keeps_the_digits_it_has() -> None:
    assert formats.price(Decimal(850)) == "850.00"
    assert formats.price(Decimal("37.335")) == "37.335"
    assert formats.price(Decimal("37.3000")) == "37.30"
    assert formats.price(Decimal("1E+3")) == "1,000.00"


def test_a_number_has_no_zeros_that_say_nothing() -> None:
    assert formats.number(Decimal("12.50")) == "12.5"
    assert formats.number(Decimal(100)) == "100"
    assert formats.number(Decimal("1E+3")) == "1,000"
    assert formats.number(Decimal("0.0")) == "0"


def test_a_date_is_one_date_in_every_country() -> None:
    assert "24\u00a0November\u00a02026" in formats.long_date(date(2026, 11, 24))
    assert formats.long_date(date(2026, 11, 24), "ar") == "24\u00a0نوفمبر\u00a02026"


def test_what_is_read_from_left_to_right_is_wrapped_and_escaped() -> None:
    assert formats.ltr("<b>&") == '<bdi dir="ltr">&lt;b&gt;&amp;</bdi>'
    assert formats.ltr(None) == '<bdi dir="ltr"></bdi>'


def test_text_has_the_direction_of_its_first_letter() -> None:
    assert formats.bidi("12 Traf3li Co.") == '<bdi dir="ltr">12 Traf3li Co.</bdi>'
    assert formats.bidi("شركة <1>").startswith('<bdi dir="rtl">شركة &lt;')


def test_numbers_in_arabic_text_keep_their_order() -> None:
    text = formats.bidi("رقم -150.00 هاتف +966 11 234 5678.")

    assert '<bdi dir="ltr">-150.00</bdi>' in text
    assert '<bdi dir="ltr">+966 11 234 5678</bdi>' in text
