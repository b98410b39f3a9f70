"""The notification queue: ``push``, ``bulk-push``, ``sms``, ``in-app`` and ``webhook``.

What each does is in :mod:`jobdesk.tasks.notifying`. Run again, none has a second effect that a user
sees: a push is shown once, an SMS is looked up before it is sent again, a notice is stored once,
and a webhook carries the same id.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from jobdesk import settings as settings_module
from jobdesk.engine.queue import Queue
from jobdesk.models import JobOptions
from jobdesk.tasks.notifying.data import BulkPush, InApp, Push, Sms, SubscriptionData, Webhook

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from jobdesk.engine.context import JobContext

queue = huey = Queue("notification", concurrency=10, defaults=JobOptions(timeout=60, priority=4))


@queue.task()
def push(data: Push, *, job: JobContext) -> dict[str, Any]:
    """Push to one user's browsers."""
    from jobdesk.providers.webpush import push_sender
    from jobdesk.tasks.notifying.pushing import send_push

    sender = push_sender(settings_module.current())
    return send_push(data, job=job, sender=sender, engine=_engine())


@queue.task(priority=7, timeout=3600)
def bulk_push(data: BulkPush, *, job: JobContext) -> dict[str, Any]:
    """Push to many users' browsers."""
    from jobdesk.providers.webpush import push_sender
    from jobdesk.tasks.notifying.pushing import send_bulk_push

    sender = push_sender(settings_module.current())
    return send_bulk_push(data, job=job, sender=sender, engine=_engine())


@queue.task(priority=2)
def sms(data: Sms, *, job: JobContext) -> dict[str, Any]:
    """Send an SMS."""
    from jobdesk.providers.sms_senders import sms_sender
    from jobdesk.tasks.notifying.texting import send_sms

    sender = sms_sender(settings_module.current())
    return send_sms(data, job=job, sender=sender, engine=_engine())


@queue.task()
def in_app(data: InApp, *, job: JobContext) -> dict[str, Any]:
    """Notify a user inside the application."""
    from jobdesk.tasks.notifying.in_app import store_notice

    return store_notice(data, job=job, engine=_engine(), queue=queue)


@queue.task()
def webhook(data: Webhook, *, job: JobContext) -> dict[str, Any]:
    """Post a signed event to an address."""
    from jobdesk.providers.webhook import webhook_sender
    from jobdesk.tasks.notifying.hooks import send_webhook

    sender = webhook_sender(settings_module.current())
    return send_webhook(data, job=job, sender=sender, engine=_engine())


# --- what an application asks -------------------------------------------------------------------


def notices(
    user_id: str, *, unread: bool = False, before: int | None = None, limit: int = 50
) -> list[dict[str, Any]]:
    """A user's notices, the newest first; ``before``: the last id of the page before."""
    from jobdesk.tasks.notifying.in_app import listed

    return listed(_engine(), user_id, unread=unread, before=before, limit=limit)


def unread_count(user_id: str) -> int:
    """How many of a user's notices are not read."""
    from jobdesk.db.notices import unread_count

    return unread_count(_engine(), user_id)


def mark_read(user_id: str, ids: Collection[int] | None = None) -> int:
    """Mark a user's notices as read, all or these; how many were not."""
    from jobdesk.tasks.notifying.in_app import mark_read

    return mark_read(_engine(), user_id, ids)


def watch(
    user_id: str, *, after: int = 0, until_s: float | None = None
) -> Iterator[dict[str, Any]]:
    """A user's notices behind number ``after``, the old ones and then each as it comes."""
    from jobdesk.tasks.notifying.in_app import watch

    return watch(_engine(), queue, user_id, after=after, until_s=until_s)


def subscribe(user_id: str, subscription: Mapping[str, Any], firm_id: str | None = None) -> None:
    """Store what a browser's ``pushManager.subscribe()`` gave, so that pushes reach it."""
    from jobdesk.db.subscriptions import save

    told = SubscriptionData.model_validate(dict(subscription))
    save(
        _engine(),
        user_id=user_id,
        endpoint=told.endpoint,
        p256dh=told.keys.p256dh,
        auth=told.keys.auth,
        at=datetime.now(UTC),
        firm_id=firm_id,
    )


def enable_webhook(url: str) -> None:
    """Send to an address again that answered 410."""
    from jobdesk.tasks.notifying.hooks import enable_webhook

    enable_webhook(_engine(), url)


def _engine() -> Engine:
    from jobdesk.db.connection import connect

    return connect(settings_module.current())
