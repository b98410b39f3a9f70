"""From an invoice's data to a PDF of it: the title it may bear, its QR code, its page."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from jobdesk.documents import qr
from jobdesk.documents.invoice import InvoiceData, Party
from jobdesk.documents.markup import render_html
from jobdesk.documents.pdf import RenderedPdf, render_pdf
from jobdesk.jobdata import JobData

TITLES = {
    "plain": ("Invoice", "فاتورة"),
    "tax": ("Tax invoice", "فاتورة ضريبية"),
    "simplified": ("Simplified tax invoice", "فاتورة ضريبية مبسطة"),
}


class PageOptions(JobData):
    """What may be chosen about the page."""

    format: Literal["A4", "Letter"] = "A4"
    orientation: Literal["portrait", "landscape"] = "portrait"
    #: millimetres, on all four sides; unset: the template's
    margin: Annotated[float, Field(ge=5, le=50, allow_inf_nan=False)] | None = None

    @property
    def css(self) -> str:
        """The declarations for ``@page``; made of checked values only."""
        margin = "" if self.margin is None else f" margin: {self.margin:g}mm;"
        return f"size: {self.format} {self.orientation};{margin}"


def invoice_html(
    invoice: InvoiceData,
    *,
    issued: date,
    seller_name: str | None = None,
    page: PageOptions | None = None,
    templates: Path | None = None,
) -> str:
    """The invoice as HTML. ``issued`` and ``seller_name`` stand in where the data says nothing."""
    from markupsafe import Markup

    if invoice.seller is None and seller_name:
        invoice = invoice.model_copy(update={"seller": Party(name=seller_name)})
    issued = invoice.issue_date or issued
    english, arabic = TITLES[invoice.kind]
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
    values = {
        "invoice": invoice,
        "title_en": english,
        "title_ar": arabic,
        "issued": issued,
        "qr": code,
        "page": (page or PageOptions()).css,
    }
    return render_html("invoice.html", values, templates)


def render_invoice(
    invoice: InvoiceData,
    target: Path,
    *,
    root: Path,
    issued: date,
    seller_name: str | None = None,
    page: PageOptions | None = None,
    templates: Path | None = None,
) -> RenderedPdf:
    """Write the invoice to ``target`` as a PDF; as :func:`render_pdf`."""
    html = invoice_html(
        invoice, issued=issued, seller_name=seller_name, page=page, templates=templates
    )
    folders = () if templates is None else (templates,)
    return render_pdf(html, target, root=root, trusted_assets=folders)
