"""A window on a list of jobs: the rows of one queue and state around a place, or around a job.

The list moves under who looks at it. A window that names an anchor moves along: when the anchor
stands elsewhere than it stood, so does what is read. It costs four commands and one for each row,
with a million jobs as with ten.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from jobdesk.broker import records
from jobdesk.broker.reading import paging
from jobdesk.broker.server.rounds import carry_out
from jobdesk.models import TERMINAL_STATES, JobRow, JobState, check_queue_name, check_state

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker
    from jobdesk.broker.keys import QueueKeys
    from jobdesk.broker.server.rounds import Asking

MAX_ROWS = 1000


@dataclass(frozen=True, slots=True)
class Look:
    """What is to be read of one queue and state.

    ``offset`` counts from the head of the list: waiting, active and delayed, next first; completed
    and failed, newest first. ``anchor`` is a job that stood at ``anchor_place``.
    """

    queue: str
    state: JobState
    offset: int = 0
    limit: int = 50
    anchor: str | None = None
    anchor_place: int = 0
    #: from the other end of the list
    reverse: bool = False

    @property
    def backwards(self) -> bool:
        """Whether the list is read from the highest score down."""
        return (self.state in TERMINAL_STATES) is not self.reverse

    def checked(self) -> Look:
        """The same with a state that has a set; raises for what cannot be read."""
        check_queue_name(self.queue)
        paging.check_limit(self.limit, MAX_ROWS)
        state = check_state(self.state)
        offset = max(0, self.offset)
        return replace(self, state=state, offset=offset)


@dataclass(frozen=True, slots=True)
class Window:
    """The rows there are."""

    rows: tuple[JobRow, ...]
    #: how many jobs the list has
    total: int
    #: the place of the first row
    offset: int
    #: where the anchor stands now; None when it has left the list, or there is none
    anchor_rank: int | None = None


#: id and score, as a range answers them
Found = Sequence[tuple[bytes, float]]


class Memory:
    """Rows of ended jobs, which do not change any more: they need not be read twice."""

    def __init__(self, most: int = 5000) -> None:
        self._most = most
        self._rows: OrderedDict[tuple[str, JobState, bytes, float], JobRow] = OrderedDict()

    def known(self, look: Look, found: Found) -> dict[bytes, JobRow]:
        """Those rows of what was found that are remembered."""
        known: dict[bytes, JobRow] = {}
        for raw, score in found:
            # a job is known by its end: retried, it ends at another time
            key = (look.queue, look.state, raw, score)
            if key in self._rows:
                self._rows.move_to_end(key)
                known[raw] = self._rows[key]
        return known

    def keep(self, look: Look, raw: bytes, score: float, row: JobRow) -> None:
        """Remember a row, if its job has ended."""
        if look.state in TERMINAL_STATES and row.state is look.state:
            self._rows[look.queue, look.state, raw, score] = row
            if len(self._rows) > self._most:
                self._rows.popitem(last=False)


def asking(broker: Broker, look: Look, memory: Memory | None = None) -> Asking[Window]:
    """One window: two round trips, and a third where the anchor has moved."""
    look = look.checked()
    keys = broker.keys(look.queue)
    total, rank, found = yield lambda pipe: _ask(pipe, keys, look)
    start = look.offset
    if rank is not None:
        start += rank - look.anchor_place
    start = max(0, min(start, total - 1))
    if look.limit <= 0:
        found = ()
    elif start != look.offset:
        (found,) = yield lambda pipe: _range(pipe, keys, look, start)
    known = memory.known(look, found) if memory is not None else {}
    wanted = [(raw, score) for raw, score in found if raw not in known]

    def ask_rows(pipe: Any) -> None:
        for raw, _ in wanted:
            records.ask(pipe, keys, records.text(raw))

    stored = yield ask_rows
    for (raw, score), values in zip(wanted, stored, strict=True):
        row = records.row(look.queue, records.text(raw), values, int(score))
        # a job that vanished since is left out
        if row is not None:
            known[raw] = row
            if memory is not None:
                memory.keep(look, raw, score, row)
    return Window(tuple(known[raw] for raw, _ in found if raw in known), total, start, rank)


def read(broker: Broker, look: Look) -> Window:
    """One window."""
    return carry_out(broker, asking(broker, look))


def _ask(pipe: Any, keys: QueueKeys, look: Look) -> None:
    name = keys.state(look.state)
    pipe.zcard(name)
    (pipe.zrevrank if look.backwards else pipe.zrank)(name, look.anchor or "")
    _range(pipe, keys, look, look.offset)


def _range(pipe: Any, keys: QueueKeys, look: Look, start: int) -> None:
    # an empty range, where no row is wanted, keeps the answers in step
    first, last = (start, start + look.limit - 1) if look.limit > 0 else (1, 0)
    pipe.zrange(keys.state(look.state), first, last, desc=look.backwards, withscores=True)
