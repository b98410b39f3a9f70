"""Receipts, statements, contracts and reports: their sums, their words, and how they come out."""

from __future__ import annotations

import logging
import re
import shutil
import subprocess
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pypdf
import pytest
from pydantic import ValidationError

from jobdesk.documents import rendering
from jobdesk.documents.contract import ContractData
from jobdesk.documents.page import PageOptions
from jobdesk.documents.receipt import ReceiptData
from jobdesk.documents.rendering import Printing, write_custom, write_paper
from jobdesk.documents.report import ReportData
from jobdesk.documents.statement import StatementData
from jobdesk.errors import PermanentError
from tests import papers

MODELS: dict[str, Any] = {
    "receipt": ReceiptData,
    "statement": StatementData,
    "contract": ContractData,
    "report": ReportData,
}
HTML: dict[str, Any] = {
    "receipt": rendering.receipt_html,
    "statement": rendering.statement_html,
    "contract": rendering.contract_html,
    "report": rendering.report_html,
}
HOW = Printing(today=date(2026, 11, 24))
_MARKS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def made(kind: str, folder: Path, data: dict[str, Any], how: Printing = HOW) -> Path:
    html = HTML[kind](MODELS[kind].model_validate(data), how)
    return write_paper(html, folder / f"{kind}.pdf", how, root=folder).path


def text_of(path: Path) -> str:
    pages = (page.extract_text() for page in pypdf.PdfReader(path).pages)
    return _MARKS.sub("", "\n".join(pages)).replace("\u00a0", " ")


