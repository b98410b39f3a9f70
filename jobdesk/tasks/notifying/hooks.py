"""Webhooks to addresses that users gave. One that answered 410 gets nothing any more."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from jobdesk.db.connection import reading, writing
from jobdesk.db.tables import webhook_endpoints as table
from jobdesk.db.upsert import upsert
from jobdesk.errors import PermanentError
from jobdesk.providers.webhook import EndpointDisabled, WebhookSender

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from jobdesk.engine.context import JobContext
    from jobdesk.tasks.notifying.data import Webhook


def send_webhook(
    data: Webhook, *, job: JobContext, sender: WebhookSender, engine: Engine
) -> dict[str, Any]:
    """Sign it and post it; the same id at every attempt."""
    if _disabled(engine, data.webhook_url):
        raise PermanentError(
            "the address answered 410 before and gets nothing any more;"
            " enable_webhook() takes that back"
        )
    try:
        status = sender.send(
            data.webhook_url, data.payload, key=job.idempotency_key, headers=data.headers
        )
    except EndpointDisabled as exc:
        _disable(engine, data.webhook_url, str(exc))
        raise
    return {"success": True, "status": status}


def enable_webhook(engine: Engine, url: str) -> None:
    """Send to an address again that answered 410."""
    row = {"url": url, "disabled_at": None, "reason": None}
    with writing(engine) as connection:
        upsert(connection, table, [row], key=("url",))


def _disabled(engine: Engine, url: str) -> bool:
    wanted = select(table.c.disabled_at).where(table.c.url == url)
    with reading(engine) as connection:
        return connection.execute(wanted).scalar_one_or_none() is not None


def _disable(engine: Engine, url: str, reason: str) -> None:
    row = {"url": url, "disabled_at": datetime.now(UTC), "reason": reason[:200]}
    with writing(engine) as connection:
        upsert(connection, table, [row], key=("url",))
