"""Reading a signed e-invoice (UBL 2.1): its UUID, its kind, and the hash that ZATCA computes.

The hash is that of the canonical XML without the signature, the QR code and the extensions. White
space behind a removed element stays, as ZATCA's own tool leaves it: without it the hash is another.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from jobdesk.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_XML_BYTES = 2 << 20
NAMES = {
    "ubl": "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2",
    "cac": "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2",
    "cbc": "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2",
    "ext": "urn:oasis:names:specification:ubl:schema:xsd:CommonExtensionComponents-2",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
}
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedInvoice:
    """What a signed invoice says of itself, checked against its content."""

    uuid: str
    kind: Literal["standard", "simplified"]
    invoice_hash: str


def read(xml: bytes) -> SignedInvoice:
    """Read a signed invoice; PermanentError where it is none, or its hash is not that signed."""
    root = _parsed(xml)
    uuid = (root.findtext("cbc:UUID", namespaces=NAMES) or "").strip()
    if not _UUID.fullmatch(uuid):
        raise PermanentError("the invoice has no cbc:UUID")
    code = root.find("cbc:InvoiceTypeCode", namespaces=NAMES)
    name = "" if code is None else code.get("name", "")
    if name[:2] not in {"01", "02"}:
        raise PermanentError("the invoice has no cbc:InvoiceTypeCode that names 01… or 02…")
    signed = root.xpath(
        "//ds:Reference[@Id='invoiceSignedData']/ds:DigestValue/text()", namespaces=NAMES
    )
    if not signed:
        raise PermanentError("the invoice is not signed; jobdesk hands in signed ones only")
    found = _hash(root)
    if "".join(signed[0].split()) != found:
        raise PermanentError(
            "the invoice's hash is not the one that was signed: it was changed after signing,"
            " and would be refused"
        )
    return SignedInvoice(
        uuid=uuid,
        kind="standard" if name.startswith("01") else "simplified",
        invoice_hash=found,
    )


def invoice_hash(xml: bytes) -> str:
    """The hash of an invoice, signed or not, in base64."""
    return _hash(_parsed(xml))


def _parsed(xml: bytes) -> Any:
    from lxml import etree

    if len(xml) > MAX_XML_BYTES:
        raise PermanentError(f"an invoice of {len(xml):,} bytes is over {MAX_XML_BYTES:,}")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        root = etree.fromstring(xml, parser)
    except (etree.XMLSyntaxError, ValueError) as exc:
        raise PermanentError(f"the invoice is not XML: {str(exc)[:200]}") from None
    if root.getroottree().docinfo.doctype:
        raise PermanentError("the invoice has a document type, which no e-invoice has")
    if root.tag != f"{{{NAMES['ubl']}}}Invoice":
        raise PermanentError("the XML is no UBL invoice")
    return root


def _hash(root: Any) -> str:
    from lxml import etree

    for element in list(_left_out(root)):
        _remove(element)
    canonical = etree.tostring(root, method="c14n", exclusive=False, with_comments=False)
    return base64.b64encode(hashlib.sha256(canonical).digest()).decode()


def _left_out(root: Any) -> Iterator[Any]:
    yield from root.findall("ext:UBLExtensions", namespaces=NAMES)
    yield from root.findall("cac:Signature", namespaces=NAMES)
    for element in root.findall("cac:AdditionalDocumentReference", namespaces=NAMES):
        if (element.findtext("cbc:ID", namespaces=NAMES) or "").strip() == "QR":
            yield element


def _remove(element: Any) -> None:
    """Remove an element and keep the text behind it, which lxml would take along."""
    parent, before, tail = element.getparent(), element.getprevious(), element.tail or ""
    if before is not None:
        before.tail = (before.tail or "") + tail
    else:
        parent.text = (parent.text or "") + tail
    parent.remove(element)