def refusal(kind: str, **changes: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        MODELS[kind].model_validate({**papers.FULL[kind], **changes})
    return str(caught.value)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("receipt", ("RCP-2026-0077", "SAR 27,226.25", "Bank transfer", "INV-2026-0150",
                     "7,226.25", "24 November 2026", "310123456700003", "Sara Al-Qahtani")),
        ("statement", ("STM-2026-11", "1,200.00", "16,725.00", "0.00", "4,600.50", "SAR 20,125.50",
                       "SAR 17,325.50", "SAR 4,000.00", "2 Nov 2026", "SNB-118", "CN-2026-0004")),
        ("contract", ("CON-2026-0031", "Retainer agreement", "SAR 120,000.00", "1. Subject",
                      "3. Termination", "Either party may", "Omar Al-Harbi", "30 November 2027")),
        ("report", ("Third quarter 2026", "SAR 482,300.50", "31.5", "September", "150,200.25",
                    "−34.7%", "482,300.50", "30 September 2026", "Amounts are without VAT.")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("language", ["en", "ar"])
def test_a_paper_holds_its_figures_and_every_glyph_is_there(
    kind: str, expected: tuple[str, ...], language: str, tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level(logging.WARNING, "jobdesk.documents.pdf")

    text = text_of(made(kind, tmp_path, {**papers.FULL[kind], "language": language}))

    if language == "ar":  # its words and months are Arabic; the figures are the same
        expected = tuple(
            re.sub("^SAR ", "", one) for one in expected if re.search(r"[\d,]{4}|\.\d\d", one)
            and not re.search("[a-z]", one)
        )  # fmt: skip
        assert expected
    assert [one for one in expected if one not in text] == []
    assert caplog.text == ""


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="needs poppler-utils")
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        # pdftotext turns letters round that are one glyph: lam-alef, kaf-yeh at the end
        ("receipt", ("سند قبض", "مؤسسة النور للتجارة", "تحويل", "استلمنا من")),
        ("statement", ("كشف حساب", "رصيد سابق", "تحويل", "مدين", "دائن")),
        ("contract", ("اتفاقية خدمات قانونية دورية", "موضوع العقد", "إنهاء العقد", "عمر الحربي")),
        ("report", ("الربع الثالث", "حسب الشهر", "جدد", "هامش الربح")),
    ],
)
def test_arabic_words_come_out_whole_and_in_order(
    kind: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    path = made(kind, tmp_path, {**papers.FULL[kind], **papers.ARABIC})

    out = subprocess.run(
        ["pdftotext", "-layout", path, "-"], capture_output=True, text=True, check=True
    ).stdout
    text = _MARKS.sub("", out).replace("\u00a0", " ")
    assert [word for word in words if word not in text] == []


@pytest.mark.parametrize("kind", papers.MINIMAL)
def test_the_least_data_is_a_page_in_one_language(kind: str, tmp_path: Path) -> None:
    path = made(kind, tmp_path, papers.MINIMAL[kind])

    text = text_of(path)
    assert len(pypdf.PdfReader(path).pages) == 1
    assert not re.search("[\u0600-\u06ff]", text)


@pytest.mark.parametrize("kind", papers.FULL)
def test_what_is_not_known_is_refused_by_name_and_both_spellings_are_known(kind: str) -> None:
    camel = MODELS[kind].model_validate(papers.FULL[kind])

    assert MODELS[kind].model_validate(camel.model_dump()) == camel
    assert MODELS[kind].model_validate(camel.model_dump(mode="json", by_alias=True)) == camel
    assert "clientNmae" in refusal(kind, clientNmae="x")


@pytest.mark.parametrize(
    ("kind", "changes", "said"),
    [
        ("receipt", {"amount": 27226}, "amount is 27,226.00, but the invoices make 27,226.25"),
        ("receipt", {"client": None}, "who paid"),
        ("receipt", {"amount": True}, "not a bool"),
        ("receipt", {"amount": float("nan")}, "finite"),
        ("statement", {"closingBalance": 4001}, "closingBalance is 4,001.00, but the lines make 4"),
        ("statement", {"startDate": "2026-09-04"}, "before startDate"),
        ("statement", {"endDate": "2026-11-01"}, "after endDate"),
        ("statement", {"transactions": papers.STATEMENT["transactions"][::-1]}, "in the order"),
        (
            "statement",
            {"transactions": [{"date": "2026-10-01", "description": "x", "debit": 1, "credit": 1}]},
            "give debit or credit",
        ),
        ("contract", {"clauses": [{"title": "Empty"}]}, "text or textAr is needed"),
        ("contract", {"parties": []}, "parties"),
        ("contract", {"endDate": "2026-01-01"}, "is before startDate"),
        ("report", {"sections": [{"columns": [{"label": "a"}], "rows": [[1, 2]]}]}, "2 cells"),
        ("report", {"figures": [{"label": "a", "value": True}]}, "not a bool"),
        ("report", {"figures": [{"label": "a", "value": 1e16}]}, "below 10"),
    ],
)
def test_data_that_makes_no_sense_is_refused_and_says_why(
    kind: str, changes: dict[str, Any], said: str
) -> None:
    assert said in refusal(kind, **changes)


def test_a_balance_follows_each_line_and_may_be_in_the_clients_favour(tmp_path: Path) -> None:
    data = {**papers.STATEMENT, "openingBalance": "-5000.005", "closingBalance": None}
    statement = StatementData.model_validate(data)

    balances = [line.balance for line in statement.lines]

    assert balances[0] == Decimal("10524.99")
    assert statement.closing == Decimal("-2200.01")
    assert "in your favour" in text_of(made("statement", tmp_path, data))


def test_a_long_statement_repeats_its_heads(tmp_path: Path) -> None:
    line = {"date": "2026-10-01", "description": "Invoice", "debit": 100}
    path = made("statement", tmp_path, {"clientName": "A", "transactions": [line] * 120})

    assert len(pypdf.PdfReader(path).pages) > 2
    assert text_of(path).count("Description") == len(pypdf.PdfReader(path).pages)


def test_numbers_stay_numbers_and_texts_stay_texts_in_a_report(tmp_path: Path) -> None:
    part = {"columns": [{"label": "n", "kind": "number"}], "rows": [[1234.5], ["00120"], [0.1]]}

    text = text_of(made("report", tmp_path, {"sections": [part]}))

    assert "1,234.5" in text
    assert "00120" in text
    assert re.search(r"\b0\.1\b", text)


@pytest.mark.parametrize("kind", papers.FULL)
def test_markup_in_the_data_is_text(kind: str) -> None:
    def spoilt(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: spoilt(one) if name != "kind" else one for name, one in value.items()}
        if isinstance(value, list):
            return [spoilt(one) for one in value]
        plain = isinstance(value, str) and not re.fullmatch(r"[\d.-]+|[A-Z]{3}", value)
        return f"<script>{value}" if plain else value

    html = HTML[kind](MODELS[kind].model_validate(spoilt(papers.FULL[kind])), HOW)

    assert "&lt;script&gt;" in html
    assert "<script" not in html


def test_each_margin_may_be_chosen_and_nothing_else_be_said(tmp_path: Path) -> None:
    page = PageOptions.model_validate({"margin": {"top": 30, "left": 25}})

    assert page.css == "size: A4 portrait; margin: 30mm 18mm 18mm 25mm;"
    for wrong in ({"margin": 4}, {"margin": {"top": 51}}, {"margin": "1mm; } x"}, {"scale": 2},
                  {"orientation": "landscape; x"}, {"margin": {"middle": 10}}):  # fmt: skip
        with pytest.raises(ValidationError):
            PageOptions.model_validate(wrong)


# --- templates of one's own


def test_a_firm_may_put_its_own_parts_styles_and_templates_in_the_place_of_ours(
    tmp_path: Path,
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "receipt.html").write_text(
        '{% extends "paper.html" %}{% block body %}'
        '{% from "parts.html" import label with context %}'
        "Own {{ doc.total | money(doc.currency, lang) }} {{ label('Paid', 'x') }}{% endblock %}"
    )
    (own / "paper.css").write_text("@page { @bottom-left { content: 'Own foot' } }")
    how = Printing(today=HOW.today, templates=own)

    ours = text_of(made("statement", tmp_path, papers.MINIMAL["statement"], how))
    text = text_of(made("receipt", tmp_path, papers.MINIMAL["receipt"], how))

    assert "Own SAR 5,000.00 Paid" in text
    assert "Own foot" in text
    assert "Own foot" in ours
    assert "Balance due" in ours


# --- HTML from outside


def box(path: Path) -> tuple[int, int]:
    found = pypdf.PdfReader(path).pages[0].mediabox
    return round(found.width), round(found.height)


def test_html_from_outside_is_set_in_our_fonts_on_a_page_of_its_own_or_the_one_asked_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "jobdesk.documents.pdf")
    html = "<style>@page { size: A5 }</style><p>Hello مرحبا</p>"
    letter = PageOptions.model_validate({"format": "Letter", "orientation": "landscape"})

    own = write_custom(html, tmp_path / "a.pdf", PageOptions(), root=tmp_path)
    asked = write_custom(html, tmp_path / "b.pdf", letter, root=tmp_path)

    assert (box(own.path), box(asked.path)) == ((420, 595), (792, 612))
    fonts = subprocess.run(["pdffonts", own.path], capture_output=True, text=True, check=True)
    assert "+Desk " in fonts.stdout
    assert "+Desk-Arabic " in fonts.stdout
    assert caplog.text == ""


