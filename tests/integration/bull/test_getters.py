"""Counts, lists and pages: Bull's test_getters."""

from __future__ import annotations

import time

import pytest

from jobdesk.errors import JobFailed


@pytest.fixture
def resize(bench):
    @bench.queue.task(attempts=1)
    def resize(path: str = "", fail: bool = False):
        if fail:
            raise ValueError(path)

    return resize


def ended(bench, state):
    """Five jobs that ended one after the other; their ids, the newest first."""
    ids = [f"{state}{i}" for i in range(5)]
    task = next(iter(bench.queue.types.values()))
    for i, job_id in enumerate(ids):
        made = task(kwargs={"path": job_id, "fail": state == "failed"}, id=job_id, retries=0)
        bench.queue.enqueue(made)
        bench.run_one()
        bench.broker.client.zadd(bench.keys.state(state), {job_id: 1000 + i})
    return ids[::-1]


def test_every_state_lists_its_jobs(bench, resize):
    failed, done, running = resize(fail=True), resize(), resize()
    bench.run_one()
    bench.run_one()
    bench.queue.dequeue()
    waiting, delayed = resize(), resize.options(delay=60)()

    assert bench.ids("waiting") == [waiting.id]
    assert bench.ids("active") == [running.id]
    assert bench.ids("completed") == [done.id]
    assert bench.ids("failed") == [failed.id]
    assert bench.ids("delayed") == [delayed.id]
    bench.control.pause_queue("thumbs")
    assert bench.ids("paused") == [waiting.id]
    everything = bench.inspector.heads("thumbs")
    assert {row.state for row in everything.rows} == {
        "waiting", "active", "completed", "failed", "delayed",
    }  # fmt: skip
    assert everything.total == 5


def test_a_row_comes_without_the_job_s_data_and_the_job_with_it(bench, resize):
    job = resize("a.jpg")
    bench.run_all()

    (row,) = bench.rows("completed")

    assert not hasattr(row, "data")
    assert bench.job(job.id).data == {"path": "a.jpg"}


@pytest.mark.parametrize("state", ["completed", "failed"])
def test_pages_count_from_either_end_and_may_reach_too_far(bench, resize, state):
    ids = ended(bench, state)

    assert bench.ids(state, 0, -1) == ids
    assert bench.ids(state, 1, 2) == ids[1:3]
    assert bench.ids(state, -3, -1) == ids[-3:]
    assert bench.ids(state, 3, 100) == ids[3:]


@pytest.mark.parametrize("paused", [False, True])
def test_waiting_jobs_are_counted_by_priority(bench, resize, paused):
    if paused:
        bench.control.pause_queue("thumbs")
    for i in range(22):
        resize.options(priority=i % 4 or None)()

    assert bench.inspector.priorities("thumbs") == {1: 6, 2: 5, 3: 5, None: 6}


def test_a_job_over_its_time_fails_and_its_run_is_stopped(bench):
    went_on = []

    @bench.queue.task(attempts=1, timeout=0.1)
    def slow():
        for _ in range(300):
            time.sleep(0.01)
        went_on.append(True)

    with bench.worker():
        began = time.monotonic()
        job = slow()
        with pytest.raises(JobFailed, match=r"JobTimeout: ran longer than 0\.1 s"):
            job.wait(5)
        assert time.monotonic() - began < 1

    assert went_on == []
