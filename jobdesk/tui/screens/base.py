"""What all screens of a mode share: status line, banner, hints, and the way of the data.

A screen says what it wants read in :meth:`DeskScreen.reads`, and shows the answers in
:meth:`DeskScreen.show`. It offers an action of the table by having a method for it; in
:meth:`DeskScreen.reason_against` it says why one cannot be done just now. It changes things by
``self.desk.order(command)``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.screen import Screen

from jobdesk.tui.actions import BY_METHOD, Action, Scope
from jobdesk.tui.bound import bindings_of
from jobdesk.tui.link.interest import Interest, Read, Snapshot
from jobdesk.tui.standing import stands
from jobdesk.tui.widgets.banner import Banner
from jobdesk.tui.widgets.hintbar import HintBar
from jobdesk.tui.widgets.statusline import StatusLine

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from jobdesk.broker.events import Gap
    from jobdesk.models import Event
    from jobdesk.tui.app import JobdeskApp
    from jobdesk.tui.commands.base import Command, Outcome

#: Columns and lines below which there is nothing to be seen but counts.
SMALLEST = (60, 16)


class DeskScreen(Screen[None]):
    """A screen with data."""

    AUTO_FOCUS = "Listing"
    #: whose actions it offers, where it has methods for them
    SCOPES: ClassVar[tuple[Scope, ...]] = ()
    #: what the mode is called
    TITLE_WORD: ClassVar[str] = ""

    def __init_subclass__(cls, **options: Any) -> None:
        cls.BINDINGS = bindings_of(cls, cls.SCOPES)
        super().__init_subclass__(**options)

    def __init__(self) -> None:
        super().__init__()
        self._generation = 0
        self.snapshot: Snapshot | None = None

    @property
    def desk(self) -> JobdeskApp:
        """The app."""
        return cast("JobdeskApp", self.app)

    # --- for subclasses

    def body(self) -> ComposeResult:
        """The widgets between the first line and the last."""
        yield from ()

    def crumbs(self) -> tuple[str, ...]:
        """Where one is."""
        return (self.TITLE_WORD,)

    def reads(self) -> tuple[Read[Any], ...]:
        """What is to be read while this screen is on top."""
        return ()

    def show(self, snapshot: Snapshot) -> None:
        """Show what was read."""

    def events_arrived(self, events: tuple[Event | Gap, ...]) -> None:
        """What happened meanwhile."""

    def command_done(self, command: Command, outcome: Outcome) -> None:
        """A command was carried out."""

    def reason_against(self, action: Action) -> str | None:  # noqa: ARG002  # for subclasses
        """Why an action of this screen cannot be done just now; None when it can."""
        return None

    def label_of(self, id_: str) -> str | None:  # noqa: ARG002  # for subclasses
        """Another name for an action, as things are."""
        return None

    def clear(self) -> bool:
        """Undo one step of what was chosen here (marks, filter); False when there is nothing."""
        return False

    # --- the way of the data

    def look_again(self, *, other: bool = False, now: bool = True) -> None:
        """Read what :meth:`reads` says by now; ``other``: answers to before are of no use."""
        if other:
            self._generation += 1
        if self.desk.screen is self:
            wanted = Interest(self.reads(), self._generation, self.size.height)
            self.desk.link.want(wanted, now=now)

    def take(self, snapshot: Snapshot) -> None:
        """Show a snapshot, unless it answers a question that is no longer asked."""
        if snapshot.generation != self._generation or not stands(self):
            return
        self.snapshot = snapshot
        self.show(snapshot)
        self.refresh_bindings()

    # --- Textual's

    def compose(self) -> ComposeResult:
        desk = self.desk
        yield StatusLine(
            desk.glyphs, address=desk.address, context=desk.context_name,
            production=desk.production, read_only=desk.read_only,
        )  # fmt: skip
        yield Banner()
        yield from self.body()
        yield HintBar()

    def on_screen_resume(self) -> None:
        self.desk.tell_screen(self)
        self.look_again()

    def on_resize(self) -> None:
        # the lists know their height after the layout
        self.call_after_refresh(self.look_again)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002  # Textual's signature
        entry = BY_METHOD.get(action)
        if entry is None:
            return True
        return True if self.reason(entry) is None else None

    def reason(self, action: Action) -> str | None:
        """Why an action cannot be done just now, by whoever forbids it."""
        if action.mutating and (refusal := self.desk.refusal()) is not None:
            return refusal
        return self.reason_against(action)
