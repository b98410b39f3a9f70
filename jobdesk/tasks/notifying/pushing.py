"""Pushes to browsers: one user's, or many users'.

A job holds in its progress how far it is and who is to be tried again, so that a retry sends to
them alone. A user who gets a push twice all the same is shown it once: see ``providers.push``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from jobdesk.db import subscriptions
from jobdesk.errors import JobCancelled, PermanentError, TransientError
from jobdesk.providers.push import (
    PushRefused,
    PushSender,
    Subscription,
    SubscriptionGone,
    payload,
)
from jobdesk.tasks.notifying.data import BulkPush, Push, PushContent, PushUser

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from jobdesk.engine.context import JobContext

#: How many users one attempt leaves to the next before it takes the service for down.
MAX_RETRY = 200
#: Lines about single users that a job writes into its log.
MAX_LINES = 20


def send_push(data: Push, *, job: JobContext, sender: PushSender, engine: Engine) -> dict[str, Any]:
    """Push to one user's browsers."""
    user = PushUser(user_id=data.user_id, subscription=data.subscription)
    result = _Round((user,), data, job, sender, engine).run()
    if result["failed"] and not result["sent"]:
        raise PermanentError("the push could not be sent; the job's log says why")
    return result


def send_bulk_push(
    data: BulkPush, *, job: JobContext, sender: PushSender, engine: Engine
) -> dict[str, Any]:
    """Push to many users, behind those that have been pushed to already."""
    users = tuple(PushUser(user_id=user) if isinstance(user, str) else user for user in data.users)
    return _Round(users, data, job, sender, engine).run()


class _Round:
    """One attempt at pushing to users: first those left over, then the rest."""

    def __init__(
        self,
        users: Sequence[PushUser],
        content: PushContent,
        job: JobContext,
        sender: PushSender,
        engine: Engine,
    ) -> None:
        self._users, self._job, self._sender, self._engine = users, job, sender, engine
        fields = {
            name: getattr(content, name) for name in ("title", "body", "icon", "badge", "data")
        }
        self._payload = payload(fields, key=job.idempotency_key)
        before = job.last_progress if isinstance(job.last_progress, dict) else {}
        if before.get("total") != len(users) or before.get("key") != job.idempotency_key:
            before = {}
        self._done = int(before.get("done", 0))
        self._left_over = [int(place) for place in before.get("retry", ())]
        self._counts = {name: int(before.get(name, 0)) for name in ("sent", "gone", "failed")}
        self._retry: list[int] = []
        self._delay_s: float | None = None
        self._lines = 0

    def run(self) -> dict[str, Any]:
        if self._done:
            self._job.log(
                f"going on behind user {self._done} of {len(self._users)},"
                f" {len(self._left_over)} to be tried again"
            )
        for place in self._left_over:
            self._one(place)
        self._left_over = []
        while self._done < len(self._users) and len(self._retry) < MAX_RETRY:
            self._one(self._done)
            self._done += 1
            self._tell()
        self._tell()
        if self._retry:
            raise TransientError(
                f"{len(self._retry)} of {len(self._users)} users are to be pushed to again,"
                f" {len(self._users) - self._done} for the first time",
                self._delay_s,
            )
        return {"success": True, "total": len(self._users), **self._counts}

    def _one(self, place: int) -> None:
        if self._job.cancelled:
            raise JobCancelled(f"stopped behind user {self._done} of {len(self._users)}")
        gone = sent = 0
        try:
            for subscription in self._subscriptions(self._users[place]):
                try:
                    self._sender.send(subscription, self._payload, key=self._job.idempotency_key)
                    sent += 1
                except SubscriptionGone:
                    subscriptions.forget(self._engine, subscription.endpoint)
                    gone += 1
                    self._say(f"user {place + 1}: the subscription is gone, and forgotten")
        except TransientError as exc:
            self._retry.append(place)
            self._delay_s = max(self._delay_s or 0, exc.delay or 0) or None
            self._say(f"user {place + 1}: to be tried again: {exc}")
            return
        except PushRefused:
            raise  # not about this user: our own key is refused
        except PermanentError as exc:
            self._counts["failed"] += 1
            self._say(f"user {place + 1}: {exc}")
        if not sent and not gone:
            self._say(f"user {place + 1}: nowhere to push to")
        self._counts["sent"] += sent
        self._counts["gone"] += gone

    def _subscriptions(self, user: PushUser) -> Iterator[Subscription]:
        given = user.subscription
        if given is not None:
            yield Subscription(
                endpoint=given.endpoint, p256dh=given.keys.p256dh, auth=given.keys.auth
            )
            return
        for row in subscriptions.of_user(self._engine, user.user_id):
            yield Subscription(endpoint=row["endpoint"], p256dh=row["p256dh"], auth=row["auth"])

    def _tell(self) -> None:
        self._job.progress(
            {
                "done": self._done,
                "total": len(self._users),
                **self._counts,
                "retry": [*self._left_over, *self._retry],
                "key": self._job.idempotency_key,
            }
        )

    def _say(self, line: str) -> None:
        self._lines += 1
        if self._lines <= MAX_LINES:
            self._job.log(line)
