"""From a document's data to a PDF of it: the title it may bear, its QR code, its page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from jobdesk.documents import qr
from jobdesk.documents.fields import Party
from jobdesk.documents.markup import render_html
from jobdesk.documents.page import PageOptions
from jobdesk.documents.pdf import RenderedPdf, render_pdf

if TYPE_CHECKING:
    from jobdesk.documents.contract import ContractData
    from jobdesk.documents.invoice import InvoiceData
    from jobdesk.documents.receipt import ReceiptData
    from jobdesk.documents.report import ReportData
    from jobdesk.documents.statement import StatementData
    from jobdesk.settings import Settings

TITLES = {
    "plain": ("Invoice", "فاتورة"),
    "tax": ("Tax invoice", "فاتورة ضريبية"),
    "simplified": ("Simplified tax invoice", "فاتورة ضريبية مبسطة"),
}
STATEMENT = ("Statement of account", "كشف حساب")
RECEIPT = ("Receipt", "سند قبض")

Data = TypeVar("Data", "InvoiceData", "ReceiptData", "StatementData")


@dataclass(frozen=True, slots=True, kw_only=True)
class Printing:
    """What stands in where the data says nothing, and how the page is."""

    #: the day it is made
    today: date
    #: the seller, or the firm
    seller_name: str | None = None
    page: PageOptions = field(default_factory=PageOptions)
    #: a folder whose templates and styles go before the built-in ones
    templates: Path | None = None

    @classmethod
    def now(cls, settings: Settings, page: PageOptions) -> Printing:
        """As the settings say, today."""
        from datetime import datetime

        return cls(
            today=datetime.now(settings.zone).date(),
            seller_name=settings.from_name,
            page=page,
            templates=settings.templates,
        )


# --- HTML ---------------------------------------------------------------------------------------


def invoice_html(invoice: InvoiceData, how: Printing) -> str:
    """The invoice as HTML."""
    from markupsafe import Markup

    invoice = _with_seller(invoice, how)
    issued = invoice.issue_date or how.today
    code = None
    if invoice.kind != "plain" and invoice.seller is not None:
        content = qr.tlv(
            seller=invoice.seller.name_ar or invoice.seller.name,
            vat_number=invoice.seller.vat_number or "",
            issued=issued,
            at=invoice.issue_time or time(),
            total=invoice.total,
            vat=invoice.vat,
        )
        code = Markup(qr.svg(content))  # noqa: S704  # made of base64 by ourselves
    return _paper(
        "invoice",
        how,
        titles=TITLES[invoice.kind],
        language=invoice.language,
        bilingual=invoice.bilingual,
        number=invoice.invoice_number,
        author=invoice.seller,
        values={"invoice": invoice, "issued": issued, "qr": code},
    )


def receipt_html(doc: ReceiptData, how: Printing) -> str:
    """The receipt as HTML."""
    doc = _with_seller(doc, how)
    return _paper(
        "receipt",
        how,
        titles=RECEIPT,
        language=doc.language,
        bilingual=doc.bilingual,
        number=doc.receipt_number,
        author=doc.seller,
        values={"doc": doc, "received": doc.received_date or how.today},
    )


def statement_html(doc: StatementData, how: Printing) -> str:
    """The statement of account as HTML."""
    doc = _with_seller(doc, how)
    return _paper(
        "statement",
        how,
        titles=STATEMENT,
        language=doc.language,
        bilingual=doc.bilingual,
        number=doc.statement_number or doc.holder.name,
        author=doc.seller,
        values={"doc": doc, "issued": doc.issue_date or how.today},
    )


def contract_html(doc: ContractData, how: Printing) -> str:
    """The contract as HTML."""
    return _paper(
        "contract",
        how,
        titles=(doc.title, doc.title_ar or ""),
        language=doc.language,
        bilingual=doc.bilingual,
        number=doc.contract_number or doc.title,
        author=None,
        values={"doc": doc, "dated": doc.contract_date or how.today},
    )


def report_html(
    doc: ReportData, how: Printing, *, report_type: str = "", report_id: str | None = None
) -> str:
    """The report as HTML."""
    if doc.firm is None and how.seller_name:
        doc = doc.model_copy(update={"firm": Party(name=how.seller_name)})
    titles = doc.titles(report_type)
    return _paper(
        "report",
        how,
        titles=titles,
        language=doc.language,
        bilingual=doc.bilingual,
        number=titles[1] if doc.language == "ar" and titles[1] else titles[0],
        author=doc.firm,
        values={
            "doc": doc,
            "issued": doc.issue_date or how.today,
            "report_id": report_id,
        },
    )


def _with_seller(doc: Data, how: Printing) -> Data:
    if doc.seller is None and how.seller_name:
        return doc.model_copy(update={"seller": Party(name=how.seller_name)})
    return doc


def _paper(
    kind: str,
    how: Printing,
    *,
    titles: tuple[str, str],
    language: str,
    bilingual: bool,
    number: str,
    author: Party | None,
    values: Mapping[str, object],
) -> str:
    """The template of ``kind`` with its own values and those that ``paper.html`` asks for."""
    english, arabic = titles
    title = arabic if language == "ar" and arabic else english
    frame = {
        "kind": kind,
        "lang": language,
        "ar": language == "ar",
        "two": bilingual,
        "title_en": english,
        "title_ar": arabic,
        "heading": title if number == title else f"{title} {number}",
        "footer": number,
        "author": author.name if author else "",
        "page": how.page.css,
    }
    return render_html(f"{kind}.html", {**frame, **values}, how.templates)


# --- PDF ----------------------------------------------------------------------------------------


def write_paper(html: str, target: Path, how: Printing, *, root: Path) -> RenderedPdf:
    """Write one of the papers above as a PDF; as :func:`render_pdf`."""
    folders = () if how.templates is None else (how.templates,)
    return render_pdf(html, target, root=root, trusted_assets=folders)


def write_custom(
    html: str, target: Path, page: PageOptions, *, root: Path, css: str | None = None
) -> RenderedPdf:
    """Write HTML from outside as a PDF. It may load our fonts and ``data:`` URLs, and no more.

    Not even the templates' folder: that is the firm's, and the HTML is anybody's.
    """
    ours = f"@import url(asset:custom.css);\n{page.css_over_html}"
    return render_pdf(html, target, root=root, styles=(ours, *([css] if css else ())))


def render_invoice(invoice: InvoiceData, target: Path, how: Printing, *, root: Path) -> RenderedPdf:
    """Write the invoice to ``target`` as a PDF; as :func:`render_pdf`."""
    return write_paper(invoice_html(invoice, how), target, how, root=root)
