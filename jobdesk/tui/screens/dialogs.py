"""The dialogs: confirmation, help, and the one that says the terminal is too small."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from jobdesk.safetext import safe_line, safe_text
from jobdesk.tui.actions import BY_ID, Action, Scope, shown
from jobdesk.tui.bound import bindings
from jobdesk.tui.screens.base import SMALLEST
from jobdesk.tui.screens.dialog import Dialog
from jobdesk.tui.standing import stands
from jobdesk.tui.widgets.panel import Framed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from textual.app import ComposeResult

    from jobdesk.models import JobRow
    from jobdesk.tui.commands.base import Command

#: From so many on, the number must be typed.
TYPED_FROM = 100
#: So wide are the keys in the help, with the space around them.
_KEYS = 17


class Choice(Widget, can_focus=True):
    """A button of one line."""

    BINDINGS: ClassVar = [Binding("enter,space", "press", "choose", show=False)]

    class Pressed(Message):
        """It was chosen."""

        def __init__(self, choice: Choice) -> None:
            super().__init__()
            self.choice = choice

    def __init__(self, label: str, *, id: str, classes: str = "", disabled: bool = False) -> None:  # noqa: A002  # Textual's name
        super().__init__(id=id, classes=classes, disabled=disabled)
        self._label = label

    def render(self) -> Content:
        return Content(self._label)

    def action_press(self) -> None:
        self.post_message(self.Pressed(self))

    def on_click(self) -> None:
        self.action_press()


class ConfirmScreen(Dialog[bool]):
    """Asks before a command: what exactly, with which line, and whether it can be taken back."""

    AUTO_FOCUS = "#no"
    BINDINGS: ClassVar = [
        *bindings("dialog.yes", "dialog.no", "dialog.copy-command"),
        Binding("escape", "dialog_no", "leave it", show=False, id="dialog.escape"),
        Binding("left,right,tab", "other", "other button", show=False, id="dialog.other"),
    ]

    def __init__(
        self,
        command: Command,
        *,
        tier: int,
        undo: str,
        undoable: bool,
        examples: Sequence[JobRow] = (),
        where: str = "",
        production: bool = False,
        warning: str = "",
    ) -> None:
        super().__init__()
        self.command = command
        self._tier = tier
        self._undo = undo
        self._undoable = undoable
        self._examples = examples
        self._where = where
        self._production = production
        self._warning = warning
        count = command.count or 0
        many = tier >= 2 and count > TYPED_FROM
        #: what must be typed before it can be done; nothing where y is enough
        by_tier = str(count) if many else (where if production and tier >= 1 else "")
        self.typed = command.typed or by_tier

    def compose(self) -> ComposeResult:
        command, count = self.command, self.command.count or 0
        danger = "" if self._undoable else "-danger"
        with Framed(classes=f"dialog {danger}") as box:
            box.border_title = safe_line(command.title, 66)
            if self._where:
                box.border_subtitle = safe_line(self._where, 40)
            for row in self._examples[:3]:
                yield Static(_example(row), classes="example")
            if self._examples and count > len(self._examples[:3]):
                more = count - len(self._examples[:3])
                yield Static(Content.styled(f"… {more:,} more", "$quiet"))
            yield Static(self._lines(), classes="command")
            if self._warning:
                yield Static(Content(safe_text(self._warning)), classes="warning")
            yield Static(Content(self._undo), classes="warning")
            if self.typed:
                yield Input(placeholder=f"type {self.typed} to confirm", id="typed")
            with Horizontal(classes="buttons"):
                yield Choice("n  Leave it", id="no")
                yield Choice(f"y  {command.verb}", id="yes", classes=danger,
                             disabled=bool(self.typed))  # fmt: skip

    def on_mount(self) -> None:
        if self.typed:
            self.query_one(Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        self.query_one("#yes").disabled = event.value.strip().replace(",", "") != self.typed

    def on_input_submitted(self) -> None:
        self.action_dialog_yes()

    def on_choice_pressed(self, event: Choice.Pressed) -> None:
        if event.choice.id == "yes":
            self.action_dialog_yes()
        else:
            self.dismiss(False)

    def action_dialog_yes(self) -> None:
        if not self.query_one("#yes").disabled:
            self.dismiss(True)

    def action_dialog_no(self) -> None:
        self.dismiss(False)

    def action_other(self) -> None:
        self.focus_next()

    def _lines(self) -> Content:
        lines = self.command.lines
        text = "\n".join(f"$ {safe_line(self.in_shell(line))}" for line in lines[:3])
        if len(lines) > 3:
            text += f"\n… {len(lines) - 3:,} more lines (c copies all)"
        return Content(text)

    def action_dialog_copy_command(self) -> None:
        self.app.copy_to_clipboard("\n".join(map(self.in_shell, self.command.lines)))
        self.notify("Copied the command.", markup=False)


def _example(row: JobRow) -> Content:
    return Content.assemble(
        (f"{safe_line(row.id, 22):<22}  ", ""),
        (f"{safe_line(row.type, 18):<18}  ", "$quiet"),
        (safe_line(row.error, 28), "$error"),
    )


class HelpScreen(Dialog[None]):
    """The keys that work where one is, by what they are for; what cannot be done now is dim."""

    BINDINGS: ClassVar = [
        Binding("escape,question_mark,q,enter", "close", "close", show=False, id="help.close"),
        Binding("j,down", "down", "down", show=False, id="help.down"),
        Binding("k,up", "up", "up", show=False, id="help.up"),
    ]

    def __init__(self, actions: Iterable[tuple[Action, str, bool]], title: str) -> None:
        super().__init__()
        self._actions = list(actions)
        self._title = title

    def compose(self) -> ComposeResult:
        with Framed(classes="dialog") as box:
            box.border_title = f"Keys  {self._title}"
            box.border_subtitle = "esc closes"
            with VerticalScroll(id="help-body"):
                yield Static(self._text(), id="help-text")

    def on_resize(self) -> None:
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        if stands(self):
            width = self.query_one("#help-body").scrollable_content_region.width
            self.query_one("#help-text", Static).update(self._text(width))

    def _text(self, width: int = 0) -> Content:
        """``width``: what is longer goes on below its own words."""
        parts: list[tuple[str, str]] = []
        scope = None
        for action, keys, enabled in self._actions:
            if action.scope is not scope:
                parts.append((f"{'' if scope is None else chr(10)}{action.scope.value}\n",
                              "bold $primary"))  # fmt: skip
                scope = action.scope
            tone = "" if enabled else "$faint"
            parts.append((f"  {keys:<{_KEYS - 3}} ", "bold $accent" if enabled else tone))
            room = max(20, width - _KEYS) if width else len(action.tooltip)
            told = f"\n{' ' * _KEYS}".join(textwrap.wrap(action.tooltip, room))
            parts.append((f"{told}\n", tone))
        return Content.assemble(*parts)

    def action_close(self) -> None:
        self.dismiss(None)

    def action_down(self) -> None:
        self.query_one("#help-body").scroll_relative(y=3, animate=False)

    def action_up(self) -> None:
        self.query_one("#help-body").scroll_relative(y=-3, animate=False)


def keys_of(bound: Iterable[tuple[str, str, bool]]) -> list[tuple[Action, str, bool]]:
    """(action, its keys as shown, enabled) of (action's id, key, enabled), in the table's order."""
    found: dict[str, tuple[list[str], bool]] = {}
    for id_, key, enabled in bound:
        if id_ in BY_ID:
            found.setdefault(id_, ([], enabled))[0].append(shown(key))
    here = [
        (action, " ".join(found[id_][0]), found[id_][1])
        for id_, action in BY_ID.items()
        if id_ in found
    ]
    # what is at hand comes before what is the same everywhere
    nearness = (Scope.JOB, Scope.JOBS, Scope.LIST, Scope.EVERYWHERE)
    return sorted(
        here, key=lambda entry: nearness.index(entry[0].scope) if entry[0].scope in nearness else -1
    )


#: Lines below which there is no room between what is said.
LOW = 10


class TooSmall(Dialog[None]):
    """Shown instead of everything else on a terminal that is too small."""

    BINDINGS: ClassVar = [Binding("q", "app.exit", "quit", show=False, id="small.quit")]

    def __init__(self) -> None:
        super().__init__()
        self._said = ""

    def compose(self) -> ComposeResult:
        yield Static(id="small")

    def say(self, width: int, height: int, counts: str) -> None:
        """What there is room for."""
        needed = f"jobdesk needs {SMALLEST[0]}x{SMALLEST[1]}, this terminal is {width}x{height}."
        between = "\n\n" if height >= LOW else "\n"
        self._said = between.join(part for part in (needed, counts, "q quit") if part)
        if stands(self):
            self._show()

    def on_mount(self) -> None:
        self._show()

    def _show(self) -> None:
        self.query_one("#small", Static).update(Content(self._said))
