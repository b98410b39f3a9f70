"""What a dashboard reads once a second: counts of queues, one window of rows, figures by minute.

A tick costs at most 3 commands a row, 5 a queue, and 16, however many jobs there are; the first
time that a queue is read, one more. Most of a tick is fixed: five counts a queue and one command a
row. What changes seldom (limits, the minutes of a sparkline) is read with what the budget leaves,
the oldest first, and remembered; so are the rows of ended jobs, which do not change any more.

Belongs to one thread.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jobdesk.broker import figures, records, window
from jobdesk.broker.inspector import STATS_FIELDS, Inspector
from jobdesk.broker.window import Look, Window
from jobdesk.models import STORED_STATES, TERMINAL_STATES, JobRow, QueueStats, check_queue_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobdesk.broker.connection import Broker
    from jobdesk.broker.figures import Figures

PER_ROW, PER_QUEUE, FIXED = 3, 5, 16
SERIES_MINUTES = 60
#: Rows of ended jobs that are remembered.
MAX_ROWS = 5000
#: The server's clock is asked for anew after so long; in between ours goes on.
CLOCK_S = 30.0
#: A minute counts as over so long after its end.
SETTLED_MS = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What one tick found."""

    now_ms: int
    stats: tuple[QueueStats, ...]
    window: Window | None
    #: queue -> its minutes, the oldest first, the current one last; those that are known so far
    series: Mapping[str, tuple[Figures, ...]]
    #: how many commands it took
    commands: int


@dataclass(slots=True)
class _Known:
    """What is remembered of one queue."""

    #: the limits, and paused, as `meta` has them
    meta: Sequence[bytes | None] = (None,) * len(STATS_FIELDS)
    meta_at: float = -1.0
    #: minute -> figures, and when they were read (ms)
    minutes: dict[int, tuple[Figures, int]] = field(default_factory=dict)
    #: the current minute was read at
    minute_at: float = -1.0

    def knows(self, minute: int) -> bool:
        """Whether a minute that is over was read after that."""
        _, read_ms = self.minutes.get(minute, (None, 0))
        return read_ms >= (minute + 1) * 60_000 + SETTLED_MS


