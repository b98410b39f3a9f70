"""A queue and its workers: Bull's test_queue."""

from __future__ import annotations

import itertools
import threading
import time

import pytest

from jobdesk.broker.connection import Broker
from jobdesk.broker.inspector import Inspector
from jobdesk.engine import publishing
from jobdesk.engine.context import JobContext, current_job
from jobdesk.engine.queue import Queue
from jobdesk.errors import InvalidState, JobFailed, JobNotFound, PermanentError, WrongState
from jobdesk.models import Backoff, JobOptions, Retention


@pytest.fixture
def resize(bench):
    @bench.queue.task(attempts=1)
    def resize(path: str = "a.jpg", fail: bool = False):
        if fail:
            raise ValueError("no")
        return path

    return resize


# --- making one


def test_a_queue_may_have_dots_in_its_name(broker):
    queue = Queue("firm.7.mail", broker=broker)

    @queue.task()
    def send():
        return "sent"

    job = send()
    queue.execute(queue.dequeue())

    assert job.wait(1) == "sent"


def test_queues_of_two_namespaces_on_one_server_do_not_see_each_other(bench, resize, settings):
    other = Broker(settings.model_copy(update={"namespace": settings.namespace + "-2"}))
    job = resize()

    assert Inspector(other).stats("thumbs").waiting == 0
    with pytest.raises(JobNotFound):
        Inspector(other).job("thumbs", job.id)
    other.close()


def test_options_are_the_job_s_then_the_type_s_then_the_queue_s_then_those_of_all(bench):
    defaults = JobOptions(attempts=5, timeout=9, backoff=Backoff.fixed(7))
    queue = bench.new_queue(defaults=defaults)

    @queue.task(attempts=6, priority=2)
    def resize():
        pass

    given, plain = resize.options(attempts=8)(), resize()

    options = [bench.job(job.id).options for job in (given, plain)]
    assert [o.attempts for o in options] == [8, 6]
    assert [o.priority for o in options] == [2, 2]
    assert [o.timeout for o in options] == [9, 9]
    assert [o.backoff for o in options] == [Backoff.fixed(7)] * 2
    assert defaults == JobOptions(attempts=5, timeout=9, backoff=Backoff.fixed(7))


def test_jobs_added_in_one_call_have_their_type_s_name_and_the_queue_s_defaults(bench):
    queue = bench.new_queue(defaults=JobOptions(attempts=5))

    @queue.task()
    def make_thumb(path: str):
        pass

    with queue.batch() as jobs:
        handles = [make_thumb(f"{i}.jpg") for i in range(3)]
    queue.send(jobs)

    found = [bench.job(job.id) for job in handles]
    assert [job.type for job in found] == ["make-thumb"] * 3
    assert [job.attempts for job in found] == [5] * 3


# --- running


def test_a_worker_runs_jobs_from_before_and_after_its_start(bench, resize):
    before = resize("a.jpg")
    with bench.worker():
        after = resize("b.jpg")
        assert (before.wait(10), after.wait(10)) == ("a.jpg", "b.jpg")


def test_a_worker_runs_all_jobs_of_a_bulk(bench, resize):
    with bench.queue.batch() as jobs:
        handles = [resize(f"{i}.jpg") for i in range(250)]
    bench.queue.send(jobs)

    with bench.worker(4):
        assert [job.wait(20) for job in handles] == [f"{i}.jpg" for i in range(250)]

    assert bench.counts() == {"completed": 250}


def test_types_of_one_queue_run_by_their_own_functions(bench):
    ran = []

    @bench.queue.task()
    def first():
        ran.append("first")

    @bench.queue.task()
    def second():
        ran.append("second")

    second()
    first()
    bench.run_all()

    assert ran == ["second", "first"]


def test_one_function_may_serve_several_types(bench):
    ran = []

    def any_of_them():
        ran.append(current_job().type)

    tasks = [bench.queue.task(name=name)(any_of_them) for name in ("first", "second", "third")]
    for task in tasks:
        task()
    bench.run_all()

    assert ran == ["first", "second", "third"]


def test_a_job_of_a_type_that_no_worker_knows_fails_at_once(bench, resize):
    job = resize()
    bench.change(job.id, t="resise")

    bench.run_all()

    status = bench.status(job.id)
    assert status.state == "failed"
    assert status.failed_reason.startswith("UnknownType: 'resise' in queue thumbs")
    assert "did you mean 'resize'?" in status.failed_reason


def test_lifo_jobs_run_before_the_others_the_newest_first(bench, resize):
    plain = resize()
    lifo = [resize.options(lifo=True)() for _ in range(3)]

    assert bench.run_all() == [job.id for job in (*reversed(lifo), plain)]


