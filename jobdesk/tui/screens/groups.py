"""Failures grouped by their cause: what is the same about them, and what is done to all of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from jobdesk.broker import groups
from jobdesk.broker.groups import ErrorGroup
from jobdesk.safetext import safe_line
from jobdesk.tui import spans
from jobdesk.tui.actions import Scope
from jobdesk.tui.groupactions import GroupActions
from jobdesk.tui.interest import Asked, Read, Source
from jobdesk.tui.screens.tables import TableScreen
from jobdesk.tui.widgets.columns import Cell, Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobdesk.broker.rounds import Asking
    from jobdesk.tui.interest import Snapshot
    from jobdesk.tui.widgets.listing import Listing

#: Groups of one queue.
MOST = 50


@dataclass(frozen=True)
class Groups(Asked[tuple[ErrorGroup, ...]]):
    """The groups of a queue, or of all, the one that failed last first."""

    queue: str | None
    every: ClassVar[float] = 2.0

    def asking(self, source: Source) -> Asking[tuple[ErrorGroup, ...]]:
        names = source.queues() if self.queue is None else (self.queue,)
        found = yield from groups.asking(source.broker, names, MOST)
        return tuple(sorted(found, key=lambda one: -one.last_ms)[:200])


class GroupsScreen(GroupActions, TableScreen[ErrorGroup]):
    """Pushed over the jobs."""

    SCOPES: ClassVar[tuple[Scope, ...]] = (Scope.GROUP,)
    TITLE_WORD = "causes"
    HEADING = "Failures by cause"
    EMPTY = "No failures are known. Good."

    def __init__(self, queue: str | None) -> None:
        super().__init__()
        self.queue = queue

    def crumbs(self) -> tuple[str, ...]:
        return ("jobs", self.queue or "all queues", "causes")

    def reads(self) -> tuple[Read[Any], ...]:
        return (Groups(self.queue),)

    def show(self, snapshot: Snapshot) -> None:
        found = snapshot.of(Groups)
        if found is not None:
            self.listing.show(found, snapshot.now_ms)
            failed = sum(one.failed for one in found)
            self.note(f"{len(found)} causes   {failed:,} failures" if found else "")

    def columns(self) -> Sequence[Column[ErrorGroup]]:
        def error(row: ErrorGroup, _: int) -> Cell:
            return safe_line(row.error, 200), "error"

        made = [
            Column(title="FAILED", width=6, right=True,
                   cell=lambda row, _: (spans.count(row.failed), "strong")),
            Column(title="TIMES", width=6, right=True, rank=3,
                   cell=lambda row, _: (spans.count(row.count), "muted")),
            Column(title="TYPE", width=13, flex=1, most=26,
                   cell=lambda row, _: (safe_line(row.type, 40), "plain")),
            Column(title="ERROR", width=20, flex=4, most=200, cell=error),
            Column(title="LAST", width=7, right=True,
                   cell=lambda row, now: (spans.age(now - row.last_ms), "plain")),
            Column(title="FIRST", width=7, right=True, rank=2,
                   cell=lambda row, now: (spans.age(now - row.first_ms), "muted")),
        ]  # fmt: skip
        if self.queue is None:
            made.insert(2, Column(title="QUEUE", width=12, cell=lambda row, _: (row.queue, "plain"),
                                  rank=1))  # fmt: skip
        return made

    # --- actions

    def group_at_hand(self) -> ErrorGroup | None:
        return self.listing.current

    def say_count(self, text: str) -> None:
        self.note(text)

    def on_listing_opened(self, event: Listing.Opened) -> None:
        row = event.row
        if isinstance(row, ErrorGroup):
            self.desk.pop_screen()
            self.open_group(row)
