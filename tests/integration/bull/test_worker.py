"""Who works for a queue: Bull's getWorkers."""

from __future__ import annotations

import os

from tests.bench import eventually


def test_a_worker_is_listed_with_its_queue_while_it_runs(bench):
    assert bench.inspector.workers() == ()

    with bench.worker(slots=2):
        eventually(bench.inspector.workers)
        (worker,) = bench.inspector.workers()

    assert (worker.pid, worker.queues, worker.slots) == (os.getpid(), ("thumbs",), 2)
    assert bench.inspector.workers() == ()
