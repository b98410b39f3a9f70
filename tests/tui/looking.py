"""What is wrong with a picture: whatever is cut off, wraps, or promises what is not done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static, TextArea

from jobdesk.safetext import cells
from jobdesk.tui.actions import BY_ID
from jobdesk.tui.widgets.hintbar import HintBar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobdesk.tui.app import JobdeskApp


def faults(app: JobdeskApp, strips: list[Any]) -> list[str]:
    """All that is wrong on the screen on top, which was drawn as ``strips``."""
    return [*_too_wide(app, strips), *_cut_off(app), *_cut_text(app), *_empty_promises(app)]


def _too_wide(app: JobdeskApp, strips: list[Any]) -> Iterator[str]:
    width, height = app.size
    if len(strips) != height:
        yield f"{len(strips)} lines"
    for strip in strips:
        if strip.cell_length != width or cells(strip.text) != width:
            yield f"a line of {cells(strip.text)} cells: {strip.text!r}"


def _cut_off(app: JobdeskApp) -> Iterator[str]:
    """Widgets beyond what is seen of them, where nothing scrolls to them."""
    screen: Any = app.screen
    for widget, geometry in screen._compositor.full_map.items():
        if widget is screen or not widget.display or not geometry.region.area:
            continue
        if any(one.display is False for one in widget.ancestors_with_self if hasattr(one, "id")):
            continue
        seen = geometry.region.intersection(geometry.clip)
        if seen == geometry.region:
            continue
        scrolls = [one for one in widget.ancestors if getattr(one, "is_scrollable", False)]
        down = any(one.allow_vertical_scroll for one in scrolls if one is not screen)
        if not (down and seen.width in {0, geometry.region.width}):
            yield f"{widget!r} is {geometry.region.size}, {seen.size} of it is seen"


def _cut_text(app: JobdeskApp) -> Iterator[str]:
    """Text that is wider or higher than its widget, and does not say so by an ellipsis."""
    for widget in app.screen.walk_children(with_self=False):
        if not widget.display or not widget.region.area or isinstance(widget, Input | TextArea):
            continue
        said = _text_of(widget)
        if said is None:
            continue
        room = widget.scrollable_content_region.size
        lines = said.plain.split("\n")
        longest = max(cells(line.rstrip()) for line in lines)
        if room.height == 1 and longest > room.width:
            if widget.styles.text_overflow != "ellipsis":
                yield f"{widget!r}: {longest} cells in {room.width}: {said.plain!r}"
        elif isinstance(widget, Static) and room.width:
            high = widget.visual.get_height(widget.styles, room.width)
            if high > room.height and not widget.allow_vertical_scroll:
                yield f"{widget!r}: {high} lines in {room.height}: {said.plain[:60]!r}"


def _text_of(widget: Any) -> Content | None:
    # lists draw line by line, and containers nothing
    draws = isinstance(widget, Static) or type(widget).render is not Widget.render
    found = widget.render() if draws and not widget.is_scrollable else None
    return found if isinstance(found, Content) else None


def _empty_promises(app: JobdeskApp) -> Iterator[str]:
    """Keys in the last line that do nothing."""
    for bar in app.screen.query(HintBar):
        for hint in bar.hints:
            action = BY_ID[hint.id]
            active = [
                one for one in app.screen.active_bindings.values() if one.binding.id == hint.id
            ]
            if not active:
                yield f"{hint.id} is shown and not bound"
            elif not hasattr(active[0].node, f"action_{action.method}"):
                yield f"{hint.id} has no method"
            elif hint.enabled and not active[0].enabled:
                yield f"{hint.id} is shown as possible, and is not"
