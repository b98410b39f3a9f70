"""What is done to a group of failures, from every list that shows groups.

Before it is asked, the failed jobs that are of the group by now are found, step by step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobdesk.models import JobState
from jobdesk.tui import filters
from jobdesk.tui.actions import Action, Scope
from jobdesk.tui.commands.jobs import RemoveGroup, RetryGroup
from jobdesk.tui.screens.base import DeskScreen
from jobdesk.tui.searching import Search
from jobdesk.tui.standing import stands

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobdesk.broker.reading.groups import ErrorGroup
    from jobdesk.models import JobRow
    from jobdesk.tui.commands.base import Command, Outcome


class GroupActions(DeskScreen):
    """A screen with groups; it says which one is at hand."""

    def __init__(self) -> None:
        super().__init__()
        self._counting: Search | None = None

    # --- for subclasses

    def group_at_hand(self) -> ErrorGroup | None:
        """The group that the cursor is on."""
        raise NotImplementedError

    def say_count(self, text: str) -> None:
        """Say how far the counting is."""
        raise NotImplementedError

    # --- what is done

    def reason_against(self, action: Action) -> str | None:
        if action.scope is Scope.GROUP and self.group_at_hand() is None:
            return "There is no group here."
        if self._counting is not None and action.mutating:
            return "Counting: esc stops it."
        return None

    def clear(self) -> bool:
        if self._counting is None:
            return False
        self._counting = None
        self.say_count("stopped")
        return True

    def open_group(self, group: ErrorGroup) -> None:
        """The list of its jobs."""
        self.desk.filter_jobs(filters.Filter(group.queue, JobState.FAILED, (_term(group),)))

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
        group = self.group_at_hand()
        if group is None:
            return
        search = Search(filters.Filter(group.queue, JobState.FAILED, (_term(group),)))
        self._counting = search

        def step() -> None:
            self.desk.link.ask(search.call, answer)

        def answer(found: Any, error: Exception | None) -> None:
            if self._counting is not search or not stands(self):
                return
            if found is None:
                self._counting = None
                self.desk.refuse(str(error))
                return
            search.take(found)
            if not search.complete and not search.full:
                self.say_count(f"counting: {search.looked:,} of {search.total:,}   esc stops it")
                step()
                return
            self._counting = None
            self.say_count("")
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


def _term(group: ErrorGroup) -> filters.Term:
    return filters.Term("group", group.fingerprint)
