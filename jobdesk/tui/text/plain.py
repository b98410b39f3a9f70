"""Plain signs for whatever draws others by itself: ellipses of cut text, the ends of scroll bars.

What jobdesk draws takes its signs from :mod:`~jobdesk.tui.text.glyphs`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.filter import LineFilter

from jobdesk.tui.text.glyphs import ASCII

if TYPE_CHECKING:
    from textual.color import Color

#: each as wide as what stands for it
_SIGNS = str.maketrans({"…": ASCII.ellipsis, **dict.fromkeys("▁▂▃▄▅▆▇▎▊▌▐", " ")})


class PlainSigns(LineFilter):
    """Draws a line in ASCII."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002  # Textual's signature
        return [
            part if part.control or part.text.isascii()
            else Segment(part.text.translate(_SIGNS), part.style)
            for part in segments
        ]  # fmt: skip


#: one for all, by which Textual keeps what was drawn
PLAIN_SIGNS = PlainSigns()
