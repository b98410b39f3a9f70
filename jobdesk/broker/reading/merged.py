"""Many lists as one, in parts: each part costs little, and what has been read is not read twice.

Which jobs stand in front of each list is asked again and again; a job's row is read once, and that
of a job that has not ended again while it is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import chain, zip_longest
from typing import TYPE_CHECKING

from jobdesk.broker import records
from jobdesk.broker.reading import asking
from jobdesk.models import TERMINAL_STATES, JobState

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker
    from jobdesk.broker.server.rounds import Asking
    from jobdesk.models import JobRow

#: queue, state
Place = tuple[str, JobState]
#: queue, state, id, score: a job that has moved is another entry; one that runs has not moved when
#: its lease is renewed, and has no score here
Entry = tuple[str, JobState, str, int]


class Merged:
    """What is known of the lists. Belongs to one thread."""

    def __init__(self) -> None:
        #: list -> its first entries, and how many were asked for
        self._heads: dict[Place, tuple[int, tuple[Entry, ...]]] = {}
        #: list or entry -> the part that read it last
        self._read_in: dict[Place | Entry, int] = {}
        self._rows: dict[Entry, JobRow | None] = {}
        #: of jobs that run: until when their workers have them
        self._leases: dict[Entry, int] = {}
        self._part = 0
        #: whether a list or a row has not been read yet
        self.more = False

    def asking(
        self,
        broker: Broker,
        depths: Mapping[Place, int],
        looked_at: Callable[[Sequence[JobRow]], Collection[JobRow]],
        commands: int,
    ) -> Asking[list[JobRow]]:
        """One part: the rows that are known after it, in no order.

        Of each list as many as its depth says. ``looked_at`` picks, of the rows there are, those
        that are to be as they are now.
        """
        self._part += 1
        # at least a third for rows: lists alone show nothing
        lists = sorted(depths, key=lambda one: self._turn(one, depths[one]))
        lists = lists[: max(1, 2 * commands // 3)]
        yield from self._read_lists(broker, lists, depths)
        entries = self._entries(depths)
        unknown = [one for one in entries if one not in self._rows]
        live = self._live(entries, looked_at)
        live.sort(key=lambda one: self._read_in.get(one, 0))
        wanted = [*unknown, *live][: max(1, commands - len(lists))]
        yield from self._read_rows(broker, wanted)
        self._forget_but(depths, entries)
        unread = any(self._heads.get(one, (0,))[0] < depth for one, depth in depths.items())
        self.more = unread or any(one not in self._rows for one in entries)
        return [row for one in entries if (row := self._rows.get(one)) is not None]

    def _turn(self, place: Place, depth: int) -> tuple[bool, int]:
        """Those not read so deep come first, then those not read for longest."""
        return self._heads.get(place, (0,))[0] >= depth, self._read_in.get(place, 0)

    def _read_lists(
        self, broker: Broker, lists: Sequence[Place], depths: Mapping[Place, int]
    ) -> Asking[None]:
        answers = yield asking.ask_heads(broker, lists, [depths[one] for one in lists])
        for place, found in zip(lists, answers, strict=True):
            running = place[1] is JobState.ACTIVE
            made: list[Entry] = []
            for raw, score in found:
                made.append((*place, records.text(raw), 0 if running else int(score)))
                if running:
                    self._leases[made[-1]] = int(score)
            self._heads[place] = depths[place], tuple(made)
            self._read_in[place] = self._part

    def _read_rows(self, broker: Broker, wanted: Sequence[Entry]) -> Asking[None]:
        answers = yield asking.ask_rows(broker, [(one[0], one[2]) for one in wanted])
        for entry, values in zip(wanted, answers, strict=True):
            queue, _, job_id, score = entry
            self._rows[entry] = records.row(
                queue, job_id, values, self._leases.get(entry, score)
            )  # fmt: skip
            self._read_in[entry] = self._part

    def _entries(self, depths: Mapping[Place, int]) -> list[Entry]:
        """The first of every list, then the second of every list, and so on."""
        heads = (self._heads[place][1][:depth] for place, depth in depths.items()
                 if place in self._heads)  # fmt: skip
        return [one for one in chain.from_iterable(zip_longest(*heads)) if one is not None]

    def _live(
        self, entries: Iterable[Entry], looked_at: Callable[[Sequence[JobRow]], Collection[JobRow]]
    ) -> list[Entry]:
        known = {(one[0], one[2]): one for one in entries if self._rows.get(one) is not None}
        rows = [row for one in known.values() if (row := self._rows[one]) is not None]
        at_hand = (known[row.queue, row.id] for row in looked_at(rows))
        return [one for one in at_hand if one[1] not in TERMINAL_STATES]

    def _forget_but(self, depths: Mapping[Place, int], entries: Sequence[Entry]) -> None:
        self._heads = {place: self._heads[place] for place in depths if place in self._heads}
        self._rows = {one: self._rows[one] for one in entries if one in self._rows}
        self._leases = {one: self._leases[one] for one in self._rows if one in self._leases}
        self._read_in = {
            one: part for one, part in self._read_in.items()
            if one in self._heads or one in self._rows
        }  # fmt: skip
