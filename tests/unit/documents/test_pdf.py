"""PDFs as they come out: what is in them, and what HTML cannot make them do."""

from __future__ import annotations

import gc
import logging
import re
import shutil
import socket
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from jobdesk.documents import assets
from jobdesk.documents.invoice import InvoiceData
from jobdesk.documents.page import PageOptions
from jobdesk.documents.pdf import RenderedPdf, render_pdf
from jobdesk.documents.rendering import Printing, invoice_html, render_invoice
from jobdesk.errors import PermanentError

ISSUED = date(2026, 11, 24)
FULL: dict[str, Any] = {
    "invoiceNumber": "INV-2026-0142",
    "seller": {
        "name": "Traf3li Legal Services Co.",
        "nameAr": "شركة ترافعلي للخدمات القانونية",
        "address": "7451 King Fahd Road\nRiyadh 12211",
        "addressAr": "طريق الملك فهد\nالرياض 12211",
        "vatNumber": "310123456700003",
        "phone": "+966 11 234 5678",
    },
    "buyer": {
        "name": "Al Noor Trading Establishment",
        "nameAr": "مؤسسة النور للتجارة",
        "vatNumber": "300987654300003",
    },
    "issueDate": "2026-11-24",
    "dueDate": "2026-12-24",
    "vatRate": 15,
    "items": [
        {
            "description": "Contract review",
            "descriptionAr": "مراجعة العقود",
            "quantity": "12.5",
            "unit": "h",
            "unitPrice": 850,
        },
        {"description": "Court", "quantity": 1, "unitPrice": 14500, "discount": 1450},
    ],
    "payment": {"bankName": "SNB", "iban": "SA03 8000 0000 6080 1016 7519"},
    "notes": "السداد خلال شهر. هاتف +966 11 234 5678",
}
MINIMAL = {"invoiceNumber": "INV-2024-001", "clientName": "Client Name", "totalAmount": 5000}
#: Marks of direction that pdftotext puts around Arabic.
_MARKS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture
def complaints(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.WARNING, "jobdesk.documents.pdf")
    return caplog


def rendered(data: dict[str, Any], folder: Path, **options: Any) -> RenderedPdf:
    invoice = InvoiceData.model_validate(data)
    how = Printing(today=ISSUED, **options)
    return render_invoice(invoice, folder / "i.pdf", how, root=folder)


def text_of(path: Path) -> str:
    import pypdf

    pages = len(pypdf.PdfReader(path).pages)
    return "\n".join(text_of_page(path, place) for place in range(pages))


def text_of_page(path: Path, place: int) -> str:
    import pypdf

    return _MARKS.sub("", pypdf.PdfReader(path).pages[place].extract_text())


def test_the_minimal_invoice_has_its_number_client_and_total(
    tmp_path: Path, complaints: pytest.LogCaptureFixture
) -> None:
    made = rendered(MINIMAL, tmp_path, seller_name="Traf3li")

    text = text_of(made.path).replace("\u00a0", " ")
    assert made.pages == 1
    assert made.bytes == made.path.stat().st_size
    for expected in (
        "INV-2024-001", "Client Name", "Traf3li", "24 November 2026", "Amount due", "SAR 5,000.00",
    ):  # fmt: skip
        assert expected in text
    assert "VAT" not in text
    assert complaints.text == ""


def test_a_tax_invoice_has_all_its_sums_in_two_languages(
    tmp_path: Path, complaints: pytest.LogCaptureFixture
) -> None:
    made = rendered(FULL, tmp_path)

    text = text_of(made.path).replace("\u00a0", " ")
    for expected in (
        "Tax invoice", "INV-2026-0142", "310123456700003", "300987654300003", "24 November 2026",
        "24 December 2026", "10,625.00", "1,593.75", "13,050.00", "−1,450.00", "1,957.50",
        "SAR 23,675.00", "SAR 3,551.25", "SAR 27,226.25", "SA03 8000 0000 6080 1016 7519",
    ):  # fmt: skip
        assert expected in text
    assert complaints.text == ""


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="needs poppler-utils")
def test_arabic_words_come_out_whole_and_in_order(
    tmp_path: Path, complaints: pytest.LogCaptureFixture
) -> None:
    made = rendered({**FULL, "language": "ar"}, tmp_path)

    out = subprocess.run(
        ["pdftotext", "-layout", made.path, "-"], capture_output=True, text=True, check=True
    ).stdout
    text = _MARKS.sub("", out).replace("\u00a0", " ")
    # words with lam-alef are left out: pdftotext turns its two letters round
    for word in ("فاتورة ضريبية", "شركة ترافعلي", "القانونية", "مؤسسة النور للتجارة",
                 "ضريبة القيمة المضافة", "الرقم الضريبي", "مراجعة العقود"):  # fmt: skip
        assert word in text
    assert "27,226.25" in text
    assert complaints.text == ""


