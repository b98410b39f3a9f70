"""The list of jobs with its filter, its search and its order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobdesk.tui import filters
from jobdesk.tui.screens.joblisting import JobListing
from jobdesk.tui.searching import ORDERS, FoundRows, Search
from jobdesk.tui.standing import stands
from jobdesk.tui.widgets.filterbar import FilterBar, FilterInput
from jobdesk.tui.widgets.hintbar import HintBar

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobdesk.broker.reading.search import Found, Match
    from jobdesk.models import JobRow, JobState
    from jobdesk.tui.link.interest import Read, Snapshot, Source

REVERSE = "from the other end"
TYPING = "enter search   tab complete   up earlier   esc leave"


class SearchingJobs(JobListing):
    """What ``/``, ``n``, ``N``, ``F`` and ``o`` do."""

    def __init__(self) -> None:
        super().__init__()
        self.search: Search | None = None
        #: what n and N look for
        self._last: filters.Filter | None = None
        self._known = filters.Known()
        #: where n or N goes on, after it found nothing in so many rows
        self._resume: tuple[int, bool] | None = None
        #: what is done once all has been searched
        self._after: Callable[[Search], None] | None = None

    # --- the filter

    def known(self) -> filters.Known:
        """What the filter can be completed with."""
        return self._known

    @property
    def bar(self) -> FilterBar:
        """The filter's line."""
        return self.query_one(FilterBar)

    def action_jobs_filter(self) -> None:
        self.bar.open(str(self.search.filter) if self.search is not None else "")
        self.query_one(HintBar).typing = TYPING

        def call(source: Source) -> filters.Known:
            queues = source.queues()
            where = (self.queue,) if self.queue else queues[:20]
            types = {one.name for queue in where for one in source.inspector.types(queue)}
            workers = tuple(one.id for one in source.inspector.workers(100))
            return filters.Known(queues, tuple(sorted(types)), workers)

        def answer(found: filters.Known | None, _: Exception | None) -> None:
            self._known = found or self._known

        self.desk.link.ask(call, answer)

    def on_filter_input_left(self) -> None:
        self._leave_bar()

    def _leave_bar(self) -> None:
        self.bar.close()
        self.query_one(HintBar).typing = ""
        self.jobs.focus()

    def on_filter_bar_applied(self, event: FilterBar.Applied) -> None:
        try:
            wanted = filters.parse(event.text, self.queue, self.state)
        except filters.NotAFilter as exc:
            self.desk.refuse(str(exc))
            return
        if wanted.queue is not None and wanted.queue not in (self._known.queues or (wanted.queue,)):
            self.desk.refuse(f"There is no queue {wanted.queue}.")
            return
        self._leave_bar()
        if wanted.full_id is not None:
            self._open_id(wanted, wanted.full_id)
        else:
            self.filter_by(wanted)

    def _open_id(self, wanted: filters.Filter, job_id: str) -> None:
        """A whole id opens its job, whatever list it is in; else it is looked for."""

        def call(source: Source) -> JobRow | None:
            from jobdesk.broker.reading.search import rows_of

            names = (wanted.queue,) if wanted.queue else source.queues()
            found = rows_of(source.broker, [(queue, job_id) for queue in names])
            return next((row for row in found if row is not None), None)

        def answer(row: JobRow | None, error: Exception | None) -> None:
            if error is not None:
                self.desk.refuse(str(error))
            elif row is None:
                self.filter_by(wanted)
            else:
                self.desk.open_job(row.queue, row.id, row)

        self.desk.link.ask(call, answer)

    def filter_by(self, wanted: filters.Filter, order: str = "") -> None:
        """Show what matches of the list that the filter chooses."""
        if not self.is_mounted:  # nobody was on this screen yet
            self.call_after_refresh(self.filter_by, wanted, order)
            return
        moved = (wanted.queue, wanted.state) != (self.queue, self.state)
        self.search = None
        if moved:
            self.open_view(wanted.queue, wanted.state)
        if not wanted.terms and not order:
            self._end_search()
            return
        self._last = wanted if wanted.terms else self._last
        self.search = Search(wanted, order)
        self.jobs.view(self.queue, self.state)
        self.jobs.show_found((), self.jobs.now_ms)
        self._refit()
        self._go_on()

    def _end_search(self) -> None:
        was = self.search is not None or self.jobs.found is not None
        self.search, self._after = None, None
        self.bar.say("", "")
        if was:
            self._show_view()

    def _go_on(self) -> None:
        """Search the next rows."""
        search = self.search
        if search is None or search.busy:
            return
        search.busy = True
        self._say_search()

        def answer(found: Found | None, error: Exception | None) -> None:
            search.busy = False
            if self.search is not search or not stands(self):
                return
            if found is None:
                self._after = None
                self.desk.refuse(str(error))
            else:
                search.at_ms = self.desk.now_ms()
                search.take(found)
                self.jobs.show_found(search.rows, search.at_ms)
            self._say_search()
            self.refresh_bindings()
            self._rest()
            if self._after is not None and found is not None:
                if search.complete or search.full:
                    after, self._after = self._after, None
                    after(search)
                else:
                    self._go_on()

        self.desk.link.ask(search.call, answer)

    def _say_search(self) -> None:
        search = self.search
        if search is None:
            return
        told = str(search.filter)
        stops = "   esc stops" if self._after is not None else ""
        self.bar.say(told or search.order, search.status + stops)
        self.jobs.empty = self._nothing_found(search)
        self._title()

    def _nothing_found(self, search: Search) -> str:
        if not search.begun or search.busy:
            return "Searching …"
        if not search.complete:
            return f"Nothing in the first {search.looked:,} of {search.total:,}.\nF goes on."
        return "Nothing matches; esc clears the filter."

    def search_whole(self, then: Callable[[Search], None]) -> None:
        """Search to the end, anew where what is known is old; then ``then(search)``."""
        search = self.search
        if search is None:
            search = self.search = Search(filters.Filter(self.queue, self.state))
        elif not search.complete or self.desk.now_ms() - search.at_ms > 10_000:
            search = self.search = Search(search.filter, search.order)
        elif search.complete:
            then(search)
            return
        self._after = then
        self._go_on()

    def stop_search(self) -> bool:
        """Stop a search to the end; False when there is none."""
        if self._after is None:
            return False
        self._after = None
        if self.search is not None and not self.search.filter.terms and not self.search.order:
            self._end_search()
        else:
            self._say_search()
        return True

    # --- what is read

    def reads(self) -> tuple[Read[Any], ...]:
        if self.search is None:
            return super().reads()
        return (*self._side_reads(), FoundRows(self.jobs.shown_keys()))

    def show(self, snapshot: Snapshot) -> None:
        super().show(snapshot)
        fresh = snapshot.of(FoundRows)
        if fresh is not None and self.search is not None:
            self.jobs.freshen(fresh, snapshot.now_ms)
            if set(self.jobs.shown_keys()) - set(fresh):
                self.look_again()

    def open_view(self, queue: str | None, state: JobState | None) -> None:
        if (queue, state) != (self.queue, self.state):
            self.search, self._after, self._resume = None, None, None
            if stands(self):
                self.bar.say("", "")
        super().open_view(queue, state)

    def step_to(self, state: JobState | None) -> None:
        """Another state; the filter goes along."""
        search = self.search
        if search is None or not (search.filter.terms or search.order):
            self.open_view(self.queue, state)
            return
        terms = tuple(term for term in search.filter.terms if term.word != "state")
        self.filter_by(filters.Filter(self.queue, state, terms), search.order)

    def clear(self) -> bool:
        if self.stop_search() or super().clear():
            return True
        if self.search is not None:
            self._end_search()
            return True
        return False

    # --- actions

    def action_jobs_search_on(self) -> None:
        self._go_on()

    def action_jobs_match_next(self) -> None:
        self._match(back=False)

    def action_jobs_match_previous(self) -> None:
        self._match(back=True)

    def _match(self, *, back: bool) -> None:
        jobs = self.jobs
        if self.search is not None:
            jobs.move_to(jobs.cursor + (-1 if back else 1))
            return
        wanted, queue, state = self._last, self.queue, self.state
        if wanted is None or queue is None or state is None:
            return
        start = jobs.cursor + (-1 if back else 1)
        if self._resume is not None and self._resume[1] is back:
            start = self._resume[0]
        if start < 0:
            self.desk.notify("No match before this one.", markup=False, timeout=2)
            return
        now_ms = self.desk.now_ms()

        def call(source: Source) -> Match:
            from jobdesk.broker.reading.search import find

            return find(
                source.broker, queue, state, lambda row, text: wanted.matches(row, text, now_ms),
                start=start, back=back, reverse=jobs.reverse, texts=wanted.texts,
            )  # fmt: skip

        def answer(found: Match | None, error: Exception | None) -> None:
            if (self.queue, self.state) != (queue, state) or self.search is not None:
                return
            if found is None:
                self.desk.refuse(str(error))
                return
            self._resume = None
            if found.at is not None:
                jobs.move_to(found.at)
                self.look_again()
                return
            ended = found.upto <= 0 if back else found.upto >= found.total - 1
            where = "before" if back else "behind"
            if ended:
                self.desk.notify(f"No match {where} this row.", markup=False, timeout=3)
            else:
                self._resume = (found.upto, back)
                key = "N" if back else "n"
                self.desk.notify(
                    f"No match in the 2,000 rows {where}; {key} goes on.", markup=False, timeout=4
                )

        self.desk.link.ask(call, answer)

    def on_listing_moved(self) -> None:
        self._resume = None
        super().on_listing_moved()

    def action_jobs_sort(self) -> None:
        from jobdesk.tui.screens.picker import Choice, PickerScreen

        exact = self.queue is not None and self.state is not None
        natural = self.natural_order()
        choices = [Choice("", natural, "exact, at any depth")]
        if exact:
            choices.append(Choice(REVERSE, REVERSE, "exact, at any depth"))
        choices += [Choice(name, name, "of 2,000 rows a press")
                    for name in ORDERS if name != natural]  # fmt: skip
        now = REVERSE if self.jobs.reverse else (self.search.order if self.search else "")

        def answer(order: str | None) -> None:
            if order is None:
                return
            terms = self.search.filter.terms if self.search is not None else ()
            self.jobs.reverse = order == REVERSE
            if order == REVERSE:
                order = ""
                terms = ()
            wanted = filters.Filter(self.queue, self.state, terms)
            self.filter_by(wanted, order)
            if self.search is None:
                self._show_view()

        self.desk.push_screen(PickerScreen("Order", choices, chosen=now), answer)

    def typing(self) -> bool:
        """Whether a filter is being typed."""
        return isinstance(self.focused, FilterInput)
