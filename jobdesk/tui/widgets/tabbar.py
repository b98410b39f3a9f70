"""The tabs of a job in one line; a click chooses one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from jobdesk.safetext import cells

if TYPE_CHECKING:
    from textual import events

    from jobdesk.tui.text.glyphs import Glyphs


class TabBar(Widget):
    """``Summary │ Data │ Result │ Error │ Attempts 5 │ Log 48``."""

    labels: reactive[Sequence[str]] = reactive(())
    chosen: reactive[int] = reactive(0)

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, at: int) -> None:
            super().__init__()
            self.at = at

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._spots: list[tuple[int, int]] = []

    def render(self) -> Content:
        # without its count where that does not fit
        labels = list(self.labels)
        if 1 + sum(cells(label) + 3 for label in labels) > self.size.width:
            labels = [label.partition(" ")[0] for label in labels]
        self._spots.clear()
        parts: list[tuple[str, str]] = [(" ", "")]
        at = 1
        for place, label in enumerate(labels):
            if place:
                parts.append((self._glyphs.divider, "$border-blurred"))
                at += 1
            text = f" {label} "
            on = place == self.chosen
            parts.append((text, "bold $accent on $block-cursor-background" if on else "$quiet"))
            self._spots.append((at, at + cells(text)))
            at += cells(text)
        return Content.assemble(*parts)

    def on_click(self, event: events.Click) -> None:
        for place, (start, end) in enumerate(self._spots):
            if start <= event.x < end:
                self.post_message(self.Chosen(place))
