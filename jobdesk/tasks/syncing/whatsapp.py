"""WhatsApp: the posts of its webhook are kept, and worked into the messages by a job.

The application's endpoint calls :func:`keep` and answers 200 at once. WhatsApp posts the same more
than once and in any order: neither does harm.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from jobdesk.db import inbox
from jobdesk.db.connection import writing
from jobdesk.db.tables import whatsapp_messages as table
from jobdesk.db.upsert import insert_new
from jobdesk.errors import JobCancelled
from jobdesk.providers import whatsapp

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from jobdesk.engine.context import JobContext
    from jobdesk.tasks.syncing.data import WhatsAppMessages

SOURCE = "whatsapp"
#: Posts worked in by one transaction.
BATCH = 100


def keep(engine: Engine, body: bytes, firm_id: str | None) -> int:
    """Keep the events of a verified post; how many were new."""
    now = datetime.now(UTC)
    rows = {
        event_id: {
            "firm_id": firm_id,
            "source": SOURCE,
            "event_id": event_id,
            "subject": number,
            "body": json.dumps(value, ensure_ascii=False),
            "received_at": now,
        }
        for event_id, number, value in whatsapp.changes(body)
    }
    return inbox.put(engine, list(rows.values()))


def sync_messages(data: WhatsAppMessages, *, job: JobContext, engine: Engine) -> dict[str, Any]:
    """Work in what was posted about the number; nothing posted is a success, too."""
    counts = {"received": 0, "new": 0, "duplicates": 0, "statuses": 0}
    posts = 0
    while True:
        if job.cancelled:
            raise JobCancelled(f"stopped after {posts} posts")
        with writing(engine) as connection:
            events = inbox.waiting(
                connection,
                source=SOURCE,
                subject=data.phone_number_id,
                firm_id=data.firm_id,
                limit=BATCH,
            )
            for event in events:
                value = json.loads(event["body"])
                _work_in(connection, data, value, counts)
            inbox.done(connection, [event["id"] for event in events], datetime.now(UTC))
        posts += len(events)
        job.progress({"done": posts, **counts})
        if len(events) < BATCH:
            break
    job.log(f"{posts} posts: {counts['new']} new messages, {counts['statuses']} statuses")
    return {"success": True, "source": "webhook-inbox", **counts}


def _work_in(
    connection: Connection, data: WhatsAppMessages, value: dict[str, Any], counts: dict[str, int]
) -> None:
    now = datetime.now(UTC)
    for message in whatsapp.messages(value):
        row = {
            "firm_id": data.firm_id,
            "phone_number_id": data.phone_number_id,
            "wa_message_id": message.id,
            "direction": "in",
            "contact": message.contact,
            "contact_name": message.contact_name,
            "kind": message.kind,
            "body": message.body,
            "reply_to": message.reply_to,
            "media_id": message.media.get("id", "")[:80] or None,
            "media_type": message.media.get("mime_type", "")[:120] or None,
            "media_sha256": message.media.get("sha256", "")[:64] or None,
            "status": "received",
            "sent_at": message.at,
            "raw": None if message.body else dict(message.raw),
            "synced_at": now,
        }
        new = insert_new(connection, table, [row], key=("firm_id", "wa_message_id"))
        counts["received"] += 1
        counts["new"] += new
        counts["duplicates"] += 1 - new
    for fate in whatsapp.fates(value):
        counts["statuses"] += _apply(connection, data, fate, now)


def _apply(
    connection: Connection, data: WhatsAppMessages, fate: whatsapp.Fate, now: datetime
) -> int:
    """Tell a message of ours what became of it; 1 where that is news."""
    told = {
        "status": fate.status,
        "status_at": fate.at,
        "error_code": fate.error_code,
        "synced_at": now,
    }
    row = {
        "firm_id": data.firm_id,
        "phone_number_id": data.phone_number_id,
        "wa_message_id": fate.id,
        "direction": "out",
        "contact": fate.contact,
        "kind": "unknown",  # sent by another program: what it says is not told
        "sent_at": fate.at,
        **told,
    }
    if insert_new(connection, table, [row], key=("firm_id", "wa_message_id")):
        return 1
    ours = (table.c.firm_id == data.firm_id, table.c.wa_message_id == fate.id)
    before = connection.execute(
        select(table.c.status).where(*ours, table.c.direction == "out")
    ).scalar_one_or_none()
    # late comers do not turn back what is known already
    if before is None or whatsapp.RANK.get(before, 0) >= whatsapp.RANK[fate.status]:
        return 0
    connection.execute(update(table).where(*ours).values(**told))
    return 1