class Snapshots:
    """Ticks of one dashboard."""

    def __init__(self, broker: Broker, minutes: int = SERIES_MINUTES) -> None:
        self._broker = broker
        self._minutes = minutes
        self._known: dict[str, _Known] = {}
        self._rows: OrderedDict[tuple[str, str, bytes, float], JobRow] = OrderedDict()
        self._ahead_ms = 0.0
        self._clock_at = -CLOCK_S
        self._commands = 0

    def read(self, queues: Iterable[str], look: Look | None = None) -> Snapshot:
        """One tick: these queues, and a window on one list."""
        names = tuple(check_queue_name(queue) for queue in queues)
        look = None if look is None else look.checked()
        known = {name: self._known.get(name) or _Known() for name in names}
        self._known = known
        self._commands = 0
        now_ms = self._now_ms()
        counts, answers = self._counts(known, look)
        shown: Window | None = None
        wanted: list[bytes] = []
        found: window.Found = ()
        if look is not None:
            keys = self._broker.keys(look.queue)
            before = look.offset
            total, start, rank, found = window.settle(self._broker, keys, look, answers)
            self._commands += start != before and look.limit > 0
            wanted = [raw for raw, score in found if self._key(look, raw, score) not in self._rows]
            shown = Window((), total, start, rank)
        stored = self._rest(known, now_ms, look, wanted, PER_ROW * len(found))
        if look is not None and shown is not None:
            made = self._window_rows(look, found, dict(zip(wanted, stored, strict=True)))
            shown = Window(made, shown.total, shown.offset, shown.anchor_rank)
        return Snapshot(
            now_ms=now_ms,
            stats=tuple(
                records.stats(name, [*counts[name], one.meta]) for name, one in known.items()
            ),
            window=shown,
            series={name: self._series(one, now_ms) for name, one in known.items()},
            commands=self._commands,
        )

    # --- the two requests

    def _counts(
        self, known: Mapping[str, _Known], look: Look | None
    ) -> tuple[dict[str, list[int]], list[Any]]:
        """Per queue its counts; and what :func:`window.settle` takes."""
        pipe = self._broker.pipeline()
        new = [name for name, one in known.items() if one.meta_at < 0]
        for name in known:
            for state in STORED_STATES:
                pipe.zcard(self._broker.keys(name).state(state))
        for name in new:
            pipe.hmget(self._broker.keys(name).meta, STATS_FIELDS)
        if look is not None:
            window.ask(pipe, self._broker.keys(look.queue), look)
        answers = self._execute(pipe)
        width = len(STORED_STATES)
        counts = {name: answers[i * width : (i + 1) * width] for i, name in enumerate(known)}
        rest = answers[width * len(known) :]
        for name, meta in zip(new, rest, strict=False):
            known[name].meta, known[name].meta_at = meta, time.monotonic()
        return counts, rest[len(new) :]

    def _rest(
        self,
        known: Mapping[str, _Known],
        now_ms: int,
        look: Look | None,
        wanted: Sequence[bytes],
        allowance: int,
    ) -> list[Sequence[bytes | None]]:
        """The records of the rows wanted; and with what the budget leaves, what is oldest."""
        budget = allowance + PER_QUEUE * len(known) + FIXED
        spare = max(0, budget - self._commands - len(wanted))
        pipe = self._broker.pipeline()
        if look is not None:
            keys = self._broker.keys(look.queue)
            for raw in wanted:
                pipe.hmget(keys.job(records.text(raw)), records.ROW_FIELDS)
        at = time.monotonic()
        metas = sorted(known, key=lambda name: known[name].meta_at)[: max(1, spare // 3)]
        metas = [name for name in metas if known[name].meta_at < at - 0.2][:spare]
        spare -= len(metas)
        minutes = self._stale_minutes(known, now_ms, spare)
        for name in metas:
            pipe.hmget(self._broker.keys(name).meta, STATS_FIELDS)
        for name, minute in minutes:
            pipe.hgetall(self._broker.keys(name).figures("m", minute))
        answers = self._execute(pipe)
        stored, answers = answers[: len(wanted)], answers[len(wanted) :]
        for name, meta in zip(metas, answers, strict=False):
            known[name].meta, known[name].meta_at = meta, at
        for (name, minute), told in zip(minutes, answers[len(metas) :], strict=True):
            known[name].minutes[minute] = figures.parse(minute * 60_000, told), now_ms
            if minute == now_ms // 60_000:
                known[name].minute_at = at
        return stored

    def _stale_minutes(
        self, known: Mapping[str, _Known], now_ms: int, spare: int
    ) -> list[tuple[str, int]]:
        """Minutes to be read: current ones, the oldest answer first, then those not known yet."""
        current = now_ms // 60_000
        by_age = sorted(known, key=lambda name: known[name].minute_at)
        found = [(name, current) for name in by_age[: max(1, spare // 2)]]
        for back in range(1, self._minutes):
            if len(found) >= spare:
                break
            found += [
                (name, current - back) for name in known if not known[name].knows(current - back)
            ]
        return list(dict.fromkeys(found))[:spare]

    # --- what is made of it

    def _window_rows(
        self, look: Look, found: window.Found, stored: Mapping[bytes, Sequence[bytes | None]]
    ) -> tuple[JobRow, ...]:
        made: list[JobRow] = []
        for raw, score in found:
            key = self._key(look, raw, score)
            row = self._rows.get(key)
            if row is None:
                row = records.row(look.queue, records.text(raw), stored[raw], int(score))
                if row is None:
                    continue
                if look.state in TERMINAL_STATES and row.state is look.state:
                    self._rows[key] = row
            else:
                self._rows.move_to_end(key)
            made.append(row)
        while len(self._rows) > MAX_ROWS:
            self._rows.popitem(last=False)
        return tuple(made)

    def _series(self, known: _Known, now_ms: int) -> tuple[Figures, ...]:
        current = now_ms // 60_000
        first = current - self._minutes + 1
        for minute in [minute for minute in known.minutes if minute < first]:
            del known.minutes[minute]
        there = range(first, current + 1)
        return tuple(known.minutes[minute][0] for minute in there if minute in known.minutes)

    @staticmethod
    def _key(look: Look, raw: bytes, score: float) -> tuple[str, str, bytes, float]:
        """An ended job is known by its end: retried, it ends at another time."""
        return look.queue, look.state.value, raw, score

    def _now_ms(self) -> int:
        if time.monotonic() - self._clock_at >= CLOCK_S:
            self._ahead_ms = Inspector(self._broker).now_ms() - time.time() * 1000
            self._clock_at = time.monotonic()
            self._commands += 1
        return round(time.time() * 1000 + self._ahead_ms)

    def _execute(self, pipe: Any) -> list[Any]:
        self._commands += len(pipe)
        if not len(pipe):
            return []
        with self._broker.errors("read"):
            answers: list[Any] = pipe.execute()
        return answers


__all__ = ["Look", "Snapshot", "Snapshots", "Window"]
