"""Notices to users inside the application: stored once per job, listed, read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, update

from jobdesk.db.connection import reading, writing
from jobdesk.db.tables import notifications
from jobdesk.db.upsert import insert_new

if TYPE_CHECKING:
    from sqlalchemy import Engine

MAX_PAGE = 1000


def store(engine: Engine, row: Mapping[str, Any]) -> tuple[int, bool]:
    """Store the notice of a job; its number, and whether it is new: a job stores one."""
    with writing(engine) as connection:
        new = insert_new(connection, notifications, [row], key=("job_id", "user_id"))
        number = connection.execute(
            select(notifications.c.id).where(
                notifications.c.job_id == row["job_id"], notifications.c.user_id == row["user_id"]
            )
        ).scalar_one()
    return int(number), bool(new)


def listed(
    engine: Engine,
    user_id: str,
    *,
    unread: bool = False,
    before: int | None = None,
    after: int | None = None,
    limit: int = 50,
) -> list[dict[str, Any]]:
    """A user's notices, the newest first; with ``after``, those behind that number, oldest first.

    ``before`` is the last number of the page before.
    """
    table = notifications
    wanted = select(table).where(table.c.user_id == user_id)
    if unread:
        wanted = wanted.where(table.c.read_at.is_(None))
    if before is not None:
        wanted = wanted.where(table.c.id < before)
    if after is not None:
        wanted = wanted.where(table.c.id > after)
    order = table.c.id.desc() if after is None else table.c.id.asc()
    with reading(engine) as connection:
        found = connection.execute(wanted.order_by(order).limit(max(0, min(limit, MAX_PAGE))))
        return [dict(row) for row in found.mappings()]


def unread_count(engine: Engine, user_id: str) -> int:
    """How many of a user's notices are not read."""
    table = notifications
    wanted = (
        select(func.count())
        .select_from(table)
        .where(table.c.user_id == user_id, table.c.read_at.is_(None))
    )
    with reading(engine) as connection:
        return int(connection.execute(wanted).scalar_one())


def mark_read(
    engine: Engine, user_id: str, at: datetime, numbers: Collection[int] | None = None
) -> int:
    """Mark a user's notices as read, all or those of these numbers; how many were not."""
    table = notifications
    change = (
        update(table)
        .where(table.c.user_id == user_id, table.c.read_at.is_(None))
        .values(read_at=at)
    )
    if numbers is not None:
        change = change.where(table.c.id.in_(list(numbers)[:MAX_PAGE]))
    with writing(engine) as connection:
        return int(connection.execute(change).rowcount)
