"""Shown while Redis could not be reached once: where, why not, and when it is tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.content import Content
from textual.widgets import Static

from jobdesk.safetext import safe_text
from jobdesk.tui.screens.dialog import Dialog
from jobdesk.tui.standing import stands
from jobdesk.tui.widgets.panel import Framed

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from jobdesk.tui.link.status import LinkStatus


class ConnectScreen(Dialog[None]):
    """The way in, while it is shut."""

    BINDINGS: ClassVar = [
        Binding("q,escape", "app.exit", "quit", show=False, id="connect.quit"),
        Binding("r,ctrl+r,enter", "app.refresh", "try now", show=False, id="connect.now"),
    ]

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address
        self._status: LinkStatus | None = None

    def compose(self) -> ComposeResult:
        with Framed(classes="dialog -danger") as box:
            box.border_title = "Redis cannot be reached"
            box.border_subtitle = "r tries now   q quits"
            yield Static(id="connect")

    def on_mount(self) -> None:
        if self._status is not None:
            self._show(self._status)

    def say(self, status: LinkStatus) -> None:
        """Show how it stands, as soon as there is something to show it."""
        self._status = status
        if stands(self):
            self._show(status)

    def _show(self, status: LinkStatus) -> None:
        tries = f"{status.tries} tries" if status.tries > 1 else "1 try"
        self.query_one("#connect", Static).update(Content.assemble(
            ("address  ", "$quiet"), f"{safe_text(self._address)}\n",
            ("error    ", "$quiet"), (f"{safe_text(status.error)}\n", "$error"),
            ("tried    ", "$quiet"), f"{tries}, again every second\n\n",
            (("Check that the server runs, that REDIS_URL names it, and that this machine may"
             " reach it. `jobdesk doctor` tells more."), "$quiet"),
        ))  # fmt: skip