def test_arabic_letters_are_joined(tmp_path: Path) -> None:
    """A joined letter has another form at the start, in the middle and at the end of a word."""
    import pypdf

    def glyphs(word: str) -> list[str]:
        html = f'<link rel=stylesheet href="asset:invoice.css"><p lang=ar dir=rtl>{word}</p>'
        made = render_pdf(html, tmp_path / "g.pdf", root=tmp_path)
        contents = pypdf.PdfReader(made.path).pages[0].get_contents()
        assert contents is not None
        first = re.search(rb"\[(.*?)\] TJ", contents.get_data())
        assert first is not None
        return re.findall(r"<([0-9a-f]{4})>", first[1].decode())

    joined, apart = glyphs("ععع"), glyphs("ع ع ع")

    assert (len(joined), len(set(joined))) == (3, 3)
    assert (len(apart), len(set(apart))) == (5, 2)
    assert not set(joined) & set(apart)


def test_every_sign_that_people_use_has_a_glyph(
    tmp_path: Path, complaints: pytest.LogCaptureFixture
) -> None:
    names = (
        "Müller & Søn · Şahin Ağa · Łódź · Жанна · Ωμέγα · محمّد بن عبدالله ٪؟ · € £ № – “x” \u20c1"
    )

    rendered({**MINIMAL, "clientName": names}, tmp_path)

    assert complaints.text == ""


def test_a_long_invoice_repeats_its_heads_and_numbers_its_pages(tmp_path: Path) -> None:
    items = [{"description": f"Position {i}", "unitPrice": 100} for i in range(80)]

    made = rendered({**MINIMAL, "items": items, "totalAmount": 8000}, tmp_path)

    text = text_of(made.path)
    assert made.pages > 1
    assert text.count("Unit price") == made.pages
    assert "Position 79" in text_of_page(made.path, -1)  # the sum never stands alone
    assert f"{made.pages} / {made.pages}" in text.replace("\u00a0", " ")


def test_the_page_is_chosen_among_few(tmp_path: Path) -> None:
    import pypdf

    page = PageOptions.model_validate(
        {"format": "Letter", "orientation": "landscape", "margin": 10}
    )

    made = rendered(MINIMAL, tmp_path, page=page)

    box = pypdf.PdfReader(made.path).pages[0].mediabox
    assert (round(box.width), round(box.height)) == (792, 612)
    with pytest.raises(ValueError, match="format"):
        PageOptions.model_validate({"format": "A4; } body { display: none"})


def test_names_with_markup_are_text(tmp_path: Path) -> None:
    html = invoice_html(
        InvoiceData.model_validate({**MINIMAL, "clientName": "<script>x</script> & Co"}),
        Printing(today=ISSUED),
    )

    assert "<script>" not in html
    assert "&lt;script&gt;x&lt;/script&gt; &amp; Co" in html


def test_a_firms_own_template_and_style_go_first(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "invoice.html").write_text(
        '<link rel=stylesheet href="asset:own.css"><p>Own {{ invoice.total | money("SAR") }}</p>'
    )
    (own / "own.css").write_text("p { color: red }")

    made = rendered(MINIMAL, tmp_path, templates=own)

    assert "Own SAR 5,000.00" in text_of(made.path).replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{% if %}", "template invoice.html, line 1"),
        ("{{ nobody.name }}", "'nobody' is undefined"),
        ("{{ ''.__class__.__mro__ }}", "template invoice.html"),
        ("{% include 'other.html' %}", "other.html"),
    ],
)
def test_a_template_that_does_not_work_fails_for_good(
    tmp_path: Path, template: str, said: str
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "invoice.html").write_text(template)

    with pytest.raises(PermanentError, match=re.escape(said)):
        rendered(MINIMAL, tmp_path, templates=own)


# --- hostile HTML

HOSTILE = (
    '<img src="{url}">',
    '<link rel="stylesheet" href="{url}">',
    '<link rel="attachment" href="{url}">',
    '<style>@import url("{url}");</style>',
    '<style>body {{ background: url("{url}") }}</style>',
    '<style>@font-face {{ font-family: X; src: url("{url}") }} p {{ font-family: X }}</style><p>x',
    '<style>p::before {{ content: url("{url}") }}</style><p>x',
    '<style>li {{ list-style-image: url("{url}") }}</style><ul><li>x</ul>',
    '<object data="{url}"></object>',
    '<embed src="{url}">',
    (
        '<svg xmlns:xlink="http://www.w3.org/1999/xlink" width="9" height="9">'
        '<image xlink:href="{url}" width="9" height="9"/></svg>'
    ),
    '<a rel="attachment" href="{url}">x</a>',
    '<base href="{url}"><img src="x.png">',
)


