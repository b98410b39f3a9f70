"""What all that lies on top of a screen shares: how it looks, and where its commands go."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.screen import ModalScreen, ScreenResultType

if TYPE_CHECKING:
    from jobdesk.tui.app import JobdeskApp


class Dialog(ModalScreen[ScreenResultType]):
    """Asks something, or tells something, and is answered or closed.

    Its style is parsed when the first one opens: half of all rules are for dialogs.
    """

    CSS_PATH = "dialogs.tcss"

    @property
    def desk(self) -> JobdeskApp:
        """The app."""
        return cast("JobdeskApp", self.app)

    def in_shell(self, line: str) -> str:
        """A command line, as it does the same to what this session looks at."""
        return self.desk.in_shell(line)
