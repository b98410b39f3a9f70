"""The last line: the keys that work here, the most useful first, as many as fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from jobdesk.safetext import cells, cut
from jobdesk.tui.actions import BY_ID, Scope, partner, shown

if TYPE_CHECKING:
    from textual import events

    from jobdesk.tui.app import JobdeskApp

#: what always stands at the end
LAST = ("help", "palette")
#: from this place on a hint may be left out for one behind it that fits
FILLERS = 90


@dataclass(frozen=True, slots=True)
class Hint:
    """One key of the line, and where it stands."""

    id: str
    key: str
    label: str
    enabled: bool
    at: int = 0

    @property
    def width(self) -> int:
        """With the blanks behind it."""
        return cells(self.key) + 1 + cells(self.label) + 2


class HintBar(Widget):
    """A footer that never cuts a hint in two; what cannot be done now is dim; a click does it."""

    note: reactive[str] = reactive("")
    #: the keys of what one types in, instead of the screen's
    typing: reactive[str] = reactive("")

    def __init__(self) -> None:
        super().__init__()
        #: what is shown, from left to right
        self.hints: list[Hint] = []

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, _: object) -> None:
        self.refresh()

    def render(self) -> Content:
        self.hints = []
        width = self.size.width
        if self.note:
            return Content.assemble((cut(f" {self.note}", width), "$warning"))
        if self.typing:
            return Content.assemble((cut(f" {self.typing}", width), "$quiet"))
        self.hints = self._placed(self._found(), width)
        parts: list[tuple[str, str]] = []
        at = 0
        for hint in self.hints:
            parts += [(" " * (hint.at - at), ""), *self._parts(hint)]
            at = hint.at + hint.width
        return Content.assemble(*parts)

    def _found(self) -> dict[str, Hint]:
        """All there are, each by its first key."""
        found: dict[str, Hint] = {}
        for key, active in self.screen.active_bindings.items():
            action = BY_ID.get(active.binding.id or "")
            if action is None or not action.hint or action.id in found:
                continue
            # what cannot be done is dim, so that it keeps its place; but nothing to undo is usual
            if active.enabled or action.scope is not Scope.EVERYWHERE:
                label = self.screen_label(action.id) or action.label
                as_made = key == action.keys[0]
                name = action.pair if action.pair and as_made else shown(key)
                found[action.id] = Hint(action.id, name, label, active.enabled)
        return found

    def _placed(self, found: dict[str, Hint], width: int) -> list[Hint]:
        last = [found[id_] for id_ in LAST if id_ in found]
        room = width - 1 - sum(hint.width for hint in last)
        chosen: list[Hint] = []
        for hint in sorted(found.values(), key=lambda hint: BY_ID[hint.id].hint):
            if hint in last:
                continue
            if hint.width <= room:
                chosen.append(hint)
                room -= hint.width
            elif BY_ID[hint.id].hint < FILLERS:
                break
        made, at = [], 1
        for hint in (*chosen, *last):
            at += max(0, room) if last and hint is last[0] else 0
            made.append(Hint(hint.id, hint.key, hint.label, hint.enabled, at))
            at += hint.width
        return made

    def screen_label(self, id_: str) -> str:
        """What the screen calls an action just now, as *resume* for *pause*."""
        label = getattr(self.screen, "label_of", None)
        return "" if label is None else str(label(id_) or "")

    def _parts(self, hint: Hint) -> list[tuple[str, str]]:
        if not hint.enabled:
            return [(f"{hint.key} {hint.label}  ", "$faint")]
        return [(hint.key, "bold $accent"), (f" {hint.label}  ", "$quiet")]

    async def on_click(self, event: events.Click) -> None:
        """As the key does; of a pair the second, where its second key is clicked."""
        # a palette that it opens would take it for a click beside itself, and close
        event.stop()
        desk = cast("JobdeskApp", self.app)
        for hint in self.hints:
            if hint.at <= event.x < hint.at + hint.width - 2:
                action = BY_ID[hint.id]
                _, blank, second = hint.key.partition(" ")
                if blank and event.x - hint.at in range(len(hint.key) - len(second), len(hint.key)):
                    action = partner(action) or action
                await desk.perform(action)
                return
