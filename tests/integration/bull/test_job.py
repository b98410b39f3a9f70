"""What one can do to a single job: Bull's test_job."""

from __future__ import annotations

import pytest

from jobdesk.broker.transitions import Added
from jobdesk.engine.context import JobContext
from jobdesk.errors import (
    JobActive,
    JobFailed,
    JobNotFound,
    StaleLease,
    WrongState,
)
from jobdesk.models import JobOptions


@pytest.fixture
def resize(bench):
    @bench.queue.task(attempts=1)
    def resize(path: str = "a.jpg", fail: bool = False):
        if fail:
            raise ValueError("no")
        return {"path": path}

    return resize


# --- adding


def test_an_added_job_is_kept_with_its_data_and_options(bench, resize):
    options = JobOptions(priority=3, delay=60, attempts=7, timeout=5)

    job = resize.options(priority=3, delay=60, attempts=7, timeout=5)("b.jpg")

    kept = bench.job(job.id)
    assert (kept.type, kept.data) == ("resize", {"path": "b.jpg"})
    assert (kept.options.priority, kept.options.attempts) == (options.priority, options.attempts)
    assert kept.options.timeout == 5
    assert kept.run_at_ms - kept.added_ms == 60_000


def test_adding_leaves_the_caller_s_data_and_options_alone(bench):
    @bench.queue.task()
    def resize(sizes: list[int]):
        sizes.append(0)

    sizes, options = [1, 2], {"priority": 2, "backoff": {"type": "fixed", "delay": 1}}

    resize.options(**options)(sizes)
    bench.run_all()

    assert sizes == [1, 2]
    assert options == {"priority": 2, "backoff": {"type": "fixed", "delay": 1}}


def test_a_job_runs_under_the_id_it_was_given(bench):
    seen = []

    @bench.queue.task()
    def resize(*, job: JobContext):
        seen.append(job.id)

    handle = resize.options(job_id="order-17")()
    bench.run_all()

    assert handle.id == "order-17"
    assert seen == ["order-17"]


def test_many_jobs_are_added_in_one_call_each_with_its_own_options(bench, resize):
    with bench.queue.batch() as jobs:
        first = resize("a.jpg")
        second = resize.options(attempts=9, priority=1)("b.jpg")
    assert bench.counts() == {}

    assert bench.queue.send(jobs) == [False, False]

    assert bench.job(first.id).data == {"path": "a.jpg"}
    assert bench.job(second.id).data == {"path": "b.jpg"}
    assert [bench.job(j.id).attempts for j in (first, second)] == [1, 9]
    assert bench.ids() == [second.id, first.id]


def test_jobs_line_up_by_priority_and_then_by_arrival(bench, resize):
    for job_id, priority in (("a1", 3), ("a2", 3), ("a3", 2), ("a4", 1), ("a5", None)):
        resize.options(job_id=job_id, priority=priority)()
    assert bench.ids() == ["a4", "a3", "a1", "a2", "a5"]

    bench.control.remove_job("thumbs", "a1")
    resize.options(job_id="a6", priority=10)()

    assert bench.ids() == ["a4", "a3", "a2", "a6", "a5"]


# --- the lease


def test_a_job_that_is_taken_is_nobody_else_s_until_it_is_given_back(bench, resize):
    job = resize()
    moves = bench.queue.transitions
    (mine,) = moves.exchange("host:1:a", 1, 1, 30_000).jobs

    assert moves.exchange("host:2:b", 1, 1, 30_000).jobs == []
    assert moves.exchange("host:1:a", 1, 1, 30_000).jobs == [mine], "a lost answer comes again"
    assert moves.renew(30_000, [(job.id, mine.epoch)]) == ["OK"]
    assert moves.release_worker("host:1:a") == 1
    assert moves.renew(30_000, [(job.id, mine.epoch)]) == ["STALE"]
    (theirs,) = moves.exchange("host:2:b", 2, 1, 30_000).jobs
    assert int(theirs.epoch) > int(mine.epoch)
    assert moves.release_worker("host:2:b") == 1


