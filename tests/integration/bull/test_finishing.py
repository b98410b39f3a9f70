"""Ending with what is running: Bull's whenCurrentJobsFinished."""

from __future__ import annotations

import gc
import threading

import pytest

from jobdesk import current_job
from jobdesk.engine.run import Run
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


@pytest.mark.parametrize("how", ["completes", "reports"])
def test_a_job_that_has_ended_is_let_go_at_once(bench, how):
    """Its data may be big: it does not stay until the garbage collector comes by."""

    @bench.queue.task()
    def completes(): ...

    @bench.queue.task()
    def reports():
        current_job().progress(50)

    def runs():
        return sum(isinstance(each, Run) for each in gc.get_objects())

    {"completes": completes, "reports": reports}[how]()
    gc.collect()
    gc.disable()
    try:
        before = runs()
        assert bench.run_one()
        assert runs() == before
    finally:
        gc.enable()
