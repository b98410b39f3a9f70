"""What all that lies on top of a screen shares: how it looks."""

from __future__ import annotations

from textual.screen import ModalScreen, ScreenResultType


class Dialog(ModalScreen[ScreenResultType]):
    """Asks something, or tells something, and is answered or closed.

    Its style is parsed when the first one opens: half of all rules are for dialogs.
    """

    CSS_PATH = "dialogs.tcss"
