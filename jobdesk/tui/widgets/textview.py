"""Lines of text with tones, scrolled by keys: long ones are cut, or wrapped when that is asked.

On the line API, so that a log of thousands of lines costs what is on the screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.geometry import Size
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from jobdesk.safetext import cells, cut
from jobdesk.tui.bound import bindings
from jobdesk.tui.widgets.listing import TONES

if TYPE_CHECKING:
    from rich.style import Style
    from textual.binding import BindingType

    from jobdesk.tui.text.jsons import Line


class TextView(ScrollView, can_focus=True, inherit_bindings=False):
    """A pane of text."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"listing--{tone}" for tone in TONES}
    BINDINGS: ClassVar[list[BindingType]] = bindings(
        *(f"list.{name}" for name in (
            "down", "up", "top", "bottom", "half-down", "half-up", "page-down", "page-up",
        ))
    )  # fmt: skip
    wrap: reactive[bool] = reactive(False)

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # Textual's name
        super().__init__(id=id)
        self._lines: Sequence[Line] = ()
        self._laid: list[Line] = []
        self._laid_for: tuple[int, bool] = (-1, False)
        self._styles: dict[str, Style] = {}
        #: whether the last line stays in sight when more come
        self.tail = False

    def show(self, lines: Sequence[Line], *, top: bool = False) -> None:
        """Show these lines; ``top``: from the first one."""
        if list(lines) != list(self._lines):
            self._lines = lines
            self._laid_for = (-1, False)
            self._lay()
        if self.tail:
            self.scroll_to(y=self.max_scroll_y, animate=False)
        elif top:
            self.scroll_to(y=0, animate=False)

    @property
    def text(self) -> str:
        """All of it, as it is."""
        return "\n".join("".join(text for text, _ in line) for line in self._lines)

    def _lay(self) -> None:
        width = self.scrollable_content_region.width
        if width <= 0 or self._laid_for == (width, self.wrap):
            return
        self._laid_for = (width, self.wrap)
        self._laid = []
        for line in self._lines:
            self._laid += _wrapped(line, width) if self.wrap else [_cut(line, width)]
        self.virtual_size = Size(width, len(self._laid))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        self._lay()
        width = self.scrollable_content_region.width
        place = self.scroll_offset.y + y
        if place >= len(self._laid):
            return Strip.blank(width, self._style("plain"))
        parts = [Segment(text, self._style(tone)) for text, tone in self._laid[place]]
        return Strip(parts).adjust_cell_length(width, self._style("plain"))

    def _style(self, tone: str) -> Style:
        style = self._styles.get(tone)
        if style is None:
            style = self._styles[tone] = self.get_component_rich_style(f"listing--{tone}")
        return style

    # --- what happens

    def watch_wrap(self) -> None:
        self._lay()

    def on_resize(self) -> None:
        self._lay()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles.clear()

    def _by(self, lines: int) -> None:
        self.tail = False
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False)

    def action_list_down(self) -> None:
        self._by(1)

    def action_list_up(self) -> None:
        self._by(-1)

    def action_list_top(self) -> None:
        self._by(-self.virtual_size.height)

    def action_list_bottom(self) -> None:
        self._by(self.virtual_size.height)

    def action_list_half_down(self) -> None:
        self._by(max(1, self.size.height // 2))

    def action_list_half_up(self) -> None:
        self._by(-max(1, self.size.height // 2))

    def action_list_page_down(self) -> None:
        self._by(max(1, self.size.height - 1))

    def action_list_page_up(self) -> None:
        self._by(-max(1, self.size.height - 1))


def _cut(line: Line, width: int) -> Line:
    kept: list[tuple[str, str]] = []
    left = width
    for text, tone in line:
        need = cells(text)
        if need > left:
            kept.append((cut(text, left), tone))
            break
        kept.append((text, tone))
        left -= need
    return tuple(kept)


def _wrapped(line: Line, width: int) -> list[Line]:
    """The line in as many as it takes, each as wide as fits; words are not kept whole."""
    made: list[Line] = []
    row: list[tuple[str, str]] = []
    left = width
    for text, tone in line:
        rest = text
        while rest:
            piece = _head(rest, left)
            if piece:
                row.append((piece, tone))
                left -= cells(piece)
                rest = rest[len(piece) :]
            if rest:
                made.append(tuple(row))
                row, left = [], width
                if not piece and width < 2:
                    break
    made.append(tuple(row))
    return made


def _head(text: str, width: int) -> str:
    """The beginning of ``text`` that fits."""
    if text.isascii():
        return text[:width]
    from rich.cells import split_graphemes

    end = used = 0
    for start, stop, wide in split_graphemes(text)[0]:
        used += wide
        if used > width:
            return text[:start]
        end = stop
    return text[:end]
