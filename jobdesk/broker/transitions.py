"""Typed calls of the scripts that move jobs from state to state: what workers and producers use.

Each method is one script call, safe to repeat after a lost answer. Operator commands are in
``control``, reads in ``inspector``.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from jobdesk.broker import stored
from jobdesk.broker.exchange import Exchanged, Finish, exchange_args, exchanged
from jobdesk.broker.keys import STATE_NAMES, QueueKeys
from jobdesk.models import JobState, NewJob

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker
    from jobdesk.broker.server.wire import Sent

#: A script touches at most this many jobs in one call.
BATCH = 100


class Added(StrEnum):
    """What became of a job that was to be added."""

    ADDED = "ADDED"
    DUP = "DUP"


#: the letters of the script's answer
_ADDED = {
    ord(letter.upper() if what is Added.DUP else letter): (what, JobState(name))
    for letter, name in STATE_NAMES.items()
    for what in Added
}
_DUPLICATES = frozenset(ord(letter.upper()) for letter in STATE_NAMES)


class SentJobs:
    """Jobs on their way to Redis."""

    __slots__ = ("_sent",)

    def __init__(self, sent: Sent) -> None:
        self._sent = sent

    def answer(self) -> list[tuple[Added, JobState]]:
        """What became of each, as :meth:`Transitions.add` says it. Ask once."""
        return [_ADDED[letter] for letter in self._sent.answer()]

    def duplicates(self) -> list[bool]:
        """The same, for each whether its id was there already."""
        return [letter in _DUPLICATES for letter in self._sent.answer()]


class Transitions:
    """The moves of one queue's jobs."""

    __slots__ = ("_broker", "_prefix", "keys")

    def __init__(self, broker: Broker, queue: str) -> None:
        self._broker = broker
        self.keys: QueueKeys = broker.keys(queue)
        self._prefix = self.keys.prefix

    def add(self, jobs: Sequence[NewJob]) -> list[tuple[Added, JobState]]:
        """Add jobs, in order; one that is there already is left as it is (``DUP``).

        Raises ``QueueFull`` at maxmemory and ``RedisUnavailable``; the latter's ``sent`` says
        whether the jobs may have been added.
        """
        return self.send_add(jobs).answer()

    def send_add(self, jobs: Sequence[NewJob]) -> SentJobs:
        """The same, without waiting for the answer."""
        return SentJobs(self._broker.send("add_jobs", self._prefix, *add_args(jobs)))

    def exchange(
        self,
        worker: str,
        request: int,
        want: int,
        lease_ms: int,
        finishes: Sequence[Finish] = (),
        *,
        housekeeping: bool = False,
    ) -> Exchanged:
        """Book ``finishes`` and take up to ``want`` jobs under a lease of ``lease_ms``."""
        sent = self.send_exchange(
            worker, request, want, lease_ms, finishes, housekeeping=housekeeping
        )
        return exchanged(sent.answer(), finishes)

    def send_exchange(
        self,
        worker: str,
        request: int,
        want: int,
        lease_ms: int,
        finishes: Sequence[Finish] = (),
        *,
        housekeeping: bool = False,
    ) -> Sent:
        """The same, without waiting: :func:`exchanged` reads what its ``answer()`` brings."""
        args = exchange_args(worker, request, want, lease_ms, finishes, housekeeping)
        return self._broker.send("exchange_jobs", self._prefix, *args)

    def renew(self, lease_ms: int, jobs: Sequence[tuple[str, bytes]]) -> list[str]:
        """Extend leases of ``(id, epoch)``: OK, CANCEL or STALE for each, in order."""
        statuses: list[str] = []
        for start in range(0, len(jobs), BATCH):
            args: list[Any] = [lease_ms]
            for job_id, epoch in jobs[start : start + BATCH]:
                args += (job_id, epoch)
            answer = self._broker.run("renew_leases", self._prefix, *args)
            statuses += [status.decode() for status in answer]
        return statuses

    def release_worker(self, worker: str) -> int:
        """Give back at once what a worker that is known to be dead held; how many jobs."""
        total, skip = 0, 0
        while skip >= 0:
            given_back, skip = self._broker.run("release_worker", self._prefix, worker, skip)
            total += given_back
        return total

    def progress(self, job_id: str, epoch: bytes, value: str) -> str:
        """Store a running job's progress: OK, CANCEL or STALE."""
        return _word(self._broker.run("report_progress", self._prefix, job_id, epoch, value))

    def log(self, job_id: str, epoch: bytes, lines: Sequence[str]) -> str:
        """Append to a running job's log: OK or STALE."""
        status = "OK"
        for start in range(0, len(lines), BATCH):
            part = (secrets.token_hex(8), *lines[start : start + BATCH])
            status = _word(self._broker.run("append_log", self._prefix, job_id, epoch, *part))
        return status

    def fire(self, schedule: str, slot_ms: int, job: NewJob) -> str:
        """Add a schedule's job for one slot: FIRED, LATE, PAUSED, AHEAD or FIRST."""
        args = (schedule, slot_ms, *stored.new_job(job))
        return _word(self._broker.run("fire_schedule", self._prefix, *args))

    def join_chord(self, chord: str, index: int, size: int, value: bytes) -> list[bytes] | None:
        """Note one member's result; all results, in order, once every member is in."""
        answer = self._broker.run("join_chord", self._prefix, chord, index, size, value)
        return list(answer[1:]) if len(answer) > 1 else None

    def release_lock(self, name: str, token: str) -> bool:
        """Give up a lock held with ``token``; an empty token releases whoever's it is."""
        return bool(self._broker.run("release_lock", self._prefix, name, token))

    def count_in_window(self, counter: str, window_ms: int) -> tuple[int, int]:
        """Count a use: uses in the current window, and ms until the window ends."""
        request = secrets.token_hex(8)
        used, left = self._broker.run("count_in_window", self._prefix, counter, window_ms, request)
        return int(used), int(left)


def _word(answer: Any) -> str:
    return answer.decode() if isinstance(answer, bytes) else str(answer)


def add_args(jobs: Sequence[NewJob]) -> list[Any]:
    """The arguments of ``add_jobs.lua``: what a job has in common with the one before is left out.

    Most jobs of a bulk differ in nothing but their id and their data.
    """
    args: list[Any] = [""]
    likeness = []
    before: NewJob | None = None
    for job in jobs:
        if before is not None and _is_like(job, before):
            likeness.append("1")
            args += (job.id, job.payload)
        else:
            likeness.append("0")
            args += stored.new_job(job)
        before = job
    args[0] = "".join(likeness)
    return args


def _is_like(job: NewJob, before: NewJob) -> bool:
    return (
        job.fields is before.fields
        and job.type == before.type
        and job.priority == before.priority
        and job.lifo == before.lifo
        and job.delay_ms == before.delay_ms
        and job.run_at_ms == before.run_at_ms
    )
