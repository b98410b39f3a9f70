"""A short list to choose from: a priority, an order, a type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from jobdesk.safetext import safe_line
from jobdesk.tui.screens.dialog import Dialog
from jobdesk.tui.widgets.panel import Framed

if TYPE_CHECKING:
    from textual.app import ComposeResult


@dataclass(frozen=True, slots=True)
class Choice:
    """One entry; ``key`` chooses it at once."""

    value: str
    label: str
    hint: str = ""
    key: str = ""


class PickerScreen(Dialog[str | None]):
    """Answers with the value that was chosen; None when it was left."""

    AUTO_FOCUS = "OptionList"
    BINDINGS: ClassVar = [
        Binding("escape,q", "leave", "leave", show=False, id="picker.leave"),
        Binding("j", "down", "down", show=False, id="picker.down"),
        Binding("k", "up", "up", show=False, id="picker.up"),
    ]

    def __init__(
        self, title: str, choices: Sequence[Choice], *, chosen: str = "",
        line: Callable[[str], str] | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self._title = title
        self._choices = choices
        self._chosen = chosen
        #: the command line of a choice
        self._line = line

    def compose(self) -> ComposeResult:
        with Framed(classes="dialog") as box:
            box.border_title = safe_line(self._title, 66)
            box.border_subtitle = "enter chooses   esc leaves it"
            yield OptionList(*(Option(self._said(one)) for one in self._choices), compact=True)
            if self._line is not None:
                yield Static(classes="command")

    def on_mount(self) -> None:
        options = self.query_one(OptionList)
        values = [one.value for one in self._choices]
        options.highlighted = values.index(self._chosen) if self._chosen in values else 0

    def _said(self, one: Choice) -> Content:
        key = f"{one.key:<3}" if any(each.key for each in self._choices) else ""
        wide = max(len(each.label) for each in self._choices)
        wide = min(wide, 28)
        room = max(0, min(76, self.app.size.width * 96 // 100) - 12 - len(key) - wide)
        return Content.assemble(
            (key, "bold $accent"), f"{safe_line(one.label, 28):<{wide}}",
            (f"   {safe_line(one.hint, room)}" if one.hint and room > 8 else "", "$quiet"),
        )  # fmt: skip

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        if self._line is not None:
            line = self.in_shell(self._line(self._choices[event.option_index].value))
            self.query_one(".command", Static).update(Content(f"$ {safe_line(line, 200)}"))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._choices[event.option_index].value)

    def on_key(self, event: object) -> None:
        key = getattr(event, "character", None)
        for one in self._choices:
            if one.key and key == one.key:
                event.stop()  # type: ignore[attr-defined]  # a key event
                self.dismiss(one.value)
                return

    def action_leave(self) -> None:
        self.dismiss(None)

    def action_down(self) -> None:
        self.query_one(OptionList).action_cursor_down()

    def action_up(self) -> None:
        self.query_one(OptionList).action_cursor_up()