def test_a_priority_runs_before_all_lower_ones_in_order_of_arrival(bench, resize):
    order = [None, 9, 2, 1, 2, None, 10, 1]
    jobs = [resize.options(priority=p)() for p in order]

    expected = sorted(range(8), key=lambda i: (order[i] or 11, i))
    assert bench.run_all() == [jobs[i].id for i in expected]


def test_a_job_that_is_added_again_tells_that_it_was_there(bench, resize):
    reader = bench.reader()
    resize.options(job_id="order-17")()
    again = resize.options(job_id="order-17")()

    assert again.duplicate
    assert [(e.name, e.job_id) for e in reader.read()] == [
        ("waiting", "order-17"),
        ("duplicated", "order-17"),
    ]


def test_a_result_may_be_whatever_json_can_say(bench):
    values = [None, "text", 42, {"a": [1, None]}, [True, 2.5]]

    @bench.queue.task()
    def give(which: int):
        return values[which]

    jobs = [give(i) for i in range(len(values))]
    bench.run_all()

    assert [bench.status(job.id).return_value for job in jobs] == values


@pytest.mark.parametrize("slots", [1, 3])
def test_slots_are_how_many_jobs_run_at_once(bench, gate, slots):
    lock, running, seen = threading.Lock(), set(), []

    @bench.queue.task()
    def hold(*, job: JobContext):
        with lock:
            running.add(job.id)
            seen.append(len(running))
        gate.halt()
        with lock:
            running.remove(job.id)

    jobs = [hold() for _ in range(7)]
    with bench.worker(slots):
        gate.reached(slots)
        for _ in jobs[slots:]:
            gate.open()
            gate.reached()
        gate.open(slots)
        for job in jobs:
            job.wait(10)

    assert max(seen) == slots


def test_max_active_holds_over_all_workers(bench, resize):
    bench.control.set_max_active("thumbs", 2)
    for _ in range(4):
        resize()

    tasks = [bench.queue.dequeue() for _ in range(3)]

    assert [task is not None for task in tasks] == [True, True, False]
    for task in tasks[:2]:
        bench.queue.execute(task)
    assert len(bench.run_all()) == 2


# --- keeping and removing ended jobs


@pytest.mark.parametrize("fail", [False, True])
@pytest.mark.parametrize("where", ["job", "queue"])
@pytest.mark.parametrize(
    ("keep", "left"), [(True, 0), (0, 0), (3, 3), ({"count": 2}, 2), (False, 6)]
)
def test_as_many_ended_jobs_are_kept_as_the_job_or_its_queue_says(bench, fail, where, keep, left):
    option = {"remove_on_fail" if fail else "remove_on_complete": keep}
    queue = bench.new_queue(defaults=JobOptions(**option) if where == "queue" else None)

    @queue.task(attempts=1)
    def resize():
        if fail:
            raise ValueError("no")

    publishing.publish(queue)
    jobs = [resize.options(**(option if where == "job" else {}))() for _ in range(6)]
    bench.run_all()

    state = "failed" if fail else "completed"
    # what ended in one millisecond is in order of its id
    assert bench.counts().get(state, 0) == left
    assert set(bench.ids(state)) <= {job.id for job in jobs}


@pytest.mark.parametrize("fail", [False, True])
def test_ended_jobs_over_their_age_or_count_go_with_the_next_end_and_sweep(bench, fail):
    keep = {"age": 10, "count": 4}
    queue = bench.new_queue(defaults=JobOptions(remove_on_complete=keep, remove_on_fail=keep))

    @queue.task(attempts=1)
    def resize():
        if fail:
            raise ValueError("no")

    publishing.publish(queue)
    state = "failed" if fail else "completed"
    for i in range(6):
        resize.options(job_id=f"a{i}")()
        bench.run_all()
    assert len(bench.ids(state)) == 4
    long_ago = bench.inspector.now_ms() - 11_000
    bench.broker.client.zadd(bench.keys.state(state), {"a4": long_ago, "a5": long_ago})

    resize.options(job_id="a6")()
    bench.run_all()
    bench.control.sweep("thumbs")

    assert set(bench.ids(state)) == {"a2", "a3", "a6"}


def test_an_age_of_the_job_s_own_is_held_to_by_the_sweep(bench, resize):
    resize.options(job_id="a1", remove_on_complete={"age": 10})()
    resize.options(job_id="a2", remove_on_complete=Retention(age_ms=1000_000))()
    bench.run_all()
    bench.broker.client.zincrby(bench.keys.expire, -11_000, "a1")

    bench.control.sweep("thumbs")

    assert bench.ids("completed") == ["a2"]


