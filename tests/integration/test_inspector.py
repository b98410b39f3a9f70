"""Reads: right, in the original's order, bounded, and paged without repeats or losses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from jobdesk.broker import keys as key_names
from jobdesk.broker.control import Control
from jobdesk.broker.exchange import Outcome
from jobdesk.broker.inspector import Inspector
from jobdesk.errors import (
    InvalidCursor,
    InvalidLimit,
    InvalidState,
    JobNotFound,
    PageTooLarge,
    ResultGone,
)
from jobdesk.models import Backoff, JobState, QueueStats, Retention
from tests import invariants
from tests.queue_builder import WORKER, QueueBuilder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobdesk.broker.connection import Broker


@pytest.fixture
def inspector(broker: Broker) -> Inspector:
    return Inspector(broker)


@pytest.fixture
def jobs(broker: Broker) -> Iterator[QueueBuilder]:
    builder = QueueBuilder(broker)
    yield builder
    invariants.check(broker, builder.queue)


def ids(page) -> list[str]:
    return [row.id for row in page.rows]


def spread(jobs: QueueBuilder, state: str, *names: str) -> None:
    """Give ended jobs ends of their own, the first ended first."""
    for i, job_id in enumerate(names):
        jobs.end_at(state, job_id, 1_000 + i)


def numbered(n: int) -> tuple[str, ...]:
    return tuple(f"a{i:04}" for i in range(n))


# --- queues


def test_queues_are_the_registered_names(inspector, broker):
    assert inspector.queues() == ()
    broker.client.sadd(key_names.queues(broker.namespace), "pdf", "email")
    assert inspector.queues() == ("email", "pdf")


def test_what_cannot_name_a_queue_is_none(inspector, broker):
    names = key_names.queues(broker.namespace)
    broker.client.sadd(names, "pdf", "e\x1b[31mvil", "[/foo]", b"\xff", "", "x" * 65)
    assert inspector.queues() == ("pdf",)


def test_stats_count_every_state(inspector, jobs):
    jobs.completed("c1", "c2", "c3")
    jobs.failed("f1", "f2")
    jobs.active("a1")
    jobs.waiting("w1", "w2")
    jobs.delayed("d1")
    Control(jobs.broker).pause_queue("thumbs")

    assert inspector.stats("thumbs") == QueueStats(
        name="thumbs", waiting=2, active=1, completed=3, failed=2, delayed=1, paused=True
    )


def test_stats_of_all_queues_come_in_the_order_of_their_names(inspector, jobs, broker):
    jobs.waiting("w1")
    broker.client.sadd(key_names.queues(broker.namespace), "thumbs", "email")

    assert [(s.name, s.waiting) for s in inspector.all_stats()] == [("email", 0), ("thumbs", 1)]
    assert [s.name for s in inspector.all_stats(["thumbs"])] == ["thumbs"]
    assert inspector.all_stats([]) == ()


# --- pages by number


def test_waiting_jobs_are_listed_next_first(inspector, jobs):
    jobs.waiting("a1", "b1")
    jobs.waiting("c1", priority=1)
    jobs.waiting("d1", lifo=True)

    page = inspector.rows("thumbs", "waiting")

    assert ids(page) == ["c1", "d1", "a1", "b1"]
    assert ids(inspector.rows("thumbs", "paused")) == ids(page)
    assert [row.priority for row in page.rows] == [1, None, None, None]
    assert (page.total, page.cursor) == (4, None)


@pytest.mark.parametrize("state", ["completed", "failed"])
def test_ended_jobs_are_listed_newest_first(inspector, jobs, state):
    getattr(jobs, state)("a1", "b1", "c1")
    spread(jobs, state, "a1", "b1", "c1")

    assert ids(inspector.rows("thumbs", state)) == ["c1", "b1", "a1"]


def test_delayed_jobs_are_listed_next_first(inspector, jobs):
    jobs.delayed("late", delay_ms=90_000)
    jobs.delayed("soon", delay_ms=30_000)

    page = inspector.rows("thumbs", "delayed")

    assert ids(page) == ["soon", "late"]
    assert page.rows[1].run_at_ms - page.rows[0].run_at_ms >= 59_000


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, 0, [0]),
        (1, 2, [1, 2]),
        (0, -1, [0, 1, 2, 3, 4]),
        (-2, -1, [3, 4]),
        (-100, 1, [0, 1]),
        (3, 100, [3, 4]),
        (5, 9, []),
        (2, 1, []),
        (0, -6, []),
    ],
)
def test_start_and_end_are_inclusive_and_may_count_from_the_end(
    inspector, jobs, start, end, expected
):
    jobs.waiting(*numbered(5))

    page = inspector.rows("thumbs", "waiting", start, end)

    assert ids(page) == [numbered(5)[i] for i in expected]
    assert page.total == 5


def test_a_page_over_a_thousand_rows_is_refused(inspector, jobs):
    with pytest.raises(PageTooLarge, match=r"1,001 rows asked for, at most 1,000"):
        inspector.rows("thumbs", "waiting", 0, 1000)
    jobs.waiting(*numbered(1001))
    with pytest.raises(PageTooLarge):
        inspector.rows("thumbs", "waiting", 0, -1)
    assert len(inspector.rows("thumbs", "waiting", 1, -1).rows) == 1000
    with pytest.raises(PageTooLarge):
        inspector.rows_after("thumbs", "waiting", None, 1001)


def test_an_unknown_state_is_refused(inspector):
    with pytest.raises(InvalidState):
        inspector.rows("thumbs", "running")


def test_a_row_that_vanished_meanwhile_is_left_out(inspector, jobs):
    jobs.waiting("a1")
    jobs.broker.client.zadd(jobs.keys.wait, {"stray": 1})

    page = inspector.rows("thumbs", "waiting")
    jobs.broker.client.zrem(jobs.keys.wait, "stray")

    assert ids(page) == ["a1"]


def test_a_row_shows_a_running_job_and_its_lease(inspector, jobs):
    (taken,) = jobs.active("a1")
    jobs.moves.progress("a1", taken.epoch, "40")

    (row,) = inspector.rows("thumbs", "active").rows

    assert (row.worker, row.progress, row.type, row.attempts) == (WORKER, 40, "resize", 3)
    assert row.lease_ms == pytest.approx(row.started_ms + 30_000, abs=1000)
    assert row.finished_ms is None


def test_a_delayed_job_with_a_failed_attempt_is_retrying(inspector, jobs):
    (taken,) = jobs.active("a1")
    jobs.finish(
        taken, Outcome.RETRY, error="E: x", attempt='"o":"retrying","err":"E: x"}', delay_ms=9000
    )
    jobs.delayed("b1")

    retrying = {row.id: row.retrying for row in inspector.rows("thumbs", "delayed").rows}

    assert retrying == {"a1": True, "b1": False}


# --- pages by cursor


def walk(inspector: Inspector, state: str, limit: int) -> list[str]:
    found, cursor = [], None
    while True:
        page = inspector.rows_after("thumbs", state, cursor, limit)
        found += ids(page)
        cursor = page.cursor
        if cursor is None:
            return found


@pytest.mark.parametrize("state", ["waiting", "delayed", "completed", "failed"])
@pytest.mark.parametrize("limit", [1, 7, 50])
def test_a_walk_by_cursor_meets_every_job_once_in_order(inspector, jobs, state, limit):
    getattr(jobs, state)(*numbered(50))

    expected = ids(inspector.rows("thumbs", state, 0, 99))

    assert walk(inspector, state, limit) == expected
    assert len(set(expected)) == 50


@pytest.mark.parametrize("state", ["delayed", "completed"])
def test_a_walk_passes_a_crowd_that_shares_one_score(inspector, jobs, state):
    getattr(jobs, state)(*numbered(300))
    jobs.broker.client.zadd(jobs.keys.state(state), dict.fromkeys(numbered(300), 5_000))

    assert walk(inspector, state, 10) == ids(inspector.rows("thumbs", state, 0, 299))


def test_a_cursor_holds_its_place_while_the_queue_moves(inspector, jobs):
    jobs.waiting(*numbered(10))
    page = inspector.rows_after("thumbs", "waiting", None, 4)

    jobs.take(3)
    jobs.waiting("z1", priority=1)

    assert ids(inspector.rows_after("thumbs", "waiting", page.cursor, 4)) == list(numbered(10)[4:8])


@pytest.mark.parametrize("state", ["delayed", "completed"])
def test_a_cursor_whose_job_is_gone_goes_on_in_its_crowd(inspector, jobs, state):
    getattr(jobs, state)(*numbered(100))
    jobs.broker.client.zadd(jobs.keys.state(state), dict.fromkeys(numbered(100), 5_000))
    everything = ids(inspector.rows("thumbs", state, 0, 99))
    page = inspector.rows_after("thumbs", state, None, 60)
    Control(jobs.broker).remove_job("thumbs", page.rows[-1].id)

    assert ids(inspector.rows_after("thumbs", state, page.cursor, 10)) == everything[60:70]


def test_a_page_by_number_gives_a_cursor_to_go_on_with(inspector, jobs):
    jobs.waiting(*numbered(6))

    page = inspector.rows("thumbs", "waiting", 0, 2)

    assert ids(inspector.rows_after("thumbs", "waiting", page.cursor)) == list(numbered(6)[3:])


@pytest.mark.parametrize("cursor", ["", "x", "????", "MXw", "bm9uc2Vuc2U", "é", 7])
def test_a_cursor_that_is_none_is_refused(inspector, cursor):
    with pytest.raises(InvalidCursor):
        inspector.rows_after("thumbs", "waiting", cursor)


def test_a_cursor_of_another_list_is_refused(inspector, jobs):
    jobs.waiting("a1", "b1")
    cursor = inspector.rows_after("thumbs", "waiting", None, 1).cursor

    with pytest.raises(InvalidCursor, match="of another list than delayed"):
        inspector.rows_after("thumbs", "delayed", cursor)


def test_no_rows_are_read_for_a_limit_of_none(inspector, jobs):
    jobs.waiting("a1")

    assert inspector.rows_after("thumbs", "waiting", None, 0).rows == ()
    assert inspector.rows_after("thumbs", "waiting", None, 0).total == 1
    with pytest.raises(InvalidLimit):
        inspector.rows_after("thumbs", "waiting", None, -1)


# --- all states


def test_the_heads_of_all_states_come_in_the_order_of_the_states(inspector, jobs):
    jobs.completed("c1")
    jobs.failed("f1")
    jobs.active("a1")
    jobs.waiting("w1")
    jobs.delayed("d1")

    page = inspector.heads("thumbs")

    assert ids(page) == ["w1", "a1", "d1", "c1", "f1"]
    assert page.total == 5


def test_the_heads_share_out_the_rows_there_are(inspector, jobs):
    jobs.waiting(*numbered(30))
    jobs.delayed("d1")

    page = inspector.heads("thumbs", 10)

    assert ids(page) == [*numbered(9), "d1"]
    assert page.total == 31
    assert inspector.heads("thumbs", 0).total == 31
    with pytest.raises(PageTooLarge):
        inspector.heads("thumbs", 2001)


# --- one job


def test_a_job_is_shown_with_everything_kept_of_it(inspector, jobs):
    fields = {"to": 60_000, "rc": "3600000:5", "rf": ":", "ex": 4_102_444_800_000}
    (first,) = jobs.active("a1", priority=2, fields=fields)
    jobs.moves.log("a1", first.epoch, ["one", "two"])
    attempt = json.dumps(
        {"o": "retrying", "w": WORKER, "err": "E: once", "tb": "Traceback: E: once"}
    )[1:]
    jobs.finish(first, Outcome.RETRY, error="E: once", attempt=attempt, progress="50")
    (again,) = jobs.take()
    jobs.finish(again, value=b'{"path":"a.jpg"}')

    job = inspector.job("thumbs", "a1")

    assert job.state is JobState.COMPLETED
    assert job.data == {"path": "a1"}
    assert job.return_value == {"path": "a.jpg"}
    assert (job.priority, job.attempts_made, job.progress) == (2, 2, 50)
    assert job.failed_reason in {"E: once", ""}
    assert (job.error, job.failed_reason) == ("", "")
    assert job.log == ("one", "two")
    assert job.stacktrace == ("Traceback: E: once",)
    assert [(a.number, a.outcome) for a in job.history] == [(1, "retrying"), (2, "completed")]
    assert job.options.timeout == 60
    assert job.options.attempts == 3
    assert job.options.backoff == Backoff.exponential(2)
    assert job.options.remove_on_complete == Retention(age_ms=3_600_000, count=5)
    assert job.options.remove_on_fail == Retention()
    assert job.options.expires.year == 2100


def test_a_failed_job_tells_its_reason_in_full(inspector, jobs):
    jobs.failed("a1", error="ValueError: no")

    job = inspector.job("thumbs", "a1")

    assert job.error == "ValueError: no"
    assert job.failed_reason == "ValueError: no, in full"
    assert job.return_value is None


def test_a_delayed_jobs_options_say_when_it_runs(inspector, jobs):
    jobs.delayed("a1")

    job = inspector.job("thumbs", "a1")

    assert job.options.run_at.timestamp() * 1000 == pytest.approx(job.run_at_ms)
    assert job.history == ()


@pytest.mark.parametrize(
    ("raw", "extras", "signed"),
    [
        (b'{"a":1}', {}, False),
        (b'[{"a":1},{"then":[]}]', {"then": []}, False),
        (b's1.k1.c2ln.{"a":1}', {}, True),
        (b's1.k1.c2ln.[{"a":1},{"x":2}]', {"x": 2}, True),
    ],
)
def test_a_payload_is_read_whatever_wraps_it(inspector, jobs, raw, extras, signed):
    jobs.waiting("a1", payload=raw)

    payload = inspector.payload("thumbs", "a1")

    assert (payload.data, payload.extras, payload.signed) == ({"a": 1}, extras, signed)
    assert inspector.job("thumbs", "a1").data == {"a": 1}


@pytest.mark.parametrize("raw", [b"\x80\x04pickle", b"s1.broken", b"[1,2,3]"])
def test_a_payload_that_cannot_be_read_is_shown_as_it_is(inspector, jobs, raw):
    jobs.waiting("a1", payload=raw)

    assert inspector.payload("thumbs", "a1").broken
    assert inspector.job("thumbs", "a1").data is not None


def test_a_record_with_nonsense_in_it_is_shown_all_the_same(inspector, jobs):
    jobs.waiting("a1")
    jobs.change("a1", bk="?", to="soon", rc="x:y", pg="half", ex="never", at="9999")

    job = inspector.job("thumbs", "a1")

    assert (job.progress, job.attempts) == ("half", 9999)


def test_what_is_not_there_is_job_not_found(inspector):
    for read in (inspector.job, inspector.status, inspector.payload):
        with pytest.raises(JobNotFound, match="no job nope in queue thumbs"):
            read("thumbs", "nope")


def test_a_status_has_the_originals_fields(inspector, jobs):
    jobs.completed("c1", value=[1])
    jobs.failed("f1")

    done, failed = inspector.status("thumbs", "c1"), inspector.status("thumbs", "f1")

    assert (done.state, done.return_value, done.failed_reason) == ("completed", [1], None)
    assert done.timestamp <= done.processed_on <= done.finished_on
    assert (failed.failed_reason, failed.attempts_made) == ("ValueError: no, in full", 1)
    assert failed.stacktrace == ("Traceback …",)


def test_a_waiting_job_of_a_paused_queue_has_the_status_paused(inspector, jobs):
    jobs.waiting("a1")
    Control(jobs.broker).pause_queue("thumbs")

    assert inspector.status("thumbs", "a1").state is JobState.PAUSED
    assert inspector.job("thumbs", "a1").state is JobState.WAITING


# --- results


def test_results_tell_how_a_job_ended(inspector, jobs):
    jobs.completed("c1", value={"x": 1})
    jobs.failed("f1")
    jobs.waiting("w1")

    done, failed, waits = (inspector.result("thumbs", i) for i in ("c1", "f1", "w1"))

    assert done.ended
    assert json.loads(done.result) == {"x": 1}
    assert failed.ended
    assert (failed.error, failed.traceback) == (
        "ValueError: no, in full",
        "Traceback …",
    )
    assert not waits.ended
    assert waits.state is JobState.WAITING


def test_the_result_of_a_job_removed_on_completion_is_still_told(inspector, jobs):
    jobs.completed("c1", value="a b c", fields={"rc": ":0"})
    jobs.failed("f1", fields={"rf": ":0"})

    assert json.loads(inspector.result("thumbs", "c1").result) == "a b c"
    assert inspector.result("thumbs", "f1").error.startswith("ValueError: no")


def test_a_result_that_is_kept_no_longer_is_gone(inspector, jobs):
    jobs.active("a1")
    Control(jobs.broker).remove_job("thumbs", "a1", force=True)

    with pytest.raises(ResultGone, match="removed while it ran"):
        inspector.result("thumbs", "a1")
    with pytest.raises(ResultGone, match="not kept any more"):
        inspector.result("thumbs", "nope")


# --- workers, schedules, types, figures


def test_workers_are_shown_while_their_report_lives(inspector, broker):
    namespace, client = broker.namespace, broker.client
    client.zadd(key_names.workers(namespace), {"w1": 1, "w2": 2, "dead": 3})
    for worker, host in (("w1", "a"), ("w2", "b")):
        told = {
            "id": worker, "host": host, "pid": 7, "queues": ["thumbs"], "slots": 4,
            "in_hand": {"thumbs": ["a1"]}, "version": "1", "started_ms": 1, "beat_ms": 2,
        }  # fmt: skip
        client.set(key_names.worker_info(namespace, worker), json.dumps(told))

    found = inspector.workers()

    assert [(w.id, w.host, w.pid) for w in found] == [("w2", "b", 7), ("w1", "a", 7)]
    assert found[0].in_hand == {"thumbs": ("a1",)}
    assert [w.id for w in inspector.workers(1)] == []


def test_a_worker_of_another_release_is_shown_as_far_as_it_reads(inspector, broker):
    broker.client.zadd(key_names.workers(broker.namespace), {"w1": 1, "w2": 1})
    broker.client.set(key_names.worker_info(broker.namespace, "w1"), b"nonsense")
    broker.client.set(key_names.worker_info(broker.namespace, "w2"), b'{"queues":1,"in_hand":[]}')

    assert [(w.id, w.slots, w.queues) for w in inspector.workers()] == [
        ("w2", 0, ()), ("w1", 0, ()),
    ]  # fmt: skip


def test_schedules_and_types_are_what_workers_published(inspector, jobs):
    client, keys = jobs.broker.client, jobs.keys
    spec = {"type": "resize", "crontab": "0 3 * * *", "next": 4_000_000_000_000}
    client.hset(
        keys.sched, mapping={"b:spec": json.dumps(spec), "b": 1000, "a:spec": "{}", "a:paused": 1}
    )
    client.hset(keys.types, "resize", json.dumps({"schema": {"type": "object"}, "doc": "Resizes."}))

    first, second = inspector.schedules("thumbs")
    (kind,) = inspector.types("thumbs")

    assert (first.name, first.paused, first.last_ms) == ("a", True, None)
    assert (second.type, second.crontab, second.last_ms, second.next_ms) == (
        "resize", "0 3 * * *", 1000, 4_000_000_000_000,
    )  # fmt: skip
    assert (kind.name, kind.schema, kind.doc) == ("resize", {"type": "object"}, "Resizes.")


def test_figures_count_what_happened_this_minute(inspector, jobs):
    jobs.completed("c1", "c2")
    jobs.failed("f1")

    minutes = inspector.figures("thumbs", 2)
    hours = inspector.hourly_figures("thumbs", 2)

    assert len(minutes) == 2
    for spans in (minutes, hours):
        assert sum(f.added for f in spans) == 3
        assert sum(f.completed for f in spans) == 2
        assert sum(f.failed for f in spans) == 1
        latest = next(f for f in reversed(spans) if f.completed)
        assert latest.run.p50 <= latest.run.p95 <= latest.run.p99 < 10_000
    assert jobs.broker.client.ttl(jobs.keys.figures("m", minutes[-1].start_ms // 60_000)) > 86_000
    assert inspector.figures("thumbs", 0) == ()
    with pytest.raises(PageTooLarge):
        inspector.figures("thumbs", 1441)


# --- bounds


def test_no_read_costs_more_with_more_jobs(inspector, jobs, broker):
    """What is asked of Redis is the same for 10 jobs and for 3,000, and no scan is among it."""

    def commands() -> dict[str, int]:
        broker.client.config_resetstat()
        inspector.stats("thumbs")
        inspector.all_stats(["thumbs"])
        page = inspector.rows("thumbs", "waiting", 0, 4)
        inspector.rows_after("thumbs", "waiting", page.cursor, 5)
        inspector.job("thumbs", "a0001")
        inspector.result("thumbs", "a0001")
        stats = broker.client.info("commandstats")
        return {name: told["calls"] for name, told in stats.items() if "config" not in name}

    jobs.waiting(*numbered(10))
    few = commands()
    jobs.waiting(*(f"b{i}" for i in range(3000)))
    many = commands()

    assert many == few
    assert not {"cmdstat_keys", "cmdstat_scan", "cmdstat_hscan", "cmdstat_zscan"} & set(many)
