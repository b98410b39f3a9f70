"""The jobs of a queue and state: what is done to one of them, to the marked, or to all that match.

How they are listed is in ``joblisting``, how they are searched in ``jobsearch``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from jobdesk.models import JobRow, JobState
from jobdesk.tui.actions import Action, Scope
from jobdesk.tui.commands import base as commands
from jobdesk.tui.commands import queues as queuecommands
from jobdesk.tui.jobactions import JobActions, add_to, reason_against
from jobdesk.tui.screens.jobsearch import SearchingJobs
from jobdesk.tui.searching import MOST_FOUND
from jobdesk.tui.widgets.statebar import STATES

if TYPE_CHECKING:
    from jobdesk.tui.link.interest import Source
    from jobdesk.tui.searching import Search

#: In which states an action on many can be done.
FITS = {
    "jobs.retry": frozenset({JobState.FAILED}),
    "jobs.promote": frozenset({JobState.DELAYED}),
    "jobs.cancel": frozenset({JobState.WAITING, JobState.DELAYED, JobState.ACTIVE}),
    "jobs.remove": frozenset(JobState) - {JobState.ACTIVE},
}
_MANY: dict[str, type[commands.OnJobs]] = {
    "jobs.retry": commands.RetryJobs,
    "jobs.promote": commands.PromoteJobs,
    "jobs.cancel": commands.CancelJobs,
    "jobs.remove": commands.RemoveJobs,
}
_VERBS = {
    "jobs.retry": "retried", "jobs.promote": "told to run now", "jobs.cancel": "cancelled",
    "jobs.remove": "removed",
}  # fmt: skip


class JobsScreen(JobActions, SearchingJobs):
    """The mode."""

    SCOPES: ClassVar[tuple[Scope, ...]] = (Scope.JOBS, Scope.JOB)

    def job_at_hand(self) -> JobRow | None:
        return self.jobs.current

    def reason_against(self, action: Action) -> str | None:
        jobs = self.jobs
        row = jobs.current
        if action.scope is Scope.JOB:
            if row is not None and action.mutating and jobs.key_of(row) in jobs.removed:
                return "The job has been removed."
            return reason_against(action.id, row)
        if action.id == "jobs.add":
            return None if self._queue_at_hand() else "Choose a queue first."
        if action.id in FITS:
            return self._reason_against_many(action.id)
        if action.id == "jobs.search-on":
            if self.search is None:
                return "There is no search: / begins one."
            if self.search.complete:
                return f"All {self.search.looked:,} rows have been searched."
        if action.id in ("jobs.match-next", "jobs.match-previous") and self.search is None:
            if self._last is None:
                return "Nothing was searched for yet: / begins."
            if self.queue is None or self.state is None:
                return "Choose one queue and one state: their places are exact."
        if action.id == "jobs.follow" and self.search is not None:
            return "What was found stands still: esc goes back to the list."
        return None

    def _reason_against_many(self, id_: str) -> str | None:
        jobs = self.jobs
        if jobs.marked:
            if any(row.state in FITS[id_] for row in jobs.marked.values()):
                return None
            return f"None of the marked jobs can be {_VERBS[id_]} as they are."
        if self.search is not None and self.search.filter.terms:
            if self.search.begun and any(row.state in FITS[id_] for row in self.search.rows):
                return None
            if self.search.begun and not self.search.complete:
                return None
            return f"Nothing that the filter finds can be {_VERBS[id_]}."
        if self.queue is None:
            return "Choose one queue, or mark jobs, to act on them together."
        if self.state is not None and self.state not in FITS[id_]:
            return f"Jobs that are {self.state} cannot be {_VERBS[id_]}."
        states = FITS[id_] if self.state is None else {self.state}
        if id_ != "jobs.retry" and self.state is None:
            return "Choose one state, or mark jobs, to act on them together."
        here = [one for one in self._stats if one.name == self.queue]
        if here and not any(getattr(one, state.value, 0) for one in here for state in states):
            return f"There is nothing to be {_VERBS[id_]} in {self.queue}."
        return None

    # --- the list

    def action_jobs_state_next(self) -> None:
        self._step(1)

    def action_jobs_state_previous(self) -> None:
        self._step(-1)

    def _step(self, by: int) -> None:
        self.step_to(STATES[(STATES.index(self.state) + by) % len(STATES)])

    def action_jobs_mark(self) -> None:
        self.jobs.toggle_mark()
        self._marks_changed()

    def action_jobs_range(self) -> None:
        self.jobs.toggle_range()
        self._marks_changed()

    def action_jobs_mark_all(self) -> None:
        self.jobs.mark_shown()
        self._marks_changed()

    def _marks_changed(self) -> None:
        self._title()
        self.refresh_bindings()

    def action_jobs_follow(self) -> None:
        self.jobs.follow()
        self._title()
        self.look_again()

    def action_jobs_columns(self) -> None:
        self.jobs.wide = not self.jobs.wide

    def action_jobs_groups(self) -> None:
        from jobdesk.tui.screens.groups import GroupsScreen

        self.desk.push_screen(GroupsScreen(self.queue))

    # --- the queue

    def _queue_at_hand(self) -> str | None:
        row = self.jobs.current
        return self.queue or (row.queue if row is not None else None)

    def action_jobs_add(self) -> None:
        if queue := self._queue_at_hand():
            add_to(self.desk, queue)

    # --- many

    def action_jobs_retry(self) -> None:
        queue = self.queue
        plain = self.search is None and self.state in (None, JobState.FAILED)
        if not self.jobs.marked and plain and queue is not None:
            self.desk.order_many(
                queue, (JobState.FAILED,), lambda n: queuecommands.RetryAll(queue, n)
            )
        else:
            self._many("jobs.retry")

    def action_jobs_remove(self) -> None:
        queue, state = self.queue, self.state
        plain = self.search is None and queue is not None and state is not None
        if not self.jobs.marked and plain and queue is not None and state is not None:
            self.desk.order_many(
                queue, (state,), lambda n: queuecommands.CleanJobs(queue, n, state)
            )
        else:
            self._many("jobs.remove")

    def action_jobs_cancel(self) -> None:
        self._many("jobs.cancel")

    def action_jobs_promote(self) -> None:
        self._many("jobs.promote")

    def _many(self, id_: str) -> None:
        """Act on the marked jobs; else on all that the filter matches, once all is searched."""
        if (refusal := self.desk.refusal()) is not None:
            self.desk.refuse(refusal)
            return
        if self.jobs.marked:
            self._order(id_, list(self.jobs.marked.values()), "marked")
            return

        def counted(search: Search) -> None:
            rows = list(search.rows)
            chosen = " ".join(filter(None, (
                f"queue:{search.filter.queue}" if search.filter.queue else "",
                f"state:{search.filter.state}" if search.filter.state else "",
                str(search.filter),
            )))  # fmt: skip
            if not search.filter.terms and not search.order:
                self._end_search()
            if search.full:
                self.desk.notify(
                    f"Only the first {MOST_FOUND:,} that match: it can be repeated.", markup=False
                )
            self._order(id_, rows, chosen)

        self.search_whole(counted)

    def _order(self, id_: str, rows: list[JobRow], chosen: str) -> None:
        fitting = [row for row in rows if row.state in FITS[id_]]
        if not fitting:
            self.desk.refuse(f"Nothing here can be {_VERBS[id_]} any more.")
            return
        jobs = tuple((row.queue, row.id) for row in fitting)
        make: Callable[..., commands.OnJobs] = _MANY[id_]
        command = make(jobs, chosen=chosen)

        def call(source: Source) -> str:
            from jobdesk.broker.operators import undo

            return undo.refusal(source.broker, fitting[0].queue, len(fitting))

        def ask(kept: str | None, error: Exception | None) -> None:
            if error is not None:
                self.desk.refuse(str(error))
                return
            self.desk.order(command, tier=2, examples=fitting[:3], kept=kept or "")

        self.desk.link.ask(call, ask)
