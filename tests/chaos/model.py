"""What the scripts do, in plain Python: one queue, its jobs and its events.

Written from the semantics, not from the Lua: the model test holds one against the other. Instants
are the server's (when a job ended, when it is due): the model is told them by :meth:`learn`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

HALF, CLASS = 2**43, 2**44


@dataclass
class Job:
    """One job as the model knows it."""

    id: str
    priority: int = 11
    lifo: bool = False
    state: str = "w"
    place: int = 0
    made: int = 0
    stalls: int = 0
    released: int = 0
    generation: int = 0
    epoch: str = ""
    worker: str = ""
    started: bool = False
    cancelled: bool = False
    data: bytes = b"{}"
    result: bytes = b""
    #: when it is due, or ended, ms; None: not told yet
    at: int | None = None
    #: whether it is kept when it ends
    keep: bool = True


@dataclass
class End:
    """What a worker reports of one run."""

    job_id: str
    epoch: str
    kind: str
    value: bytes = b""
    delay: bool = False
    adds: list[Job] = field(default_factory=list)


@dataclass
class Model:
    """One queue."""

    jobs: dict[str, Job] = field(default_factory=dict)
    seq: int = 0
    paused: bool = False
    max_active: int | None = None
    max_stalled: int = 3
    #: (name, job or "", what else must be told)
    events: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    #: id -> (epoch, letter)
    tombs: dict[str, tuple[str, str]] = field(default_factory=dict)
    #: worker -> request, epoch and ids of its last take
    takes: dict[str, tuple[int, str, list[str]]] = field(default_factory=dict)
    expired: set[str] = field(default_factory=set)
    trash: dict[str, list[tuple[str, Job, int]]] = field(default_factory=dict)

    # --- looking

    def line(self) -> list[Job]:
        """Who waits, the next first."""
        return sorted((j for j in self.jobs.values() if j.state == "w"), key=lambda j: j.place)

    def resting(self) -> list[Job]:
        """Who is delayed, the next first."""
        return self._by_time("d")

    def _by_time(self, state: str) -> list[Job]:
        found = [j for j in self.jobs.values() if j.state == state]
        return sorted(found, key=lambda j: (j.at or 0, j.id))

    def ids(self, state: str) -> list[str]:
        return [j.id for j in self.jobs.values() if j.state == state]

    # --- producers

    def add(self, job: Job) -> tuple[str, str]:
        if (there := self.jobs.get(job.id)) is not None:
            self._tell("duplicated", job.id)
            return "DUP", there.state
        made = deepcopy(job)
        self.jobs[job.id] = made
        if made.state == "d":
            self._tell("delayed", made.id)
        else:
            self._to_line(made)
            self._tell("waiting", made.id)
        return "ADDED", made.state

    def add_all(self, jobs: Sequence[Job]) -> list[tuple[str, str]]:
        """Of several in one call each has a place kept, whether or not it comes to need it."""
        before = self.seq
        added = [self.add(job) for job in jobs]
        if len(jobs) > 1 and self.seq > before:
            self.seq = before + len(jobs)
        return added

    # --- workers

    def exchange(
        self, worker: str, request: int, want: int, ends: Sequence[End], *, housekeeping: bool,
        epoch: str,
    ) -> tuple[list[str], list[str]]:  # fmt: skip
        """Statuses of the ends, ids taken; ``epoch``: what the server chose."""
        statuses = [self._end(end) for end in ends]
        if housekeeping:
            for job_id in sorted(self.expired & set(self.ids("a"))):
                self._stall(self.jobs[job_id])
            self.expired -= {j.id for j in self.jobs.values() if j.state != "a"}
        for job in [j for j in self.resting() if j.at == 1]:
            self._to_line(job)
            self._tell("waiting", job.id, prev="delayed")
        taken = self._take(worker, request, want, epoch) if want else []
        if "OK" in statuses and not taken and not self.ids("w") and not self.ids("a"):
            self._tell("drained")
        return statuses, taken

    def release_worker(self, worker: str) -> int:
        mine = [j for j in self.jobs.values() if j.state == "a" and j.worker == worker]
        for job in mine:
            self._stall(job)
        return len(mine)

    def renew(self, job_id: str, epoch: str) -> str:
        job = self.jobs.get(job_id)
        if job is None or job.state != "a" or job.epoch != epoch:
            return "STALE"
        self.expired.discard(job_id)
        return "CANCEL" if job.cancelled else "OK"

    def progress(self, job_id: str, epoch: str) -> str:
        job = self.jobs.get(job_id)
        if job is None or job.state != "a" or job.epoch != epoch:
            return "STALE"
        self._tell("progress", job_id)
        return "CANCEL" if job.cancelled else "OK"

    # --- operators

    def pause(self, *, on: bool) -> int:
        if self.paused is on:
            return 0
        self.paused = on
        self._tell("paused" if on else "resumed")
        return 1

    def remove(self, job_id: str, *, force: bool, operation: str) -> list[Any]:
        job = self.jobs.get(job_id)
        if job is None:
            return ["NOTFOUND"]
        if job.state == "a" and not force:
            return ["LOCKED", job.worker]
        prev = job.state
        if prev == "a":
            self.tombs[job_id] = (job.epoch, "r")
            job.epoch = "0"
        self._keep(operation, "removed", job)
        del self.jobs[job_id]
        self._tell("removed", job_id, prev=_WORDS[prev])
        return ["OK", prev, 1 if operation else 0]

    def retry(self, job_id: str, operation: str) -> list[Any]:
        job = self.jobs.get(job_id)
        if job is None:
            return ["NOTFOUND"]
        if job.state != "f":
            return ["STATE", job.state]
        self._revive(job, operation)
        return ["OK", job.generation, 1 if operation else 0]

    def retry_jobs(self, limit: int) -> list[str]:
        found = self._by_time("f")[:limit]
        for job in found:
            self._revive(job, "")
        return [job.id for job in found]

    def promote(self, job_id: str) -> list[Any]:
        job = self.jobs.get(job_id)
        if job is None:
            return ["NOTFOUND"]
        if job.state != "d":
            return ["STATE", job.state]
        self._to_line(job)
        self._tell("waiting", job_id, prev="delayed")
        return ["OK"]

    def cancel(self, job_id: str) -> list[Any]:
        job = self.jobs.get(job_id)
        if job is None:
            return ["NOTFOUND"]
        if job.state in "cf":
            return ["STATE", job.state]
        if job.state == "a":
            if not job.cancelled:
                self._tell("cancelled", job_id, prev="active")
            job.cancelled = True
            return ["ACTIVE", job.worker]
        prev = job.state
        self._tell("cancelled", job_id, prev=_WORDS[prev])
        self._tell("failed", job_id, prev=_WORDS[prev])
        job.started = False
        self._ended(job, "f", "0")
        return ["OK", prev]

    def change_priority(self, job_id: str, priority: int) -> list[Any]:
        job = self.jobs.get(job_id)
        if job is None:
            return ["NOTFOUND"]
        if job.state not in "wd":
            return ["STATE", job.state]
        before, job.priority = job.priority, priority
        if job.state == "w" and before != priority:
            self._to_line(job)
        return ["OK", before]

    def update_data(self, job_id: str, data: bytes) -> list[Any]:
        job = self.jobs.get(job_id)
        if job is None:
            return ["NOTFOUND"]
        if job.state == "a":
            return ["LOCKED", job.worker]
        job.data = data
        return ["OK", job.state]

    def clean(self, state: str, limit: int) -> list[str]:
        found = self.line() if state == "w" else self._by_time(state)
        ids = [job.id for job in found[:limit]]
        self._drop(ids)
        if ids:
            self._tell("cleaned", state=_WORDS[state], count=str(len(ids)))
        return ids

    def empty(self, limit: int) -> tuple[int, int]:
        removed = 0
        for state in "wd":
            found = self.line() if state == "w" else self.resting()
            ids = [job.id for job in found[: limit - removed]]
            self._drop(ids)
            if ids:
                self._tell("cleaned", state=_WORDS[state], count=str(len(ids)))
            removed += len(ids)
        left = len(self.ids("w")) + len(self.ids("d"))
        if removed and not left:
            self._tell("drained")
        return removed, left

    def obliterate(self) -> None:
        """All of it; events and numbers start again."""
        self.__init__()  # type: ignore[misc]

    def undo(self, operation: str) -> list[Any]:
        entries = self.trash.pop(operation, None)
        if entries is None:
            return ["NOTFOUND"]
        restored, others = [], []
        for how, old, generation in entries:
            now = self.jobs.get(old.id)
            if how == "removed" and now is not None:
                others += [old.id, "EXISTS"]
            elif how == "retried" and (
                now is None or now.state != "w" or now.generation != generation or now.started
            ):
                others += [old.id, "TAKEN"]
            else:
                restored.append(old.id)
                self._restore(old, now)
        return [restored, others]

    # --- what the test does to the clock

    def let_lease_end(self, job_id: str) -> None:
        self.expired.add(job_id)

    def make_due(self, job_id: str) -> None:
        self.jobs[job_id].at = 1

    def learn(self, times: dict[str, int]) -> None:
        """When jobs ended or are due, as the server has it."""
        for job_id, at in times.items():
            if self.jobs[job_id].at is None:
                self.jobs[job_id].at = at

    # --- inside

    def _tell(self, name: str, job_id: str = "", **fields: str) -> None:
        self.events.append((name, job_id, fields))

    def _to_line(self, job: Job) -> None:
        self.seq += 1
        job.place = job.priority * CLASS + HALF + (-self.seq if job.lifo else self.seq)
        job.state, job.at = "w", None

    def _ended(self, job: Job, state: str, epoch: str) -> None:
        if job.keep:
            job.state, job.at = state, None
        else:
            del self.jobs[job.id]
            self.tombs[job.id] = (epoch, state)

    def _end(self, end: End) -> str:
        job = self.jobs.get(end.job_id)
        if job is None or job.state != "a" or job.epoch != end.epoch:
            if job is not None and job.epoch == end.epoch:
                return "ALREADY"
            epoch, letter = self.tombs.get(end.job_id, ("", "r"))
            return "ALREADY" if epoch == end.epoch and letter != "r" else "STALE"
        kind = end.kind
        if job.cancelled and kind in "rnbus":
            kind = "f" if kind == "r" else "x"
        if kind in "cfr":
            job.made += 1
        again = False
        if kind == "c":
            job.result = end.value
            self._tell("completed", job.id, a=str(job.made))
            self._ended(job, "c", end.epoch)
        elif kind in "fx":
            self._tell("failed", job.id, a=str(job.made), prev="active")
            self._ended(job, "f", end.epoch)
        elif kind == "b" and job.released == 20:
            self._stall(job)
        elif kind in "bu":
            job.released += kind == "b"
            job.state = "w"
            reason = "shutdown" if kind == "b" else "unbegun"
            self._tell("waiting", job.id, prev="active", reason=reason)
        elif kind == "s":
            job.state, job.at = "d", int(end.value)
            self._tell("delayed", job.id)
        else:
            self._tell("retrying", job.id, a=str(job.made))
            if end.delay:
                job.state, job.at = "d", None
                self._tell("delayed", job.id)
            again = not end.delay
        for added in end.adds:
            self.add(added)
        if again:
            self._to_line(job)
            self._tell("waiting", job.id, prev="active")
        return "OK"

    def _stall(self, job: Job) -> None:
        job.stalls += 1
        self.expired.discard(job.id)
        self._tell("stalled", job.id, w=job.worker, stalls=str(job.stalls))
        job.epoch = "0"
        if job.stalls > self.max_stalled or job.cancelled:
            self._tell("failed", job.id, prev="active")
            self._ended(job, "f", "0")
        else:
            job.state = "w"
            self._tell("waiting", job.id, prev="active", reason="stalled")

    def _take(self, worker: str, request: int, want: int, epoch: str) -> list[str]:
        last = self.takes.get(worker)
        if last is not None and last[0] == request:
            return [
                job_id for job_id in last[2]
                if (job := self.jobs.get(job_id)) and job.state == "a" and job.epoch == last[1]
            ]  # fmt: skip
        room = want
        if self.max_active is not None:
            room = min(room, self.max_active - len(self.ids("a")))
        if self.paused or room <= 0:
            return []
        taken = self.line()[:room]
        for job in taken:
            self.expired.discard(job.id)
            job.state, job.epoch, job.worker, job.started = "a", epoch, worker, True
            self._tell("active", job.id, w=worker, a=str(job.made + 1))
        if taken:
            self.takes[worker] = (request, epoch, [job.id for job in taken])
        return [job.id for job in taken]

    def _revive(self, job: Job, operation: str) -> None:
        self._keep(operation, "retried", job)
        job.made = job.stalls = job.released = 0
        job.cancelled = job.started = False
        job.result = b""
        job.generation += 1
        self._to_line(job)
        self._tell("waiting", job.id, prev="failed")

    def _keep(self, operation: str, how: str, job: Job) -> None:
        if operation:
            self.trash.setdefault(operation, []).append((how, deepcopy(job), job.generation + 1))

    def _restore(self, old: Job, now: Job | None) -> None:
        made = deepcopy(old)
        if now is not None:
            made.data = now.data
        else:
            self.tombs.pop(old.id, None)
        self.jobs[old.id] = made
        if made.state == "a":
            made.state, made.cancelled = "w", False
        if made.state == "w":
            self._tell("waiting", old.id, prev="removed", reason="undo")
        elif made.state == "d":
            self._tell("delayed", old.id, reason="undo")
        else:
            self._tell("restored", old.id, state=_WORDS[made.state])

    def _drop(self, ids: Iterable[str]) -> None:
        for job_id in ids:
            del self.jobs[job_id]


_WORDS = {"w": "waiting", "a": "active", "d": "delayed", "c": "completed", "f": "failed"}