# --- stalls


def test_a_stalled_job_is_run_again_by_whoever_is_there(bench, resize):
    jobs = [resize() for _ in range(3)]
    for _ in jobs:
        bench.queue.dequeue()
    assert bench.run_all() == [], "a job in hand is nobody else's"

    bench.lose_worker(*(job.id for job in jobs))

    assert bench.run_all() == [job.id for job in jobs], "at its old place"
    assert [bench.job(job.id).stalled for job in jobs] == [1, 1, 1]
    assert [bench.status(job.id).attempts_made for job in jobs] == [1, 1, 1]


def test_a_running_worker_finds_what_stalled_elsewhere_by_itself(bench, resize):
    job = resize()
    bench.queue.dequeue()
    with bench.worker():
        time.sleep(0.05)
        assert bench.status(job.id).state == "active"
        bench.broker.client.zadd(bench.keys.active, {job.id: 1})
        assert job.wait(15) == "a.jpg"

    assert "stalled" in bench.events(job.id)


@pytest.mark.parametrize(("keep", "left"), [(None, 1), (True, 0), ({"age": 60}, 1)])
def test_a_job_that_stalled_too_often_is_kept_as_any_failed_job(bench, resize, keep, left):
    bench.broker.client.hset(bench.keys.meta, "max_stalled", 0)
    job = resize.options(remove_on_fail=keep)()
    bench.queue.dequeue()

    bench.lose_worker(job.id)

    assert bench.counts().get("failed", 0) == left
    assert bench.events(job.id)[-1] == "failed"
    with pytest.raises(JobFailed, match="JobStalled: its worker vanished 1 times"):
        job.wait(1)
    if isinstance(keep, dict):
        assert bench.broker.client.zscore(bench.keys.expire, job.id) is not None


@pytest.mark.parametrize("attempts", [1, 2])
@pytest.mark.parametrize("rest", [0, 60])
@pytest.mark.parametrize("fail", [False, True])
def test_the_end_of_a_run_that_lost_its_lease_changes_nothing(bench, resize, fail, attempts, rest):
    job = resize.options(attempts=attempts, backoff=rest)(fail=fail)
    task = bench.queue.dequeue()
    bench.lose_worker(job.id)
    before = bench.events()

    bench.queue.execute(task)

    assert bench.status(job.id).state == "waiting"
    assert bench.status(job.id).attempts_made == 0
    assert bench.events() == before


# --- failing


def test_a_job_fails_with_the_class_message_and_cause_of_its_error(bench):
    @bench.queue.task(attempts=1)
    def resize():
        try:
            raise KeyError("inner")
        except KeyError as exc:
            raise ValueError("outer") from exc

    job = resize()
    bench.run_all()

    status = bench.status(job.id)
    assert status.failed_reason == "ValueError: outer"
    assert "KeyError: 'inner'" in status.stacktrace[0]
    assert "direct cause" in status.stacktrace[0]


def test_a_result_that_is_no_json_fails_the_job_without_a_retry(bench):
    @bench.queue.task(attempts=3)
    def resize():
        value = []
        value.append(value)
        return value

    job = resize()
    bench.run_all()

    status = bench.status(job.id)
    assert (status.state, status.attempts_made) == ("failed", 1)
    assert "circular" in status.failed_reason or "itself" in status.failed_reason


# --- retrying


def test_a_failed_job_retried_by_hand_runs_again(bench):
    runs = []

    @bench.queue.task(attempts=1)
    def resize():
        runs.append(current_job().attempt)
        if len(runs) == 1:
            raise ValueError("no")

    job = resize()
    bench.run_all()
    bench.control.retry_job("thumbs", job.id)
    bench.run_all()

    assert (bench.status(job.id).state, len(runs)) == ("completed", 2)
    with pytest.raises(WrongState):
        bench.control.retry_job("thumbs", job.id)
    bench.control.clean_jobs("thumbs", grace=0)
    with pytest.raises(JobNotFound):
        bench.control.retry_job("thumbs", job.id)


def test_a_job_in_hand_is_not_retried_by_hand(bench, resize):
    job = resize()
    task = bench.queue.dequeue()

    with pytest.raises(WrongState):
        bench.control.retry_job("thumbs", job.id)
    bench.queue.execute(task)


