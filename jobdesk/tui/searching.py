"""One search in a list of jobs: what it looks for, how far it came, what it found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jobdesk.broker.reading import asking
from jobdesk.models import STORED_STATES, JobRow, JobState
from jobdesk.tui.link.interest import Asked, Source
from jobdesk.tui.text import spans

if TYPE_CHECKING:
    from jobdesk.broker.reading.search import Found, Place
    from jobdesk.broker.server.rounds import Asking
    from jobdesk.tui.filters import Filter

#: So many matches are kept, and acted on together, at most.
MOST_FOUND = 20_000

Order = Callable[[JobRow], Any]
#: Orders besides a list's own, by their names.
ORDERS: Mapping[str, Order] = {
    "longest run first": lambda row: -_ran(row),
    "most tries first": lambda row: -row.attempts_made,
    "by type": lambda row: row.type,
    "by worker": lambda row: row.worker,
    "by error": lambda row: row.error,
    "oldest first": lambda row: row.added_ms,
    "newest first": lambda row: -row.added_ms,
    "most urgent first": lambda row: row.priority or 11,
}


@dataclass
class Search:
    """A search that is under way, or done."""

    filter: Filter
    #: of :data:`ORDERS`; "": in the order of the lists
    order: str = ""
    rows: list[JobRow] = field(default_factory=list)
    place: Place | None = None
    begun: bool = False
    looked: int = 0
    total: int = 0
    too_large: int = 0
    #: the server's clock when it last read
    at_ms: int = 0
    #: a call is under way
    busy: bool = False
    #: after so many matches it stops
    full: bool = False

    @property
    def complete(self) -> bool:
        """Whether every row has been looked at."""
        return self.begun and self.place is None and not self.full

    def call(self, source: Source) -> Found:
        """Look at the next rows; in the I/O thread."""
        from jobdesk.broker.reading.search import search

        queues = source.queues() if self.filter.queue is None else (self.filter.queue,)
        states = STORED_STATES if self.filter.state is None else (self.filter.state,)
        lists: Sequence[tuple[str, JobState]] = [(q, s) for q in queues for s in states]
        now_ms = source.now_ms or source.inspector.now_ms()
        return search(
            source.broker, lists, lambda row, text: self.filter.matches(row, text, now_ms),
            self.place, texts=self.filter.texts,
        )  # fmt: skip

    def take(self, found: Found) -> None:
        """Note what a call found."""
        known = {(row.queue, row.id) for row in self.rows}
        self.rows += [row for row in found.rows if (row.queue, row.id) not in known]
        self.full = len(self.rows) >= MOST_FOUND
        del self.rows[MOST_FOUND:]
        if self.order:
            self.rows.sort(key=ORDERS[self.order])
        self.place, self.begun = found.place, True
        self.looked, self.total = found.looked, max(found.total, found.looked)
        self.too_large += found.too_large

    @property
    def status(self) -> str:
        """How far it came, honestly."""
        if not self.begun:
            return "searching"
        parts = [f"{len(self.rows):,} found"] if self.filter.terms else []
        if self.complete:
            parts.append(f"searched all {self.looked:,} at {spans.clock(self.at_ms)}")
        else:
            parts.append(f"searched {self.looked:,} of {self.total:,}, F goes on")
        if self.full:
            parts.append(f"stopped at {MOST_FOUND:,}")
        if self.too_large:
            parts.append(f"{self.too_large:,} too large to look into")
        if self.order:
            parts.insert(0, self.order)
        return ", ".join(parts)


@dataclass(frozen=True)
class FoundRows(Asked["dict[tuple[str, str], JobRow | None]"]):
    """Rows that a search found, as they are now; None for those that are gone."""

    keys: tuple[tuple[str, str], ...]

    def asking(self, source: Source) -> Asking[dict[tuple[str, str], JobRow | None]]:
        return asking.rows(source.broker, self.keys)


def _ran(row: JobRow) -> int:
    if row.started_ms is None or row.state in (JobState.WAITING, JobState.DELAYED):
        return 0
    return (row.finished_ms or row.started_ms) - row.started_ms
