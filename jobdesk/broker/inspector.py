"""Bounded reads: what the service, the command line and the dashboard show.

Every read costs as much as what it shows, with a million jobs as with ten: no KEYS, no SCAN, no
range without a limit. Nothing here writes, or starts anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jobdesk.broker import endings, published, records
from jobdesk.broker.endings import Ending
from jobdesk.broker.keys import Meta, QueueKeys
from jobdesk.broker.operators import audit as audit_module
from jobdesk.broker.operators import presence
from jobdesk.broker.reading import asking, paging, window
from jobdesk.broker.reading import groups as groups_module
from jobdesk.broker.server.rounds import carry_out
from jobdesk.errors import JobNotFound, PageTooLarge
from jobdesk.models import (
    NO_PRIORITY,
    STORED_STATES,
    TERMINAL_STATES,
    Job,
    JobRow,
    JobState,
    JobStatus,
    Page,
    QueueStats,
    ScheduleInfo,
    TypeInfo,
    WorkerInfo,
    check_queue_name,
    check_state,
    when,
)

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker
    from jobdesk.broker.operators.audit import AuditEntry
    from jobdesk.broker.operators.presence import Operator
    from jobdesk.broker.reading.figures import Figures
    from jobdesk.broker.reading.groups import ErrorGroup

MAX_PAGE = 1000
#: Whole jobs, whose data may be large, in one round trip.
MAX_WHOLE = 50
MAX_MINUTES = 1440
MAX_HOURS = 192
#: A priority's share of the scores of `wait`, as include/place.lua hands them out.
CLASS = 2**44
#: Rows that "all states" merges from the heads of the sets, at most.
MAX_HEADS = 2000


class Inspector:
    """Reads of all queues of one namespace."""

    __slots__ = ("_broker",)

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    # --- queues

    def queues(self) -> tuple[str, ...]:
        """The names of the queues that a worker has registered, sorted."""
        return carry_out(self._broker, asking.queues(self._broker))

    def stats(self, queue: str) -> QueueStats:
        """The counts of one queue; a queue that nobody has used yet is empty."""
        (found,) = self.all_stats((queue,))
        return found

    def all_stats(self, queues: Iterable[str] | None = None) -> tuple[QueueStats, ...]:
        """The counts of all queues, or of those named, in one round trip."""
        names = self.queues() if queues is None else tuple(check_queue_name(q) for q in queues)
        return carry_out(self._broker, asking.stats(self._broker, names))

    def priorities(self, queue: str) -> Mapping[int | None, int]:
        """How many jobs wait in each priority that has any, the first to run first; None: none."""
        keys = self._broker.keys(check_queue_name(queue))
        pipe = self._broker.pipeline()
        for priority in range(1, NO_PRIORITY + 1):
            pipe.zcount(keys.wait, priority * CLASS, f"({(priority + 1) * CLASS}")
        found = enumerate(self._execute(pipe), 1)
        return {None if p == NO_PRIORITY else p: count for p, count in found if count}

    # --- lists

    def rows(self, queue: str, state: object, start: int = 0, end: int = 10) -> Page[JobRow]:
        """Jobs ``start`` to ``end`` (inclusive) of a state, negative numbers counting from the end.

        Waiting, active and delayed: next first; completed and failed: newest first. Over 1,000
        rows is ``PageTooLarge``.
        """
        which, keys = check_state(state), self._broker.keys(check_queue_name(queue))
        start, end = paging.check_place(start), paging.check_place(end)
        total: int | None = None
        if start < 0 or end < 0:
            with self._broker.errors("ZCARD"):
                total = int(self._client.zcard(keys.state(which)))
            start = max(0, total + start) if start < 0 else start
            end = total + end if end < 0 else min(end, total - 1)
        if end - start + 1 > MAX_PAGE:
            raise PageTooLarge(
                f"{end - start + 1:,} rows asked for, at most {MAX_PAGE:,} fit a page:"
                " narrow start and end"
            )
        if end < start:
            return Page(rows=(), total=self._total(keys, which) if total is None else total)
        pipe = self._broker.pipeline()
        pipe.zcard(keys.state(which))
        pipe.zrange(keys.state(which), start, end, desc=which in TERMINAL_STATES, withscores=True)
        total, found = self._execute(pipe)
        cursor = paging.cursor(which, found[-1]) if found and start + len(found) < total else None
        return Page(rows=self._rows(queue, keys, found), total=total, cursor=cursor)

    def rows_after(
        self, queue: str, state: object, cursor: str | None = None, limit: int = 50
    ) -> Page[JobRow]:
        """The next ``limit`` jobs behind ``cursor``, in the order of :meth:`rows`.

        The cursor is a place in the order and not a number, so that rows neither come twice nor
        are left out while the queue moves. A cursor of another list is ``InvalidCursor``.
        """
        which, keys = check_state(state), self._broker.keys(check_queue_name(queue))
        paging.check_limit(limit, MAX_PAGE)
        name, backwards = keys.state(which), which in TERMINAL_STATES
        pipe = self._broker.pipeline()
        pipe.zcard(name)
        if limit <= 0:
            return Page(rows=(), total=self._total(keys, which))
        if cursor is None:
            pipe.zrange(name, 0, limit, desc=backwards, withscores=True)
            total, found = self._execute(pipe)
        else:
            score, job_id = paging.read_cursor(which, cursor)
            first = limit + 1 + paging.TIES
            if backwards:
                pipe.zrevrangebyscore(name, score, "-inf", 0, first, withscores=True)
            else:
                pipe.zrangebyscore(name, score, "+inf", 0, first, withscores=True)
            total, raw = self._execute(pipe)
            found = paging.behind(raw, score, job_id, backwards)
            if len(found) <= limit and len(raw) == first:
                found = self._past_ties(name, score, job_id, limit + 1, backwards)
        more = len(found) > limit
        found = found[:limit]
        return Page(
            rows=self._rows(queue, keys, found),
            total=total,
            cursor=paging.cursor(which, found[-1]) if more else None,
        )

    def _past_ties(
        self, name: str, score: int, job_id: bytes, limit: int, backwards: bool
    ) -> list[tuple[bytes, float]]:
        """What follows the cursor when more jobs than a page share its score."""
        with self._broker.errors("ZRANK"):
            rank = (self._client.zrevrank if backwards else self._client.zrank)(name, job_id)
            if rank is None:
                before = f"({score}"
                bounds = (before, "+inf") if backwards else ("-inf", before)
                rank = int(self._client.zcount(name, *bounds)) - 1
            found: list[tuple[bytes, float]] = []
            while len(found) < limit:
                raw = self._client.zrange(
                    name, rank + 1, rank + MAX_PAGE, desc=backwards, withscores=True
                )
                found += paging.behind(raw, score, job_id, backwards)
                rank += MAX_PAGE
                if len(raw) < MAX_PAGE:
                    break
        return found

    def window(
        self,
        queue: str,
        state: object,
        *,
        anchor: str | None = None,
        anchor_place: int = 0,
        offset: int = 0,
        limit: int = 50,
        reverse: bool = False,
    ) -> window.Window:
        """``limit`` rows from place ``offset`` on, in the order of :meth:`rows`, or its reverse.

        ``anchor`` is a job that stood at ``anchor_place``: if it stands elsewhere by now, the
        window moves along with it; if it has left the list, the window stays.
        """
        which = check_state(state)
        return window.read(
            self._broker, window.Look(queue, which, offset, limit, anchor, anchor_place, reverse)
        )

    def heads(self, queue: str, limit: int = MAX_HEADS) -> Page[JobRow]:
        """The heads of all states in the order of the states, ``limit`` rows at most in all.

        There is no index over all states: ``total`` says how many jobs there are, and the rows
        are all of them only where that many fit.
        """
        keys = self._broker.keys(check_queue_name(queue))
        paging.check_limit(limit, MAX_HEADS)
        if limit <= 0:
            return Page(rows=(), total=sum(_counts(self.stats(queue))))
        pipe = self._broker.pipeline()
        for state in STORED_STATES:
            pipe.zcard(keys.state(state))
        counts: list[int] = self._execute(pipe)
        shares = paging.shares(counts, limit)
        pipe = self._broker.pipeline()
        for state, share in zip(STORED_STATES, shares, strict=True):
            # an empty range, where a state has no share, keeps the answers in step
            pipe.zrange(
                keys.state(state), 0 if share else 1, share - 1 if share else 0,
                desc=state in TERMINAL_STATES, withscores=True,
            )  # fmt: skip
        found = [entry for answer in self._execute(pipe) for entry in answer]
        return Page(rows=self._rows(queue, keys, found), total=sum(counts))

    def _rows(
        self, queue: str, keys: QueueKeys, found: Sequence[tuple[bytes, float]]
    ) -> tuple[JobRow, ...]:
        """The rows of ids; one that vanished since is left out, one that moved shows where."""
        if not found:
            return ()
        pipe = self._broker.pipeline()
        ids = [records.text(raw) for raw, _ in found]
        for job_id in ids:
            records.ask(pipe, keys, job_id)
        made = (
            records.row(queue, job_id, values, int(score))
            for job_id, values, (_, score) in zip(ids, self._execute(pipe), found, strict=True)
        )
        return tuple(row for row in made if row is not None)

    # --- one job

    def job(self, queue: str, job_id: str, *, log_lines: int = MAX_PAGE) -> Job:
        """A job with everything kept of it; raises ``JobNotFound``.

        ``data`` is parsed only: a signature is for the engine to check.
        """
        for found in self.jobs(queue, (job_id,), log_lines=log_lines):
            return found
        raise _not_found(queue, job_id)

    def jobs(self, queue: str, ids: Sequence[str], *, log_lines: int = 0) -> tuple[Job, ...]:
        """Whole jobs, as :meth:`job` reads one; those that are gone are left out."""
        check_queue_name(queue)
        paging.check_limit(log_lines, MAX_PAGE)
        made: list[Job] = []
        for start in range(0, len(ids), MAX_WHOLE):
            part = ids[start : start + MAX_WHOLE]
            made += carry_out(self._broker, asking.jobs(self._broker, queue, part, log_lines))
        return tuple(made)

    def payload(self, queue: str, job_id: str) -> records.Payload:
        """A job's payload: data, extras, and whether it is signed; raises ``JobNotFound``."""
        keys = self._broker.keys(check_queue_name(queue))
        pipe = self._broker.pipeline()
        records.ask(pipe, keys, job_id)
        records.ask_aside(pipe, keys, job_id)
        values, aside = self._execute(pipe)
        if values[0] is None:
            raise _not_found(queue, job_id)
        return records.payload(records.raw_values(values, aside)[0])

    def status(self, queue: str, job_id: str) -> JobStatus:
        """The original's status of a job; *paused* for a waiting one of a paused queue."""
        keys = self._broker.keys(check_queue_name(queue))
        pipe = self._broker.pipeline()
        records.ask(pipe, keys, job_id)
        records.ask_aside(pipe, keys, job_id)
        pipe.lrange(keys.attempts(job_id), -10, -1)
        pipe.hget(keys.meta, Meta.PAUSED)
        values, aside, attempts, paused = self._execute(pipe)
        row = records.row(queue, job_id, values)
        if row is None:
            raise _not_found(queue, job_id)
        state, (_, result) = row.state, records.raw_values(values, aside)
        past = [records.attempt(raw) for raw in attempts]
        return JobStatus(
            id=job_id,
            queue=queue,
            type=row.type,
            state=JobState.PAUSED if paused == b"1" and state is JobState.WAITING else state,
            progress=row.progress,
            return_value=records.json_value(result) if state is JobState.COMPLETED else None,
            failed_reason=records.reason(state, row.error, past) or None,
            attempts_made=row.attempts_made,
            timestamp=when(row.added_ms),
            processed_on=when(row.started_ms),
            finished_on=when(row.finished_ms),
            stacktrace=tuple(a.traceback for a in past if a.traceback),
        )

    def result(self, queue: str, job_id: str) -> Ending:
        """How a job ended, or its state so far.

        A job removed when it ended is answered for five more minutes; then, and for one that an
        operator removed, this raises ``ResultGone``.
        """
        keys = self._broker.keys(check_queue_name(queue))
        pipe = self._broker.pipeline()
        records.ask(pipe, keys, job_id)
        records.ask_aside(pipe, keys, job_id)
        pipe.lrange(keys.attempts(job_id), -1, -1)
        pipe.get(keys.tombstone(job_id))
        values, aside, last, tombstone = self._execute(pipe)
        row = records.row(queue, job_id, values)
        if row is None:
            return endings.buried(queue, job_id, tombstone)
        state, (_, result) = row.state, records.raw_values(values, aside)
        if state is not JobState.FAILED:
            return Ending(state=state, result=result if state is JobState.COMPLETED else None)
        past = [records.attempt(raw) for raw in last]
        return Ending(
            state=state,
            error=records.reason(state, row.error, past),
            traceback=past[-1].traceback if past else "",
        )

    # --- workers, schedules, types, errors

    def workers(self, limit: int = MAX_PAGE, *, lost: bool = False) -> tuple[WorkerInfo, ...]:
        """The workers that have reported themselves lately, the latest first.

        ``lost``: also those of the last ten minutes that vanished without a word.
        """
        paging.check_limit(limit, MAX_PAGE)
        if limit <= 0:
            return ()
        return carry_out(self._broker, asking.workers(self._broker, limit, lost=lost))

    def schedules(self, queue: str) -> tuple[ScheduleInfo, ...]:
        """The schedules that the workers of a queue have published, by name."""
        return carry_out(self._broker, asking.schedules(self._broker, (check_queue_name(queue),)))

    def types(self, queue: str) -> tuple[TypeInfo, ...]:
        """The types that the workers of a queue have published, by name."""
        keys = self._broker.keys(check_queue_name(queue))
        with self._broker.errors("HGETALL"):
            stored: Mapping[bytes, bytes] = self._client.hgetall(keys.types)
        made = (published.type_info(queue, name, raw) for name, raw in stored.items())
        return tuple(sorted(made, key=lambda info: info.name))

    def groups(self, queue: str, limit: int = 50) -> tuple[ErrorGroup, ...]:
        """Failures of a queue by their cause, the one that came last first; at most 200."""
        return groups_module.read(self._broker, queue, limit)

    # --- operators

    def audit(self, queue: str, count: int = 50) -> tuple[AuditEntry, ...]:
        """The last commands of operators on a queue, the newest first; at most 1,000."""
        return audit_module.read(self._broker, queue, count)

    def present(self) -> tuple[Operator, ...]:
        """The operators who have been at work in the last 30 seconds, the latest first."""
        return presence.present(self._broker)

    # --- figures

    def figures(self, queue: str, minutes: int = 60) -> tuple[Figures, ...]:
        """Per minute, the oldest first, the current minute last; at most 24 hours."""
        paging.check_limit(minutes, MAX_MINUTES)
        return self._figures(queue, "m", 60_000, minutes)

    def hourly_figures(self, queue: str, hours: int = 24) -> tuple[Figures, ...]:
        """Per hour, the oldest first, the current hour last; at most 8 days."""
        paging.check_limit(hours, MAX_HOURS)
        return self._figures(queue, "h", 3_600_000, hours)

    def _figures(self, queue: str, unit: str, span_ms: int, count: int) -> tuple[Figures, ...]:
        check_queue_name(queue)
        if count <= 0:
            return ()
        last = self.now_ms() // span_ms
        wanted = [(queue, number) for number in range(last - count + 1, last + 1)]
        return tuple(carry_out(self._broker, asking.figures(self._broker, wanted, unit)).values())

    def now_ms(self) -> int:
        """The Redis server's clock, by which everything here is timed."""
        return carry_out(self._broker, asking.clock(self._broker))

    # ---

    @property
    def _client(self) -> Any:
        return self._broker.client

    def _total(self, keys: QueueKeys, state: JobState) -> int:
        with self._broker.errors("ZCARD"):
            return int(self._client.zcard(keys.state(state)))

    def _execute(self, pipe: Any) -> list[Any]:
        with self._broker.errors("read"):
            answers: list[Any] = pipe.execute()
        return answers


def _counts(stats: QueueStats) -> tuple[int, ...]:
    return stats.waiting, stats.active, stats.delayed, stats.completed, stats.failed


def _not_found(queue: str, job_id: str) -> JobNotFound:
    return JobNotFound(f"no job {job_id} in queue {queue}")
