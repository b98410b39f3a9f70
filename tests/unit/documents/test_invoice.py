"""What an invoice may say, and what it comes to."""

from __future__ import annotations

import base64
from datetime import date, time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from jobdesk.documents import qr
from jobdesk.documents.invoice import InvoiceData

MINIMAL = {
    "invoiceNumber": "INV-2024-001",
    "clientName": "Client Name",
    "items": [],
    "totalAmount": 5000,
}
SELLER = {"name": "Traf3li", "vatNumber": "310123456700003"}
BUYER = {"name": "Al Noor", "vatNumber": "300987654300003"}


def made(**changes: Any) -> InvoiceData:
    return InvoiceData.model_validate({**MINIMAL, **changes})


def refusal(**changes: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        made(**changes)
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in caught.value.errors())


def test_the_originals_minimal_data_is_one_line_over_the_total() -> None:
    invoice = made()

    assert invoice.kind == "plain"
    assert not invoice.bilingual
    assert [(line.item.description, line.total) for line in invoice.lines] == [
        ("Amount due", Decimal("5000.00"))
    ]
    assert (invoice.net, invoice.vat, invoice.total) == (5000, 0, 5000)


def test_no_vat_is_invented() -> None:
    invoice = made(items=[{"description": "Work", "unitPrice": 5000}], seller=SELLER)

    assert (invoice.has_vat, invoice.vat_groups, invoice.kind) == (False, (), "plain")


def test_each_line_is_rounded_half_up_and_the_sums_are_of_rounded_lines() -> None:
    lines = [{"description": "a", "quantity": 3, "unitPrice": "0.335", "vatRate": 15}] * 3

    invoice = made(items=lines, totalAmount=None)

    # 3 x 0.335 = 1.005, up to 1.01; VAT 0.1515, up to 0.15
    assert [(line.net, line.vat) for line in invoice.lines] == [
        (Decimal("1.01"), Decimal("0.15"))
    ] * 3
    assert (invoice.net, invoice.vat, invoice.total) == (
        Decimal("3.03"),
        Decimal("0.45"),
        Decimal("3.48"),
    )


def test_a_float_is_read_as_it_is_written() -> None:
    invoice = made(
        items=[{"description": "a", "quantity": 3, "unitPrice": 19.99}], totalAmount=59.97
    )

    assert invoice.total == Decimal("59.97")


def test_vat_is_summed_by_rate_and_a_line_may_have_its_own() -> None:
    invoice = made(
        seller=SELLER,
        buyer=BUYER,
        vatRate=15,
        items=[
            {"description": "a", "unitPrice": 100, "discount": 10},
            {"description": "b", "unitPrice": 50},
            {"description": "c", "unitPrice": 30, "vatRate": 0, "vatReason": "Export"},
        ],
        totalAmount=191,
    )

    assert [(g.rate, g.net, g.vat) for g in invoice.vat_groups] == [
        (15, 140, Decimal("21.00")),
        (0, 30, 0),
    ]
    assert (invoice.kind, invoice.bilingual, invoice.total) == ("tax", True, 191)


def test_without_the_buyers_vat_number_it_is_simplified() -> None:
    invoice = made(
        seller=SELLER, vatRate=15, items=[{"description": "a", "unitPrice": 100}], totalAmount=115
    )

    assert invoice.kind == "simplified"


def test_currencies_have_their_own_smallest_unit() -> None:
    items = [{"description": "a", "unitPrice": "1.2345"}]

    assert made(currency="KWD", items=items, totalAmount=None).total == Decimal("1.235")
    assert made(currency="JPY", items=items, totalAmount=None).total == 1


