"""The push subscriptions of users' browsers: saved by the application, forgotten when gone."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select

from jobdesk.db.connection import reading, writing
from jobdesk.db.tables import push_subscriptions as table
from jobdesk.db.upsert import upsert

if TYPE_CHECKING:
    from sqlalchemy import Engine

#: More browsers than anybody has.
MAX_PER_USER = 50


def save(
    engine: Engine,
    *,
    user_id: str,
    endpoint: str,
    p256dh: str,
    auth: str,
    at: datetime,
    firm_id: str | None = None,
) -> None:
    """Save a browser's subscription; the same endpoint again replaces its keys and its user."""
    row = {
        "firm_id": firm_id,
        "user_id": user_id,
        "endpoint": endpoint,
        "p256dh": p256dh,
        "auth": auth,
        "created_at": at,
    }
    with writing(engine) as connection:
        upsert(connection, table, [row], key=("endpoint",))


def of_user(engine: Engine, user_id: str) -> list[dict[str, Any]]:
    """The subscriptions of a user, the newest first."""
    wanted = select(table).where(table.c.user_id == user_id).order_by(table.c.id.desc())
    with reading(engine) as connection:
        return [dict(row) for row in connection.execute(wanted.limit(MAX_PER_USER)).mappings()]


def forget(engine: Engine, endpoint: str) -> int:
    """Forget a subscription; how many there were: 0 or 1."""
    with writing(engine) as connection:
        gone = connection.execute(delete(table).where(table.c.endpoint == endpoint))
        return int(gone.rowcount)
