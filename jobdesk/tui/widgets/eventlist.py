"""The list of events: it shows a ring that grows meanwhile, and moves only when it is told to.

At the first row it follows what comes; anywhere else the event under the cursor keeps its line.
Nothing is copied or turned round: a place is a serial number of the ring.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.strip import Strip

from jobdesk.counting import counted
from jobdesk.safetext import cells, cut
from jobdesk.tui.events.ring import Missing, Ring, Row
from jobdesk.tui.text import spans
from jobdesk.tui.widgets.listing import Listing

if TYPE_CHECKING:
    from jobdesk.models import Event
    from jobdesk.tui.widgets.columns import Column

#: What marks the words of a row without columns.
_WHOLE = "whole"


class EventList(Listing[Row]):
    """Events, the newest first."""

    def __init__(
        self,
        columns: Sequence[Column[Event]],
        ring: Ring,
        *,
        id: str | None = None,  # noqa: A002  # Textual's name
    ) -> None:
        # a gap has no columns: it is drawn over all of them
        super().__init__(columns, id=id)  # type: ignore[arg-type]
        self._ring = ring
        self._upto = 0
        #: rows as they were when the picture was held
        self._frozen: Sequence[Row] | None = None
        #: how many came above since it stopped to follow
        self.came_above = 0

    @property
    def following(self) -> bool:
        """Whether it stays at the newest."""
        return self.cursor == 0 and self.scroll_offset.y == 0

    @property
    def behind(self) -> int:
        """How many rows have come that it does not show."""
        return self._ring.newest - self._upto

    def look_at(self, ring: Ring, now_ms: int) -> None:
        """Show another ring, from its newest row."""
        self._ring, self._upto, self.now_ms = ring, ring.newest, now_ms
        self._frozen, self.came_above, self.cursor = None, 0, 0
        self._painted.clear()
        self._set_total(len(ring))
        self.scroll_to(y=0, animate=False)
        self.refresh()

    def catch_up(self, now_ms: int) -> None:
        """Show what has come since."""
        came = self._ring.newest - self._upto
        following, self._frozen, self.now_ms = self.following, None, now_ms
        self._upto = self._ring.newest
        if following or not came:
            self.came_above = 0 if following else self.came_above
            self._set_total(len(self._ring))
        else:
            self.came_above += came
            self._set_total(len(self._ring))
            self.shift(came)
        self.repaint_changed()

    def freeze(self) -> None:
        """Keep what is shown, whatever comes."""
        if self._frozen is None:
            self._frozen = self._ring.upto(self._upto)

    def follow(self) -> None:
        """To the newest, and stay there."""
        self.move_to(0)

    def move_to(self, place: int) -> None:
        super().move_to(place)
        if self.cursor == 0:
            self.came_above = 0

    def row_at(self, place: int) -> Row | None:
        if self._frozen is not None:
            return self._frozen[place] if 0 <= place < len(self._frozen) else None
        return self._ring.at(self._upto - place) if place >= 0 else None

    # --- gaps

    def _said(self, place: int) -> tuple[object, ...]:
        row = self.row_at(place)
        if not isinstance(row, Missing):
            return super()._said(place)
        on = ""
        if place == self.cursor:
            on = "cursor" if self.has_focus else "cursor-blurred"
        return (on, ("  ", "plain"), (missing(row), _WHOLE))

    def _line(self, said: tuple[object, ...], width: int) -> Strip:
        last = said[-1]
        if not (isinstance(last, tuple) and last[1] == _WHOLE):
            return super()._line(said, width)
        room = max(0, width - 3)
        text = cut(f"{last[0]} ", room)
        text += self.glyphs.rule * (room - cells(text))
        style = self._style("warning", str(said[0]))
        return Strip([Segment("  ", style), Segment(text, style)]).adjust_cell_length(width, style)


def missing(row: Missing) -> str:
    """What a gap says of itself."""
    told = "events left out" if row.missed is None else f"{counted(row.missed, 'event')} left out"
    return f"{spans.clock(row.timestamp_ms)}  {told} of {row.queue}"
