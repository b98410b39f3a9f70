"""A window on a list of jobs: the rows of one queue and state around a place, or around a job.

The list moves under who looks at it. A window that names an anchor moves along: when the anchor
stands elsewhere than it stood, so does what is read. It costs four commands and one for each row,
with a million jobs as with ten.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from jobdesk.broker import paging, records
from jobdesk.models import TERMINAL_STATES, JobRow, JobState, check_queue_name, check_state

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker
    from jobdesk.broker.keys import QueueKeys

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


def ask(pipe: Any, keys: QueueKeys, look: Look) -> None:
    """Put three commands into a pipeline; their answers are for :func:`settle`."""
    name, backwards = keys.state(look.state), look.backwards
    pipe.zcard(name)
    (pipe.zrevrank if backwards else pipe.zrank)(name, look.anchor or "")
    _range(pipe, name, look.offset, look.limit, backwards=backwards)


def settle(
    broker: Broker, keys: QueueKeys, look: Look, answers: Sequence[Any]
) -> tuple[int, int, int | None, Found]:
    """Total, place of the first row, the anchor's rank and what was found.

    Reads once more when the anchor has moved.
    """
    total, rank, found = answers
    start = look.offset
    if rank is not None:
        start += rank - look.anchor_place
    start = max(0, min(start, total - 1))
    if start != look.offset and look.limit > 0:
        with broker.errors("ZRANGE"):
            found = _range(
                broker.client, keys.state(look.state), start, look.limit,
                backwards=look.backwards,
            )  # fmt: skip
    return total, start, rank, found if look.limit > 0 else ()


def rows(queue: str, found: Found, stored: Iterable[Sequence[bytes | None]]) -> tuple[JobRow, ...]:
    """The rows of what was found; a job that vanished since is left out."""
    made = (
        records.row(queue, records.text(raw), values, int(score))
        for (raw, score), values in zip(found, stored, strict=True)
    )
    return tuple(row for row in made if row is not None)


def read(broker: Broker, look: Look) -> Window:
    """One window."""
    look = look.checked()
    keys = broker.keys(look.queue)
    pipe = broker.pipeline()
    ask(pipe, keys, look)
    with broker.errors("read"):
        total, start, rank, found = settle(broker, keys, look, pipe.execute())
        pipe = broker.pipeline()
        for raw, _ in found:
            pipe.hmget(keys.job(records.text(raw)), records.ROW_FIELDS)
        stored = pipe.execute() if found else []
    return Window(rows(look.queue, found, stored), total, start, rank)


def _range(client: Any, name: str, start: int, limit: int, *, backwards: bool) -> Any:
    # an empty range, where no row is wanted, keeps the answers in step
    first, last = (start, start + limit - 1) if limit > 0 else (1, 0)
    return client.zrange(name, first, last, desc=backwards, withscores=True)
