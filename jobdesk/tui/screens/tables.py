"""A screen that is one list: what workers, schedules and the like have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from textual.containers import VerticalScroll
from textual.widgets import Static

from jobdesk.tui.screens.base import DeskScreen
from jobdesk.tui.widgets.listing import Listing
from jobdesk.tui.widgets.panel import Panel

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.content import Content

    from jobdesk.tui.widgets.columns import Column

R = TypeVar("R")


class TableScreen(DeskScreen, Generic[R]):
    """One listing in one panel."""

    HEADING: ClassVar[str] = ""
    EMPTY: ClassVar[str] = ""
    #: one that tells rows apart in its own way
    LISTING: ClassVar[type[Listing[Any]]] = Listing

    @abstractmethod
    def columns(self) -> Sequence[Column[R]]:
        """The columns of the list."""

    def body(self) -> ComposeResult:
        listing = self.LISTING(self.columns(), id="table")
        listing.glyphs = self.desk.glyphs
        listing.empty, listing.none = self.desk.glyphs.ellipsis, self.EMPTY
        with Panel(title=self.HEADING):
            yield listing

    @property
    def listing(self) -> Listing[R]:
        """The list."""
        found: Listing[R] = self.query_one("#table", Listing)
        return found

    def note(self, text: str) -> None:
        """Say something in the border."""
        self.query_one(Panel).border_subtitle = text

    def on_listing_moved(self, _: Any) -> None:
        self.refresh_bindings()


class DetailScreen(TableScreen[R]):
    """One listing, and below it the row under the cursor in full."""

    CSS_PATH = "detail.tcss"
    #: what the pane below is called
    DETAIL: ClassVar[str] = ""

    @abstractmethod
    def tell(self, row: R, panel: Panel, width: int) -> Content:
        """A row in full, for lines so wide; what the pane's border says may be set."""

    def body(self) -> ComposeResult:
        yield from super().body()
        scroll = VerticalScroll(id="detail-scroll", can_focus=False)
        with Panel(title=self.DETAIL, id="detail-panel"), scroll:
            yield Static(id="detail")

    def show_rows(self, rows: Sequence[R], now_ms: int) -> None:
        """Show these, and the one under the cursor in full."""
        self.listing.show(rows, now_ms)
        self._tell()

    def on_listing_moved(self, _: Any) -> None:
        self._tell()
        self.refresh_bindings()

    def _tell(self) -> None:
        row, text = self.listing.current, self.query_one("#detail", Static)
        if row is None:
            text.update("")
        else:
            panel = self.query_one("#detail-panel", Panel)
            text.update(self.tell(row, panel, max(40, text.size.width)))