@pytest.mark.parametrize("paused", [False, True])
def test_all_failed_jobs_are_retried_and_rest_while_the_queue_is_paused(bench, resize, paused):
    jobs = [resize(fail=True) for _ in range(8)]
    bench.run_all()
    if paused:
        bench.control.pause_queue("thumbs")

    assert bench.control.retry_all("thumbs").count == 8

    assert bench.ids("paused" if paused else "waiting") == [job.id for job in jobs]
    assert len(bench.run_all()) == (0 if paused else 8)


def test_a_job_that_fails_while_its_queue_is_paused_rests_with_the_others(bench, resize):
    job = resize.options(attempts=2, backoff=0)(fail=True)
    task = bench.queue.dequeue()
    bench.control.pause_queue("thumbs")

    bench.queue.execute(task)

    assert bench.status(job.id).state == "paused"
    bench.control.resume_queue("thumbs")
    assert bench.run_all() == [job.id]


def test_a_job_runs_as_often_as_it_has_attempts_and_no_more(bench):
    runs = []

    @bench.queue.task(attempts=3, backoff=0)
    def resize(succeed_at: int):
        runs.append(current_job().attempt)
        if current_job().attempt < succeed_at:
            raise ValueError("not yet")

    saved, lost = resize(3), resize(4)
    bench.run_all()

    assert bench.status(saved.id).state == "completed"
    assert bench.status(lost.id).state == "failed"
    assert [bench.status(job.id).attempts_made for job in (saved, lost)] == [3, 3]
    assert sorted(runs) == [1, 1, 2, 2, 3, 3]


def test_a_permanent_error_is_not_retried(bench):
    @bench.queue.task(attempts=5, backoff=0)
    def resize():
        raise PermanentError("too wide")

    job = resize()

    assert bench.run_all() == [job.id]
    assert bench.status(job.id).failed_reason == "PermanentError: too wide"


def test_a_retried_job_keeps_its_priority(bench, resize):
    urgent = resize.options(priority=1, attempts=2, backoff=0)(fail=True)
    others = [resize.options(priority=2, delay=60)() for _ in range(3)]
    bench.run_one()
    bench.make_due(*(job.id for job in others))

    assert bench.run_all() == [urgent.id, *(job.id for job in others)]


@pytest.mark.parametrize(
    ("backoff", "rests"),
    [(Backoff.fixed(0.04), [0.04, 0.04, 0.04]), (Backoff.exponential(0.02), [0.02, 0.06, 0.14])],
)
def test_a_worker_tries_again_when_the_backoff_is_over(bench, backoff, rests):
    starts = []

    @bench.queue.task(attempts=4, backoff=backoff)
    def resize():
        starts.append(time.monotonic())
        if len(starts) < 4:
            raise ValueError("not yet")

    with bench.worker():
        resize().wait(10)

    gaps = [after - before for before, after in itertools.pairwise(starts)]
    for gap, rest in zip(gaps, rests, strict=True):
        assert rest - 0.002 <= gap < rest + 1


def test_a_function_may_say_how_long_to_rest_by_attempts_and_error(bench):
    asked = []

    def rest(attempts_made, error):
        asked.append((attempts_made, type(error)))
        return 60 if isinstance(error, KeyError) else 0

    @bench.queue.task(attempts=3, backoff=rest)
    def resize():
        raise KeyError("busy") if current_job().attempt == 2 else ValueError("no")

    job = resize()
    bench.run_all()

    assert asked == [(1, ValueError), (2, KeyError)]
    assert bench.status(job.id).state == "delayed"
    (row,) = bench.rows("delayed")
    assert row.run_at_ms - bench.inspector.now_ms() > 58_000


def test_a_function_that_answers_below_zero_ends_the_retries(bench):
    @bench.queue.task(attempts=5, backoff=lambda made, error: -1)
    def resize():
        raise ValueError("no")

    job = resize()

    assert bench.run_all() == [job.id]
    assert (bench.status(job.id).state, bench.status(job.id).attempts_made) == ("failed", 1)


@pytest.mark.parametrize("answer", [lambda: 1 / 0, lambda: None, lambda: float("nan")])
def test_a_backoff_function_that_fails_is_replaced_by_the_default(bench, answer, caplog):
    @bench.queue.task(attempts=5, backoff=lambda made, error: answer())
    def resize():
        raise ValueError("no")

    job = resize()
    bench.run_all()

    assert bench.status(job.id).state == "delayed"
    assert "the default is taken" in caplog.text


# --- delaying


def test_a_delayed_job_runs_when_its_time_has_come_and_not_before(bench):
    ran = []

    @bench.queue.task()
    def resize():
        ran.append(time.monotonic())

    with bench.worker():
        added = time.monotonic()
        job = resize.options(delay=0.15)()
        assert bench.status(job.id).state == "delayed"
        job.wait(10)

    assert 0.148 < ran[0] - added < 1


