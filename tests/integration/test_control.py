"""The operator's commands, against a real Redis: what each does, refuses and tells."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from jobdesk.broker import registry
from jobdesk.broker.connection import Broker
from jobdesk.broker.control import Control
from jobdesk.broker.exchange import Outcome
from jobdesk.broker.inspector import Inspector
from jobdesk.errors import (
    ActiveJobs,
    InvalidConcurrency,
    InvalidDelay,
    InvalidLimit,
    InvalidPriority,
    InvalidQueueName,
    InvalidRateLimit,
    InvalidState,
    JobActive,
    JobNotFound,
    QueueFull,
    QueueNotPaused,
    ScheduleNotFound,
    WrongState,
)
from jobdesk.models import JobState, QueueStats
from tests import invariants, stored
from tests.queue_builder import WORKER, QueueBuilder

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def control(broker: Broker) -> Control:
    return Control(broker)


@pytest.fixture
def jobs(broker: Broker) -> Iterator[QueueBuilder]:
    """A queue; whatever a test does to it, its invariants hold in the end."""
    builder = QueueBuilder(broker)
    yield builder
    invariants.check(broker, builder.queue)


def woken(jobs: QueueBuilder) -> bool:
    return jobs.broker.client.zcard(jobs.keys.wake) == 1


def sleep(jobs: QueueBuilder) -> None:
    jobs.broker.client.delete(jobs.keys.wake)


def count(jobs: QueueBuilder) -> QueueStats:
    return Inspector(jobs.broker).stats(jobs.queue)


def numbered(prefix: str, n: int) -> tuple[str, ...]:
    return tuple(f"{prefix}{i:04}" for i in range(n))


# --- pause and resume


def test_pausing_stops_taking_and_says_so_once(control, jobs):
    jobs.waiting("a1")

    assert control.pause_queue("thumbs") is True
    assert control.pause_queue("thumbs") is False

    assert jobs.take() == []
    assert [name for name, _, _ in jobs.events()] == ["waiting", "paused"]


def test_resuming_wakes_a_worker_and_says_so_once(control, jobs):
    control.pause_queue("thumbs")
    jobs.waiting("a1")
    sleep(jobs)

    assert control.resume_queue("thumbs") is True
    assert control.resume_queue("thumbs") is False

    assert woken(jobs)
    assert [job.id for job in jobs.take()] == ["a1"]
    assert [name for name, _, _ in jobs.events()].count("resumed") == 1


def test_a_bad_queue_name_reaches_no_script(control):
    with pytest.raises(InvalidQueueName):
        control.pause_queue("a}b")


# --- remove


@pytest.mark.parametrize("state", ["waiting", "delayed", "completed", "failed"])
def test_removing_a_job_leaves_nothing_of_it(control, jobs, state):
    getattr(jobs, state)("a1")
    jobs.broker.client.rpush(jobs.keys.log("a1"), "line")

    was = control.remove_job("thumbs", "a1")

    assert was == state
    assert invariants.check(jobs.broker, "thumbs") == {}
    assert jobs.events()[-1] == ("removed", "a1", {"prev": state})


def test_a_running_job_is_not_removed(control, jobs):
    (job,) = jobs.active("a1")

    with pytest.raises(JobActive) as caught:
        control.remove_job("thumbs", "a1")

    assert str(caught.value) == (
        f"cannot remove job a1 while it runs (worker {WORKER}, lease 30 s)"
    )
    assert jobs.finish(job) == "OK"


def test_force_removes_a_running_job_and_fences_its_worker(control, jobs):
    (job,) = jobs.active("a1")

    assert control.remove_job("thumbs", "a1", force=True) is JobState.ACTIVE
    jobs.waiting("a1")

    assert jobs.finish(job) != "OK"
    assert jobs.order() == ["a1"]
    assert ("removed", "a1", {"prev": "active", "forced": "1"}) in jobs.events()


def test_removing_what_is_not_there_is_job_not_found(control, jobs):
    with pytest.raises(JobNotFound, match="no job nope in queue thumbs"):
        control.remove_job("thumbs", "nope")


# --- retry


def test_a_retried_job_starts_over_at_the_end_of_its_priority(control, jobs):
    jobs.failed("a1", priority=2, fields={"rf": "60000:"})
    jobs.waiting("b1", priority=2)
    jobs.waiting("c1", priority=3)
    jobs.change("a1", stc=2, rel=1, ex=1)
    sleep(jobs)

    assert control.retry_job("thumbs", "a1") == 1

    record = jobs.record("a1")
    assert jobs.order() == ["b1", "a1", "c1"]
    assert record["gen"] == "1"
    assert not {"am", "stc", "rel", "er", "fon", "pon", "w", "ex"} & set(record)
    assert jobs.broker.client.zcard(jobs.keys.expire) == 0
    assert jobs.events()[-1] == ("waiting", "a1", {"prev": "failed"})
    assert woken(jobs)
    assert jobs.take()[0].id == "b1"


def test_a_retried_job_keeps_the_history_of_its_earlier_lives(control, jobs):
    jobs.failed("a1")
    control.retry_job("thumbs", "a1")
    jobs.take()

    history = Inspector(jobs.broker).job("thumbs", "a1").history

    assert [(a.generation, a.outcome) for a in history] == [(0, "failed"), (1, "active")]


@pytest.mark.parametrize("state", ["waiting", "delayed", "completed", "active"])
def test_only_a_failed_job_is_retried(control, jobs, state):
    getattr(jobs, state)("a1")

    with pytest.raises(WrongState, match=f"retry needs failed, job a1 is {state}"):
        control.retry_job("thumbs", "a1")


def test_retrying_what_is_not_there_is_job_not_found(control, jobs):
    with pytest.raises(JobNotFound):
        control.retry_job("thumbs", "nope")


def test_retry_all_takes_every_failed_job_in_batches(control, jobs):
    jobs.failed(*numbered("a", 230))
    steps = []

    touched = control.retry_all("thumbs", lambda done, total: steps.append((done, total)))

    assert (touched.count, touched.done) == (230, True)
    assert touched.ids == numbered("a", 230)
    assert steps == [(100, 230), (200, 230), (230, 230)]
    assert count(jobs).waiting == 230
    assert jobs.order() == list(numbered("a", 230))


def test_retry_all_can_be_stopped(control, jobs):
    jobs.failed(*numbered("a", 150))

    touched = control.retry_all("thumbs", lambda done, total: False)

    assert (touched.count, touched.done) == (100, False)
    assert count(jobs).failed == 50


def test_retry_all_does_not_chase_jobs_that_fail_again(control, jobs):
    jobs.failed(*numbered("a", 120))

    def fail_again(done: int, total: int) -> bool:
        # a job that failed again fails later than when the command began
        jobs.failed(f"z{done}", priority=1)
        jobs.end_at("failed", f"z{done}", 32_503_680_000_000)
        return True

    assert control.retry_all("thumbs", fail_again).count == 120


def test_retry_all_drops_a_stray_id_and_goes_on(control, jobs):
    jobs.failed("a1")
    jobs.broker.client.zadd(jobs.keys.failed, {"stray": 1})

    assert control.retry_all("thumbs").ids == ("a1",)
    assert count(jobs).failed == 0


def test_retry_all_of_nothing_wakes_nobody(control, jobs):
    assert control.retry_all("thumbs").count == 0
    assert not woken(jobs)


# --- promote, priority, data


def test_a_promoted_job_runs_now(control, jobs):
    jobs.delayed("a1")
    sleep(jobs)

    control.promote_job("thumbs", "a1")

    assert jobs.order() == ["a1"]
    assert "ra" not in jobs.record("a1")
    assert woken(jobs)
    assert jobs.events()[-1] == ("waiting", "a1", {"prev": "delayed"})


def test_a_promoted_lifo_job_goes_first(control, jobs):
    jobs.waiting("a1")
    jobs.delayed("b1", lifo=True)

    control.promote_job("thumbs", "b1")

    assert jobs.order() == ["b1", "a1"]


@pytest.mark.parametrize("state", ["waiting", "completed", "failed", "active"])
def test_only_a_delayed_job_is_promoted(control, jobs, state):
    getattr(jobs, state)("a1")

    with pytest.raises(WrongState, match=f"promote needs delayed, job a1 is {state}"):
        control.promote_job("thumbs", "a1")


def test_promoting_what_is_not_there_is_job_not_found(control, jobs):
    with pytest.raises(JobNotFound):
        control.promote_job("thumbs", "nope")


def test_a_waiting_job_joins_the_end_of_its_new_priority(control, jobs):
    jobs.waiting("a1", "b1")
    jobs.waiting("c1", priority=5)

    assert control.change_priority("thumbs", "b1", 5) is None
    assert jobs.order() == ["c1", "b1", "a1"]
    assert control.change_priority("thumbs", "b1", None) == 5
    assert jobs.order() == ["c1", "a1", "b1"]


def test_the_same_priority_keeps_the_place(control, jobs):
    jobs.waiting("a1", "b1", priority=5)

    control.change_priority("thumbs", "a1", 5)

    assert jobs.order() == ["a1", "b1"]


def test_a_delayed_job_takes_its_new_priority_along(control, jobs):
    jobs.waiting("a1")
    jobs.delayed("b1")

    control.change_priority("thumbs", "b1", 1)
    control.promote_job("thumbs", "b1")

    assert jobs.order() == ["b1", "a1"]


@pytest.mark.parametrize("state", ["active", "completed", "failed"])
def test_the_priority_of_a_job_that_left_the_line_is_not_changed(control, jobs, state):
    getattr(jobs, state)("a1")

    with pytest.raises(WrongState, match=f"needs waiting or delayed, job a1 is {state}"):
        control.change_priority("thumbs", "a1", 1)


def test_a_priority_out_of_range_or_of_no_job_is_refused(control, jobs):
    with pytest.raises(InvalidPriority):
        control.change_priority("thumbs", "a1", 11)
    with pytest.raises(JobNotFound):
        control.change_priority("thumbs", "a1", 1)


@pytest.mark.parametrize("state", ["waiting", "delayed", "completed", "failed"])
def test_the_data_of_a_job_at_rest_is_replaced(control, jobs, state):
    getattr(jobs, state)("a1")

    assert control.update_data("thumbs", "a1", b'{"path":"new"}') == state

    assert Inspector(jobs.broker).job("thumbs", "a1").data == {"path": "new"}


def test_the_data_of_a_running_job_is_not_replaced(control, jobs):
    jobs.active("a1")

    with pytest.raises(JobActive, match="cannot edit job a1 while it runs"):
        control.update_data("thumbs", "a1", b"{}")


def test_data_of_no_job_is_not_kept(control, jobs):
    with pytest.raises(JobNotFound):
        control.update_data("thumbs", "nope", b"{}")
    assert jobs.payload("nope") is None


# --- cancel


@pytest.mark.parametrize("state", ["waiting", "delayed"])
def test_a_cancelled_job_fails_at_once_with_attempts_left(control, jobs, state):
    getattr(jobs, state)("a1")

    cancelled = control.cancel_job("thumbs", "a1")

    job = Inspector(jobs.broker).job("thumbs", "a1")
    assert cancelled.at_once
    assert cancelled.state == state
    assert job.state is JobState.FAILED
    assert job.failed_reason.startswith("JobCancelled: ")
    assert job.attempts_made == 0
    assert [a.error for a in job.history] == [job.failed_reason]
    assert [e[0] for e in jobs.events()[-2:]] == ["cancelled", "failed"]
    assert Inspector(jobs.broker).figures("thumbs", 1)[0].failed == 1


def test_cancelling_a_running_job_asks_its_worker_to_stop_it(control, jobs):
    (job,) = jobs.active("a1")

    cancelled = control.cancel_job("thumbs", "a1")
    control.cancel_job("thumbs", "a1")

    assert not cancelled.at_once
    assert cancelled.worker == WORKER
    assert jobs.moves.renew(30_000, [(job.id, job.epoch)]) == ["CANCEL"]
    assert [name for name, _, _ in jobs.events()].count("cancelled") == 1
    assert Inspector(jobs.broker).rows("thumbs", "active").rows[0].cancelling


def test_a_cancelled_job_with_its_own_retention_is_kept_by_that(control, jobs):
    jobs.waiting("a1", fields={"rf": "60000:"})
    jobs.waiting("b1", fields={"rf": ":0"})

    control.cancel_job("thumbs", "a1")
    control.cancel_job("thumbs", "b1")

    assert jobs.broker.client.zcard(jobs.keys.expire) == 1
    assert invariants.check(jobs.broker, "thumbs") == {"a1": "failed"}
    assert Inspector(jobs.broker).result("thumbs", "b1").error.startswith("JobCancelled: ")


@pytest.mark.parametrize("state", ["completed", "failed"])
def test_an_ended_job_is_not_cancelled(control, jobs, state):
    getattr(jobs, state)("a1")

    with pytest.raises(WrongState, match=f"job a1 is {state}"):
        control.cancel_job("thumbs", "a1")


def test_cancelling_what_is_not_there_is_job_not_found(control, jobs):
    with pytest.raises(JobNotFound):
        control.cancel_job("thumbs", "nope")


# --- clean, empty, obliterate


@pytest.mark.parametrize("state", ["completed", "failed"])
def test_cleaning_removes_what_ended_before_the_grace(control, jobs, state):
    getattr(jobs, state)("old", "new")
    jobs.end_at(state, "old", 1_000)

    touched = control.clean_jobs("thumbs", state, grace=3600)

    assert touched.ids == ("old",)
    assert jobs.order(state) == ["new"]
    assert jobs.events()[-1] == ("cleaned", "", {"state": state, "count": "1"})


@pytest.mark.parametrize("state", ["waiting", "delayed"])
def test_cleaning_what_has_not_run_goes_by_when_it_was_added(control, jobs, state):
    ids = numbered("a", 600)
    getattr(jobs, state)(*ids)
    old = ids[::7]
    for job_id in old:
        jobs.change(job_id, ts=1_000)

    touched = control.clean_jobs("thumbs", state, grace=3600)

    assert touched.ids == old
    assert jobs.order(state) == [job_id for job_id in ids if job_id not in old]


def test_cleaning_goes_on_when_the_cursor_has_been_taken(control, jobs):
    ids = numbered("a", 600)
    jobs.waiting(*ids)
    jobs.change(ids[300], ts=1_000)
    prefix = jobs.keys.prefix
    _, done, cursor, gone, _ = jobs.broker.run("clean_jobs", prefix, "waiting", 3_600_000, 250, "")
    for _ in range(3):
        jobs.take(90)

    _, done, _, gone, _ = jobs.broker.run("clean_jobs", prefix, "waiting", 3_600_000, 250, cursor)

    assert (done, gone) == (0, [ids[300].encode()])


def test_cleaning_stops_at_its_limit(control, jobs):
    jobs.completed(*numbered("a", 300))

    touched = control.clean_jobs("thumbs", "completed", grace=0, limit=260)

    assert (touched.count, touched.done) == (260, True)
    assert count(jobs).completed == 40


def test_cleaning_waiting_jobs_stops_at_its_limit(control, jobs):
    jobs.waiting(*numbered("a", 30))

    assert control.clean_jobs("thumbs", "waiting", grace=0, limit=10).count == 10
    assert jobs.order() == list(numbered("a", 30)[10:])


def test_cleaning_can_be_stopped_and_tells_how_far_it_is(control, jobs):
    jobs.completed(*numbered("a", 300))
    steps = []

    touched = control.clean_jobs(
        "thumbs", grace=0, progress=lambda done, total: steps.append((done, total))
    )

    assert touched.count == 300
    assert steps == [(250, 300), (300, 300)]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"state": "active"}, InvalidState),
        ({"state": "nonsense"}, InvalidState),
        ({"limit": -1}, InvalidLimit),
        ({"limit": 1.5}, InvalidLimit),
        ({"grace": -1}, InvalidDelay),
        ({"grace": float("nan")}, InvalidDelay),
    ],
)
def test_cleaning_refuses_what_makes_no_sense(control, jobs, arguments, error):
    with pytest.raises(error):
        control.clean_jobs("thumbs", **{"state": "completed", **arguments})


def test_emptying_removes_waiting_and_delayed_jobs_only(control, jobs):
    jobs.active("run")
    jobs.waiting(*numbered("a", 300))
    jobs.delayed(*numbered("b", 20))

    touched = control.empty_queue("thumbs")

    assert (touched.count, touched.done) == (320, True)
    assert invariants.check(jobs.broker, "thumbs") == {"run": "active"}
    told = [(n, f) for n, _, f in jobs.events() if n in ("cleaned", "drained")]
    assert told == [
        ("cleaned", {"state": "waiting", "count": "250"}),
        ("cleaned", {"state": "waiting", "count": "50"}),
        ("cleaned", {"state": "delayed", "count": "20"}),
        ("drained", {}),
    ]


def test_emptying_an_empty_queue_says_nothing(control, jobs):
    assert control.empty_queue("thumbs").count == 0
    assert jobs.events() == []


def test_emptying_ends_though_a_producer_goes_on_adding(control, jobs):
    jobs.waiting(*numbered("a", 300))

    def add(done: int, total: int) -> None:
        jobs.waiting(*numbered(f"b{done}x", 200))

    assert control.empty_queue("thumbs", add).done
    assert count(jobs).waiting > 0


def test_obliterating_needs_a_paused_queue(control, jobs):
    jobs.waiting("a1")

    with pytest.raises(QueueNotPaused, match="pause it first"):
        control.obliterate_queue("thumbs")


def test_obliterating_running_jobs_needs_force(control, jobs):
    (job,) = jobs.active("a1")
    control.pause_queue("thumbs")

    with pytest.raises(ActiveJobs, match="1 jobs of queue thumbs are running"):
        control.obliterate_queue("thumbs")
    assert control.obliterate_queue("thumbs", force=True).count == 1
    assert jobs.finish(job) == "STALE"


def test_obliterating_leaves_the_epoch_and_nothing_else(control, jobs):
    jobs.completed(*numbered("a", 260))
    jobs.failed("f1")
    jobs.delayed("d1")
    jobs.waiting("w1")
    client, keys = jobs.broker.client, jobs.keys
    client.set(keys.lock("l"), "t")
    client.set(keys.counter("c"), 1)
    client.rpush(keys.log("w1"), "line")
    client.sadd(f"{jobs.broker.namespace}:queues", "thumbs")
    other = QueueBuilder(jobs.broker, "thumbs.old")
    other.waiting("w1")
    control.pause_queue("thumbs")

    touched = control.obliterate_queue("thumbs")

    assert (touched.count, touched.done) == (263, True)
    assert list(client.scan_iter(match=keys.prefix + "*")) == [keys.epoch.encode()]
    assert Inspector(jobs.broker).queues() == ()
    assert invariants.check(jobs.broker, "thumbs.old") == {"w1": "waiting"}


def test_obliterating_can_be_stopped_and_taken_up_again(control, jobs):
    jobs.waiting(*numbered("a", 300))
    control.pause_queue("thumbs")

    assert control.obliterate_queue("thumbs", progress=lambda *_: False).done is False
    assert count(jobs).waiting == 50
    assert control.obliterate_queue("thumbs").done


# --- limits and schedules


def test_max_active_is_set_and_lifted(control, jobs):
    control.set_max_active("thumbs", 2)
    jobs.waiting("a1", "b1", "c1")

    assert len(jobs.take(3)) == 2
    control.set_max_active("thumbs", None)
    assert len(jobs.take(3)) == 1
    assert count(jobs).max_active is None


def test_a_rate_limit_is_set_changed_and_lifted(control, jobs):
    jobs.waiting("a1", "b1", "c1")
    control.set_rate_limit("thumbs", (1, 60))

    assert count(jobs).rate_limit == (1, 60.0)
    assert len(jobs.take(3)) == 1
    assert len(jobs.take(3)) == 0
    control.set_rate_limit("thumbs", None)
    assert woken(jobs)
    assert len(jobs.take(3)) == 2
    assert count(jobs).rate_limit is None


def test_setting_one_limit_leaves_the_other(control, jobs):
    control.set_max_active("thumbs", 2)
    control.set_rate_limit("thumbs", (5, 1))
    control.set_max_active("thumbs", 3)

    stats = count(jobs)
    assert (stats.max_active, stats.rate_limit) == (3, (5, 1.0))


@pytest.mark.parametrize("bad", [0, -1, True, 1.5, "2"])
def test_a_senseless_max_active_is_refused(control, bad):
    with pytest.raises(InvalidConcurrency):
        control.set_max_active("thumbs", bad)


def test_a_senseless_rate_limit_is_refused(control):
    with pytest.raises(InvalidRateLimit):
        control.set_rate_limit("thumbs", (0, 1))


def test_a_schedule_is_paused_and_resumed(control, jobs):
    jobs.broker.client.hset(jobs.keys.sched, "nightly:spec", '{"type":"resize"}')

    assert control.pause_schedule("thumbs", "nightly") is True
    assert control.pause_schedule("thumbs", "nightly") is False
    assert Inspector(jobs.broker).schedules("thumbs")[0].paused
    assert control.resume_schedule("thumbs", "nightly") is True
    assert not Inspector(jobs.broker).schedules("thumbs")[0].paused


def test_a_schedule_that_nobody_published_is_not_paused(control, jobs):
    with pytest.raises(ScheduleNotFound, match="no schedule nope in queue thumbs"):
        control.pause_schedule("thumbs", "nope")
    assert not jobs.broker.client.exists(jobs.keys.sched)


# --- retention


def test_the_sweep_removes_ended_jobs_by_age(control, jobs):
    jobs.completed("old", "new")
    jobs.failed("f-old", "f-new")
    for state, job_id in (("completed", "old"), ("failed", "f-old")):
        jobs.end_at(state, job_id, 1_000)

    assert control.sweep("thumbs") == 2
    assert invariants.check(jobs.broker, "thumbs") == {"new": "completed", "f-new": "failed"}
    assert jobs.events()[-1] == ("cleaned", "", {"reason": "retention", "count": "2"})


def test_the_sweep_removes_ended_jobs_over_the_count(control, jobs):
    jobs.broker.client.hset(jobs.keys.meta, "rc", ":150")
    jobs.completed(*numbered("a", 100))
    jobs.broker.client.hset(jobs.keys.meta, "rc", ":20")

    assert control.sweep("thumbs") == 80
    assert jobs.order("completed") == list(numbered("a", 100)[80:])


def test_a_sweep_with_nothing_to_do_says_nothing(control, jobs):
    jobs.completed("a1")
    before = jobs.events()

    assert control.sweep("thumbs") == 0
    assert jobs.events() == before


def test_an_unlimited_retention_keeps_everything(control, jobs):
    jobs.broker.client.hset(jobs.keys.meta, mapping={"rc": ":", "rf": ":"})
    jobs.completed("old")
    jobs.end_at("completed", "old", 1_000)

    assert control.sweep("thumbs") == 0


def test_a_job_with_a_retention_of_its_own_outlives_the_queues(control, jobs):
    jobs.completed("kept", fields={"rc": ":"})
    jobs.completed("old")
    for job_id in ("kept", "old"):
        jobs.end_at("completed", job_id, 1_000)

    assert control.sweep("thumbs") == 1
    assert jobs.order("completed") == ["kept"]


def test_a_block_of_kept_jobs_does_not_stall_the_sweep(control, jobs):
    kept, old = numbered("a", 250), numbered("b", 30)
    jobs.completed(*kept, fields={"rc": ":"})
    jobs.completed(*old)
    for i, job_id in enumerate(kept + old):
        jobs.end_at("completed", job_id, 1_000 + i)

    assert control.sweep("thumbs") == 30
    assert jobs.order("completed") == list(kept)
    assert jobs.broker.run("sweep_retention", jobs.keys.prefix, ":0", ":", 100)[1] == 0


def test_a_kept_block_that_ended_in_one_millisecond_is_passed_too(control, jobs):
    kept = numbered("a", 150)
    jobs.completed(*kept, fields={"rc": ":"})
    jobs.completed("z1")
    for job_id in (*kept, "z1"):
        jobs.end_at("completed", job_id, 1_000)

    assert control.sweep("thumbs") == 1


def test_a_job_expires_by_its_own_age(control, jobs):
    jobs.completed("a1", fields={"rc": "60000:"})
    jobs.failed("b1", fields={"rf": "60000:"})
    assert control.sweep("thumbs") == 0
    jobs.broker.client.zadd(jobs.keys.expire, {"a1": 1, "b1": 1})

    assert control.sweep("thumbs") == 2
    assert invariants.check(jobs.broker, "thumbs") == {}


def test_a_stray_expiry_removes_no_job_that_has_not_ended(control, jobs):
    jobs.waiting("a1")
    jobs.broker.client.zadd(jobs.keys.expire, {"a1": 1})

    assert control.sweep("thumbs") == 0
    assert jobs.order() == ["a1"]


def test_an_own_count_is_held_to_by_the_sweep(control, jobs):
    jobs.completed(*numbered("a", 10), fields={"rc": ":3"})
    jobs.broker.client.hset(jobs.keys.meta, "rc", ":2")

    control.sweep("thumbs")

    assert jobs.order("completed") == list(numbered("a", 10)[7:])


# --- a full Redis


def test_a_full_redis_can_still_be_operated(make_server, settings):
    server = make_server()
    with Broker(settings.model_copy(update={"redis_url": server.url})) as broker:
        jobs, control = QueueBuilder(broker), Control(broker)
        jobs.failed("f1", "f2", "f3")
        jobs.completed("c1", "c2")
        (running,) = jobs.active("run")
        jobs.delayed("d1", "d2")
        jobs.waiting("w1", "w2", "w3")
        broker.client.config_set("maxmemory", 1)

        with pytest.raises(QueueFull):
            jobs.waiting("more")
        with pytest.raises(QueueFull):
            control.update_data("thumbs", "w1", b"{}")

        control.retry_job("thumbs", "f1")
        control.retry_all("thumbs")
        control.promote_job("thumbs", "d1")
        control.change_priority("thumbs", "w1", 1)
        control.cancel_job("thumbs", "w2")
        control.cancel_job("thumbs", running.id)
        control.set_max_active("thumbs", 5)
        control.remove_job("thumbs", "w3")
        control.clean_jobs("thumbs", "completed", grace=0)
        control.empty_queue("thumbs")
        control.sweep("thumbs")
        control.pause_queue("thumbs")
        control.resume_queue("thumbs")
        assert invariants.check(broker, "thumbs") == {"w2": "failed", "run": "active"}
        control.pause_queue("thumbs")
        control.obliterate_queue("thumbs", force=True)


# --- lost answers


@pytest.mark.parametrize(
    ("script", "state", "args"),
    [
        ("remove_job", "waiting", ("",)),
        ("remove_job", "active", ("1",)),
        ("retry_job", "failed", ()),
        ("promote_job", "delayed", ()),
        ("cancel_job", "waiting", ()),
        ("pause_queue", "waiting", None),
        ("change_priority", "waiting", (1,)),
        ("update_data", "waiting", (b"{}",)),
    ],
)
def test_a_command_sent_again_has_one_effect(jobs, script, state, args):
    """The broker repeats a script whose answer was lost."""
    getattr(jobs, state)("a1")
    arguments = () if args is None else ("a1", *args, "request-1")
    prefix, broker = jobs.keys.prefix, jobs.broker

    first = broker.run(script, prefix, *arguments)
    events = jobs.events()
    again = broker.run(script, prefix, *arguments)

    assert first[0] == again[0] == b"OK"
    assert jobs.events() == events


# --- what is told besides


def test_commands_log_one_line_per_event_at_debug(control, jobs, caplog):
    caplog.set_level(logging.DEBUG, "jobdesk.events")
    jobs.waiting("a1")

    control.pause_queue("thumbs")
    control.resume_queue("thumbs")
    control.remove_job("thumbs", "a1")

    lines = [r.getMessage() for r in caplog.records if r.name == "jobdesk.events"]
    assert lines == [
        "paused: queue thumbs",
        "resumed: queue thumbs",
        "removed: queue thumbs job a1, was waiting",
    ]


def test_commands_by_name_are_kept_in_the_audit(jobs):
    jobs.failed("a1")
    named = Control(jobs.broker, who="ada@desk")

    named.retry_job("thumbs", "a1")
    named.pause_queue("thumbs")
    Control(jobs.broker).resume_queue("thumbs")

    entries = [fields for _, fields in jobs.broker.client.xrange(jobs.keys.audit)]
    assert [(e[b"who"], e[b"action"], e.get(b"job")) for e in entries] == [
        (b"ada@desk", b"retry", b"a1"),
        (b"ada@desk", b"pause", None),
    ]


def test_a_stopped_finish_of_a_batch_is_not_undone_by_a_retry(control, jobs):
    """A late finish of the failed run is answered as the one that was booked."""
    (job,) = jobs.active("a1")
    jobs.finish(job, Outcome.FAILED, error="E: x", attempt='"o":"failed","w":"","err":"","tb":""}')

    control.retry_job("thumbs", "a1")

    assert jobs.finish(job, Outcome.FAILED) == "ALREADY"
    assert jobs.order() == ["a1"]


def published(broker, queue="thumbs", **more):
    registry.publish_queue(
        broker, queue,
        types={"sweep": {"schema": {"type": "object"}, "defaults": {
            "attempts": 5, "timeout": 90, "priority": 2, "backoff": "f:3000:::1",
            "remove_on_complete": True, **more,
        }}},
        schedules={"sweep": {"type": "sweep", "crontab": "0 3 * * *", "next": 1}},
        keep_completed="86400000:1000", keep_failed="172800000:", max_stalled=3,
        max_active=None, rate_limit=None,
    )  # fmt: skip


def test_a_schedule_is_run_by_what_is_published_of_it(broker, control):
    published(broker)

    job_id = control.run_schedule("thumbs", "sweep")

    job = Inspector(broker).job("thumbs", job_id)
    assert (job.state, job.type, job.data, job.priority) == ("waiting", "sweep", {}, 2)
    assert (job.options.attempts, job.options.timeout) == (5, 90)


def test_a_job_of_a_schedule_is_signed_where_payloads_are(broker, settings):
    from jobdesk.engine.codec import Codec

    secret = SecretStr("between us")
    with Broker(settings.model_copy(update={"secret": secret})) as signing:
        published(signing)
        job_id = Control(signing).run_schedule("thumbs", "sweep")
        raw = stored.payload(signing.client, signing.keys("thumbs"), job_id)

    assert Codec(b"between us").unpack(raw, "thumbs", job_id, "sweep").data == {}


def test_a_schedule_that_is_not_there_is_refused(broker, control):
    published(broker)

    with pytest.raises(ScheduleNotFound, match="no schedule 'sweeep'"):
        control.run_schedule("thumbs", "sweeep")
