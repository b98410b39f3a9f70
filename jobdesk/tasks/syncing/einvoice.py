"""An e-invoice, handed in to ZATCA: once accepted it is not handed in again.

The invoice is signed outside of jobdesk; here its hash is checked, and its bytes are sent as they
are. A rejected invoice stays rejected: its correction is a new invoice with a new UUID.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from jobdesk import files
from jobdesk.db.connection import writing
from jobdesk.db.tables import zatca_submissions as table
from jobdesk.db.upsert import insert_new
from jobdesk.documents import einvoice
from jobdesk.errors import PermanentError
from jobdesk.providers.zatca import Submission, TaxAuthority, TaxVerdict

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from jobdesk.engine.context import JobContext
    from jobdesk.settings import Settings
    from jobdesk.tasks.syncing.data import ZatcaInvoice

ACCEPTED = frozenset({"reported", "cleared"})


def hand_in(
    data: ZatcaInvoice,
    *,
    job: JobContext,
    authority: TaxAuthority,
    engine: Engine,
    settings: Settings,
) -> dict[str, Any]:
    """Report or clear the invoice, and keep the verdict."""
    xml = _xml(data, settings)
    invoice = einvoice.read(xml)
    if data.kind is not None and data.kind != invoice.kind:
        raise PermanentError(f"the invoice is {invoice.kind}, the job says {data.kind}")
    row = _begin(engine, data, invoice)
    if row["status"] == "submitted":
        job.log(f"handing in: {'clearance' if invoice.kind == 'standard' else 'reporting'}")
        verdict = authority.submit(
            Submission(
                kind=invoice.kind, uuid=invoice.uuid, invoice_hash=invoice.invoice_hash, xml=xml
            )
        )
        row |= _keep(engine, data, invoice.uuid, verdict, settings)
        if verdict.earlier:
            job.log("ZATCA has it already: an earlier attempt's answer was lost")
    else:
        job.log(f"it was {row['status']} before: not handed in again")
    messages = row["messages"] or []
    for message in messages[:20]:
        job.log(f"{message['type']} {message['code']}: {message['message']}")
    if row["status"] not in ACCEPTED:
        codes = ", ".join(dict.fromkeys(one["code"] for one in messages if one["code"]))
        raise PermanentError(
            f"ZATCA rejected the invoice ({codes or 'it says not why'}); it keeps its place in"
            " the chain, and its correction is a new invoice"
        )
    return {
        "success": True,
        "status": row["status"],
        "uuid": invoice.uuid,
        "warnings": bool(row["warnings"]),
        "clearedPath": row["cleared_path"],
    }


def _xml(data: ZatcaInvoice, settings: Settings) -> bytes:
    if data.xml is not None:
        return base64.b64decode(data.xml)
    folder = settings.data_folder
    return files.read_bytes(folder / str(data.path), root=folder, limit=einvoice.MAX_XML_BYTES)


def _begin(engine: Engine, data: ZatcaInvoice, invoice: einvoice.SignedInvoice) -> dict[str, Any]:
    """The row of the invoice, new or from before."""
    row = {
        "firm_id": data.firm_id,
        "invoice_id": data.invoice_id,
        "uuid": invoice.uuid,
        "kind": invoice.kind,
        "invoice_hash": invoice.invoice_hash,
        "status": "submitted",
        "submitted_at": datetime.now(UTC),
    }
    ours = (table.c.firm_id == data.firm_id, table.c.uuid == invoice.uuid)
    with writing(engine) as connection:
        insert_new(connection, table, [row], key=("firm_id", "uuid"))
        found = dict(connection.execute(select(table).where(*ours)).mappings().one())
    if found["invoice_hash"] != invoice.invoice_hash:
        raise PermanentError(
            "an invoice with this UUID and other content was handed in before;"
            " another invoice needs another UUID"
        )
    return found


def _keep(
    engine: Engine, data: ZatcaInvoice, uuid: str, verdict: TaxVerdict, settings: Settings
) -> dict[str, Any]:
    """Store the verdict, and the stamped invoice as a file."""
    path = None
    if verdict.cleared_xml is not None:
        name = files.file_name(f"{data.firm_id}-{uuid}", ".xml")
        target = settings.data_folder / "zatca" / name
        files.write_bytes(target, verdict.cleared_xml, root=settings.data_folder)
        path = str(target)
    values = {
        "status": verdict.status,
        "warnings": verdict.warnings,
        "messages": [dict(message) for message in verdict.messages],
        "cleared_path": path,
        "http_status": verdict.http_status,
        "answered_at": datetime.now(UTC),
    }
    ours = (table.c.firm_id == data.firm_id, table.c.uuid == uuid)
    with writing(engine) as connection:
        connection.execute(update(table).where(*ours).values(**values))
    return values
