"""A pane, and a dialog, with a title in its border. What the title says is text, never markup."""

from __future__ import annotations

from textual.containers import Container
from textual.content import Content


class Framed(Container):
    """Textual reads a border's title as markup: one that a job's data stands in must not be."""

    def render_str(self, text_content: str | Content) -> Content:
        return text_content if isinstance(text_content, Content) else Content(text_content)


class Panel(Framed):
    """Rounded, its border in the accent's colour while the focus is inside."""

    def __init__(self, *children: object, title: str = "", id: str | None = None) -> None:  # noqa: A002  # Textual's name
        super().__init__(*children, id=id)  # type: ignore[arg-type]  # widgets
        self.border_title = title
