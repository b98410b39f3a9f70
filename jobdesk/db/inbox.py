"""What providers posted to us, kept as it came until a sync has worked it in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import or_, select, update

from jobdesk.db.connection import writing
from jobdesk.db.tables import webhook_inbox as table
from jobdesk.db.upsert import insert_new

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine


def put(engine: Engine, rows: Sequence[dict[str, Any]]) -> int:
    """Keep events; how many were new, for providers post the same one more than once."""
    with writing(engine) as connection:
        return insert_new(connection, table, rows, key=("source", "event_id"))


def waiting(
    connection: Connection, *, source: str, subject: str, firm_id: str, limit: int
) -> list[dict[str, Any]]:
    """The oldest events about a subject that are not worked in: the firm's, and nobody's."""
    wanted = (
        select(table)
        .where(
            table.c.source == source,
            table.c.subject == subject,
            table.c.processed_at.is_(None),
            or_(table.c.firm_id == firm_id, table.c.firm_id.is_(None)),
        )
        .order_by(table.c.id)
        .limit(limit)
    )
    return [dict(row) for row in connection.execute(wanted).mappings()]


def done(connection: Connection, numbers: Sequence[int], at: datetime, error: str = "") -> None:
    """Mark events as worked in, or as such that cannot be; what was in them is not kept."""
    if numbers:
        change = update(table).where(table.c.id.in_(list(numbers)))
        connection.execute(change.values(processed_at=at, body="", error=error[:500] or None))