@pytest.mark.parametrize("html", HOSTILE)
def test_html_cannot_read_a_file(tmp_path: Path, html: str) -> None:
    secret = tmp_path / "secret.svg"
    secret.write_text('<svg xmlns="http://www.w3.org/2000/svg"><text>canary-7731</text></svg>')

    with pytest.raises(PermanentError, match="may not load"):
        render_pdf(html.format(url=secret.as_uri()), tmp_path / "o" / "x.pdf", root=tmp_path / "o")

    assert not list((tmp_path / "o").glob("*"))


@pytest.mark.parametrize("html", HOSTILE)
def test_html_cannot_open_a_socket(tmp_path: Path, html: str) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/x.svg"

        with pytest.raises(PermanentError, match="may not load"):
            render_pdf(html.format(url=url), tmp_path / "x.pdf", root=tmp_path)

        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1/x", "FILE:///etc/passwd", "asset:../invoice.py", "asset:/etc/passwd",
        "asset:..%2finvoice.css", "asset:nothing.css", "asset:invoice.py", "asset:.hidden.css",
        "jar:file:///x", "javascript:alert(1)", "//host/x.png",
    ],
)  # fmt: skip
def test_no_other_address_leads_anywhere(tmp_path: Path, url: str) -> None:
    html = f'<img src="{url}">'

    if url.startswith("//"):  # relative, and there is nothing that it could be relative to
        render_pdf(html, tmp_path / "x.pdf", root=tmp_path)
        return
    with pytest.raises(PermanentError, match="refused"):
        render_pdf(html, tmp_path / "x.pdf", root=tmp_path)


def test_a_picture_inside_a_picture_is_not_loaded_either(tmp_path: Path) -> None:
    inner = (
        "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='9' height='9'%3E"
        "%3Cimage href='file:///etc/hostname' width='9' height='9'/%3E%3C/svg%3E"
    )

    with pytest.raises(PermanentError, match="may not load"):
        render_pdf(f'<img src="{inner}">', tmp_path / "x.pdf", root=tmp_path)


def test_a_small_picture_in_the_html_is_welcome_and_a_huge_one_is_not(tmp_path: Path) -> None:
    small = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E"

    assert render_pdf(f'<img src="{small}">', tmp_path / "x.pdf", root=tmp_path).pages == 1
    with pytest.raises(PermanentError, match="data: URL"):
        render_pdf(
            f'<img src="data:image/png;base64,{"A" * (1 << 20)}">',
            tmp_path / "x.pdf",
            root=tmp_path,
        )


def test_too_much_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match=r"1,001 bytes, limit 1,000"):
        render_pdf("x" * 1001, tmp_path / "x.pdf", root=tmp_path, max_html_bytes=1000)
    with pytest.raises(PermanentError, match="3 pages, limit 2"):
        render_pdf(
            "<p style='break-after: page'>x" * 3, tmp_path / "x.pdf", root=tmp_path, max_pages=2
        )

    assert not list(tmp_path.glob("*"))


@pytest.mark.parametrize("name", ["../x.pdf", "a/../../x.pdf", "link/x.pdf"])
def test_a_pdf_stays_inside_its_root(tmp_path: Path, name: str) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (root / "link").symlink_to(outside)

    with pytest.raises(PermanentError, match="not inside"):
        render_pdf("x", root / name, root=root)

    assert not list(outside.iterdir())


def test_a_documents_fonts_leave_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies = tmp_path / "temporary"
    copies.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(copies))
    html = "<style>@font-face { font-family: Own; src: url(asset:plex.ttf) }</style>"
    kept = []
    gc.disable()  # nothing is collected, as when the process ends at once
    try:
        for number in range(2):
            render_pdf(
                f"{html}<p style='font-family: Own'>{number}", tmp_path / "a.pdf", root=tmp_path
            )
            kept.append(list(copies.iterdir()))
        with pytest.raises(PermanentError):
            render_pdf(f"{html}<img src=file:///etc/passwd>", tmp_path / "b.pdf", root=tmp_path)
        kept.append(list(copies.iterdir()))
    finally:
        gc.enable()
    assert kept == [[], [], []]


def test_every_font_is_installed() -> None:
    for name in assets.FONTS:
        body, kind = assets.read(name)
        assert (kind, body[:4]) == ("font/ttf", b"\x00\x01\x00\x00")