def test_delayed_jobs_run_in_the_order_in_which_they_are_due_whoever_runs_them(bench, resize):
    delays = [0.2, 0.05, 0.1, 0.02]
    with bench.queue.batch() as batch:
        jobs = {delay: resize.options(delay=delay)() for delay in delays}
    bench.queue.send(batch)

    with bench.worker():
        jobs[0.02].wait(10)
    with bench.worker():
        jobs[0.2].wait(10)

    active = [e.job_id for e in bench.told() if e.name == "active"]
    assert active == [jobs[delay].id for delay in sorted(delays)]


def test_jobs_that_are_due_at_the_same_instant_run_in_the_order_of_their_adding(bench, resize):
    with bench.queue.batch() as jobs:
        added = [resize.options(delay=60)().id for _ in range(20)]
    bench.queue.send(jobs)
    bench.make_due(*added)

    assert bench.run_all() == added


# --- emptying and cleaning


def test_an_emptied_queue_counts_nothing(bench, resize):
    with bench.queue.batch() as jobs:
        for _ in range(100):
            resize()
    bench.queue.send(jobs)
    assert bench.counts() == {"waiting": 100}

    bench.control.empty_queue("thumbs")

    assert bench.counts() == {}


def test_cleaning_an_empty_queue_or_with_a_high_limit_is_no_fault(bench, resize):
    assert bench.control.clean_jobs("thumbs", grace=0).count == 0
    resize()
    bench.run_all()

    assert bench.control.clean_jobs("thumbs", grace=0, limit=100).count == 1


def test_cleaning_an_unknown_state_is_refused(bench):
    with pytest.raises(InvalidState):
        bench.control.clean_jobs("thumbs", "bad")


def test_a_job_is_as_old_as_its_end_and_not_as_its_adding(bench, resize):
    job = resize()
    bench.change(job.id, ts=1)
    bench.run_all()

    assert bench.control.clean_jobs("thumbs", grace=5).count == 0
    assert bench.control.clean_jobs("thumbs", grace=0).ids == (job.id,)


@pytest.mark.parametrize("state", ["completed", "failed", "waiting", "delayed"])
@pytest.mark.parametrize("limit", [0, 2])
def test_cleaning_takes_what_is_older_than_the_grace_up_to_the_limit(bench, resize, state, limit):
    for i in range(5):
        resize.options(job_id=f"a{i}", delay=60 if state == "delayed" else None)(
            fail=state == "failed"
        )
        if state in ("completed", "failed"):
            bench.run_all()
    for i in (1, 2, 4):
        bench.change(f"a{i}", ts=1)
        if state in ("completed", "failed"):
            bench.broker.client.zadd(bench.keys.state(state), {f"a{i}": i})

    touched = bench.control.clean_jobs("thumbs", state, grace=5, limit=limit)

    assert touched.ids == ("a1", "a2", "a4")[: limit or 3]
    assert bench.control.clean_jobs("thumbs", state, grace=5).count == 3 - touched.count
    assert set(bench.ids(state)) == {"a0", "a3"}


def test_cleaning_prioritised_jobs_leaves_the_count_of_their_priority_right(bench, resize):
    resize.options(priority=5)()
    resize.options(priority=5)()

    bench.control.clean_jobs("thumbs", "waiting", grace=0, limit=1)

    assert bench.inspector.priorities("thumbs") == {5: 1}


def test_jobs_without_a_time_of_adding_are_cleaned_too(bench, resize):
    jobs = [resize(), resize(fail=True)]
    bench.run_all()
    jobs.append(resize())
    for job in jobs:
        bench.change(job.id, ts=None)

    cleaned = [
        bench.control.clean_jobs("thumbs", state, grace=0).count
        for state in ("completed", "failed", "waiting")
    ]

    assert cleaned == [1, 1, 1]


def test_cleaning_failed_jobs_leaves_no_key_of_theirs(bench):
    @bench.queue.task(attempts=2, backoff=0)
    def resize(*, job: JobContext):
        job.log("began")
        raise ValueError("no")

    resize()
    resize()
    bench.run_all()

    bench.control.clean_jobs("thumbs", "failed", grace=0)

    left = bench.broker.client.scan_iter(match=bench.keys.prefix + "*", count=1000)
    families = {key.decode()[len(bench.keys.prefix) :].split(":")[0] for key in left}
    assert not families & {"j", "d", "r", "a", "log", "failed", "expire"}
