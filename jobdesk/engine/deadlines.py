"""The deadlines of forked workers, kept where their parent sees them.

With ``-k process`` a worker's own supervisor ends a job whose time is up. It cannot while the task
holds Python's lock in C code. So each worker writes the deadline of the job it runs, and the end
that is to be booked then, into memory it shares with its parent; the parent kills a worker that
outlives it, and books that end. The fence decides, as always, whether it still counts.
"""

from __future__ import annotations

import json
import mmap
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobdesk.broker.exchange import Finish, Outcome
from jobdesk.engine.supervisor import GRACE_S
from jobdesk.errors import JobTimeout

if TYPE_CHECKING:
    from jobdesk.engine.run import Run

#: The parent leaves this much to the worker's own supervisor.
KILL_AFTER_S = GRACE_S + 1.0
_SLOT = 4096
# monotonic deadline (0: none), length of the JSON that follows
_HEAD = struct.Struct("=dI")
_BEGUN = _SLOT - 1


@dataclass(frozen=True, slots=True)
class Overdue:
    """A job whose worker did not end it in time: what is to be booked, and in which queue."""

    queue: str
    finish: Finish


class Deadlines:
    """One slot per forked worker; made by the parent before it forks."""

    def __init__(self, workers: int) -> None:
        self._memory = mmap.mmap(-1, workers * _SLOT)

    def slot(self, index: int) -> DeadlineSlot:
        """The slot of the ``index``-th worker, for that worker."""
        return DeadlineSlot(self._memory, index * _SLOT)

    def overdue(self, index: int, now: float) -> Overdue | None:
        """What the worker should have ended before ``now`` (monotonic), if anything."""
        at = index * _SLOT
        deadline, length = _HEAD.unpack_from(self._memory, at)
        if not deadline or now < deadline:
            return None
        start = at + _HEAD.size
        try:
            told = json.loads(self._memory[start : start + length])
        except ValueError:
            return None  # it is being written: the next look finds it whole
        finish = Finish(
            told["id"],
            told["epoch"].encode(),
            Outcome(told["outcome"]),
            value=told["fingerprint"].encode(),
            error=told["error"],
            attempt=told["attempt"],
            delay_ms=told["delay_ms"],
        )
        return Overdue(told["queue"], finish)

    def clear(self, index: int) -> None:
        """Forget a slot: its worker is gone."""
        _HEAD.pack_into(self._memory, index * _SLOT, 0.0, 0)
        self._memory[index * _SLOT + _BEGUN] = 0

    def worked(self, index: int) -> bool:
        """Whether the worker has begun any job."""
        return self._memory[index * _SLOT + _BEGUN] == 1


class DeadlineSlot:
    """A forked worker's side."""

    def __init__(self, memory: mmap.mmap, at: int) -> None:
        self._memory = memory
        self._at = at

    def begin(self, run: Run) -> None:
        """A function is about to be called."""
        self._memory[self._at + _BEGUN] = 1
        self.end()  # whatever became of the one before
        if run.deadline is None or run.taken.timeout_ms is None:
            return
        late = JobTimeout(f"ran longer than {run.taken.timeout_ms / 1000:g} s")
        finish = run.failed(late, run.queue.backoff_ms)
        raw = json.dumps(
            {
                "queue": run.queue.name,
                "id": finish.id,
                "epoch": finish.epoch.decode(),
                "outcome": finish.outcome.value,
                "fingerprint": finish.value.decode(),
                "error": finish.error,
                "attempt": finish.attempt,
                "delay_ms": finish.delay_ms,
            }
        ).encode()
        start = self._at + _HEAD.size
        if _HEAD.size + len(raw) > _BEGUN:
            return  # no job has an id and a message that long
        self._memory[start : start + len(raw)] = raw
        _HEAD.pack_into(self._memory, self._at, run.deadline, len(raw))

    def end(self) -> None:
        """It has returned."""
        _HEAD.pack_into(self._memory, self._at, 0.0, 0)
