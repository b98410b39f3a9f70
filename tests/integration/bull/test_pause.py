"""Pausing a queue for everybody: Bull's pause."""

from __future__ import annotations

import time

import pytest

from tests.bench import eventually


@pytest.fixture
def resize(bench):
    @bench.queue.task()
    def resize():
        pass

    return resize


def test_nothing_runs_until_the_queue_is_resumed(bench, resize):
    bench.control.pause_queue("thumbs")
    first, second = resize(), resize()
    with bench.worker(2):
        time.sleep(0.2)
        assert bench.counts() == {"waiting": 2}
        assert bench.status(first.id).state == "paused"

        bench.control.resume_queue("thumbs")
        first.wait(10)
        second.wait(10)

    assert bench.counts() == {"completed": 2}


def test_a_running_queue_is_paused_between_two_jobs_and_says_so(bench, gate):
    @bench.queue.task()
    def hold():
        gate.halt()

    first, second = hold(), hold()
    with bench.worker():
        gate.reached()
        assert bench.control.pause_queue("thumbs")
        gate.open()
        first.wait(10)
        assert bench.counts() == {"completed": 1, "waiting": 1}

        assert bench.control.resume_queue("thumbs")
        gate.reached()
        gate.open()
        second.wait(10)

    told = [name for name in bench.events() if name in ("completed", "paused", "resumed")]
    assert told == ["paused", "completed", "resumed", "completed"]


def test_pausing_does_not_wait_for_what_runs(bench, gate):
    @bench.queue.task()
    def hold():
        gate.halt()

    job = hold()
    with bench.worker():
        gate.reached()
        bench.control.pause_queue("thumbs")
        assert bench.counts() == {"active": 1}
        gate.open()
        job.wait(10)


def test_a_delayed_job_that_is_due_rests_while_the_queue_is_paused(bench, resize):
    job = resize.options(delay=0.05)()
    bench.control.pause_queue("thumbs")
    with bench.worker():
        eventually(lambda: bench.counts() == {"waiting": 1})
        time.sleep(0.1)
        assert bench.status(job.id).state == "paused"
        bench.control.resume_queue("thumbs")
        job.wait(10)


def test_an_idle_worker_takes_no_job_that_comes_after_the_pause(bench, resize):
    with bench.worker(2):
        resize().wait(10)
        bench.control.pause_queue("thumbs")
        resize()
        time.sleep(0.2)

        assert bench.counts() == {"completed": 1, "waiting": 1}


def test_an_idle_worker_stops_fast(bench, resize):
    with bench.worker(3) as consumer:
        resize().wait(10)
        eventually(lambda: consumer.station.pool._waiter)
        began = time.monotonic()

    assert time.monotonic() - began < 1


def test_one_worker_stops_while_another_goes_on(bench, gate):
    """What Bull calls a local pause: a worker that is to take no more is stopped."""

    @bench.queue.task()
    def hold():
        gate.halt()

    jobs = [hold() for _ in range(3)]
    with bench.worker(1) as first:
        gate.reached()
        with bench.worker(1) as second:
            gate.reached()
            first.station.pool.stop()
            gate.open(2)
            gate.reached()
            eventually(lambda: bench.counts() == {"completed": 2, "active": 1})
            assert len(second.station.pool.running()) == 1
            assert first.station.pool.running() == []
            gate.open()
            for job in jobs:
                job.wait(10)