def test_a_total_that_disagrees_with_the_items_is_refused_with_both() -> None:
    message = refusal(items=[{"description": "a", "unitPrice": 100, "vatRate": 15}])

    assert "totalAmount is 5,000.00" in message
    assert "the items make 115.00 (100.00 and VAT 15.00)" in message


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"clientName": None}, "clientName or buyer is needed"),
        ({"totalAmount": None}, "items or totalAmount is needed"),
        ({"vatRate": 15}, "vatRate needs items"),
        ({"invoiceNumber": "  "}, "invoiceNumber: "),
        ({"totalAmount": "NaN"}, "totalAmount: "),
        ({"totalAmount": True}, "must be a number, not a bool"),
        ({"totalAmount": -1}, "totalAmount: "),
        ({"currency": "riyal"}, "currency: "),
        ({"issueDate": "2026-02-01", "dueDate": "2026-01-01"}, "is before issueDate"),
        ({"issueDate": "yesterday"}, "issueDate: "),
        (
            {"items": [{"description": "a", "unitPrice": 1, "discount": 2}]},
            "items[0]: the discount",
        ),
        ({"items": [{"description": "a", "unitPrice": 1, "quantity": 0}]}, "items.0.quantity: "),
        ({"items": [{"description": "a", "price": 1}]}, "items.0.price: Extra inputs"),
        ({"seller": {"name": "x", "vat": "1"}}, "seller.vat: Extra inputs"),
        ({"color": "red"}, "color: Extra inputs"),
        ({"items": [{"description": "a", "unitPrice": 1}] * 1001}, "items: "),
        (
            {
                "seller": SELLER,
                "items": [{"description": "a", "unitPrice": 1, "vatRate": 0}],
                "totalAmount": 1,
            },
            "needs a vatReason",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_path(changes: dict[str, Any], said: str) -> None:
    assert said in refusal(**changes)


def test_signs_that_steer_the_direction_of_text_are_taken_out() -> None:
    invoice = made(clientName="Ahmed\u202e\u2066 \x07Co")

    assert invoice.client.name == "Ahmed Co"


def test_an_address_is_a_text_or_its_lines() -> None:
    as_text = made(buyer={"name": "x", "address": "Street 1\n\nRiyadh "})
    as_lines = made(buyer={"name": "x", "address": ["Street 1", "Riyadh"]})

    assert as_text.client.address == as_lines.client.address == ("Street 1", "Riyadh")


money = st.decimals(min_value=0, max_value=10**6, places=3, allow_nan=False, allow_infinity=False)


@given(
    st.lists(
        st.tuples(st.integers(1, 1000), money, st.sampled_from([None, 0, 5, 15])),
        min_size=1,
        max_size=8,
    )
)
def test_the_parts_always_make_the_whole(lines: list[tuple[int, Decimal, int | None]]) -> None:
    items = [{"description": "x", "quantity": q, "unitPrice": p, "vatRate": r} for q, p, r in lines]

    invoice = made(items=items, totalAmount=None)

    assert invoice.total == sum(line.total for line in invoice.lines)
    assert invoice.vat == sum(group.vat for group in invoice.vat_groups)
    assert made(items=items, totalAmount=invoice.total).total == invoice.total


def test_the_code_of_a_tax_invoice_has_its_five_fields() -> None:
    raw = base64.b64decode(
        qr.tlv(
            seller="شركة",
            vat_number="310123456700003",
            issued=date(2026, 11, 24),
            at=time(9, 30),
            total=Decimal("115.00"),
            vat=Decimal("15.00"),
        )
    )

    fields = {}
    while raw:
        tag, length, raw = raw[0], raw[1], raw[2:]
        fields[tag], raw = raw[:length].decode(), raw[length:]
    assert fields == {
        1: "شركة",
        2: "310123456700003",
        3: "2026-11-24T09:30:00Z",
        4: "115.00",
        5: "15.00",
    }


def test_a_long_name_in_the_code_is_cut_at_a_letter() -> None:
    raw = base64.b64decode(
        qr.tlv(
            seller="ش" * 300,
            vat_number="1",
            issued=date(2026, 1, 1),
            at=time(),
            total=Decimal(1),
            vat=Decimal(0),
        )
    )

    assert raw[1] == 254
    assert raw[2 : 2 + 254].decode() == "ش" * 127
