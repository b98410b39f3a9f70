"""SMS by Twilio. A message is found again among the last ones to the number, by its text."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from jobdesk.errors import JobFailure, NotConfigured, OutcomeUnknown, PermanentError
from jobdesk.providers.http import Answer, Service

if TYPE_CHECKING:
    from jobdesk.providers.sms import TextMessage

_NOT_SENT = frozenset({"failed", "canceled", "undelivered"})
#: How far Twilio's clock may be from ours.
_CLOCKS = timedelta(minutes=2)


class Twilio:
    """An :class:`~jobdesk.providers.sms.SmsSender`."""

    name = "twilio"
    can_find = True

    def __init__(
        self,
        *,
        account_sid: str,
        auth_token: str,
        sender: str | None,
        base_url: str,
        timeout_s: float = 30.0,
    ) -> None:
        if not account_sid.isascii() or not account_sid.isalnum():
            raise NotConfigured("set TWILIO_ACCOUNT_SID: what it holds now cannot be one")
        self._sender = sender
        self._path = f"/2010-04-01/Accounts/{account_sid}/Messages.json"
        basic = base64.b64encode(f"{account_sid}:{auth_token}".encode()).decode()
        self._service = Service(
            "Twilio",
            base_url,
            headers={
                "Authorization": f"Basic {basic}",
                "User-Agent": "jobdesk",
                "Accept": "application/json",
            },
            secrets=(auth_token, basic),
            read_timeout_s=timeout_s,
        )

    def close(self) -> None:
        """Close the connections."""
        self._service.close()

    def send(self, message: TextMessage, *, key: str) -> str:  # noqa: ARG002  # Twilio takes none
        """Send it; returns the message's SID."""
        sender = message.sender or self._sender
        if sender is None:
            raise NotConfigured("set TWILIO_FROM, or give the job a senderId")
        who = "MessagingServiceSid" if sender.startswith("MG") and len(sender) == 34 else "From"
        fields = {"To": f"+{message.to}", who: sender, "Body": message.text}
        answer = self._service.write_form(self._path, fields, verdict=_verdict)
        body = answer.body if isinstance(answer.body, dict) else {}
        if not isinstance(body.get("sid"), str):
            raise OutcomeUnknown(f"Twilio answered without a sid: {answer.text}")
        if body.get("status") in _NOT_SENT:
            raise PermanentError(f"Twilio could not send it: {body.get('error_code')}")
        return str(body["sid"])

    def find(self, message: TextMessage, *, key: str, since: datetime) -> str | None:  # noqa: ARG002  # Twilio keeps none
        """The SID of a message with this text to this number, made since then."""
        # not by DateSent: a message still queued has none
        answer = self._service.read(self._path, params={"To": f"+{message.to}", "PageSize": "50"})
        rows = answer.body.get("messages") if isinstance(answer.body, dict) else None
        for row in rows if isinstance(rows, list) else ():
            if isinstance(row, dict) and _is_it(row, message, since):
                return str(row.get("sid"))
        return None


def _is_it(row: dict[str, Any], message: TextMessage, since: datetime) -> bool:
    if row.get("body") != message.text or row.get("status") in _NOT_SENT:
        return False
    try:
        made = parsedate_to_datetime(str(row.get("date_created")))
    except (TypeError, ValueError):
        return False
    made = made if made.tzinfo else made.replace(tzinfo=UTC)
    return made >= since - _CLOCKS


def _verdict(answer: Answer) -> JobFailure | None:
    """Twilio's own words for what will never work; None: what the status means."""
    code = answer.body.get("code") if isinstance(answer.body, dict) else None
    if answer.status == 400 and code is not None:
        return PermanentError(f"Twilio refused the message ({code}): {answer.text}")
    return None
