"""Whether a widget is there to be told something: answers come when they come."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.widget import Widget


def stands(widget: Widget) -> bool:
    """Whether it has the widgets it is made of, and keeps them.

    ``is_mounted`` stays true while a screen is taken away, when its widgets may be gone already.
    """
    return widget.is_mounted and widget.is_attached and not widget._pruning  # noqa: SLF001  # Textual has no other word for it
