"""The QR code of a tax invoice, read off the printed page as a tax app does."""

from __future__ import annotations

import base64
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import zxingcpp

from jobdesk.documents.invoice import InvoiceData
from jobdesk.documents.rendering import Printing, render_invoice
from tests import papers


def codes_on(path: Path) -> list[str]:
    """What a reader finds on the first page, as it comes out of the printer."""
    from PIL import Image

    page = path.with_suffix("")
    subprocess.run(["pdftoppm", "-r", "150", "-png", "-singlefile", path, page], check=True)
    with Image.open(page.with_suffix(".png")) as image:
        return [code.text for code in zxingcpp.read_barcodes(image.convert("L"))]


def fields_of(content: str) -> list[tuple[int, str]]:
    """Tag, length, value, one after the other."""
    raw, fields = base64.b64decode(content, validate=True), []
    while raw:
        tag, length = raw[0], raw[1]
        fields.append((tag, raw[2 : 2 + length].decode()))
        raw = raw[2 + length :]
    return fields


@pytest.mark.parametrize(
    ("changes", "seller"),
    [
        ({}, papers.FIRM["nameAr"]),
        ({"language": "ar"}, papers.FIRM["nameAr"]),
        # simplified: the buyer has no VAT number; and a seller without an Arabic name
        (
            {"buyer": None, "clientName": "Sara", "seller": {**papers.FIRM, "nameAr": None}},
            papers.FIRM["name"],
        ),
    ],
)
def test_the_code_on_the_page_holds_its_five_fields(
    changes: dict[str, Any], seller: str, tmp_path: Path
) -> None:
    invoice = InvoiceData.model_validate({**papers.TAX_INVOICE, **changes})
    how = Printing(today=date(2026, 11, 24))
    made = render_invoice(invoice, tmp_path / "i.pdf", how, root=tmp_path)

    (content,) = codes_on(made.path)

    assert fields_of(content) == [
        (1, seller),
        (2, "310123456700003"),
        (3, "2026-11-24T14:03:07Z"),
        (4, "27226.25"),
        (5, "3551.25"),
    ]


def test_an_invoice_without_vat_has_no_code(tmp_path: Path) -> None:
    invoice = InvoiceData.model_validate({**papers.TAX_INVOICE, "seller": None, "vatRate": None})
    made = render_invoice(
        invoice, tmp_path / "i.pdf", Printing(today=date(2026, 11, 24)), root=tmp_path
    )

    assert codes_on(made.path) == []
