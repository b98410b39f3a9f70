"""The line that says what is wrong with the connection; away while nothing is."""

from __future__ import annotations

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from jobdesk.safetext import cut, safe_line


class Banner(Widget):
    """``✗ Redis unreachable: …   Showing data from 14:02:07.   ctrl+r: retry now``."""

    text: reactive[str] = reactive("")

    def watch_text(self, text: str) -> None:
        self.set_class(bool(text), "-shown")

    def render(self) -> Content:
        return Content(cut(f" {safe_line(self.text)}", self.size.width))
