"""SMS by Unifonic. A message is found again by the correlation id that it was sent with."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jobdesk.errors import JobFailure, NotConfigured, OutcomeUnknown, PermanentError, TransientError
from jobdesk.providers.http import Answer, Service

if TYPE_CHECKING:
    from jobdesk.providers.sms import TextMessage

_SEND = "/rest/SMS/messages"
_FIND = "/rest/SMS/messages/GetMessagesDetails"
#: Refused by the operator's network: no message there is.
_NOT_SENT = frozenset({"failed", "rejected", "undeliverable"})


class _Duplicate(PermanentError):
    """Unifonic has this message already."""


class Unifonic:
    """An :class:`~jobdesk.providers.sms.SmsSender`."""

    name = "unifonic"
    can_find = True

    def __init__(
        self, *, app_sid: str, sender_id: str | None, base_url: str, timeout_s: float = 30.0
    ) -> None:
        self._app_sid = app_sid.strip()
        if not self._app_sid.isascii() or not self._app_sid.isprintable() or not self._app_sid:
            raise NotConfigured("set UNIFONIC_APP_SID: what it holds now cannot be one")
        self._sender_id = sender_id
        self._service = Service(
            "Unifonic",
            base_url,
            headers={"User-Agent": "jobdesk", "Accept": "application/json"},
            secrets=(self._app_sid,),
            read_timeout_s=timeout_s,
        )

    def close(self) -> None:
        """Close the connections."""
        self._service.close()

    def send(self, message: TextMessage, *, key: str) -> str:
        """Send it; returns the MessageID."""
        sender = message.sender or self._sender_id
        if sender is None:
            raise NotConfigured("set UNIFONIC_SENDER_ID, or give the job a senderId")
        fields = {
            "AppSid": self._app_sid,
            "SenderID": sender,
            "Recipient": message.to,
            "Body": message.text,
            "responseType": "JSON",
            "CorrelationID": correlation_id(key),
            "async": "false",
        }
        try:
            answer = self._service.write_form(_SEND, fields, verdict=_verdict)
        except _Duplicate:
            return self._found(key) or "duplicate"
        data = self._data(answer)
        if not data.get("MessageID"):
            raise OutcomeUnknown(f"Unifonic answered without a MessageID: {answer.text}")
        return str(data["MessageID"])

    def find(self, message: TextMessage, *, key: str, since: datetime) -> str | None:  # noqa: ARG002  # the id alone tells
        """The MessageID sent under ``key``."""
        return self._found(key)

    def _found(self, key: str) -> str | None:
        fields = {"AppSid": self._app_sid, "CorrelationID": correlation_id(key), "Limit": "1"}
        answer = self._service.read_form(_FIND, fields)
        found = self._data(answer, reads=True).get("messages")
        for row in found if isinstance(found, list) else ():
            if isinstance(row, dict) and str(row.get("Status", "")).lower() not in _NOT_SENT:
                return str(row.get("MessageID", "")) or None
        return None

    def _data(self, answer: Answer, *, reads: bool = False) -> dict[str, Any]:
        """The ``data`` of an answer whose body says that it went well: a 200 alone does not."""
        body = answer.body if isinstance(answer.body, dict) else {}
        code = str(body.get("errorCode") or "")
        data = body.get("data")
        if str(body.get("success")).lower() == "true" and code in {"", "ER-00"}:
            return data if isinstance(data, dict) else {}
        if not code and "success" not in body:
            said = f"Unifonic's answer cannot be read: {answer.text}"
            raise TransientError(said) if reads else OutcomeUnknown(said)
        raise PermanentError(f"Unifonic refused the message: {code} {answer.text}")


def correlation_id(key: str) -> str:
    """What the message of ``key`` is found by."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _verdict(answer: Answer) -> JobFailure | None:
    if answer.status == 409:
        return _Duplicate(f"Unifonic has the message already: {answer.text}")
    if answer.status in {401, 402, 403}:
        return PermanentError(
            f"Unifonic refuses our credentials ({answer.status}): {answer.text};"
            " look at UNIFONIC_APP_SID and at the addresses allowed to use it"
        )
    return None
