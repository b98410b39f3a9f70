"""What the doctor finds: one value per thing looked at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    NOTE = "note"  #: worth knowing
    WARNING = "warning"  #: may be meant so
    FAULT = "fault"  #: jobs do not run, or can be lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that the doctor looked at."""

    level: Level
    #: a word that names the check, for scripts
    check: str
    message: str
    advice: str = ""
    queue: str = ""
