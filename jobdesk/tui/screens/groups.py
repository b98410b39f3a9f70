"""Failures grouped by their cause: what is the same about them, and what is done to all of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from jobdesk.broker.reading import groups
from jobdesk.broker.reading.groups import ErrorGroup
from jobdesk.counting import counted
from jobdesk.tui.actions import Scope
from jobdesk.tui.groupactions import GroupActions
from jobdesk.tui.link.interest import Asked, Read, Source
from jobdesk.tui.screens.tables import TableScreen
from jobdesk.tui.widgets import groupcolumns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobdesk.broker.server.rounds import Asking
    from jobdesk.tui.link.interest import Snapshot
    from jobdesk.tui.widgets.columns import Column
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
    EMPTY = "No cause of a failure is known."

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
            many = f"{counted(len(found), 'cause')}   {counted(failed, 'failure')}"
            self.note(many if found else "")

    def columns(self) -> Sequence[Column[ErrorGroup]]:
        return groupcolumns.columns(with_queue=self.queue is None, with_times=True)

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
