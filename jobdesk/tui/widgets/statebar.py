"""The counts of a queue by state, one of them chosen; a click chooses another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from jobdesk.models import STORED_STATES, JobState
from jobdesk.safetext import cells
from jobdesk.tui.text import spans
from jobdesk.tui.text.glyphs import TONES, Glyphs

if TYPE_CHECKING:
    from textual import events

STATES: tuple[JobState | None, ...] = (None, *STORED_STATES)
VARIABLES = {
    "plain": "$foreground", "active": "$accent", "muted": "$quiet", "warning": "$warning",
    "success": "$success", "error": "$error",
}  # fmt: skip


class StateBar(Widget):
    """``All 1.0M │ • waiting 48,211 │ ▶ active 12 │ …``."""

    chosen: reactive[JobState | None] = reactive(None)
    counts: reactive[Mapping[JobState, int]] = reactive(dict)
    paused: reactive[bool] = reactive(False)

    class Chosen(Message):
        """Another state was clicked."""

        def __init__(self, state: JobState | None) -> None:
            super().__init__()
            self.state = state

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._spots: list[tuple[int, int, JobState | None]] = []

    def render(self) -> Content:
        for style in ("full", "short", "glyphs"):
            labels = [self._label(state, style) for state in STATES]
            if 1 + sum(cells(label) + 5 for label in labels) - 3 <= self.size.width:
                break
        self._spots.clear()
        parts: list[tuple[str, str]] = [(" ", "")]
        at = 1
        for state, label in zip(STATES, labels, strict=True):
            if len(self._spots):
                parts.append((self._glyphs.divider, "$border-blurred"))
                at += 1
            text = f" {label} "
            tone = VARIABLES[TONES[self._word(state)] if state else "plain"]
            if state is self.chosen:
                style = f"bold {tone} on $block-cursor-background"
            else:
                style = tone if self.counts.get(state or JobState.WAITING) else "$quiet"
            parts.append((text, style))
            self._spots.append((at, at + cells(text), state))
            at += cells(text)
        return Content.assemble(*parts)

    def _word(self, state: JobState) -> str:
        return "paused" if state is JobState.WAITING and self.paused else state.value

    def _label(self, state: JobState | None, style: str) -> str:
        if state is None:
            total = sum(self.counts.values())
            return f"All {total:,}" if style == "full" else f"All {spans.count(total)}"
        word, number = self._word(state), self.counts.get(state, 0)
        glyph = self._glyphs.states[word]
        if style == "full":
            return f"{glyph} {word} {number:,}"
        if style == "short":
            return f"{glyph} {word} {spans.count(number)}"
        return f"{glyph} {spans.count(number)}"

    def on_click(self, event: events.Click) -> None:
        for start, end, state in self._spots:
            if start <= event.x < end:
                self.post_message(self.Chosen(state))
