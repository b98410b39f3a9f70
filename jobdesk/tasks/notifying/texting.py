"""An SMS, sent once as far as that can be had.

No SMS service has an idempotency key. So what is begun is noted before it is sent; an attempt that
finds such a note looks the message up before it sends again. Where a service has no look-up, the
job fails and says that the message may have gone out.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from jobdesk.db.connection import writing
from jobdesk.db.tables import sms_messages as table
from jobdesk.db.upsert import insert_new
from jobdesk.errors import OutcomeUnknown, PermanentError, TransientError
from jobdesk.providers.sms import SmsSender, TextMessage, segments

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from jobdesk.engine.context import JobContext
    from jobdesk.tasks.notifying.data import Sms


def send_sms(data: Sms, *, job: JobContext, sender: SmsSender, engine: Engine) -> dict[str, Any]:
    """Send one; the number is in no result and no log."""
    message = TextMessage(to=data.phone_number, text=data.message, sender=data.sender_id)
    note = _Note(engine, job.idempotency_key, sender.name, data.firm_id)
    earlier = note.begin()
    if earlier is not None:
        found = _found(earlier, message, job, sender)
        if found is not None:
            note.sent(found)
            return _result(found, sender, message)
        job.log("an earlier attempt did not send it: sending now")
    try:
        external_id = sender.send(message, key=job.idempotency_key)
    except OutcomeUnknown as exc:
        if sender.can_find:
            raise
        raise PermanentError(f"{exc}; {_MAYBE}") from exc
    except (TransientError, PermanentError):
        if not sender.can_find:
            note.refused()  # nothing to look up next time: it was not sent
        raise
    note.sent(external_id)
    job.log(f"{sender.name} has taken the message ({segments(message.text)} parts)")
    return _result(external_id, sender, message)


_MAYBE = (
    "the message may have been sent, and there is no way to find out here: it is not sent again."
    " Look at the provider's own list, then retry the job by hand"
)


def _found(
    earlier: dict[str, Any], message: TextMessage, job: JobContext, sender: SmsSender
) -> str | None:
    """The id of the message if an earlier attempt has sent it."""
    if earlier["status"] == "sent":
        job.log("an earlier attempt sent it")
        return str(earlier["external_id"])
    if not sender.can_find:
        raise PermanentError(_MAYBE)
    found = sender.find(message, key=job.idempotency_key, since=earlier["begun_at"])
    if found is not None:
        job.log(f"an earlier attempt sent it: {sender.name} has it")
    return found


def _result(external_id: str, sender: SmsSender, message: TextMessage) -> dict[str, Any]:
    return {
        "success": True,
        "messageId": external_id,
        "provider": sender.name,
        "segments": segments(message.text),
    }


class _Note:
    """The row of one job's message."""

    def __init__(self, engine: Engine, key: str, provider: str, firm_id: str | None) -> None:
        self._engine = engine
        self._provider = provider
        self._firm_id = firm_id
        # another after a retry by hand: then it is to be sent again
        self._key = key if len(key) <= 128 else hashlib.sha256(key.encode()).hexdigest()

    def begin(self) -> dict[str, Any] | None:
        """Note that it is about to be sent; what an earlier attempt noted, if it may be out."""
        row = {
            "firm_id": self._firm_id,
            "job_id": self._key,
            "provider": self._provider,
            "status": "begun",
            "begun_at": datetime.now(UTC),
        }
        with writing(self._engine) as connection:
            if insert_new(connection, table, [row], key=("job_id",)):
                return None
            wanted = select(table).where(table.c.job_id == self._key)
            earlier = dict(connection.execute(wanted).mappings().one())
            if earlier["status"] == "refused":
                change = update(table).where(table.c.job_id == self._key)
                connection.execute(change.values(status="begun", begun_at=row["begun_at"]))
                return None
        return earlier

    def sent(self, external_id: str) -> None:
        self._set(status="sent", external_id=external_id[:80], sent_at=datetime.now(UTC))

    def refused(self) -> None:
        self._set(status="refused")

    def _set(self, **values: Any) -> None:
        with writing(self._engine) as connection:
            connection.execute(update(table).where(table.c.job_id == self._key).values(**values))
