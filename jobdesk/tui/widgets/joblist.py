"""The windowed list of jobs: any depth, and no row moves under the cursor.

It holds what is on the screen and a screen around it, and asks for the rest as it is scrolled to.
At the first row it *follows* what comes; anywhere else it is *anchored* to the job under the
cursor, and shifts itself when that job's place changes. Marks belong to jobs, not to places.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from textual.message import Message

from jobdesk.models import JobRow
from jobdesk.tui.link.reads import Window, WindowRows
from jobdesk.tui.widgets.listing import Listing

if TYPE_CHECKING:
    from jobdesk.models import JobState
    from jobdesk.tui.widgets.columns import Cell, Column

#: (queue, id)
Key = tuple[str, str]


class JobList(Listing[JobRow]):
    """The jobs of one queue and state, or of several merged."""

    class ViewportChanged(Message):
        """Rows are on the screen that have not been read."""

    def __init__(self, columns: Sequence[Column[JobRow]], *, id: str | None = None) -> None:  # noqa: A002  # Textual's name
        super().__init__(columns, id=id)
        self.queue: str | None = None
        self.state: JobState | None = None
        self.marked: dict[Key, JobRow] = {}
        #: the other end of the range that is being marked
        self.range_from: int | None = None
        self.following = True
        self.beyond = 0
        #: how many jobs have come above the anchored row since it was anchored
        self.came_above = 0
        self.known = False
        #: from the other end of the list
        self.reverse = False
        #: rows that a search found, instead of a window; None: a window
        self.found: list[JobRow] | None = None
        #: of those, the ones that are gone since
        self.removed: set[Key] = set()
        self._first = 0
        self._asked: tuple[int, int] = (0, 0)
        self._gone: JobRow | None = None

    # --- what to read

    def view(self, queue: str | None, state: JobState | None) -> None:
        """Show another list, from its start."""
        self.queue, self.state = queue, state
        self._rows, self._first, self.known = (), 0, False
        self.cursor, self.came_above, self.range_from = 0, 0, None
        self.following, self._gone, self.beyond = True, None, 0
        self.found, self.removed = None, set()
        self.total = 0
        self.scroll_to(y=0, animate=False)
        self._painted.clear()
        self.refresh()

    def window(self) -> Window:
        """What to read: the rows on the screen, and a screen before and after."""
        page = self.page
        top = self.scroll_offset.y
        first = max(0, top - page)
        limit = top + 2 * page - first
        self._asked = (first, limit)
        anchor = self._anchor()
        if self.following or anchor is None:
            return Window(self.queue, self.state, first, limit, reverse=self.reverse)
        row, place = anchor
        return Window(
            self.queue, self.state, first, limit, anchor=row.id, anchor_place=place,
            reverse=self.reverse,
        )  # fmt: skip

    # --- what a search found

    def show_found(self, rows: Sequence[JobRow], now_ms: int) -> None:
        """Show these rows instead of a window; the cursor stays on its job."""
        before = self.current
        self.found = self._rows = list(rows)
        self.now_ms, self.known, self._first, self.beyond = now_ms, True, 0, 0
        self.following, self._gone, self.came_above = False, None, 0
        key = None if before is None else self.key_of(before)
        at = next((i for i, row in enumerate(rows) if self.key_of(row) == key), None)
        self.cursor = self.cursor if at is None else at
        self._set_total(len(rows))
        self._bring_in(self.cursor)
        self.repaint_changed()

    def shown_keys(self) -> tuple[Key, ...]:
        """The found jobs that are on the screen."""
        top = self.scroll_offset.y
        return tuple(self.key_of(row) for row in self._rows[top : top + self.page])

    def freshen(self, known: Mapping[Key, JobRow | None], now_ms: int) -> None:
        """Show found jobs as they are by now; each keeps its place."""
        self.now_ms = now_ms
        rows = self.found
        if rows is None:
            return
        for at in range(self.scroll_offset.y, min(len(rows), self.scroll_offset.y + self.page)):
            key = self.key_of(rows[at])
            if key in known:
                row = known[key]
                if row is None:
                    self.removed.add(key)
                else:
                    self.removed.discard(key)
                    rows[at] = row
        self._trim_marks()
        self.repaint_changed()

    def _anchor(self) -> tuple[JobRow, int] | None:
        """The row that keeps its line on the screen, and its place.

        It is the one under the cursor if that can be seen, else the first that can.
        """
        top = self.scroll_offset.y
        if top <= self.cursor < top + self.page and (row := self.current) is not None:
            return row, self.cursor
        first = self.row_at(top)
        return None if first is None else (first, top)

    # --- what was read

    def show_window(self, found: WindowRows, now_ms: int) -> None:
        """Show what was read of a :meth:`window`."""
        self.now_ms = now_ms
        self.known = True
        self.beyond = found.beyond
        anchored = found.anchor
        before = None
        if anchored is not None and not self.following:
            # where it stands on the screen now: the cursor may have moved on meanwhile
            before = next(
                (self._first + i for i, row in enumerate(self._rows) if row.id == anchored), None
            )
        shift = 0
        if before is not None:
            if found.anchor_at is not None:
                shift = found.anchor_at - before
                self._gone = None
            elif before == self.cursor:
                self._gone = self.current
        elif anchored is None and not self.following and (mine := self.current) is not None:
            # asked while the list still followed; the cursor has left the first row since
            shift = next(
                (found.first + i - self.cursor for i, row in enumerate(found.rows)
                 if self.key_of(row) == self.key_of(mine)), 0,
            )  # fmt: skip
        self._rows, self._first = found.rows, found.first
        self.total = found.total
        if shift:
            self._shift(shift)
        self._set_total(found.total)
        if self.following and self.cursor:
            self.cursor = 0
        self._trim_marks()
        self.repaint_changed()
        self._ask_if_missing()

    def _shift(self, by: int) -> None:
        """The anchored job has moved in the list: move the screen along with it."""
        self.came_above = max(0, self.came_above + by)
        if self.range_from is not None:
            self.range_from += by
        self.shift(by)

    def row_at(self, place: int) -> JobRow | None:
        index = place - self._first
        return self._rows[index] if 0 <= index < len(self._rows) else None

    def key_of(self, row: JobRow) -> Key:
        return row.queue, row.id

    def _ask_if_missing(self) -> None:
        if self.found is not None:
            return
        top = self.scroll_offset.y
        last = min(self.total, top + self.page)
        have = (self._first, self._first + len(self._rows))
        if self.known and (top < have[0] or last > have[1]):
            asked = (self._asked[0], self._asked[0] + self._asked[1])
            if top < asked[0] or last > asked[1]:
                self.post_message(self.ViewportChanged())

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._ask_if_missing()

    # --- the cursor

    def move_to(self, place: int) -> None:
        was = self.following
        super().move_to(place)
        self.following = self.cursor == 0 and self.found is None
        if self.range_from is not None:
            self._mark_range()
        if self.following:
            self.came_above = 0
        if was != self.following:
            self.post_message(self.Moved(self))  # type: ignore[arg-type]  # of what, is not asked

    def follow(self) -> None:
        """To the first row, and stay there."""
        self.came_above = 0
        self.following = self.found is None
        self.move_to(0)

    # --- marks

    def lead(self, place: int, row: JobRow | None) -> Cell:  # noqa: ARG002  # the place is not asked
        if row is not None and self.key_of(row) in self.marked:
            return (f"{self.glyphs.mark} ", "accent")
        return ("  ", "plain")

    def toggle_mark(self) -> None:
        """Mark the row under the cursor, or unmark it, and go on to the next."""
        row = self.current
        if row is None:
            return
        if self.marked.pop(self.key_of(row), None) is None:
            self.marked[self.key_of(row)] = row
        self.move_to(self.cursor + 1)
        self.repaint_changed()

    def toggle_range(self) -> None:
        """Begin a range at the cursor, or end it."""
        if self.range_from is None:
            self.range_from = self.cursor
            self._mark_range()
            self.repaint_changed()
        else:
            self.range_from = None

    def _mark_range(self) -> None:
        low, high = sorted((self.range_from or 0, self.cursor))
        self._mark(row for place in range(low, high + 1) if (row := self.row_at(place)))

    def mark_shown(self) -> None:
        """Mark all rows on the screen."""
        top = self.scroll_offset.y
        self._mark(row for place in range(top, top + self.page) if (row := self.row_at(place)))
        self.repaint_changed()

    def _mark(self, rows: Iterable[JobRow]) -> None:
        for row in rows:
            self.marked[self.key_of(row)] = row

    def unmark(self, keys: Iterable[Key] | None = None) -> None:
        """Unmark these, or all."""
        self.range_from = None
        for key in list(self.marked) if keys is None else keys:
            self.marked.pop(key, None)
        self.repaint_changed()

    def _trim_marks(self) -> None:
        """Know marked rows as they are now."""
        for row in self._rows:
            key = self.key_of(row)
            if key in self.marked:
                self.marked[key] = row

    @property
    def gone(self) -> JobRow | None:
        """The job that was under the cursor and has left the list."""
        return self._gone
