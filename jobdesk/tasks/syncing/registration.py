"""Commercial registrations: looked up at Wathq, and not again while what is known is fresh.

Every call is billed. An answer that is lost is asked for again, and that is billed too: Wathq has
no key by which it would know the call.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from jobdesk.db.connection import reading, writing
from jobdesk.db.tables import commercial_registrations as table
from jobdesk.db.upsert import upsert
from jobdesk.providers.wathq import NoAnswer, Registry

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from jobdesk.engine.context import JobContext
    from jobdesk.tasks.syncing.data import WathqRegistration


def look_up(
    data: WathqRegistration, *, job: JobContext, registry: Registry, engine: Engine
) -> dict[str, Any]:
    """Look it up, unless that was done lately; that there is none is an answer."""
    known = _known(engine, data)
    if known is not None:
        job.log(f"known since {known['fetched_at']:%Y-%m-%d %H:%M} UTC: not asked again")
        return _result(known, cached=True)
    try:
        found = registry.look_up(data.product, data.registration_number, data.language)
    except NoAnswer:
        if job.attempt < 2:
            raise
        job.log("Wathq answered with nothing, twice: no such record, or a fault there")
        return {"success": True, "found": False, "cached": False, "note": "no-data-or-fault"}
    body = found or {}
    row = {
        "firm_id": data.firm_id,
        "product": data.product,
        "number": data.registration_number,
        "language": data.language,
        "found": found is not None,
        "name": str(body.get("name") or "")[:300] or None,
        "status": _status(body),
        "data": found,
        "fetched_at": datetime.now(UTC),
    }
    with writing(engine) as connection:
        upsert(connection, table, [row], key=("firm_id", "product", "number", "language"))
    job.log("found" if found is not None else "Wathq knows no such registration")
    return _result(row, cached=False)


def _known(engine: Engine, data: WathqRegistration) -> dict[str, Any] | None:
    since = datetime.now(UTC) - timedelta(hours=data.max_age_hours)
    wanted = select(table).where(
        table.c.firm_id == data.firm_id,
        table.c.product == data.product,
        table.c.number == data.registration_number,
        table.c.language == data.language,
        table.c.fetched_at > since,
    )
    with reading(engine) as connection:
        found = connection.execute(wanted).mappings().one_or_none()
    return None if found is None else dict(found)


def _status(body: dict[str, Any]) -> str | None:
    status = body.get("status", body if "id" in body else None)
    name = status.get("name") if isinstance(status, dict) else status
    return str(name)[:60] if name else None


def _result(row: dict[str, Any], *, cached: bool) -> dict[str, Any]:
    return {
        "success": True,
        "found": bool(row["found"]),
        "status": row["status"],
        "cached": cached,
    }
