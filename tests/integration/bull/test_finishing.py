"""Ending with what is running: Bull's whenCurrentJobsFinished."""

from __future__ import annotations

import threading

from tests.bench import eventually


def test_a_worker_without_jobs_stops_at_once(bench):
    with bench.worker() as consumer:
        pass

    assert consumer.station is None


def test_stopping_waits_for_every_running_job_and_takes_no_other(bench, gate):
    @bench.queue.task()
    def hold(fail: bool = False):
        gate.halt()
        if fail:
            raise ValueError("no")

    first = hold.options(attempts=1)(fail=True)
    second, third = hold(), hold()
    with bench.worker(2) as consumer:
        gate.reached(2)
        stopping = threading.Thread(target=consumer.stop, kwargs={"graceful": True})
        stopping.start()
        eventually(lambda: consumer.station is None or consumer.station.pool.stopping)
        assert stopping.is_alive()
        assert bench.counts() == {"active": 2, "waiting": 1}

        gate.open(2)
        stopping.join(10)

    assert not stopping.is_alive()
    assert bench.status(first.id).state == "failed"
    assert bench.status(second.id).state == "completed"
    assert bench.status(third.id).state == "waiting"


def test_a_job_that_takes_too_long_is_given_back_at_its_old_place(bench, gate):
    @bench.queue.task()
    def hold():
        gate.halt()

    first, second = hold(), hold()
    with bench.worker() as consumer:
        gate.reached()
        consumer.shutdown_timeout = 0.1
        consumer.stop(graceful=True)
        assert bench.ids() == [first.id, second.id]
        gate.open()

    assert bench.ids() == [first.id, second.id], "what it still says comes too late"
    assert bench.job(first.id).history[-1].outcome == "released"
    assert bench.status(first.id).attempts_made == 0
