"""The line in which a filter is typed, with what may follow below it; and what was searched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input, Static

from jobdesk.safetext import cut, safe_line
from jobdesk.tui import filters
from jobdesk.tui.standing import stands

if TYPE_CHECKING:
    from textual.app import ComposeResult

HELP = "state: queue: type: id: worker: age:<1h ran:>5s tries:>1 !text, or text of data and error"


@dataclass(frozen=True, slots=True)
class Language:
    """What can be typed: how it is read (``NotAFilter``), completed, and explained."""

    parse: Callable[[str], object]
    completions: Callable[[str, filters.Known], Sequence[str]]
    help: str


JOBS = Language(filters.parse, filters.completions, HELP)


class _Next(Suggester):
    """The likeliest end of what is typed, in grey."""

    def __init__(self, known: Callable[[], filters.Known], language: Language) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._known = known
        self._language = language

    async def get_suggestion(self, value: str) -> str | None:
        found = self._language.completions(value, self._known())
        return found[0] if found else None


class FilterInput(Input):
    """One line; tab completes, up and down are what was typed before."""

    BINDINGS: ClassVar = [
        Binding("tab", "complete", "complete", show=False),
        Binding("up", "before", "earlier", show=False),
        Binding("down", "after", "later", show=False),
        Binding("escape", "leave", "leave", show=False),
    ]

    class Left(Message):
        """It was left without a new filter."""

    def __init__(self, known: Callable[[], filters.Known], language: Language = JOBS) -> None:
        super().__init__(id="filter-input", suggester=_Next(known, language), compact=True)
        self._known = known
        self._language = language
        self._past: list[str] = []
        self._at = 0

    def remember(self, text: str) -> None:
        """Keep what was searched for, to be called up again."""
        if text and (not self._past or self._past[-1] != text):
            self._past.append(text)
            del self._past[:-50]
        self._at = len(self._past)

    def action_complete(self) -> None:
        found = self._language.completions(self.value, self._known())
        if found:
            self.value = found[0] if found[0].endswith(":") else f"{found[0]} "
            self.cursor_position = len(self.value)

    def action_before(self) -> None:
        self._recall(-1)

    def action_after(self) -> None:
        self._recall(1)

    def _recall(self, by: int) -> None:
        self._at = max(0, min(len(self._past), self._at + by))
        self.value = self._past[self._at] if self._at < len(self._past) else ""
        self.cursor_position = len(self.value)

    def action_leave(self) -> None:
        self.post_message(self.Left())


class FilterBar(Vertical):
    """Two lines while one types, one while a filter is on, none without."""

    class Applied(Message):
        """A filter was typed."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, known: Callable[[], filters.Known], language: Language = JOBS) -> None:
        super().__init__(id="filter-bar")
        self._known = known
        self._language = language
        self._status = ""
        self._filter = ""

    def compose(self) -> ComposeResult:
        with Horizontal(id="filter-line"):
            yield Static(" / ", id="filter-sign")
            yield FilterInput(self._known, self._language)
        yield Static("", id="filter-hint")

    @property
    def typing(self) -> bool:
        """Whether a filter is being typed."""
        return self.has_class("-typing")

    def open(self, text: str) -> None:
        """Begin to type, from ``text``."""
        self.add_class("-typing")
        box = self.query_one(FilterInput)
        box.disabled = False
        box.value = text
        box.cursor_position = len(text)
        box.focus()
        self._hint()

    def close(self) -> None:
        """Stop typing."""
        self.remove_class("-typing")
        self.query_one(FilterInput).disabled = True
        self._hint()

    def say(self, filter_: str, status: str) -> None:
        """What the list is filtered by, and how far was searched."""
        self._filter, self._status = filter_, status
        self.set_class(bool(filter_ or status), "-on")
        self._hint()

    def on_mount(self) -> None:
        self.query_one(FilterInput).disabled = True

    def on_resize(self) -> None:
        self._hint()

    def on_input_changed(self) -> None:
        self._hint()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.query_one(FilterInput).remember(event.value.strip())
        self.post_message(self.Applied(event.value))

    def _hint(self) -> None:
        if not stands(self):
            return
        hint, width = self.query_one("#filter-hint", Static), max(10, self.size.width - 2)
        if not self.typing:
            told = safe_line(self._filter, max(8, width - len(self._status) - 4))
            hint.update(Content.assemble(
                (" / ", "bold $accent"), (told, "$foreground"),
                (f"   {cut(self._status, max(4, width - len(told) - 5))}", "$quiet"),
            ))  # fmt: skip
            return
        text = self.query_one(FilterInput).value
        found = self._language.completions(text, self._known())
        try:
            self._language.parse(text)
        except filters.NotAFilter as exc:
            # a word that is still typed is no fault
            if not found:
                hint.update(Content.assemble((f" {safe_line(exc, width)}", "$error")))
                return
        words = [safe_line(one.rpartition(" ")[2], 40) for one in found[:12]]
        told = f"tab  {'  '.join(words)}" if words else self._language.help
        hint.update(Content.assemble((f" {cut(told, width)}", "$quiet")))