def test_a_job_without_a_lease_is_taken_by_the_next_worker_and_not_removed(bench, resize):
    """Bull removes an active job whose lock ran out, under the hands of its worker."""
    job = resize()
    task = bench.queue.dequeue()
    bench.broker.client.zadd(bench.keys.active, {job.id: 1})

    with pytest.raises(JobActive):
        bench.control.remove_job("thumbs", job.id)
    bench.control.remove_job("thumbs", job.id, force=True)
    bench.queue.execute(task)

    assert bench.counts() == {}
    with pytest.raises(JobNotFound):
        bench.status(job.id)


# --- removing and retrying


def test_ended_jobs_are_removed_and_say_so(bench, resize):
    done, failed = resize(), resize(fail=True)
    bench.run_all()

    for job, state in ((done, "completed"), (failed, "failed")):
        assert bench.control.remove_job("thumbs", job.id) == state
        assert bench.events(job.id)[-1] == "removed"
        with pytest.raises(JobNotFound):
            bench.job(job.id)


def test_a_retried_job_waits_and_its_next_run_is_of_another_generation(bench, resize):
    job = resize(fail=True)
    bench.run_all()
    before = bench.job(job.id)

    bench.control.retry_job("thumbs", job.id)

    event = bench.told()[-1]
    assert (event.name, event.job_id, event.fields["prev"]) == ("waiting", job.id, "failed")
    assert event.timestamp_ms >= before.finished_ms
    after = bench.job(job.id)
    assert (before.generation, after.generation) == (0, 1)
    assert (after.data, after.finished_ms, after.failed_reason) == (before.data, None, "")


# --- from inside


@pytest.mark.parametrize("value", [42, 99.5, {"done": 3, "of": 7}])
def test_progress_is_kept_and_told(bench, value):
    @bench.queue.task()
    def resize(*, job: JobContext):
        job.progress(value)

    job = resize()
    bench.run_all()

    assert bench.status(job.id).progress == value
    assert "progress" in bench.events(job.id)


def test_log_lines_are_kept_in_order_and_can_be_read_in_part(bench):
    @bench.queue.task()
    def resize(*, job: JobContext):
        job.log("some log text 1")
        job.log("some log text 2")

    job = resize()
    bench.run_all()

    assert bench.job(job.id).log == ("some log text 1", "some log text 2")
    assert bench.inspector.job("thumbs", job.id, log_lines=1).log == ("some log text 2",)


@pytest.mark.parametrize("report", [lambda job: job.progress(1), lambda job: job.log("x")])
def test_a_job_that_was_removed_can_report_no_more(bench, report):
    refused = []

    @bench.queue.task()
    def resize(*, job: JobContext):
        bench.control.remove_job("thumbs", job.id, force=True)
        try:
            report(job)
        except StaleLease as exc:
            refused.append(str(exc))

    job = resize()
    bench.run_all()

    assert len(refused) == 1
    assert job.id in refused[0]
    assert bench.counts() == {}


def test_data_of_a_removed_job_cannot_be_changed(bench, resize):
    job = resize()
    bench.control.update_data("thumbs", job.id, b'{"path":"c.jpg"}')
    assert bench.job(job.id).data == {"path": "c.jpg"}
    bench.control.remove_job("thumbs", job.id)

    with pytest.raises(JobNotFound):
        bench.control.update_data("thumbs", job.id, b"{}")


# --- ends


def test_a_completed_job_keeps_its_result_and_the_next_one_comes_along(bench, resize):
    first, second = resize("a.jpg"), resize("b.jpg")
    task = bench.queue.dequeue()

    bench.queue.execute(task)

    status = bench.status(first.id)
    assert (status.state, status.return_value) == ("completed", {"path": "a.jpg"})
    assert status.finished_on is not None
    assert bench.run_one() == second.id


def test_a_failed_job_keeps_its_reason_and_where_it_happened(bench, resize):
    job = resize(fail=True)
    bench.run_all()

    status = bench.status(job.id)
    assert (status.state, status.failed_reason) == ("failed", "ValueError: no")
    assert len(status.stacktrace) == 1
    assert 'raise ValueError("no")' in status.stacktrace[0]


