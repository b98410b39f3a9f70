"""A pane with a title in its border."""

from __future__ import annotations

from textual.containers import Container


class Panel(Container):
    """Rounded, its border in the accent's colour while the focus is inside."""

    def __init__(self, *children: object, title: str = "", id: str | None = None) -> None:  # noqa: A002  # Textual's name
        super().__init__(*children, id=id)  # type: ignore[arg-type]  # widgets
        self.border_title = title
