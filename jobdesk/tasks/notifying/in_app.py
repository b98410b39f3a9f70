"""Notices inside the application: stored, listed, read, and told to whoever watches.

What watches is called by a channel in Redis and looks into the table, where the notices are: a
call that is lost costs a moment, and no notice.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from jobdesk.db import notices
from jobdesk.engine import channel
from jobdesk.errors import BrokerError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from jobdesk.engine.context import JobContext
    from jobdesk.engine.queue import Queue
    from jobdesk.tasks.notifying.data import InApp

#: How often a watcher looks without being called.
LOOK_EVERY_S = 5.0


def store_notice(data: InApp, *, job: JobContext, engine: Engine, queue: Queue) -> dict[str, Any]:
    """Store it, once however often the job runs, and call who watches."""
    row = {
        "firm_id": data.firm_id,
        "user_id": data.user_id,
        "job_id": job.id,
        "title": data.title,
        "message": data.message,
        "kind": data.type,
        "link": data.link,
        "metadata": data.metadata,
        "created_at": datetime.now(UTC),
    }
    number, new = notices.store(engine, row)
    if not new:
        job.log("an earlier attempt stored it")
    channel.call(queue, data.user_id, str(number))
    return {"success": True, "notificationId": number}


def listed(
    engine: Engine,
    user_id: str,
    *,
    unread: bool = False,
    before: int | None = None,
    limit: int = 50,
) -> list[dict[str, Any]]:
    """A user's notices, the newest first; ``before``: the last id of the page before."""
    found = notices.listed(engine, user_id, unread=unread, before=before, limit=limit)
    return [shown(row) for row in found]


def mark_read(engine: Engine, user_id: str, ids: Collection[int] | None = None) -> int:
    """Mark a user's notices as read, all or these; how many were not."""
    return notices.mark_read(engine, user_id, datetime.now(UTC), ids)


def watch(
    engine: Engine, queue: Queue, user_id: str, *, after: int = 0, until_s: float | None = None
) -> Iterator[dict[str, Any]]:
    """A user's notices behind number ``after``, the old ones and then each as it comes.

    For a stream of server-sent events; it ends after ``until_s`` seconds, or never. While Redis is
    away it looks every few seconds.
    """
    end = None if until_s is None else time.monotonic() + until_s
    while True:
        try:
            with channel.listening(queue, user_id) as listener:
                while True:
                    for row in notices.listed(engine, user_id, after=after, limit=100):
                        after = row["id"]
                        yield shown(row)
                    rest = (
                        LOOK_EVERY_S if end is None else min(LOOK_EVERY_S, end - time.monotonic())
                    )
                    if rest <= 0:
                        return
                    listener.wait(rest)
        except BrokerError:
            if end is not None and time.monotonic() >= end:
                return
            time.sleep(0.5)


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """A notice as JSON, in the original's words."""
    read_at = row["read_at"]
    return {
        "id": row["id"],
        "userId": row["user_id"],
        "title": row["title"],
        "message": row["message"],
        "type": row["kind"],
        "link": row["link"],
        "metadata": row["metadata"],
        "createdAt": row["created_at"].isoformat(),
        "read": read_at is not None,
        "readAt": None if read_at is None else read_at.isoformat(),
    }
