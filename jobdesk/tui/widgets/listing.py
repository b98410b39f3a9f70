"""A list of rows on the line API: a header inside, a cursor, and as little repainting as can be.

The base of all lists. What it shows comes from :meth:`Listing.row_at`, so that a list of a million
rows need not hold them. A line is painted again only when what it says has changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from jobdesk.tui.actions import Scope
from jobdesk.tui.bound import bindings
from jobdesk.tui.text.glyphs import UNICODE, Glyphs
from jobdesk.tui.widgets.columns import GAP, Cell, Column, fit, pad

if TYPE_CHECKING:
    from textual import events
    from textual.binding import BindingType

R = TypeVar("R")

TONES = ("plain", "muted", "strong", "accent", "active", "success", "warning", "error")


class Listing(ScrollView, Generic[R], can_focus=True, inherit_bindings=False):
    """Rows of ``R`` in columns."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "listing--header",
        "listing--cursor",
        "listing--cursor-blurred",
        *(f"listing--{tone}" for tone in TONES),
    }
    BINDINGS: ClassVar[list[BindingType]] = bindings(
        *(f"list.{name}" for name in (
            "down", "up", "top", "bottom", "half-down", "half-up", "page-down", "page-up", "open",
        ))
    )  # fmt: skip
    #: shown in the middle while there are no rows
    empty: reactive[str] = reactive("")
    wide: reactive[bool] = reactive(False)

    class Moved(Message):
        """The cursor stands on another row."""

        def __init__(self, listing: Listing[object]) -> None:
            super().__init__()
            self.listing = listing

        @property
        def control(self) -> Listing[object]:
            return self.listing

    class Opened(Message):
        """A row was chosen."""

        def __init__(self, listing: Listing[object], row: object) -> None:
            super().__init__()
            self.listing = listing
            self.row = row

        @property
        def control(self) -> Listing[object]:
            return self.listing

    def __init__(self, columns: Sequence[Column[R]], *, id: str | None = None) -> None:  # noqa: A002  # Textual's name
        super().__init__(id=id)
        self.columns = columns
        self.glyphs: Glyphs = UNICODE
        #: what ``empty`` becomes once it is known that there are none
        self.none = ""
        self.now_ms = 0
        self.cursor = 0
        self.total = 0
        self._rows: Sequence[R] = ()
        #: the key of the row that is waited for
        self._sought: object = None
        #: place -> what its line says now
        self._painted: dict[int, tuple[object, ...]] = {}
        self._fitted: list[tuple[Column[R], int]] = []
        self._fitted_for: tuple[int, bool, int] = (-1, False, -1)
        self._styles: dict[str, Style] = {}

    # --- what it shows

    def show(self, rows: Sequence[R], now_ms: int) -> None:
        """Show these rows; the cursor stays on the row of the same key where there is one."""
        before = self.row_at(self.cursor)
        self._rows = rows
        self.now_ms = now_ms
        if self.none:
            self.empty, self.none = self.none, ""
        places = {self.key_of(row): place for place, row in reversed(list(enumerate(rows)))}
        sought = places.get(self._sought) if self._sought is not None else None
        if before is not None and rows:
            self.cursor = places.get(self.key_of(before), self.cursor)
        self._set_total(len(rows))
        if rows:
            self._sought = None
        if sought is not None:
            self.move_to(sought)
        self.repaint_changed()

    def seek(self, key: object) -> None:
        """Put the cursor on the row of that key: now, or when there are rows."""
        self._sought = key
        if self._rows:
            self.show(self._rows, self.now_ms)

    def row_at(self, place: int) -> R | None:
        """The row at that place, None where there is none, or it has not been read yet."""
        return self._rows[place] if 0 <= place < len(self._rows) else None

    def key_of(self, row: R) -> object:
        """What makes two rows the same one; by default their names."""
        return getattr(row, "name", None) or getattr(row, "id", row)

    def lead(self, place: int, row: R | None) -> Cell:  # noqa: ARG002  # for marks
        """What stands before the columns, two cells wide."""
        return ("  ", "plain")

    @property
    def current(self) -> R | None:
        """The row under the cursor."""
        return self.row_at(self.cursor)

    @property
    def page(self) -> int:
        """How many rows fit."""
        return max(0, self.scrollable_content_region.height - 1)

    def _set_total(self, total: int) -> None:
        self.cursor = max(0, min(self.cursor, total - 1))
        changed = total != self.total
        self.total = total
        size = Size(self.scrollable_content_region.width, total + 1)
        if size != self.virtual_size:
            self.virtual_size = size
        if changed and total == 0:
            self.refresh()

    # --- painting

    def repaint_changed(self) -> None:
        """Repaint the lines that say something else than they show."""
        self._fit()
        top = self.scroll_offset.y
        for place in range(top, top + self.page):
            said = self._said(place)
            if self._painted.get(place) != said:
                self._painted[place] = said
                # the header takes the first line
                self.refresh_line(place + 1)
        if len(self._painted) > 4 * (self.page + 1):
            self._painted = {
                place: said for place, said in self._painted.items()
                if top <= place < top + self.page
            }  # fmt: skip

    def repaint_all(self) -> None:
        """Repaint everything, as after a change of the theme."""
        self._painted.clear()
        self._styles.clear()
        self._fitted_for = (-1, False, -1)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        self._fit()
        width = self.scrollable_content_region.width
        if y == 0:
            return self._header(width)
        place = self.scroll_offset.y + y - 1
        if self.total == 0:
            return self._nothing(y, width)
        if place >= self.total:
            return Strip.blank(width, self._style("plain"))
        said = self._said(place)
        self._painted[place] = said
        return self._line(said, width)

    def _fit(self) -> None:
        width = self.scrollable_content_region.width
        wanted = (width, self.wide, len(self.columns))
        if wanted != self._fitted_for:
            self._fitted = fit(self.columns, width - 3, wide=self.wide)
            self._fitted_for = wanted

    def _said(self, place: int) -> tuple[object, ...]:
        """All that the line of that place says; equal to what it said when nothing changed."""
        row = self.row_at(place)
        on = ""
        if place == self.cursor and self.total:
            on = "cursor" if self.has_focus else "cursor-blurred"
        lead = self.lead(place, row)
        if row is None:
            waiting = (self.glyphs.ellipsis, "muted") if place < self.total else ("", "plain")
            return (on, lead, waiting)
        return (on, lead, *(column.cell(row, self.now_ms) for column, _ in self._fitted))

    def _line(self, said: tuple[object, ...], width: int) -> Strip:
        on = str(said[0])
        parts: list[Segment] = []
        cells_: tuple[Cell, ...] = said[1:]  # type: ignore[assignment]  # as _said makes it
        lead, *rest = cells_
        parts.append(Segment(lead[0], self._style(lead[1], on)))
        gap = Segment(" " * GAP, self._style("plain", on))
        for index, ((text, tone), (column, wide)) in enumerate(
            zip(rest, self._fitted, strict=False)
        ):
            if index:
                parts.append(gap)
            shown = pad(text, wide, right=column.right, middle=column.middle)
            parts.append(Segment(shown, self._style(tone, on)))
        return Strip(parts).adjust_cell_length(width, self._style("plain", on))

    def _header(self, width: int) -> Strip:
        titles = (pad(column.title, wide, right=column.right) for column, wide in self._fitted)
        text = "  " + (" " * GAP).join(titles)
        style = self._style("header")
        return Strip([Segment(pad(text, width, right=False), style)], width)

    def _nothing(self, y: int, width: int) -> Strip:
        lines = self.empty.splitlines()
        first = max(2, (self.page - len(lines)) // 2)
        index = y - first
        text = lines[index].center(width)[:width] if 0 <= index < len(lines) else ""
        return Strip([Segment(pad(text, width, right=False), self._style("muted"))], width)

    def _style(self, tone: str, on: str = "") -> Style:
        name = f"{on}/{tone}"
        style = self._styles.get(name)
        if style is None:
            style = self.get_component_rich_style(f"listing--{tone}")
            if on:
                cursor = self.get_component_rich_style(f"listing--{on}")
                style = style + Style(bgcolor=cursor.bgcolor, bold=cursor.bold,
                                      reverse=cursor.reverse)  # fmt: skip
            self._styles[name] = style
        return style

    # --- moving

    def shift(self, by: int) -> None:
        """The rows have moved so far down the list: cursor and screen go along, unseen."""
        self.cursor += by
        top = self.scroll_offset.y + by
        self._set_total(self.total)
        at = max(0, min(top, self.max_scroll_y))
        # a screen that cannot go along shows other rows now
        self._painted = {p + by: said for p, said in self._painted.items()} if at == top else {}
        self.set_reactive(Listing.scroll_y, float(at))
        self.set_reactive(Listing.scroll_target_y, self.scroll_y)
        if self.show_vertical_scrollbar:
            self.vertical_scrollbar.position = self.scroll_y

    def move_to(self, place: int) -> None:
        """Put the cursor there, and that row on the screen."""
        place = max(0, min(place, self.total - 1))
        moved = place != self.cursor
        self.cursor = place
        self._bring_in(place)
        self.repaint_changed()
        if moved:
            self.post_message(self.Moved(self))  # type: ignore[arg-type]  # of what, is not asked

    def _bring_in(self, place: int) -> None:
        top, page = self.scroll_offset.y, self.page
        if page <= 0:
            return
        if place < top:
            self.scroll_to(y=place, animate=False)
        elif place >= top + page:
            self.scroll_to(y=place - page + 1, animate=False)

    def action_list_down(self) -> None:
        self.move_to(self.cursor + 1)

    def action_list_up(self) -> None:
        self.move_to(self.cursor - 1)

    def action_list_top(self) -> None:
        self.move_to(0)

    def action_list_bottom(self) -> None:
        self.move_to(self.total - 1)

    def action_list_half_down(self) -> None:
        self.move_to(self.cursor + max(1, self.page // 2))

    def action_list_half_up(self) -> None:
        self.move_to(self.cursor - max(1, self.page // 2))

    def action_list_page_down(self) -> None:
        self.move_to(self.cursor + max(1, self.page))

    def action_list_page_up(self) -> None:
        self.move_to(self.cursor - max(1, self.page))

    def action_list_open(self) -> None:
        row = self.current
        if row is not None:
            self.post_message(self.Opened(self, row))  # type: ignore[arg-type]  # as above

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002  # Textual's signature
        if action == "list_open":
            return True if self.current is not None else None
        return True

    # --- what Textual tells

    def on_click(self, event: events.Click) -> None:
        place = self.scroll_offset.y + event.y - 1
        if event.y > 0 and 0 <= place < self.total:
            again = place == self.cursor and event.chain > 1
            self.move_to(place)
            if again:
                self.action_list_open()

    def on_focus(self) -> None:
        self.repaint_changed()

    def on_blur(self) -> None:
        self.repaint_changed()

    def on_resize(self) -> None:
        self.virtual_size = Size(self.scrollable_content_region.width, self.total + 1)
        self._bring_in(self.cursor)
        self._painted.clear()

    def watch_wide(self) -> None:
        self.repaint_all()

    def watch_empty(self) -> None:
        if self.total == 0:
            self.refresh()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles.clear()


SCOPE = Scope.LIST
