"""Failures grouped by their cause: what is the same about them, and what is done to all of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from jobdesk.broker import groups
from jobdesk.broker.groups import ErrorGroup
from jobdesk.models import JobRow, JobState
from jobdesk.safetext import safe_line
from jobdesk.tui import filters, spans
from jobdesk.tui.actions import Action, Scope
from jobdesk.tui.interest import Asked, Read, Source
from jobdesk.tui.jobcommands import RemoveGroup, RetryGroup
from jobdesk.tui.screens.tables import TableScreen
from jobdesk.tui.searching import Search
from jobdesk.tui.widgets.columns import Cell, Column

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jobdesk.broker.rounds import Asking
    from jobdesk.tui.commands import Command, Outcome
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


class GroupsScreen(TableScreen[ErrorGroup]):
    """Pushed over the jobs."""

    SCOPES: ClassVar[tuple[Scope, ...]] = (Scope.GROUP,)
    TITLE_WORD = "causes"
    HEADING = "Failures by cause"
    EMPTY = "No failures are known. Good."

    def __init__(self, queue: str | None) -> None:
        super().__init__()
        self.queue = queue
        self._counting: Search | None = None

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

    def reason_against(self, action: Action) -> str | None:
        if action.scope is Scope.GROUP and self.listing.current is None:
            return "There is no group here."
        if self._counting is not None and action.mutating:
            return "Counting: esc stops it."
        return None

    def clear(self) -> bool:
        if self._counting is None:
            return False
        self._counting = None
        self.note("stopped")
        return True

    def on_listing_opened(self, event: Listing.Opened) -> None:
        row = event.row
        if isinstance(row, ErrorGroup):
            self.desk.pop_screen()
            self.desk.filter_jobs(filters.Filter(
                row.queue, JobState.FAILED, (filters.Term("group", row.fingerprint),),
            ))  # fmt: skip

    def action_group_retry(self) -> None:
        self._counted(lambda group, rows: self.desk.order(
            RetryGroup(group.queue, len(rows), group.fingerprint, group.error), examples=rows[:3],
        ))  # fmt: skip

    def action_group_remove(self) -> None:
        self._counted(lambda group, rows: self.desk.order(
            RemoveGroup(group.queue, len(rows), group.fingerprint, group.error), examples=rows[:3],
        ))  # fmt: skip

    def action_group_canary(self) -> None:
        self._counted(lambda group, rows: self.desk.order(
            RetryGroup(group.queue, len(rows), group.fingerprint, group.error, limit=1), tier=1,
            examples=rows[-1:],
        ))  # fmt: skip

    def _counted(self, then: Callable[[ErrorGroup, list[JobRow]], None]) -> None:
        """Find the jobs that are of the group now, step by step; then ask with their number."""
        group = self.listing.current
        if group is None:
            return
        term = filters.Term("group", group.fingerprint)
        search = Search(filters.Filter(group.queue, JobState.FAILED, (term,)))
        self._counting = search

        def step() -> None:
            self.desk.link.ask(search.call, answer)

        def answer(found: Any, error: Exception | None) -> None:
            if self._counting is not search or not self.is_mounted:
                return
            if found is None:
                self._counting = None
                self.desk.refuse(str(error))
                return
            search.take(found)
            if not search.complete and not search.full:
                self.note(f"counting: {search.looked:,} of {search.total:,}   esc stops it")
                step()
                return
            self._counting = None
            self.note("")
            if search.rows:
                then(group, search.rows)
            else:
                self.desk.refuse("None of its jobs is failed any more.")

        step()

    def command_done(self, command: Command, outcome: Outcome) -> None:
        if isinstance(command, RetryGroup) and command.limit == 1 and outcome.done:
            self._watch(command, outcome.done[0][1])

    def _watch(self, command: RetryGroup, job_id: str) -> None:
        from jobdesk.tui.screens.canary import CanaryScreen

        rest = RetryGroup(command.queue, command.found - 1, command.fingerprint, command.error)

        def answer(go_on: bool | None) -> None:
            if go_on:
                self.desk.order(rest, tier=0)

        self.desk.push_screen(CanaryScreen(command.queue, job_id, rest.found, rest.line), answer)
