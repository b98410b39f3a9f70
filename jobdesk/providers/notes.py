"""SMS and pushes that are not sent but written: one JSON file each, named by the job's key.

A repeated call writes the same file again, so that nothing has to be looked for.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobdesk import files
from jobdesk.providers.sms import TextMessage, segments

if TYPE_CHECKING:
    from jobdesk.providers.push import Subscription


class SmsOutbox:
    """An :class:`~jobdesk.providers.sms.SmsSender` that writes to a folder."""

    name = "outbox"
    can_find = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, message: TextMessage, *, key: str) -> str:
        """Write it; returns the file's name."""
        note = {
            "to": f"+{message.to}",
            "sender": message.sender,
            "text": message.text,
            "segments": segments(message.text),
        }
        return _write(self._folder, f"{key}.sms", note)

    def find(self, message: TextMessage, *, key: str, since: datetime) -> str | None:  # noqa: ARG002  # the key alone tells
        """None: to write the file again does no harm."""
        return None


class PushOutbox:
    """A :class:`~jobdesk.providers.push.PushSender` that writes to a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, to: Subscription, payload: bytes, *, key: str) -> None:
        """Write what would be encrypted, and where it would go."""
        one = hashlib.sha256(to.endpoint.encode()).hexdigest()[:8]
        note = {"endpoint": to.endpoint, "payload": json.loads(payload)}
        _write(self._folder, f"{key}.push-{one}", note)


def _write(folder: Path, name: str, note: dict[str, Any]) -> str:
    file = files.file_name(name.replace(":", "-").replace(".", "-"), ".json")
    folder.mkdir(parents=True, exist_ok=True)
    content = json.dumps(note, ensure_ascii=False, indent=2).encode()
    files.write_bytes(folder / file, content, root=folder)
    return file
