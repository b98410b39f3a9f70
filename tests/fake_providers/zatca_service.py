"""ZATCA's gateway: it recomputes the hash of what is posted, and keeps what it accepted."""

from __future__ import annotations

import base64
import re
from typing import Any

from jobdesk.documents.einvoice import invoice_hash
from tests.fake_providers.base import FakeService, Request

BINARY_TOKEN, SECRET = "TUlJRDNqQ0NBNFNnQXdJQkFnSVRFUUFBT0FQRj", "zatca-secret-0123"

_HEAD = (
    '<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"'
    ' xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"'
    ' xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"'
    ' xmlns:ext="urn:oasis:names:specification:ubl:schema:xsd:CommonExtensionComponents-2">'
)


def invoice(uuid: str, kind: str = "standard", note: str = "فاتورة") -> bytes:
    """A signed invoice, as far as its hash is concerned."""
    name = "0100000" if kind == "standard" else "0200000"
    text = (
        f"{_HEAD}<ext:UBLExtensions>@@</ext:UBLExtensions>\n"
        f"  <cbc:ID>INV-1</cbc:ID>\n  <cbc:UUID>{uuid}</cbc:UUID>\n"
        f'  <cbc:InvoiceTypeCode name="{name}">388</cbc:InvoiceTypeCode>\n'
        "  <cac:AdditionalDocumentReference><cbc:ID>QR</cbc:ID>"
        "</cac:AdditionalDocumentReference>\n"
        f"  <cac:Signature/>\n  <cbc:Note>{note}</cbc:Note>\n</Invoice>"
    )
    digest = invoice_hash(text.encode())
    signature = (
        '<ds:Reference xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Id="invoiceSignedData">'
        f"<ds:DigestValue>{digest}</ds:DigestValue></ds:Reference>"
    )
    return text.replace("@@", signature).encode()


class FakeZatca(FakeService):
    def __init__(self) -> None:
        super().__init__()
        self.accepted: dict[str, bytes] = {}
        self.warnings: list[dict[str, str]] = []
        self.errors: list[dict[str, str]] = []
        self.clearance_off = False

    def accept(self, request: Request) -> tuple[int, Any]:
        basic = base64.b64encode(f"{BINARY_TOKEN}:{SECRET}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {basic}":
            return 401, {"timestamp": 0, "status": 401, "error": "Unauthorized"}
        if request.headers.get("accept-version") != "V2":
            return 406, None
        clearing = request.path == "/invoices/clearance/single"
        if request.headers.get("clearance-status") != ("1" if clearing else "0"):
            return 400, {"message": "Clearance-Status"}
        if clearing and self.clearance_off:
            return 303, {"message": "clearance is deactivated"}
        posted = request.json()
        xml = base64.b64decode(posted["invoice"])
        wrong = list(self.errors)
        if invoice_hash(xml) != posted["invoiceHash"]:
            wrong.append(message("invalid-invoice-hash"))
        found = re.search(rb"<cbc:UUID>(.*?)</cbc:UUID>", xml)
        if found is None or found[1].decode() != posted["uuid"]:
            wrong.append(message("uuid-mismatch"))
        state = "clearanceStatus" if clearing else "reportingStatus"
        if wrong:
            not_done = "NOT_CLEARED" if clearing else "NOT_REPORTED"
            return 400, {**self._results(wrong, "ERROR"), state: not_done}
        if posted["invoiceHash"] in self.accepted:
            earlier = [message("Invoice Hash Previously Submitted")]
            body = self._results(earlier, "ERROR")
            return 409, {**body, "reportingStatus": "REPORTED_SUCCESSFULLY_EARLIER"}
        self.accepted[posted["invoiceHash"]] = xml
        body = {**self._results([], "PASS"), state: "CLEARED" if clearing else "REPORTED"}
        if clearing:
            body["clearedInvoice"] = base64.b64encode(xml + b"<!-- stamped -->").decode()
        return (202 if self.warnings else 200), body

    def _results(self, errors: list[dict[str, str]], status: str) -> dict[str, Any]:
        return {
            "validationResults": {
                "infoMessages": [],
                "warningMessages": self.warnings,
                "errorMessages": errors,
                "status": "WARNING" if self.warnings and not errors else status,
            }
        }


def message(code: str) -> dict[str, str]:
    return {"type": "ERROR", "code": code, "category": "KSA", "message": f"about {code}"}