def test_css_from_outside_counts_and_cannot_leave_either(tmp_path: Path) -> None:
    secret = tmp_path / "secret.css"
    secret.write_text("p::before { content: 'canary-7731' }")

    made = write_custom(
        "<p>x</p>", tmp_path / "a.pdf", PageOptions(), root=tmp_path,
        css="p::after { content: ' and more' }",
    )  # fmt: skip

    assert "x and more" in text_of(made.path)
    for css in (
        f"@import url({secret.as_uri()});",
        f"p {{ background: url({secret.as_uri()}) }}",
        "p { background: url(http://127.0.0.1:9/x.png) }",
        f"@font-face {{ font-family: F; src: url({secret.as_uri()}) }} p {{ font-family: F }}",
        "@import url(asset:../secret.css);",
    ):
        with pytest.raises(PermanentError, match=r"may not load|not the name"):
            write_custom("<p>x", tmp_path / "b.pdf", PageOptions(), root=tmp_path, css=css)


def test_a_style_in_css_cannot_end_itself_and_become_html(tmp_path: Path) -> None:
    css = "</style><p>canary</p>"

    made = write_custom("<p>x</p>", tmp_path / "a.pdf", PageOptions(), root=tmp_path, css=css)

    assert "canary" not in text_of(made.path)


def test_html_that_is_nested_without_end_fails_for_good(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="nested"):
        write_custom("<div>" * 5000, tmp_path / "a.pdf", PageOptions(), root=tmp_path)
