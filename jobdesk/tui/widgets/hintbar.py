"""The last line: the keys that work here, the most useful first, as many as fit."""

from __future__ import annotations

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from jobdesk.tui.actions import BY_ID, Scope, shown

#: what always stands at the end
LAST = ("help", "palette")


class HintBar(Widget):
    """A footer that never cuts a hint in two; what cannot be done now is dim."""

    note: reactive[str] = reactive("")
    #: the keys of what one types in, instead of the screen's
    typing: reactive[str] = reactive("")

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, _: object) -> None:
        self.refresh()

    def render(self) -> Content:
        if self.note:
            return Content.assemble((f" {self.note}", "$warning"))
        if self.typing:
            return Content.assemble((f" {self.typing}", "$quiet"))
        found: dict[str, tuple[str, str, bool]] = {}
        for key, active in self.screen.active_bindings.items():
            action = BY_ID.get(active.binding.id or "")
            if action is None or not action.hint or action.id in found:
                continue
            # what cannot be done is dim, so that it keeps its place; but nothing to undo is usual
            if active.enabled or action.scope is not Scope.EVERYWHERE:
                label = self.screen_label(action.id) or action.label
                as_made = key == action.keys[0]
                name = action.pair if action.pair and as_made else shown(key)
                found[action.id] = (name, label, active.enabled)
        order = sorted(found, key=lambda id_: BY_ID[id_].hint)
        kept = [id_ for id_ in LAST if id_ in found]
        room = self.size.width - 1 - sum(self._width(*found[id_][:2]) for id_ in kept)
        chosen: list[str] = []
        for id_ in order:
            if id_ in LAST:
                continue
            need = self._width(*found[id_][:2])
            if need <= room:
                chosen.append(id_)
                room -= need
            elif BY_ID[id_].hint < 90:
                break
        parts: list[tuple[str, str]] = [(" ", "")]
        for id_ in chosen:
            parts += self._parts(*found[id_])
        parts.append((" " * max(0, room), ""))
        for id_ in kept:
            parts += self._parts(*found[id_])
        return Content.assemble(*parts)

    def screen_label(self, id_: str) -> str:
        """What the screen calls an action just now, as *resume* for *pause*."""
        label = getattr(self.screen, "label_of", None)
        return "" if label is None else str(label(id_) or "")

    def _width(self, key: str, label: str) -> int:
        return len(key) + 1 + len(label) + 2

    def _parts(self, key: str, label: str, enabled: bool) -> list[tuple[str, str]]:
        if not enabled:
            return [(f"{key} {label}  ", "$faint")]
        return [(key, "bold $accent"), (f" {label}  ", "$quiet")]
