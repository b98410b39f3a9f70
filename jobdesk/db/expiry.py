"""Deleting rows whose time is over, a thousand in each transaction: nobody waits long for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Table, delete, func, select

from jobdesk.db import tables
from jobdesk.db.connection import reading, writing

if TYPE_CHECKING:
    from sqlalchemy import Engine

BATCH = 1_000


def expired_sessions(now: datetime) -> tuple[Table, ColumnElement[bool]]:
    """Sessions that have ended by themselves."""
    return tables.sessions, tables.sessions.c.expires_at < now


def expired_tokens(now: datetime) -> tuple[Table, ColumnElement[bool]]:
    """Tokens that are accepted no more."""
    return tables.tokens, tables.tokens.c.expires_at < now


def old_notifications(
    before: datetime, *, unread: bool = False
) -> tuple[Table, ColumnElement[bool]]:
    """Notifications made before an instant; of them those that were read, unless told otherwise."""
    old = tables.notifications.c.created_at < before
    return tables.notifications, old if unread else old & tables.notifications.c.read_at.is_not(
        None
    )


def delete_rows(
    engine: Engine,
    which: tuple[Table, ColumnElement[bool]],
    *,
    dry_run: bool,
    told: Callable[[int], None] = lambda _deleted: None,
) -> int:
    """Delete the rows, or count them; ``told`` hears after each batch how many are gone."""
    table, condition = which
    if dry_run:
        with reading(engine) as connection:
            return count(connection, table, condition)
    deleted = 0
    while True:
        with writing(engine) as connection:
            query = select(table.c.id).where(condition).order_by(table.c.id).limit(BATCH)
            ids = list(connection.scalars(query))
            if ids:
                # with the condition: a row that was read again or prolonged meanwhile stays
                gone = connection.execute(delete(table).where(table.c.id.in_(ids), condition))
                deleted += gone.rowcount
        if len(ids) < BATCH:
            told(deleted)
            return deleted
        told(deleted)


def count(connection: Any, table: Table, condition: ColumnElement[bool]) -> int:
    """How many rows a condition is true of."""
    return int(
        connection.execute(select(func.count()).select_from(table).where(condition)).scalar_one()
    )
