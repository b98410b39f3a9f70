"""Every guard of the Lua scripts, directly: what would happen without it, does not.

`make mutants` takes each guard away in turn and runs what is marked with its name here, which
must fail. So each test is short, speaks to the scripts themselves, and names its guards.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from jobdesk.broker.exchange import Finish, Outcome, Taken
from jobdesk.models import NewJob
from tests import invariants, stored
from tests.chaos import guards
from tests.queue_builder import LEASE_MS, WORKER, QueueBuilder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobdesk.broker.connection import Broker

guard = pytest.mark.guard
OTHER = "host:2:w"
DAY_MS = 86_400_000


class Queue(QueueBuilder):
    """A queue whose scripts are called as they are."""

    def call(self, script: str, *args: Any) -> Any:
        """The answer of one script, as text."""
        return _text(self.broker.run(script, self.keys.prefix, *args))

    def meta(self, **fields: Any) -> None:
        self.broker.client.hset(self.keys.meta, mapping=fields)

    def names(self) -> list[str]:
        """The names of all events so far."""
        return [name for name, _, _ in self.events()]

    def state(self, job_id: str) -> str:
        """Where a job is; '' where it is not."""
        return invariants.check(self.broker, self.queue).get(job_id, "")

    def woken(self) -> bool:
        return bool(self.broker.client.zcard(self.keys.wake))

    def sleep(self) -> None:
        self.broker.client.delete(self.keys.wake)

    def stall(self, *ids: str) -> None:
        """Let leases end, and a worker look."""
        self.broker.client.zadd(self.keys.active, dict.fromkeys(ids, 1))
        self.moves.exchange(OTHER, 0, 0, LEASE_MS, housekeeping=True)

    def calls(self, command: str) -> int:
        """How often the server has run a command."""
        told: Any = self.broker.client.info("commandstats")
        return int(told.get(f"cmdstat_{command}", {}).get("calls", 0))


def _text(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, list):
        return [_text(each) for each in value]
    return value


@pytest.fixture
def jobs(broker: Broker) -> Iterator[Queue]:
    """A queue; whatever a test does to it, its invariants hold in the end."""
    made = Queue(broker)
    yield made
    invariants.check(broker, made.queue)


# --- all of them


def test_every_early_return_stands_behind_a_guard():
    untagged = {
        guards.name_of(path): lines
        for path in guards.files()
        if (lines := guards.untagged_returns(path.read_text("utf-8")))
    }

    assert untagged == {}


def test_an_early_return_without_a_guard_is_seen():
    text = (
        "local function f(a)\n  for i = 1, 2 do\n    if a then\n      return 1\n    end\n  end\nend"
    )

    assert guards.untagged_returns(text) == [4]
    assert guards.untagged_returns(text.replace("then", "then -- guard: a")) == []


def test_every_guard_has_a_name_of_its_own_and_a_test(request):
    names = [str(each) for each in guards.all_guards()]
    marked = {
        name
        for item in request.session.items
        if item.path == request.path
        for mark in item.iter_markers("guard")
        for name in mark.args
    }

    assert len(names) == len(set(names))
    if request.config.option.keyword or "::" in " ".join(request.config.args):
        pytest.skip("only some of the tests are here")
    assert set(names) == marked


# --- adding


@guard("include/add:duplicate")
def test_an_id_that_is_there_is_added_once(jobs):
    jobs.waiting("a1")

    assert jobs.moves.add([_job("a1", payload=b'{"other":1}')])[0][0] == "DUP"

    assert jobs.payload("a1") == b'{"path": "a1"}'
    assert jobs.order() == ["a1"]
    assert jobs.names() == ["waiting", "duplicated"]


@guard("include/record:not_ascii")
def test_the_payload_of_an_id_outside_ascii_is_where_a_client_looks_for_it(jobs):
    jobs.waiting("jobé")

    assert jobs.payload("jobé") == json.dumps({"path": "jobé"}).encode()


# --- taking


@guard("exchange_jobs:paused")
def test_nothing_is_taken_while_paused(jobs):
    jobs.waiting("a1")
    jobs.call("pause_queue")

    assert jobs.take() == []


@guard("exchange_jobs:max_active")
def test_no_more_than_the_queues_limit_run_at_once(jobs):
    jobs.waiting("a1", "a2", "a3")
    jobs.meta(max_active=2)

    assert len(jobs.take(3)) == 2


@guard("exchange_jobs:rate_limit")
def test_no_more_than_the_rate_are_taken_in_its_time(jobs):
    jobs.waiting("a1", "a2", "a3")
    jobs.meta(limit_jobs=2, limit_ms=60_000)

    assert len(jobs.take(3)) == 2
    assert jobs.take(3) == []


@guard("exchange_jobs:same_window")
def test_what_nobody_has_begun_leaves_its_part_of_the_rate_to_others(jobs):
    jobs.waiting("a1", "a2", "a3", "a4", "a5")
    jobs.meta(limit_jobs=2, limit_ms=300)
    first, second = jobs.take(2)
    assert jobs.finish(first, Outcome.UNBEGUN) == "OK"

    (again,) = jobs.take(2)
    assert again.id == first.id

    time.sleep(0.32)
    jobs.take(2)  # of the next window, in which the second job does not count
    assert jobs.finish(second, Outcome.UNBEGUN) == "OK"
    assert jobs.take(2) == []


@guard("exchange_jobs:replay")
def test_a_take_that_is_sent_again_gets_the_same_jobs(jobs):
    jobs.waiting("a1", "a2")

    first = jobs.moves.exchange(WORKER, 7, 1, LEASE_MS).jobs
    again = jobs.moves.exchange(WORKER, 7, 1, LEASE_MS).jobs

    assert first == again
    assert jobs.order() == ["a2"]


@guard("exchange_jobs:replayed_and_gone")
def test_a_take_that_is_sent_again_gets_no_job_that_another_has_by_now(jobs):
    jobs.waiting("a1")
    jobs.moves.exchange(WORKER, 7, 1, LEASE_MS)
    jobs.stall("a1")
    (taken,) = jobs.moves.exchange(OTHER, 1, 1, LEASE_MS).jobs

    assert jobs.moves.exchange(WORKER, 7, 1, LEASE_MS).jobs == []
    assert jobs.finish(taken) == "OK"


@guard("exchange_jobs:corrupt")
def test_a_job_without_data_fails_by_name_and_the_next_is_taken(jobs):
    jobs.waiting("a1", "a2")
    stored.lose_payload(jobs.broker.client, jobs.keys, "a1")

    assert [job.id for job in jobs.take(2)] == ["a2"]
    assert jobs.record("a1")["er"] == "CorruptRecord: no data"
    jobs.call("remove_job", "a1", "", "r1", "")


@guard("include/promote:no_record")
def test_an_id_without_a_record_is_dropped_when_it_is_due(jobs):
    jobs.broker.client.zadd(jobs.keys.delayed, {"stray": 1})

    assert jobs.take() == []
    assert jobs.order() == []


@guard("include/events:no_events")
def test_where_nothing_happens_no_number_is_drawn(jobs):
    before = jobs.calls("incrby")
    jobs.take()

    assert jobs.calls("incrby") == before


@guard("exchange_jobs:nothing_to_wake_for")
def test_nobody_is_woken_for_an_empty_queue_nor_for_a_paused_one(jobs):
    jobs.waiting("a1")
    jobs.take()
    jobs.sleep()
    jobs.take()

    assert not jobs.woken()

    jobs.waiting("a2")
    jobs.call("pause_queue")
    jobs.sleep()
    jobs.take()

    assert not jobs.woken()


# --- ending


@guard("include/record:no_result", "include/record:inline")
@pytest.mark.parametrize("value", [None, b"1", b"1" * 2000])
def test_a_result_is_kept_as_it_came_and_none_is_none(jobs, value):
    (job,) = jobs.active("a1")
    jobs.finish(job, value=value or b"")

    assert stored.result(jobs.broker.client, jobs.keys, "a1") == value
    lies_in = jobs.broker.client.hget(jobs.keys.record("a1"), "a1:")
    assert (b"\n1" in lies_in) is (value == b"1")


@guard("exchange_jobs:completed")
@pytest.mark.parametrize("progress", ["", "50"])
def test_a_completed_job_is_completed(jobs, progress):
    (job,) = jobs.active("a1")

    assert jobs.finish(job, value=b"1", progress=progress) == "OK"
    assert jobs.state("a1") == "completed"


def _zombie(jobs: Queue, **options: Any) -> tuple[Taken, Taken]:
    """A job, taken by one worker, who slept through its lease, and by another."""
    (old,) = jobs.active("a1", **options)
    jobs.stall("a1")
    (new,) = jobs.moves.exchange(OTHER, 1, 1, LEASE_MS).jobs
    return old, new


@guard("exchange_jobs:fence_complete")
def test_who_lost_its_lease_completes_nothing(jobs):
    old, new = _zombie(jobs)

    assert jobs.finish(old, value=b'"old"') == "STALE"
    assert jobs.finish(new, value=b'"new"') == "OK"
    assert jobs.names().count("completed") == 1


@guard("exchange_jobs:fence")
@pytest.mark.parametrize(
    "outcome", [Outcome.FAILED, Outcome.RETRY, Outcome.AGAIN, Outcome.REFUSED, Outcome.RELEASED,
                Outcome.NOT_DUE],
)  # fmt: skip
def test_who_lost_its_lease_ends_nothing_otherwise(jobs, outcome):
    old, new = _zombie(jobs)
    before = jobs.record("a1")

    assert jobs.finish(old, outcome, attempt='"o":"failed"}', value=b"1") == "STALE"
    assert jobs.record("a1") == before
    assert jobs.finish(new) == "OK"


@guard("exchange_jobs:booked")
@pytest.mark.parametrize("outcome", [Outcome.COMPLETED, Outcome.FAILED])
def test_an_end_that_is_sent_again_was_booked_already(jobs, outcome):
    (job,) = jobs.active("a1")
    jobs.finish(job, outcome, attempt='"o":"failed"}')
    before = jobs.names()

    assert jobs.finish(job, outcome, attempt='"o":"failed"}') == "ALREADY"
    assert jobs.names() == before


@guard("exchange_jobs:booked_and_gone", "exchange_jobs:not_kept", "exchange_jobs:plain")
def test_the_end_of_a_job_that_is_not_kept_is_known_when_sent_again(jobs):
    (job,) = jobs.active("a1", fields={"rc": ":0"})

    assert jobs.finish(job) == "OK"
    assert jobs.state("a1") == ""
    assert jobs.finish(job) == "ALREADY"


def test_the_end_of_a_job_that_an_operator_removed_is_stale(jobs):
    (job,) = jobs.active("a1")
    jobs.call("remove_job", "a1", "1", "r1", "")

    assert jobs.finish(job) == "STALE"


@guard("exchange_jobs:released_too_often")
def test_the_twenty_first_release_counts_as_a_stall(jobs):
    (job,) = jobs.active("a1")
    for _ in range(20):
        jobs.finish(job, Outcome.RELEASED, attempt='"o":"released"}')
        (job,) = jobs.take()
    assert "stalled" not in jobs.names()

    jobs.finish(job, Outcome.RELEASED, attempt='"o":"released"}')

    assert jobs.names().count("stalled") == 1


def test_what_nobody_has_begun_may_come_back_as_often_as_it_likes(jobs):
    (job,) = jobs.active("a1")
    for _ in range(30):
        assert jobs.finish(job, Outcome.UNBEGUN) == "OK"
        (job,) = jobs.take()

    assert "stalled" not in jobs.names()
    assert "rel" not in jobs.record("a1")
    assert (job.attempts_made, job.stalls) == (0, 0)
    assert jobs.finish(job) == "OK"


@guard("exchange_jobs:cancelled")
@pytest.mark.parametrize(
    "outcome",
    [Outcome.RETRY, Outcome.AGAIN, Outcome.RELEASED, Outcome.UNBEGUN, Outcome.NOT_DUE],
)
def test_a_cancelled_job_does_not_run_again_whatever_its_worker_reports(jobs, outcome):
    (job,) = jobs.active("a1")
    jobs.call("cancel_job", "a1", "r1")

    assert jobs.finish(job, outcome, attempt='"o":"retrying"}', value=b"1") == "OK"
    assert jobs.state("a1") == "failed"
    assert jobs.record("a1")["er"] == "JobCancelled: cancelled by an operator"
    assert jobs.names().count("failed") == 1


@guard("exchange_jobs:refused_adds", "exchange_jobs:refused_outgoing")
def test_a_refused_end_brings_nothing_after_it(jobs):
    old, new = _zombie(jobs)

    assert jobs.finish(old, adds=[_job("next")], outgoing=[b"{}"]) == "STALE"
    assert jobs.order() == []
    assert jobs.broker.client.llen(jobs.keys.outgoing) == 0
    assert jobs.finish(new, adds=[_job("next")], outgoing=[b"{}"]) == "OK"
    assert jobs.order() == ["next"]
    assert jobs.broker.client.llen(jobs.keys.outgoing) == 1


@guard("exchange_jobs:not_drained")
def test_drained_is_told_when_nothing_is_left_and_not_before(jobs):
    first, second = jobs.active("a1", "a2")
    jobs.finish(first)
    assert "drained" not in jobs.names()
    jobs.finish(first)
    jobs.finish(second)

    assert jobs.names().count("drained") == 1


# --- leases


@guard("exchange_jobs:housekeeping")
def test_only_who_keeps_house_takes_jobs_from_others(jobs):
    jobs.active("a1")
    jobs.broker.client.zadd(jobs.keys.active, {"a1": 1})

    jobs.moves.exchange(OTHER, 1, 1, LEASE_MS)
    assert jobs.order("active") == ["a1"]

    jobs.moves.exchange(OTHER, 2, 0, LEASE_MS, housekeeping=True)
    assert jobs.order("active") == []


@guard("include/stall:not_active")
def test_a_stray_id_among_the_leases_is_dropped(jobs):
    jobs.completed("a1")
    before = jobs.record("a1")
    jobs.stall("a1", "stray")

    assert jobs.record("a1") == before
    assert "stalled" not in jobs.names()


@guard("include/stall:stalled_out")
def test_a_job_that_stalls_too_often_fails(jobs):
    jobs.meta(max_stalled=1)
    jobs.active("a1")
    jobs.stall("a1")
    assert jobs.state("a1") == "waiting"
    jobs.take()
    jobs.stall("a1")

    assert jobs.state("a1") == "failed"
    assert jobs.names().count("failed") == 1


@guard("renew_leases:fence")
def test_a_lease_is_renewed_by_its_holder_only(jobs):
    old, new = _zombie(jobs)
    jobs.broker.client.zadd(jobs.keys.active, {"a1": 9})

    assert jobs.moves.renew(LEASE_MS, [("a1", old.epoch)]) == ["STALE"]
    assert jobs.broker.client.zscore(jobs.keys.active, "a1") == 9
    assert jobs.moves.renew(LEASE_MS, [("a1", new.epoch)]) == ["OK"]


@guard("report_progress:fence")
def test_progress_is_reported_by_the_holder_only(jobs):
    old, new = _zombie(jobs)

    assert jobs.moves.progress("a1", old.epoch, "50") == "STALE"
    assert "pg" not in jobs.record("a1")
    assert jobs.moves.progress("a1", new.epoch, "50") == "OK"


@guard("append_log:fence")
def test_the_log_is_written_by_the_holder_only(jobs):
    old, new = _zombie(jobs)

    assert jobs.moves.log("a1", old.epoch, ["line"]) == "STALE"
    assert jobs.broker.client.exists(jobs.keys.log("a1")) == 0
    assert jobs.moves.log("a1", new.epoch, ["line"]) == "OK"


@guard("release_worker:anothers")
def test_only_what_the_dead_worker_held_is_given_back(jobs):
    jobs.waiting("a1", "a2")
    jobs.take()
    jobs.moves.exchange(OTHER, 1, 1, LEASE_MS)

    assert jobs.moves.release_worker(WORKER) == 1
    assert jobs.order("active") == ["a2"]


# --- retention


@guard("include/deletion:none", "sweep_retention:not_ended")
def test_only_an_ended_job_expires(jobs):
    jobs.waiting("a1")
    jobs.broker.client.zadd(jobs.keys.expire, {"a1": 1})

    assert jobs.call("sweep_retention", "", "", 100) == ["OK", 0, 0]
    assert jobs.state("a1") == "waiting"


def test_nothing_is_looked_for_where_nothing_has_ended(jobs):
    assert jobs.call("sweep_retention", f"{DAY_MS}:", "", 100) == ["OK", 0, 0]


@guard("include/retention:nothing_to_trim")
def test_a_sweep_with_nothing_to_do_reads_the_oldest_only(jobs):
    jobs.completed("a1")
    before = jobs.calls("zrange")

    assert jobs.call("sweep_retention", f"{DAY_MS}:", "", 100) == ["OK", 0, 0]
    assert jobs.calls("zrange") - before == 1


@guard("include/retention:kept")
def test_a_job_that_is_to_be_kept_outlives_the_queues_policy(jobs):
    jobs.completed("own", fields={"rc": f"{DAY_MS}:"})
    jobs.end_at("completed", "own", 1000)
    jobs.completed("a1", "a2", "a3")

    jobs.call("sweep_retention", ":1", "", 100)

    assert jobs.order("completed") == ["own", "a3"]


@guard("include/retention:not_kept")
def test_a_cancelled_job_that_is_not_to_be_kept_is_gone(jobs):
    jobs.waiting("a1", fields={"rf": ":0"})

    assert jobs.call("cancel_job", "a1", "r1") == ["OK", "w"]
    assert jobs.state("a1") == ""


@guard("include/retention:nothing_beyond")
def test_a_job_with_a_count_of_its_own_that_is_not_reached_costs_no_look(jobs):
    (job,) = jobs.active("a1", fields={"rc": ":3"})
    before = jobs.calls("zrange")
    jobs.finish(job)

    assert jobs.calls("zrange") - before == 1  # what is due next


@guard("include/retention:kept_own")
def test_a_count_of_ones_own_removes_no_job_without_one(jobs):
    jobs.completed("a1")
    jobs.completed("a2", "a3", fields={"rc": ":1"})

    assert jobs.order("completed") == ["a1", "a3"]


# --- the operator's commands: what is not there, or not so


@guard("remove_job:exists", "retry_job:exists", "promote_job:exists", "cancel_job:exists",
       "change_priority:exists", "update_data:exists", "undo_operation:exists",
       "include/record:no_spec")  # fmt: skip
@pytest.mark.parametrize(
    ("script", "args"),
    [
        ("remove_job", ("a1", "", "r1", "", "", "")),
        ("retry_job", ("a1", "r1", "", "", "")),
        ("promote_job", ("a1", "r1")),
        ("cancel_job", ("a1", "r1")),
        ("change_priority", ("a1", 3)),
        ("update_data", ("a1", "{}")),
        ("undo_operation", ("never", 100, "r1")),
    ],
)
def test_what_is_not_there_is_not_found_and_not_made(jobs, script, args):
    assert jobs.call(script, *args) == ["NOTFOUND"]
    kept = jobs.broker.client.keys(jobs.keys.prefix + "*")
    assert kept == []


@guard("pause_schedule:exists")
def test_a_schedule_that_nobody_published_is_not_paused(jobs):
    assert jobs.call("pause_schedule", "nightly", "1") == ["NOTFOUND"]
    jobs.broker.client.hset(jobs.keys.sched, "nightly:spec", "{}")
    assert jobs.call("pause_schedule", "nightly", "1") == ["OK", 1]
    assert jobs.call("pause_schedule", "nightly", "1") == ["OK", 0]
    assert jobs.call("pause_schedule", "nightly", "") == ["OK", 1]


@guard("retry_job:failed")
def test_only_a_failed_job_is_retried(jobs):
    jobs.completed("a1")

    assert jobs.call("retry_job", "a1", "r1", "", "", "") == ["STATE", "c"]
    assert jobs.state("a1") == "completed"


@guard("promote_job:delayed")
def test_only_a_delayed_job_is_promoted(jobs):
    jobs.completed("a1")

    assert jobs.call("promote_job", "a1", "r1") == ["STATE", "c"]
    assert jobs.state("a1") == "completed"


@guard("cancel_job:ended")
@pytest.mark.parametrize("state", ["completed", "failed"])
def test_an_ended_job_is_not_cancelled(jobs, state):
    getattr(jobs, state)("a1")

    assert jobs.call("cancel_job", "a1", "r1") == ["STATE", state[0]]
    assert jobs.state("a1") == state


@guard("cancel_job:active")
def test_a_running_job_is_marked_and_stays_its_workers(jobs):
    (job,) = jobs.active("a1")

    assert jobs.call("cancel_job", "a1", "r1")[:2] == ["ACTIVE", WORKER]
    assert jobs.state("a1") == "active"
    assert jobs.moves.renew(LEASE_MS, [("a1", job.epoch)]) == ["CANCEL"]


@guard("change_priority:queued")
def test_a_job_that_runs_keeps_its_priority(jobs):
    jobs.active("a1")

    assert jobs.call("change_priority", "a1", 3) == ["STATE", "a"]
    assert "p" not in jobs.record("a1")


@guard("change_priority:change")
def test_the_priority_a_job_has_already_costs_it_no_place(jobs):
    jobs.waiting("a1", "a2", priority=3)

    assert jobs.call("change_priority", "a1", 3) == ["OK", 3]
    assert jobs.order() == ["a1", "a2"]


@guard("update_data:active")
def test_the_data_of_a_running_job_stays(jobs):
    jobs.active("a1")

    assert jobs.call("update_data", "a1", "{}")[:2] == ["LOCKED", WORKER]
    assert jobs.payload("a1") == b'{"path": "a1"}'


@guard("remove_job:active")
def test_a_running_job_is_removed_by_force_only(jobs):
    jobs.active("a1")

    assert jobs.call("remove_job", "a1", "", "r1", "", "", "")[:2] == ["LOCKED", WORKER]
    assert jobs.state("a1") == "active"
    assert jobs.call("remove_job", "a1", "1", "r2", "", "", "") == ["OK", "a", 0]


@guard("include/revival:no_record")
def test_a_stray_id_among_the_failed_is_not_retried(jobs):
    jobs.broker.client.zadd(jobs.keys.failed, {"stray": 1})

    assert jobs.call("retry_jobs", 100, "", "", "", "")[1] == 0
    assert jobs.order() == []


@guard("include/revival:nothing_to_revive")
def test_a_retry_of_all_where_none_has_failed_is_told_so(jobs):
    assert jobs.call("retry_jobs", 100, "", "", "", "")[:3] == ["OK", 0, 0]
    assert jobs.names() == []


@guard("pause_queue:paused", "resume_queue:paused")
def test_pausing_and_resuming_are_told_once(jobs):
    answers = [jobs.call(f"{verb}_queue") for verb in ("pause", "pause", "resume", "resume")]

    assert [answer[1] for answer in answers] == [1, 0, 1, 0]
    assert jobs.names() == ["paused", "resumed"]


# --- the operator's commands: when the answer was lost


@guard("remove_job:replay", "retry_job:replay", "promote_job:replay", "cancel_job:replay",
       "clean_jobs:replay", "empty_queue:replay", "retry_jobs:replay", "retry_group:replay",
       "remove_group:replay", "obliterate_queue:replay")  # fmt: skip
@pytest.mark.parametrize(
    ("script", "state", "args"),
    [
        ("remove_job", "waiting", ("a1", "", "r1", "", "", "")),
        ("retry_job", "failed", ("a1", "r1", "", "", "")),
        ("promote_job", "delayed", ("a1", "r1")),
        ("cancel_job", "waiting", ("a1", "r1")),
        ("clean_jobs", "waiting", ("waiting", 0, 1, "", "", "", "", "r1")),
        ("empty_queue", "waiting", (1, "", "", "", "r1")),
        ("retry_jobs", "failed", (1, "", "", "", "", "r1")),
        ("retry_group", "failed", ("fp", 1, "", "", "", "", "", "r1")),
        ("remove_group", "failed", ("fp", 1, "", "", "", "", "", "r1")),
        ("obliterate_queue", "waiting", (1, "", "r1")),
    ],
)
def test_a_command_that_is_sent_again_gets_its_answer_again(jobs, script, state, args):
    if state == "failed":
        _fail(jobs, "fp", "a1", "a2")
    else:
        getattr(jobs, state)("a1", "a2")
    if script == "obliterate_queue":
        jobs.call("pause_queue")

    first = jobs.call(script, *args)
    told, places = jobs.names(), invariants.check(jobs.broker, jobs.queue)

    assert first[0] == "OK"
    assert jobs.call(script, *args) == first
    assert jobs.names() == told
    assert invariants.check(jobs.broker, jobs.queue) == places


@guard("append_log:replay", "count_in_window:replay")
def test_what_counts_is_counted_once_when_it_is_sent_again(jobs):
    (job,) = jobs.active("a1")
    for _ in range(2):
        assert jobs.call("append_log", "a1", job.epoch, "r1", "line") == "OK"
    for _ in range(2):
        assert jobs.call("count_in_window", "uses", 60_000, "r2")[0] == 1

    assert jobs.broker.client.llen(jobs.keys.log("a1")) == 1


@guard("undo_operation:replay")
def test_an_undo_that_is_sent_again_gets_its_answer_again(jobs):
    jobs.waiting("a1")
    jobs.call("remove_job", "a1", "", "r1", "op1", "remove", "me")

    first = jobs.call("undo_operation", "op1", 100, "u1")

    assert first == ["OK", "remove", 0, ["a1"], []]
    assert jobs.call("undo_operation", "op1", 100, "u1") == first


# --- the operator's commands: many jobs


@guard("empty_queue:limit")
def test_emptying_goes_no_further_than_its_limit(jobs):
    jobs.waiting("a1", "a2")
    jobs.delayed("d1", "d2")

    assert jobs.call("empty_queue", 2, "", "", "")[:3] == ["OK", 2, 2]
    assert jobs.order("delayed") == ["d1", "d2"]


@guard("clean_jobs:limit")
def test_cleaning_goes_no_further_than_its_limit(jobs):
    jobs.waiting("a1", "a2", "a3")

    assert jobs.call("clean_jobs", "waiting", 0, 2, "", "", "", "")[:2] == ["OK", 0]
    assert jobs.order() == ["a3"]


@guard("clean_jobs:too_new")
def test_cleaning_leaves_what_is_too_new(jobs):
    jobs.waiting("a1")

    assert jobs.call("clean_jobs", "waiting", DAY_MS, 100, "", "", "", "")[1] == 1
    assert jobs.order() == ["a1"]


def _fail(jobs: Queue, fingerprint: str, *ids: str) -> None:
    for taken in jobs.active(*ids):
        told = '"o":"failed","w":"","err":"E: no","tb":""}'
        jobs.finish(taken, Outcome.FAILED, value=fingerprint.encode(), error="E", attempt=told)


@guard("include/walk:group", "include/walk:limit")
def test_a_group_is_removed_up_to_a_limit_and_no_other_jobs(jobs):
    _fail(jobs, "one", "a1", "a2")
    _fail(jobs, "two", "b1")

    answer = jobs.call("remove_group", "one", 1, "", "", "", "", "")
    assert [answer[1], answer[5]] == [0, ["a1"]]
    jobs.call("remove_group", "one", 100, "", "", "", "", "")

    assert jobs.order("failed") == ["b1"]


@guard("include/walk:failed_since")
def test_what_has_failed_since_a_retry_of_its_group_began_is_not_retried(jobs):
    _fail(jobs, "one", "a1", "a2")
    jobs.end_at("failed", "a1", 1000)

    answer = jobs.call("retry_group", "one", 100, "2000", "", "", "", "")

    assert [answer[1], answer[5]] == [1, ["a1"]]
    assert jobs.order("failed") == ["a2"]


@guard("obliterate_queue:paused", "obliterate_queue:active", "obliterate_queue:more_left")
def test_a_queue_is_obliterated_when_it_is_paused_idle_and_to_the_end(jobs):
    jobs.active("a1")
    jobs.waiting("a2", "a3")

    assert jobs.call("obliterate_queue", 250, "") == ["NOTPAUSED"]
    jobs.call("pause_queue")
    assert jobs.call("obliterate_queue", 250, "") == ["ACTIVE", 1]
    assert jobs.call("obliterate_queue", 2, "1") == ["OK", 2, 0]
    assert jobs.broker.client.hget(jobs.keys.meta, "paused") == b"1"
    assert jobs.call("obliterate_queue", 2, "1") == ["OK", 1, 1]
    assert jobs.broker.client.exists(jobs.keys.epoch) == 1


# --- undoing


@guard("include/trash:dropped")
def test_what_is_not_kept_cannot_be_undone(jobs):
    jobs.waiting("a1", "a2")

    assert jobs.call("remove_job", "a1", "", "r1", "", "", "") == ["OK", "w", 0]
    assert jobs.call("remove_job", "a2", "", "r2", "op", "remove", "me") == ["OK", "w", 1]


@guard("include/trash:too_much")
def test_more_than_the_trash_holds_is_dropped_whole(jobs):
    jobs.waiting("a1", payload=b'{"big":"' + b"x" * (4 << 20) + b'"}')

    assert jobs.call("remove_job", "a1", "", "r1", "op", "remove", "me") == ["OK", "w", 0]
    assert jobs.broker.client.exists(jobs.keys.operation("op")) == 0


@guard("include/trash:no_record")
def test_a_stray_id_that_was_removed_does_not_come_back(jobs):
    jobs.completed("a1")
    jobs.broker.client.zadd(jobs.keys.completed, {"stray": 1})
    jobs.call("clean_jobs", "completed", 0, 100, "", "op", "clean", "me", "r1")

    assert jobs.call("undo_operation", "op", 100, "u1")[3:] == [["a1"], []]


@guard("undo_operation:retried")
def test_a_retry_is_undone(jobs):
    jobs.failed("a1")
    jobs.call("retry_job", "a1", "r1", "op", "retry", "me")

    assert jobs.call("undo_operation", "op", 100, "u1")[3:] == [["a1"], []]
    assert jobs.state("a1") == "failed"


@guard("undo_operation:taken")
def test_the_retry_of_a_job_that_runs_by_now_is_not_undone(jobs):
    jobs.failed("a1")
    jobs.call("retry_job", "a1", "r1", "op", "retry", "me")
    (job,) = jobs.take()

    assert jobs.call("undo_operation", "op", 100, "u1")[3:] == [[], ["a1", "TAKEN"]]
    assert jobs.finish(job) == "OK"


@guard("undo_operation:exists_again")
def test_a_removed_job_whose_id_is_in_use_again_stays_removed(jobs):
    jobs.waiting("a1")
    jobs.call("remove_job", "a1", "", "r1", "op", "remove", "me")
    jobs.delayed("a1", payload=b'{"new":1}')

    assert jobs.call("undo_operation", "op", 100, "u1")[3:] == [[], ["a1", "EXISTS"]]
    assert jobs.state("a1") == "delayed"


# --- schedules, locks


@guard("fire_schedule:paused", "fire_schedule:slot_fired", "fire_schedule:slot_ahead",
       "fire_schedule:first_sight")  # fmt: skip
def test_a_slot_is_fired_once_when_it_has_come_and_its_schedule_is_on(jobs):
    def fire(slot_ms: int) -> str:
        return jobs.moves.fire("nightly", slot_ms, _job(f"nightly.{slot_ms}"))

    assert fire(1000) == "FIRST"
    assert jobs.order() == []
    assert [fire(2000), fire(2000), fire(1500)] == ["FIRED", "LATE", "LATE"]
    assert fire(10**14) == "AHEAD"
    jobs.broker.client.hset(jobs.keys.sched, "nightly:paused", 1)
    assert fire(3000) == "PAUSED"
    assert jobs.order() == ["nightly.2000"]


@guard("release_lock:owner")
def test_a_lock_is_released_by_its_owner_only(jobs):
    jobs.broker.client.set(jobs.keys.lock("door"), "mine")

    assert jobs.moves.release_lock("door", "other") is False
    assert jobs.moves.release_lock("door", "mine") is True


def _job(job_id: str, payload: bytes = b"{}") -> NewJob:
    fields = (("at", 3), ("bk", "f:0::0:0"))
    return NewJob(id=job_id, type="resize", payload=payload, fields=fields)


def test_no_finish_of_the_batch_hides_another(jobs):
    """Zombie, repeated and good ends in one call: each is judged alone."""
    first, second, third = jobs.active("a1", "a2", "a3")
    jobs.stall("a1")
    jobs.finish(second)

    ends = [Finish(job.id, job.epoch, Outcome.COMPLETED) for job in (first, second, third)]
    answer = jobs.moves.exchange(WORKER, 99, 0, LEASE_MS, ends)

    assert answer.statuses == ["STALE", "ALREADY", "OK"]
    assert json.dumps(sorted(jobs.order("completed"))) == '["a2", "a3"]'
