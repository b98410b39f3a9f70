"""ZATCA's e-invoicing API: report a simplified invoice, have a standard one cleared.

An invoice may be sent again as often as need be: the same bytes under the same hash are told to be
there already, which counts as done. Signing, and getting the certificate, are not done here.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

from jobdesk.errors import JobFailure, NotConfigured, OutcomeUnknown, PermanentError
from jobdesk.providers.http import Answer, Service, failure_by_status, log
from jobdesk.providers.own import own

if TYPE_CHECKING:
    from jobdesk.settings import Settings

Kind = Literal["standard", "simplified"]
_REPORT, _CLEAR = "/invoices/reporting/single", "/invoices/clearance/single"
_CLEARANCE_OFF = 303
_BEFORE = 409
_REJECTED = 400
MAX_MESSAGES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What is handed in: the signed XML as it is, and what identifies it."""

    kind: Kind
    uuid: str
    invoice_hash: str
    xml: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxVerdict:
    """What ZATCA made of it."""

    status: Literal["reported", "cleared", "rejected"]
    http_status: int
    #: accepted, with something to be done better next time
    warnings: bool = False
    #: handed in before, and accepted then
    earlier: bool = False
    #: each with type, code, category and message
    messages: tuple[dict[str, str], ...] = ()
    #: the stamped XML, which is the legal invoice
    cleared_xml: bytes | None = None


class TaxAuthority(Protocol):
    """Takes invoices; the same one again does no harm. Raises as ``providers.http`` says."""

    def submit(self, submission: Submission) -> TaxVerdict:
        """Report or clear one."""
        ...


@lru_cache(maxsize=4)
def tax_authority(settings: Settings) -> TaxAuthority:
    """ZATCA as the settings have it; NotConfigured says which variable is missing."""
    if (made := own(settings, "tax")) is not None:
        return cast("TaxAuthority", made)
    if settings.zatca_binary_token is None:
        raise NotConfigured("set ZATCA_BINARY_TOKEN: invoices are handed in with a certificate")
    if settings.zatca_secret is None:
        raise NotConfigured("set ZATCA_SECRET: it came with the ZATCA_BINARY_TOKEN")
    return Zatca(
        binary_token=settings.zatca_binary_token.get_secret_value(),
        secret=settings.zatca_secret.get_secret_value(),
        base_url=settings.zatca_base_url,
        timeout_s=settings.zatca_timeout,
    )


class Zatca:
    """A :class:`TaxAuthority`."""

    def __init__(
        self, *, binary_token: str, secret: str, base_url: str, timeout_s: float = 60.0
    ) -> None:
        basic = base64.b64encode(f"{binary_token.strip()}:{secret.strip()}".encode()).decode()
        self._service = Service(
            "ZATCA",
            base_url,
            headers={
                "Authorization": f"Basic {basic}",
                "Accept-Version": "V2",
                "Accept-Language": "en",
                "Accept": "application/json",
                "User-Agent": "jobdesk",
            },
            secrets=(basic, binary_token, secret),
            read_timeout_s=timeout_s,
        )

    def close(self) -> None:
        """Close the connections."""
        self._service.close()

    def submit(self, submission: Submission) -> TaxVerdict:
        """Hand it in; where clearance is switched off, to reporting."""
        if submission.kind == "standard":
            answer = self._post(_CLEAR, submission)
            if answer.status != _CLEARANCE_OFF:
                return self._verdict(answer, "cleared")
        return self._verdict(self._post(_REPORT, submission), "reported")

    def _post(self, path: str, submission: Submission) -> Answer:
        body = {
            "invoiceHash": submission.invoice_hash,
            "uuid": submission.uuid,
            "invoice": base64.b64encode(submission.xml).decode(),
        }
        headers = {"Clearance-Status": "1" if path == _CLEAR else "0"}
        accept = frozenset({_REJECTED, _BEFORE, *([_CLEARANCE_OFF] if path == _CLEAR else [])})
        return self._service.write(path, body, headers=headers, verdict=_refused, accept=accept)

    def _verdict(self, answer: Answer, done: Literal["reported", "cleared"]) -> TaxVerdict:
        body = answer.body if isinstance(answer.body, dict) else {}
        found = body.get("validationResults")
        results: dict[str, Any] = found if isinstance(found, dict) else body
        warnings = _messages(results.get("warningMessages") or results.get("warnings"), "WARNING")
        errors = _messages(results.get("errorMessages") or results.get("errors"), "ERROR")
        messages = (*errors, *warnings)[:MAX_MESSAGES]
        state = str(body.get("clearanceStatus") or body.get("reportingStatus") or "")
        earlier = answer.status in {208, _BEFORE} or "EARLIER" in state
        if answer.status == _REJECTED and not errors:
            # no word about the invoice: the request itself was refused
            raise failure_by_status("ZATCA", answer)
        if answer.status == _REJECTED or (state.startswith("NOT_") and not earlier):
            return TaxVerdict(status="rejected", http_status=answer.status, messages=messages)
        if 200 <= answer.status < 300 and not state and not results.get("status"):
            raise OutcomeUnknown(f"ZATCA's answer cannot be read: {answer.text}")
        return TaxVerdict(
            status=done,
            http_status=answer.status,
            warnings=answer.status == 202 or bool(warnings),
            earlier=earlier,
            messages=messages,
            cleared_xml=_decoded(body.get("clearedInvoice")),
        )


def _messages(rows: Any, kind: str) -> tuple[dict[str, str], ...]:
    found = []
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict):
            told = {
                name: str(row.get(name) or "")[:300] for name in ("code", "category", "message")
            }
        else:
            told = {"code": "", "category": "", "message": str(row)[:300]}
        found.append({"type": kind, **told})
    return tuple(found)


def _decoded(text: Any) -> bytes | None:
    if not isinstance(text, str) or not text:
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise OutcomeUnknown("ZATCA sent a cleared invoice that is not base64") from None


def _refused(answer: Answer) -> JobFailure | None:
    if answer.status in {401, 403, 406, 413, 428}:
        log.error("ZATCA refuses the request (%d): %s", answer.status, answer.text)
        return PermanentError(
            f"ZATCA refuses the request ({answer.status}): {answer.text or 'nothing'};"
            " look at ZATCA_BINARY_TOKEN, ZATCA_SECRET and the certificate"
        )
    return None
