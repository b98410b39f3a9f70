"""Mail by Resend: one at a time, or a hundred in one request.

Every request carries an ``Idempotency-Key`` (kept there for 24 hours), so one whose outcome is
unknown may be repeated: it is raised as any other transient error.
"""

from __future__ import annotations

import base64
import hashlib
import re
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from jobdesk.errors import JobFailure, NotConfigured, OutcomeUnknown, PermanentError, TransientError
from jobdesk.providers.http import Answer, Service, log, retry_after
from jobdesk.providers.mail import MAX_BATCH, BatchResult, Message

#: How long a job rests when the day's quota is used up.
DAILY_QUOTA_REST_S = 4 * 3600.0
#: The longest that a call holds still because the last answer said that the rate is used up.
MAX_PACE_S = 3.0

_KEY = re.compile(r"[\x21-\x7e]{1,256}")


class Resend:
    """A :class:`~jobdesk.providers.mail.Mailer`."""

    def __init__(
        self, *, api_key: str, base_url: str, sender: str, timeout_s: float = 30.0
    ) -> None:
        self.sender = sender
        api_key = api_key.strip()
        if not _KEY.fullmatch(api_key):
            raise NotConfigured("set RESEND_API_KEY: what it holds now cannot be a key")
        self._service = Service(
            "Resend",
            base_url,
            headers={
                "Authorization": f"Bearer {api_key}",
                "User-Agent": "jobdesk",  # without one every request is refused
                "Accept": "application/json",
            },
            secrets=(api_key,),
            read_timeout_s=timeout_s,
        )
        self._pace = _Pace()

    def close(self) -> None:
        """Close the connections."""
        self._service.close()

    def send(self, message: Message, *, key: str) -> str:
        """Send one mail; returns Resend's id for it."""
        answer = self._post("/emails", _as_json(message), key)
        if isinstance(answer.body, dict) and isinstance(answer.body.get("id"), str):
            return str(answer.body["id"])
        raise OutcomeUnknown(f"Resend answered without an id: {answer.text}")

    def send_batch(self, messages: Sequence[Message], *, key: str) -> BatchResult:
        """Send up to 100 mails in one request; those refused do not hold up the others."""
        if not 1 <= len(messages) <= MAX_BATCH:
            raise PermanentError(f"a batch has 1 to {MAX_BATCH} mails, not {len(messages)}")
        if any(message.attachments for message in messages):
            raise PermanentError("mails in a batch cannot have attachments")
        answer = self._post(
            "/emails/batch",
            [_as_json(message) for message in messages],
            key,
            {"x-batch-validation": "permissive"},
        )
        body = answer.body if isinstance(answer.body, dict) else {}
        data = body.get("data")
        if not isinstance(data, list):
            raise OutcomeUnknown(f"Resend answered without a list of ids: {answer.text}")
        refused = {
            int(error["index"]): self._service.redact(str(error.get("message", "")))[:200]
            for error in body.get("errors") or ()
            if isinstance(error, dict) and isinstance(error.get("index"), int)
        }
        ids = tuple(str(row.get("id", "")) for row in data if isinstance(row, dict))
        return BatchResult(ids=ids, refused=refused)

    def _post(
        self, path: str, body: object, key: str, headers: Mapping[str, str] | None = None
    ) -> Answer:
        self._pace.hold()
        extra = {"Idempotency-Key": header_key(key), **(headers or {})}
        answer = self._service.write(path, body, headers=extra, verdict=_verdict)
        self._pace.note(answer.headers)
        return answer


def header_key(key: str) -> str:
    """``key`` where a header can carry it, else a digest: the same for the same key."""
    if _KEY.fullmatch(key):
        return key
    return "jobdesk-" + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _as_json(message: Message) -> dict[str, Any]:
    body: dict[str, Any] = {
        "from": message.sender,
        "to": list(message.to),
        "subject": message.subject,
        "html": message.html,
        "text": message.text,
        "cc": list(message.cc) or None,
        "bcc": list(message.bcc) or None,
        "reply_to": list(message.reply_to) or None,
        "tags": [{"name": name, "value": value} for name, value in message.tags.items()] or None,
        "headers": dict(message.headers) or None,
        "template": message.template
        and {"id": message.template.id, "variables": dict(message.template.variables)},
        "attachments": [
            {
                "filename": attachment.filename,
                "content": base64.b64encode(attachment.content).decode(),
                "content_type": attachment.media_type,
            }
            for attachment in message.attachments
        ]
        or None,
    }
    return {name: value for name, value in body.items() if value is not None}


def _verdict(answer: Answer) -> JobFailure | None:
    """What Resend's own error names mean; None: what the status means."""
    name = answer.body.get("name") if isinstance(answer.body, dict) else None
    said = f"Resend answered {answer.status} {name}: {answer.text}"
    rest = retry_after(answer.headers)
    if name == "concurrent_idempotent_requests":
        return TransientError(said, rest)
    if name == "rate_limit_exceeded":
        # nothing was done, and it is not the job's fault: as with Huey's rate limit, no attempt
        return TransientError(said, rest or 1.0, counts=False)
    if name == "daily_quota_exceeded":
        log.error("Resend's daily quota is used up; mail rests")
        return TransientError(said, DAILY_QUOTA_REST_S, counts=False)
    if name == "monthly_quota_exceeded":
        log.error("Resend's monthly quota is used up; mail fails until it is raised")
        return PermanentError(f"{said}; raise the quota, then retry the failed jobs")
    if name == "invalid_idempotent_request":
        return PermanentError(
            f"{said}; the mail was sent before with other content, and is not sent again"
        )
    return None


class _Pace:
    """Holds still for a moment after an answer that said: that was the last one this second."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free_at_s = 0.0

    def note(self, headers: Mapping[str, str]) -> None:
        try:
            used_up = int(headers["ratelimit-remaining"]) <= 0
            reset_s = float(headers["ratelimit-reset"])
        except (KeyError, ValueError):
            return
        if used_up and reset_s > 0:
            with self._lock:
                self._free_at_s = time.monotonic() + min(reset_s, MAX_PACE_S)

    def hold(self) -> None:
        with self._lock:
            rest = self._free_at_s - time.monotonic()
        if rest > 0:
            time.sleep(rest)
