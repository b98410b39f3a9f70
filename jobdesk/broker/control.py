"""The operator's commands: what the service, the command line and the dashboard do to queues.

Each is one script per job or per batch. Commands over many jobs call their script until nothing is
left, and tell a ``progress`` callback how far they are: it gets (done, total as known at the
start), and stops the command by returning ``False``. What was done by then stays done.

A command of an operator, that is, of a ``Control`` with a name, is noted in the queue's audit with
the shell command that does the same, and what it takes away can be undone for a while.

Longer than other modules, since the commands are one class: whoever holds it may do all of them.
"""

from __future__ import annotations

import logging
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from jobdesk.broker.inspector import Inspector
from jobdesk.broker.operators import audit, editing, newjobs, presence, stopping, undo
from jobdesk.broker.operators.acting import Acting, state_of, text_of
from jobdesk.broker.operators.commands import command_line
from jobdesk.broker.operators.tally import Progress, Tally, Touched
from jobdesk.broker.reading import ages, groups
from jobdesk.broker.transitions import Added, Transitions
from jobdesk.errors import (
    ActiveJobs,
    InvalidConcurrency,
    InvalidJobId,
    QueueNotPaused,
    Refused,
    ScheduleNotFound,
    UnknownType,
)
from jobdesk.models import (
    DEFAULT_OPTIONS,
    NO_PRIORITY,
    JobState,
    check_priority,
    check_queue_name,
    check_rate_limit,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from jobdesk.broker.operators.undo import Bin, Operation, Undone

#: What a script of the operator touches at most in one call.
BATCH = 250
#: What one call of ``retry_jobs`` and ``sweep_retention`` looks at.
SMALL_BATCH = 100
#: Keys of a queue that are named by others, so that only a scan finds them.
_LEFTOVERS = ("wk:", "tomb:", "op:", "stat:", "kv:", "cnt:", "lock:", "chord:", "trash:")

_events = logging.getLogger("jobdesk.events")


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What cancelling a job did."""

    #: the state in which it was found
    state: JobState
    #: the worker that runs it and will be told with its next renewal
    worker: str = ""

    @property
    def at_once(self) -> bool:
        """Whether the job has failed already; a running one does when its worker hears of it."""
        return self.state is not JobState.ACTIVE


class Control(Acting):
    """Commands on all queues of one namespace; with ``who``, each is noted in the queue's audit.

    ``undo``: whether what it takes away is kept in the trash; as a rule, if it has a ``who``.
    """

    __slots__ = ()

    # --- one job

    def remove_job(self, queue: str, job_id: str, *, force: bool = False) -> JobState:
        """Remove a job and all that is kept of it; the state in which it was.

        A running one is ``JobActive``; with ``force`` it is fenced first, so that what its worker
        still reports is refused.
        """
        bin_ = self._bin("remove")
        state = self._remove(queue, job_id, bin_, force=force)
        self._note(queue, "remove", job_id, bin_=bin_, force=force)
        return state

    def retry_job(self, queue: str, job_id: str) -> int:
        """Put a failed job back in the line with all its attempts; its new generation."""
        bin_ = self._bin("retry")
        generation = self._retry(queue, job_id, bin_)
        self._note(queue, "retry", job_id, bin_=bin_)
        return generation

    def promote_job(self, queue: str, job_id: str) -> None:
        """Let a delayed job run now."""
        answer = self._once("promote_job", queue, job_id)
        self._expect(answer, queue, job_id, "promote", "delayed")
        self._note(queue, "promote", job_id)

    def cancel_job(self, queue: str, job_id: str) -> Cancelled:
        """End a job as failed (``JobCancelled``), without retry; a running one at its next beat."""
        answer = self._once("cancel_job", queue, job_id)
        if answer[0] == b"ACTIVE":
            self._note(queue, "cancel", job_id)
            return Cancelled(JobState.ACTIVE, text_of(answer[1]))
        self._expect(answer, queue, job_id, "cancel", "waiting, delayed or active")
        _events.error("failed: queue %s job %s: JobCancelled: cancelled before it ran",
                      queue, job_id)  # fmt: skip
        self._note(queue, "cancel", job_id)
        return Cancelled(state_of(answer[1]))

    def change_priority(self, queue: str, job_id: str, priority: int | None) -> int | None:
        """Give a waiting or delayed job another priority; the one before."""
        wanted = check_priority(priority)
        answer = self._run(
            "change_priority", queue, job_id, NO_PRIORITY if wanted is None else wanted
        )
        self._expect(answer, queue, job_id, "change priority", "waiting or delayed")
        self._note(queue, "priority", job_id, priority=wanted)
        before = int(answer[1])
        return None if before == NO_PRIORITY else before

    def update_data(self, queue: str, job_id: str, payload: bytes) -> JobState:
        """Replace the encoded, maybe signed, payload of a job that does not run; its state."""
        answer = self._run("update_data", queue, job_id, payload)
        self._expect(answer, queue, job_id, "edit")
        self._note(queue, "edit", job_id)
        return state_of(answer[1])

    def edit_job(self, queue: str, job_id: str, data: Mapping[str, Any]) -> JobState:
        """Give a job that does not run other data, without its code; its state.

        What hangs on the job stays. Whether the data fits its type is for the caller to check.
        """
        return self.update_data(queue, job_id, editing.packed(self._broker, queue, job_id, data))

    def add_job(
        self, queue: str, type_: str, data: Mapping[str, Any], *, origin: str = "", **given: Any
    ) -> str:
        """Add a job of a type that workers have published; its id.

        ``origin`` is the job that it was made from; ``given`` as in ``newjobs.of_type``.
        """
        info = editing.type_of(self._broker, check_queue_name(queue), type_)
        if info is None:
            raise UnknownType(f"no worker has published the type {type_!r:.60} of {queue}")
        job = newjobs.of_type(self._broker, info, data, origin=origin, **given)
        ((what, _),) = Transitions(self._broker, queue).add([job])
        # under an id of our own making it is this one: the answer was lost, and it was sent again
        if what is not Added.ADDED and given.get("job_id"):
            raise InvalidJobId(f"queue {queue} has a job {job.id} already")
        self.operation = ""
        if self._who:
            told = {**given, "job_id": job.id, "origin": origin or None}
            audit.write(
                self._broker, queue, self._who, "add", job=job.id, count=None,
                command=command_line("add", queue, type_, **told), operation="",
            )  # fmt: skip
        return job.id

    # --- many jobs

    def remove_jobs(
        self,
        queue: str,
        ids: Sequence[str],
        *,
        force: bool = False,
        progress: Progress | None = None,
    ) -> Touched:
        """Remove these jobs as one operation; those that are gone, or run, are passed over."""

        def remove(job_id: str, bin_: Bin) -> object:
            return self._remove(queue, job_id, bin_, force=force)

        return self._each(queue, "remove", ids, remove, progress, force=force)

    def retry_jobs(
        self, queue: str, ids: Sequence[str], *, progress: Progress | None = None
    ) -> Touched:
        """Retry these jobs as one operation; those that have not failed are passed over."""

        def retry(job_id: str, bin_: Bin) -> object:
            return self._retry(queue, job_id, bin_)

        return self._each(queue, "retry", ids, retry, progress)

    def retry_group(
        self, queue: str, fingerprint: str, progress: Progress | None = None, *, limit: int = 0
    ) -> Touched:
        """Retry the failed jobs of one error group, the oldest first; ``limit`` 0: all of them.

        ``progress`` is told how many failed jobs have been looked at, of how many.
        """
        return self._on_group("retry", queue, fingerprint, progress, limit)

    def remove_group(
        self, queue: str, fingerprint: str, progress: Progress | None = None, *, limit: int = 0
    ) -> Touched:
        """Remove the failed jobs of one error group, as :meth:`retry_group` retries them."""
        return self._on_group("remove", queue, fingerprint, progress, limit)

    def retry_all(self, queue: str, progress: Progress | None = None) -> Touched:
        """Put all jobs that have failed by now back in the line, the oldest first."""
        tally, bin_ = Tally(progress), self._bin("retry all")
        before: bytes | int | str = ""
        while True:
            _, count, left, before, ids, kept = self._once(
                "retry_jobs", queue, SMALL_BATCH, before, *bin_.args()
            )
            bin_.kept(kept)
            if tally.total is None:
                tally.total = count + left
            if not tally.add(ids) or left == 0:
                break
        return self._through(queue, tally, bin_, done=left == 0)

    def clean_jobs(
        self,
        queue: str,
        state: object = JobState.COMPLETED,
        *,
        grace: float | timedelta = 86_400,
        limit: int = 0,
        progress: Progress | None = None,
    ) -> Touched:
        """Remove jobs of a state that are over ``grace`` seconds old; ``limit`` 0: all of them.

        Ended jobs are as old as their end, waiting and delayed ones as their adding.
        """
        which, span = ages.check_clean(state, grace, limit)
        keys = self._broker.keys(check_queue_name(queue))
        client: Any = self._broker.client
        with self._broker.errors("ZCARD"):
            there = int(client.zcard(keys.state(which)))
        tally = Tally(progress, min(there, limit) if limit else there)
        bin_ = self._bin(f"clean {which}")
        cursor, done = b"", False
        while not done:
            room = min(BATCH, limit - tally.count) if limit else BATCH
            _, ended, cursor, ids, kept = self._once(
                "clean_jobs", queue, which.value, round(span * 1000), room, cursor, *bin_.args()
            )
            bin_.kept(kept)
            done = bool(ended) or (limit > 0 and tally.count + len(ids) >= limit)
            if not tally.add(ids):
                break
        if tally.count:
            _events.debug("cleaned: queue %s, %d %s jobs", queue, tally.count, which)
        return self._through(
            queue, tally, bin_, done=done, state=which.value, grace=span, limit=limit
        )

    def empty_queue(self, queue: str, progress: Progress | None = None) -> Touched:
        """Remove the waiting and the delayed jobs; those added meanwhile may stay."""
        tally, bin_ = Tally(progress), self._bin("empty")
        while True:
            _, count, left, kept = self._once("empty_queue", queue, BATCH, *bin_.args())
            bin_.kept(kept)
            if tally.total is None:
                tally.total = count + left
            # with a busy producer the queue is never empty: as many as there were will do
            through = left == 0 or tally.count + count >= tally.total
            if not tally.add_count(count) or through:
                break
        if tally.count:
            _events.debug("cleaned: queue %s, %d waiting and delayed jobs", queue, tally.count)
        return self._through(queue, tally, bin_, done=through)

    def obliterate_queue(
        self, queue: str, *, force: bool = False, progress: Progress | None = None
    ) -> Touched:
        """Delete a paused queue with everything in it. Running jobs need ``force``.

        Its epoch stays, so that a worker that was running one of its jobs cannot pass for the
        owner of a later one. The name stays known for as long as workers register it.
        """
        keys = self._broker.keys(check_queue_name(queue))
        pipe = self._broker.pipeline()
        for state in ("waiting", "active", "delayed", "completed", "failed"):
            pipe.zcard(keys.state(state))
        with self._broker.errors("ZCARD"):
            tally = Tally(progress, sum(pipe.execute()))
        while True:
            answer = self._once("obliterate_queue", queue, BATCH, "1" if force else "")
            word = answer[0]
            if word == b"NOTPAUSED":
                raise QueueNotPaused(f"queue {queue} is not paused: pause it first")
            if word == b"ACTIVE":
                raise ActiveJobs(
                    f"{answer[1]} jobs of queue {queue} are running: wait for them, or use force"
                )
            if not tally.add_count(answer[1]) or answer[2]:
                break
        if answer[2]:
            self._delete_leftovers(keys.prefix)
            self._forget(queue)
            _events.debug("cleaned: queue %s, obliterated", queue)
        return tally.touched(done=bool(answer[2]))

    def sweep(self, queue: str, calls: int = 1000) -> int:
        """Remove ended jobs that are kept no longer, ``calls`` times 100 at most; how many."""
        removed = 0
        defaults = (
            DEFAULT_OPTIONS.remove_on_complete.encode(),
            DEFAULT_OPTIONS.remove_on_fail.encode(),
        )
        for _ in range(calls):
            _, count, more = self._run("sweep_retention", queue, *defaults, SMALL_BATCH)
            removed += count
            if not more:
                break
        if removed:
            _events.debug("cleaned: queue %s, %d jobs by retention", queue, removed)
        return removed

    # --- the queue

    def pause_queue(self, queue: str) -> bool:
        """Take no more jobs of this queue, on any worker; False when it was paused already."""
        return self._switch("pause_queue", queue, "paused")

    def resume_queue(self, queue: str) -> bool:
        """Take jobs again; False when the queue was not paused."""
        return self._switch("resume_queue", queue, "resumed")

    def set_max_active(self, queue: str, max_active: int | None) -> None:
        """How many jobs of this queue may run at once over all workers; None: as many as may."""
        if max_active is not None and (
            isinstance(max_active, bool) or not isinstance(max_active, int) or max_active < 1
        ):
            raise InvalidConcurrency(
                f"max_active must be an integer of 1 or more, or None, got {max_active!r}"
            )
        self._run("set_limits", queue, "" if max_active is None else max_active, "-", "-")
        self._note(queue, f"max_active {max_active}", max_active=max_active)

    def set_rate_limit(self, queue: str, limit: tuple[int, float | timedelta] | None) -> None:
        """At most ``(jobs, seconds)``: so many may start in such a span; None lifts the limit."""
        pair = check_rate_limit(limit)
        self._run("set_limits", queue, "-", *(("", "") if pair is None else pair))
        self._note(queue, f"rate_limit {limit}", rate_limit=limit)

    def pause_schedule(self, queue: str, name: str) -> bool:
        """Let a schedule's slots pass without a run; False when it was paused already."""
        return self._switch_schedule(queue, name, pause=True)

    def resume_schedule(self, queue: str, name: str) -> bool:
        """Let a schedule fire again; False when it was not paused."""
        return self._switch_schedule(queue, name, pause=False)

    def run_schedule(self, queue: str, name: str) -> str:
        """Add a schedule's job now, whatever its slots say; its id.

        By what its workers have published: their code is not needed.
        """
        inspector = Inspector(self._broker)
        found = next((one for one in inspector.schedules(queue) if one.name == name), None)
        if found is None:
            raise ScheduleNotFound(f"no schedule {name!r:.60} in queue {queue}")
        info = next((one for one in inspector.types(queue) if one.name == found.type), None)
        if info is None:
            raise UnknownType(f"no worker has published the type {found.type!r:.60} of {queue}")
        job = newjobs.of_type(self._broker, info, {})
        Transitions(self._broker, queue).add([job])
        self._note(queue, "run schedule", name)
        return job.id

    # --- undo, and who is there

    def stop_worker(self, worker: str, *, kill: bool = False) -> stopping.Stopped:
        """Tell a worker of this machine to stop, or ``kill`` it; see :mod:`broker.stopping`."""
        return stopping.stop(self._broker, self._who, worker, kill=kill)

    def undo(self, queue: str, operation_id: str, progress: Progress | None = None) -> Undone:
        """Bring back what one of the last commands took away; raises ``OperationNotFound``.

        A removed job is as it was (one that ran waits), unless a job of its id exists again. A
        retried one has failed again, unless a worker has taken it.
        """
        undone = undo.undo(self._broker, queue, operation_id, progress)
        self._note(queue, "undo", operation_id, count=len(undone.restored))
        return undone

    def last_operations(self, queue: str, limit: int = 10) -> tuple[Operation, ...]:
        """The commands on a queue that can be undone, the newest first."""
        return undo.operations(self._broker, queue, limit)

    def no_undo(self, queue: str, count: int) -> str:
        """Why a command that changes ``count`` jobs could not be undone; "" when it can."""
        return undo.refusal(self._broker, queue, count)

    def seen(self, who: str = "") -> None:
        """Say that this operator is at work; to be repeated every ten seconds."""
        presence.seen(self._broker, who or self._who)

    def left(self, who: str = "") -> None:
        """Say that this operator has left."""
        presence.left(self._broker, who or self._who)

    # ---

    def _remove(self, queue: str, job_id: str, bin_: Bin, *, force: bool) -> JobState:
        forced, request = "1" if force else "", secrets.token_hex(8)
        answer = self._run("remove_job", queue, job_id, forced, request, *bin_.args())
        self._expect(answer, queue, job_id, "remove")
        bin_.kept(answer[2])
        state = state_of(answer[1])
        _events.debug("removed: queue %s job %s, was %s", queue, job_id, state)
        return state

    def _retry(self, queue: str, job_id: str, bin_: Bin) -> int:
        answer = self._run("retry_job", queue, job_id, secrets.token_hex(8), *bin_.args())
        self._expect(answer, queue, job_id, "retry", "failed")
        bin_.kept(answer[2])
        return int(answer[1])

    def _each(
        self,
        queue: str,
        action: str,
        ids: Sequence[str],
        act: Callable[[str, Bin], object],
        progress: Progress | None,
        **options: Any,
    ) -> Touched:
        """Do something to each of these jobs, and to those for which it is not refused."""
        tally, bin_, done = Tally(None, len(ids)), self._bin(action), True
        for at, job_id in enumerate(ids, 1):
            with suppress(Refused):
                act(job_id, bin_)
                tally.add([job_id.encode()])
                self._note(queue, action, job_id, bin_=bin_, **options)
            if progress is not None and progress(at, len(ids)) is False:
                done = at == len(ids)
                break
        return tally.touched(done=done, operation=bin_.id)

    def _on_group(
        self, verb: str, queue: str, fingerprint: str, progress: Progress | None, limit: int
    ) -> Touched:
        bin_ = self._bin(f"{verb} group")
        touched = groups.act(
            self._broker, f"{verb}_group", queue, fingerprint, bin_, progress=progress, limit=limit
        )
        if verb == "remove" and touched.count:
            _events.debug("cleaned: queue %s, %d failed jobs of a group", queue, touched.count)
        self._note(queue, f"{verb} group", fingerprint, bin_=bin_, count=touched.count, limit=limit)
        return touched

    def _through(
        self, queue: str, tally: Tally, bin_: Bin, *, done: bool, **options: Any
    ) -> Touched:
        """Note a command over many jobs, and say what it did."""
        touched = tally.touched(done=done, operation=bin_.id)
        bin_.id = touched.operation
        self._note(queue, bin_.action, bin_=bin_, count=touched.count, **options)
        return touched

    def _switch(self, script: str, queue: str, event: str) -> bool:
        changed = bool(self._run(script, queue)[1])
        if changed:
            _events.debug("%s: queue %s", event, queue)
            self._note(queue, script.removesuffix("_queue"))
        return changed

    def _switch_schedule(self, queue: str, name: str, *, pause: bool) -> bool:
        answer = self._run("pause_schedule", queue, name, "1" if pause else "")
        if answer[0] == b"NOTFOUND":
            raise ScheduleNotFound(f"no schedule {name} in queue {queue}")
        self._note(queue, "pause schedule" if pause else "resume schedule", name)
        return bool(answer[1])

    def _delete_leftovers(self, prefix: str) -> None:
        client: Any = self._broker.client
        with self._broker.errors("SCAN"):
            found: list[bytes] = []
            for key in client.scan_iter(match=f"{prefix}*", count=BATCH):
                if key[len(prefix) :].startswith(tuple(s.encode() for s in _LEFTOVERS)):
                    found.append(key)
                if len(found) >= BATCH:
                    client.unlink(*found)
                    found.clear()
            if found:
                client.unlink(*found)

    def _forget(self, queue: str) -> None:
        from jobdesk.broker import keys

        client: Any = self._broker.client
        with self._broker.errors("SREM"):
            client.srem(keys.queues(self._broker.namespace), queue)
