"""How states look: a glyph and a colour's name each, with a set for terminals of plain ASCII.

A state is never told by colour alone: its word stands beside the glyph.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobdesk.models import JobState

if TYPE_CHECKING:
    from jobdesk.models import JobRow


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One set of characters, each one column wide."""

    states: dict[str, str]
    cursor: str
    mark: str
    live: str
    slow: str
    offline: str
    connecting: str
    up: str
    down: str
    #: from empty to full
    bars: str
    block: str
    rest: str
    divider: str
    rule: str
    ellipsis: str
    refresh: str
    warning: str


UNICODE = Glyphs(
    states={
        "waiting": "•", "active": "▶", "delayed": "◌", "retrying": "↻", "completed": "✓",
        "failed": "✗", "paused": "‖", "cancelled": "⊘",
    },
    cursor="›", mark="●", live="●", slow="◐", offline="○", connecting="◌", up="↑", down="↓",
    bars=" ▁▂▃▄▅▆▇█", block="█", rest="░", divider="│", rule="─", ellipsis="…", refresh="↻",
    warning="▲",
)  # fmt: skip
ASCII = Glyphs(
    states={
        "waiting": ".", "active": ">", "delayed": "z", "retrying": "~", "completed": "+",
        "failed": "x", "paused": "=", "cancelled": "/",
    },
    cursor=">", mark="*", live="*", slow="%", offline="o", connecting=".", up="^", down="v",
    bars=" .:-=+*#", block="#", rest=".", divider="|", rule="-", ellipsis="~", refresh="@",
    warning="!",
)  # fmt: skip

#: state or look of a row -> the name of its style, see ``Look`` in widgets/listing.py
TONES = {
    "waiting": "plain", "active": "active", "delayed": "muted", "retrying": "warning",
    "completed": "success", "failed": "error", "paused": "warning", "cancelled": "muted",
}  # fmt: skip


def look_of(row: JobRow) -> str:
    """The word for a row: its state, or *retrying* or *cancelled* where that says more."""
    if row.retrying:
        return "retrying"
    if row.state is JobState.FAILED and row.error.startswith("JobCancelled"):
        return "cancelled"
    return row.state.value
