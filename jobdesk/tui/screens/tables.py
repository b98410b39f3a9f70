"""A screen that is one list: what workers, schedules and the like have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from jobdesk.tui.screens.base import DeskScreen
from jobdesk.tui.widgets.listing import Listing
from jobdesk.tui.widgets.panel import Panel

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from jobdesk.tui.widgets.columns import Column

R = TypeVar("R")


class TableScreen(DeskScreen, Generic[R]):
    """One listing in one panel."""

    HEADING: ClassVar[str] = ""
    EMPTY: ClassVar[str] = ""

    @abstractmethod
    def columns(self) -> Sequence[Column[R]]:
        """The columns of the list."""

    def body(self) -> ComposeResult:
        listing = Listing[R](self.columns(), id="table")
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
