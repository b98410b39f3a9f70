"""Tasks whose time is up, or which are cancelled, and do not care."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests import invariants
from tests.acceptance import trouble
from tests.acceptance.jobs import add
from tests.acceptance.workers import Starter, Watch, until

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker

TIMED_OUT = "JobTimeout: ran longer than 1 s"


def test_python_code_is_interrupted_and_its_thread_goes_on(
    start: Starter, watched: Watch, broker: Broker
) -> None:
    """One slot: if it were lost, the next job would not run. ``spin-on`` catches all it may."""
    late = add("spin", timeout=1) + add("spin-on", timeout=1)
    (next_one,) = add("nap")

    start.huey_consumer("-w", "1", "-q")
    watched.wait_for("completed", 1, timeout=15)

    assert [watched.job(job_id).failed_reason for job_id in late] == [TIMED_OUT] * 2
    assert watched.times("failed") == dict.fromkeys(late, 1)
    assert watched.times("completed") == {next_one: 1}
    invariants.check(broker, "trouble")


def test_interrupts_that_come_as_tasks_end_hurt_no_thread(
    start: Starter, watched: Watch, broker: Broker
) -> None:
    """Each job takes about as long as it may: either end is right, two or none is not."""
    ids = [
        job_id
        for step in range(200)
        for job_id in add("spin-for", seconds=0.02 + step % 20 / 1000, timeout=0.03)
    ]

    worker = start.huey_consumer("-w", "2", "-q")
    watched.wait_for_ends(len(ids))
    (after,) = add("nap")
    watched.wait_for("completed", watched.count("completed") + 1)

    assert watched.times("completed") + watched.times("failed") == dict.fromkeys([*ids, after], 1)
    assert watched.times("failed")
    time.sleep(5.5)  # longer than a thread has to leave its task
    assert "does not leave its thread" not in worker.log
    assert "died" not in worker.log
    assert watched.times("stalled") == {}
    invariants.check(broker, "trouble")


@pytest.mark.untraced
def test_a_thread_in_c_code_is_left_behind_and_replaced(start: Starter, watched: Watch) -> None:
    (late,) = add("nap", seconds=60, timeout=1)
    worker = start.huey_consumer("-w", "2", "-q")
    watched.wait_for("failed", 1, timeout=5)
    worker.says("does not leave its thread after its time was up; 1 of 2 threads are lost")

    met = add("meet", 2)  # needs two threads
    watched.wait_for("completed", 2)

    assert watched.job(late).failed_reason == TIMED_OUT
    assert watched.times("completed") == dict.fromkeys(met, 1)
    assert worker.process.poll() is None


@pytest.mark.untraced
def test_a_worker_whose_threads_are_all_stuck_gives_up(start: Starter, watched: Watch) -> None:
    """And its parent, where it has one, starts another."""
    late = add("swallow", timeout=1) + add("nap", seconds=60, timeout=1)
    alone = start.huey_consumer("-w", "2", "-q")

    assert alone.wait(20) == 75
    assert watched.times("failed") == dict.fromkeys(late, 1)
    assert watched.times("stalled") == {}


@pytest.mark.untraced
def test_a_fleet_replaces_a_worker_that_gave_up(start: Starter, watched: Watch) -> None:
    (late,) = add("nap", seconds=60, timeout=1)
    worker = start.jobdesk_worker("trouble", concurrency=1)
    worker.says("ended with 75")

    (next_one,) = add("nap")
    watched.wait_for("completed", 1)

    assert watched.times("failed") == {late: 1}
    assert watched.times("completed") == {next_one: 1}


def test_a_child_is_killed_whatever_its_task_catches(start: Starter, broker: Broker) -> None:
    watched = Watch(broker, "boxed")
    late = add("swallow", 1, trouble.boxed, timeout=1) + add(
        "hold-lock", 1, trouble.boxed, timeout=1
    )
    met = add("nap", 2, trouble.boxed)

    worker = start.huey_consumer("-w", "2", "-q", queue="boxed")
    watched.wait_for_ends(4, timeout=15)

    assert [watched.job(job_id).failed_reason for job_id in late] == [TIMED_OUT] * 2
    assert watched.times("completed") == dict.fromkeys(met, 1)
    assert "does not leave its thread" not in worker.log


def test_the_parent_kills_a_fork_that_holds_pythons_lock(start: Starter, watched: Watch) -> None:
    """Its own supervisor cannot run; the parent books the time-out, once."""
    (late,) = add("hold-lock", timeout=1)
    worker = start.huey_consumer("-k", "process", "-w", "1", "-q")
    watched.wait_for("failed", 1, timeout=20)

    (next_one,) = add("nap")
    watched.wait_for("completed", 1)

    assert watched.job(late).failed_reason == TIMED_OUT
    assert watched.times("failed") == {late: 1}
    assert watched.times("stalled") == {}
    assert watched.times("completed") == {next_one: 1}
    assert "nor does its process see to it: killed" in worker.log


def test_a_fork_stops_python_and_c_code_by_itself(start: Starter, watched: Watch) -> None:
    late = add("spin-on", timeout=1) + add("nap", seconds=60, timeout=1)
    start.huey_consumer("-k", "process", "-w", "1", "-q")
    (next_one,) = add("nap")
    watched.wait_for("completed", 1, timeout=20)

    assert watched.times("failed") == dict.fromkeys(late, 1)
    assert watched.times("completed") == {next_one: 1}


def test_a_cancel_reaches_a_thread_and_a_child(
    start: Starter, watched: Watch, broker: Broker
) -> None:
    from jobdesk.broker.control import Control

    inside = Watch(broker, "boxed")
    (spinning,) = add("spin")
    (boxed,) = add("hold-lock", 1, trouble.boxed)
    start.jobdesk_worker("trouble", "boxed")
    watched.wait_for("active", 1)
    inside.wait_for("active", 1)

    Control(broker).cancel_job("trouble", spinning)
    Control(broker).cancel_job("boxed", boxed)
    watched.wait_for("failed", 1, timeout=5)
    inside.wait_for("failed", 1, timeout=5)

    for queue, job_id in ((watched, spinning), (inside, boxed)):
        assert queue.job(job_id).failed_reason.startswith("JobCancelled")
    (after,) = add("nap")
    watched.wait_for("completed", 1)
    assert watched.times("completed") == {after: 1}


def test_a_task_that_holds_pythons_lock_costs_its_worker_no_other_job(
    start: Starter, watched: Watch
) -> None:
    """Its worker hangs, and is killed; the next time it runs alone, where its time is kept."""
    (bad,) = add("hold-lock", timeout=2)
    good = add("nap", 8)

    start.jobdesk_worker("trouble", concurrency=3)
    watched.wait_for_ends(9, timeout=50)

    until(lambda: watched.count("active") == 0)
    assert watched.times("completed") == dict.fromkeys(good, 1)
    assert watched.job(bad).failed_reason == "JobTimeout: ran longer than 2 s"
