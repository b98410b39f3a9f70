"""What the dashboard remembers between two sessions; never the user's own settings.

One JSON file under ``$XDG_STATE_HOME/jobdesk``, written whole or not at all. A file that does not
read, or says nonsense, counts as none; one that cannot be written is no reason to trouble anybody.
"""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """Everything that is remembered."""

    theme: str = ""
    mode: str = ""
    #: seconds between two refreshes; 0: what the settings say
    interval: float = 0.0

    def with_(self, **changes: Any) -> Preferences:
        """These with some changed."""
        return replace(self, **changes)


def path() -> Path:
    """Where it is kept."""
    from platformdirs import user_state_path

    return user_state_path("jobdesk", appauthor=False) / "tui.json"


def load(file: Path) -> Preferences:
    """What is remembered; the defaults where nothing is, or nothing of use."""
    try:
        told = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return Preferences()
    if not isinstance(told, dict):
        return Preferences()
    known: dict[str, Any] = {}
    for field in fields(Preferences):
        value, default = told.get(field.name), field.default
        if type(value) is int and isinstance(default, float):
            value = float(value)
        if type(value) is type(default):
            known[field.name] = value
    return Preferences(**known)


def save(file: Path, preferences: Preferences) -> None:
    """Remember ``preferences``."""
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=file.parent, prefix=".tui-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as out:
                json.dump(asdict(preferences), out, indent=1)
            Path(draft).replace(file)
        except OSError:
            Path(draft).unlink(missing_ok=True)
            raise
