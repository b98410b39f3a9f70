"""Workers that are killed, and jobs that kill their workers."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import invariants
from tests.acceptance import trouble
from tests.acceptance.jobs import add
from tests.acceptance.workers import Starter, Watch, Worker, until

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker

JOBS, KILLS = 300, 10


@pytest.mark.parametrize("kind", ["jobdesk worker", "huey_consumer"])
def test_ten_kills_lose_no_job_and_complete_none_twice(
    kind: str, start: Starter, watched: Watch, broker: Broker
) -> None:
    ids = add("nap", JOBS)

    def started() -> Worker:
        if kind == "jobdesk worker":
            return start.jobdesk_worker("trouble")
        return start.huey_consumer("-w", "5", "-q")

    worker = started()
    for kill in range(1, KILLS + 1):
        watched.wait_for("completed", kill * 20)
        if kind == "jobdesk worker":
            for child in worker.children():
                child.kill()
        else:
            worker.kill()
            worker = started()
    watched.wait_for("completed", JOBS, timeout=60)

    assert watched.times("completed") == dict.fromkeys(ids, 1)
    assert watched.times("failed") == {}
    assert sum(watched.times("stalled").values()) >= KILLS
    until(lambda: watched.count("active") == 0)
    assert set(invariants.check(broker, "trouble").values()) == {"completed"}


def test_a_dead_childs_jobs_run_again_within_three_seconds(start: Starter, broker: Broker) -> None:
    """The lease is 30 s: it is the parent that gives them back."""
    watched = Watch(broker, "steady")
    worker = start.jobdesk_worker("steady")
    ids = add("nap", 2, trouble.steady, seconds=1.5)
    watched.wait_for("active", 2)
    before = {job_id: watched.worker_of(job_id) for job_id in ids}
    (child,) = worker.children()

    child.kill()
    killed_at = time.monotonic()
    until(
        lambda: watched.count("active") == 2
        and all(watched.worker_of(job_id) != before[job_id] for job_id in ids),
        timeout=10,
    )  # fmt: skip

    assert time.monotonic() - killed_at < 3.0
    watched.wait_for("completed", 2)
    assert watched.times("completed") == dict.fromkeys(ids, 1)


def test_a_dead_forks_jobs_run_again_within_three_seconds(start: Starter, broker: Broker) -> None:
    watched = Watch(broker, "steady")
    worker = start.huey_consumer("-k", "process", "-w", "1", "-q", queue="steady")
    (job_id,) = add("nap", 1, trouble.steady, seconds=1.5)
    watched.wait_for("active", 1)
    before = watched.worker_of(job_id)
    pid = int(re.split(":", before)[1])
    (fork,) = [child for child in worker.children() if child.pid == pid]

    fork.kill()
    killed_at = time.monotonic()
    until(lambda: watched.worker_of(job_id) != before and watched.count("active") == 1, timeout=10)

    assert time.monotonic() - killed_at < 3.0
    watched.wait_for("completed", 1)
    assert watched.times("completed") == {job_id: 1}


@pytest.mark.parametrize(
    ("killer", "reason"),
    [("leave", "WorkerDied: exit status 3"), ("crash", "WorkerDied: signal 11 (SIGSEGV)")],
)
def test_one_job_that_kills_its_worker_convicts_none_of_49_others(
    killer: str, reason: str, start: Starter, watched: Watch, tmp_path: Path
) -> None:
    """All fifty are in hand when it strikes."""
    folder = tmp_path / "marks"
    folder.mkdir()
    good = add("linger", 25, folder=str(folder))
    (bad,) = add(killer, folder=str(folder), company=49)
    good += add("linger", 24, folder=str(folder))

    start.jobdesk_worker("trouble", concurrency=50)
    watched.wait_for_ends(50, timeout=60)

    assert watched.times("failed") == {bad: 1}
    assert watched.job(bad).failed_reason == reason
    assert watched.times("completed") == dict.fromkeys(good, 1)
    assert watched.times("stalled") == dict.fromkeys([*good, bad], 1)


def test_a_job_that_eats_memory_ends_alone_where_its_queue_runs_in_children(
    start: Starter, broker: Broker
) -> None:
    """There its limit is the child's; a thread has none of its own, and shares its worker's."""
    watched = Watch(broker, "boxed")
    (bad,) = add("eat-memory", 1, trouble.boxed)
    good = add("nap", 4, trouble.boxed)

    start.jobdesk_worker("boxed", JOBDESK_CHILD_MEMORY_BYTES=str(512 << 20))
    watched.wait_for_ends(5)

    assert watched.job(bad).failed_reason == "MemoryError"
    assert watched.times("failed") == {bad: 1}
    assert watched.times("completed") == dict.fromkeys(good, 1)


def test_children_stop_when_their_parent_is_killed(start: Starter, watched: Watch) -> None:
    worker = start.jobdesk_worker("trouble", processes=2)
    ids = add("nap", 40)
    watched.wait_for("completed", 5)
    until(lambda: len(worker.children()) == 2)
    children = worker.children()

    worker.kill()
    until(lambda: not any(child.is_running() and child.status() != "zombie" for child in children))

    assert watched.times("stalled") == {}
    assert watched.count("active") == 0
    assert watched.count("completed") + watched.count("waiting") == len(ids)


def test_forks_stop_when_their_parent_is_killed(start: Starter, watched: Watch) -> None:
    worker = start.huey_consumer("-k", "process", "-w", "2", "-q", JOBDESK_SHUTDOWN_TIMEOUT="3")
    add("nap", 40)
    watched.wait_for("completed", 5)
    forks = worker.children()

    worker.kill()
    until(lambda: not any(fork.is_running() and fork.status() != "zombie" for fork in forks))

    assert watched.times("stalled") == {}
    assert watched.count("active") == 0


def test_a_process_that_hangs_is_killed_and_replaced(start: Starter, watched: Watch) -> None:
    worker = start.jobdesk_worker("trouble")
    worker.says("slots")
    (child,) = worker.children()

    child.send_signal(signal.SIGSTOP)
    worker.says("does not answer: killed", timeout=30)
    ids = add("nap", 3)
    watched.wait_for("completed", 3)

    assert watched.times("completed") == dict.fromkeys(ids, 1)


def test_burst_ends_when_nothing_is_left(start: Starter, watched: Watch) -> None:
    add("nap", 30)

    worker = start.jobdesk_worker("trouble", processes=2, burst=True)

    assert worker.wait() == 0
    assert watched.count("completed") == 30


def test_a_queue_that_nobody_makes_is_refused_by_name(start: Starter) -> None:
    worker = start.jobdesk_worker("nowhere")

    assert worker.wait() == 2
    assert "no module makes a queue 'nowhere'" in worker.log


def test_as_process_1_it_buries_orphans_and_heeds_signals(start: Starter, watched: Watch) -> None:
    own_processes = ["unshare", "-Urpf", "--mount-proc", "--kill-child"]
    tried = subprocess.run([*own_processes, "true"], check=False, capture_output=True)
    if tried.returncode:
        pytest.skip("this machine lets nobody have processes of their own")
    worker = start.jobdesk_worker("trouble", before=own_processes)
    ids = add("orphan", 3)
    watched.wait_for("completed", 3)
    (process_1,) = worker.children()

    # its worker process is its only child
    until(lambda: [child.status() for child in process_1.children()] != [])
    time.sleep(0.5)  # longer than the orphans live
    until(lambda: len(process_1.children()) == 1, say=process_1.children)
    process_1.send_signal(signal.SIGTERM)

    assert worker.wait(15) == 0
    assert watched.times("completed") == dict.fromkeys(ids, 1)


def test_a_child_that_dies_before_it_has_its_job_costs_no_attempt(
    start: Starter, broker: Broker
) -> None:
    watched = Watch(broker, "boxed")
    worker = start.huey_consumer("-w", "1", "-q", queue="boxed")
    ids = add("nap", 1, trouble.boxed, seconds=0)
    watched.wait_for("completed", 1)
    (child,) = worker.children()

    child.send_signal(signal.SIGSTOP)  # it is alive, and reads nothing
    ids += add("nap", 1, trouble.boxed, seconds=0)
    watched.wait_for("active", 1)
    child.kill()
    watched.wait_for("completed", 2)
    (another,) = worker.children()
    another.kill()
    ids += add("nap", 1, trouble.boxed, seconds=0)
    watched.wait_for("completed", 3)

    assert watched.times("completed") == dict.fromkeys(ids, 1)
    assert watched.times("failed") == {}