def test_a_job_with_attempts_left_waits_at_once_or_rests_and_has_no_lease(bench, resize):
    now = resize.options(attempts=2, backoff=0)(fail=True)
    bench.run_one()
    assert bench.status(now.id).state == "waiting"
    bench.run_one()
    assert bench.status(now.id).state == "failed"

    later = resize.options(attempts=2, backoff=60)(fail=True)
    bench.run_one()

    assert bench.status(later.id).state == "delayed"
    (row,) = bench.rows("delayed")
    assert row.retrying
    assert (row.attempts_made, row.lease_ms) == (1, None)
    assert 59_000 < row.run_at_ms - row.added_ms <= 61_000
    assert bench.ids("active") == []


def test_only_the_latest_ten_attempts_are_kept(bench, resize):
    job = resize.options(attempts=15, backoff=0)(fail=True)
    bench.run_all()

    kept = bench.job(job.id)
    assert kept.attempts_made == 15
    assert len(kept.stacktrace) == 10
    assert [a.number for a in kept.history] == list(range(6, 16))


def test_a_job_passes_through_every_state(bench, resize):
    job = resize.options(attempts=2, backoff=60, delay=60)(fail=True)
    states = [bench.status(job.id).state]
    bench.control.promote_job("thumbs", job.id)
    states.append(bench.status(job.id).state)
    bench.control.pause_queue("thumbs")
    states.append(bench.status(job.id).state)
    bench.control.resume_queue("thumbs")
    task = bench.queue.dequeue()
    states.append(bench.status(job.id).state)
    bench.queue.execute(task)
    states.append(bench.status(job.id).state)
    bench.make_due(job.id)
    bench.run_all()
    states.append(bench.status(job.id).state)

    assert states == ["delayed", "waiting", "paused", "active", "delayed", "failed"]


# --- promoting


def test_a_promoted_job_runs_in_the_order_of_its_priority(bench, resize):
    waiting = resize.options(priority=2)()
    rested = [resize.options(priority=p, delay=60)() for p in (3, 1)]

    for job in rested:
        bench.control.promote_job("thumbs", job.id)

    assert bench.run_all() == [rested[1].id, waiting.id, rested[0].id]
    with pytest.raises(WrongState):
        bench.control.promote_job("thumbs", waiting.id)


def test_a_job_promoted_in_a_paused_queue_rests_with_the_others(bench, resize):
    bench.control.pause_queue("thumbs")
    first, second = resize(), resize.options(delay=60)()

    bench.control.promote_job("thumbs", second.id)

    assert bench.status(second.id).state == "paused"
    assert bench.ids("paused") == [first.id, second.id]
    assert bench.run_all() == []


# --- waiting for the end


@pytest.mark.parametrize("delay", [None, 0.05])
@pytest.mark.parametrize("value", [None, "text", {"path": "a.jpg"}, [1, 2]])
def test_waiting_ends_with_the_job_and_returns_its_result(bench, value, delay):
    @bench.queue.task()
    def give():
        return value

    with bench.worker():
        job = give.options(delay=delay)()
        assert job.wait(10) == value
        assert job.wait(10) == value, "also when it has ended already"


def test_waiting_for_a_job_that_fails_raises_its_error(bench, resize):
    with bench.worker():
        job = resize(fail=True)
        for _ in range(2):
            with pytest.raises(JobFailed, match=f"job thumbs:{job.id} failed: ValueError: no") as e:
                job.wait(10)

    assert e.value.error == "ValueError: no"
    assert 'raise ValueError("no")' in e.value.traceback


# --- reading back


def test_data_is_read_back_as_it_was_given_whatever_is_in_it(bench):
    @bench.queue.task()
    def resize(**data):
        return data

    data = {"text": '{"not": "parsed"}', "deep": {"n": [1, 2.5, None, True]}, "ünï": "ˈjuːnɪkoʊd"}
    job = resize(**data)
    bench.run_all()

    assert bench.job(job.id).data == data
    assert bench.status(job.id).return_value == data


def test_adding_an_id_again_changes_nothing(bench, resize):
    first = resize.options(job_id="order-17")("a.jpg")
    again = resize.options(job_id="order-17", priority=1)("b.jpg")

    assert (first.duplicate, again.duplicate) == (False, True)
    assert bench.job("order-17").data == {"path": "a.jpg"}
    with bench.queue.batch() as jobs:
        resize.options(job_id="order-17")("c.jpg")
    assert [what for what, _ in bench.queue.transitions.add(jobs)] == [Added.DUP]
