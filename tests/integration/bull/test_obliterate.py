"""Deleting a queue with everything in it: Bull's obliterate."""

from __future__ import annotations

import pytest

from jobdesk.engine.context import JobContext
from jobdesk.errors import ActiveJobs, QueueNotPaused


@pytest.fixture
def resize(bench):
    @bench.queue.task(attempts=1)
    def resize(fail: bool = False, *, job: JobContext):
        job.log("began")
        if fail:
            raise ValueError("no")

    return resize


def left(bench):
    """What there still is of the queue, but its epoch."""
    found = bench.broker.client.scan_iter(match=bench.keys.prefix + "*", count=1000)
    return {key.decode()[len(bench.keys.prefix) :] for key in found} - {"epoch"}


def test_an_empty_queue_is_obliterated(bench):
    bench.control.pause_queue("thumbs")

    touched = bench.control.obliterate_queue("thumbs")

    assert (touched.count, left(bench)) == (0, set())


def test_jobs_of_every_state_go_with_their_logs_and_schedules(bench, resize):
    resize()
    resize(fail=True)
    bench.run_all()
    resize()
    resize.options(delay=60)()
    bench.broker.client.hset(bench.keys.sched, "nightly", 1)
    with pytest.raises(QueueNotPaused):
        bench.control.obliterate_queue("thumbs")
    bench.control.pause_queue("thumbs")

    touched = bench.control.obliterate_queue("thumbs")

    assert (touched.count, left(bench)) == (4, set())


def test_running_jobs_need_force_and_what_they_still_report_is_refused(bench, resize):
    resize()
    task = bench.queue.dequeue()
    bench.control.pause_queue("thumbs")
    with pytest.raises(ActiveJobs):
        bench.control.obliterate_queue("thumbs")
    assert bench.counts() == {"active": 1}

    bench.control.obliterate_queue("thumbs", force=True)
    bench.queue.execute(task)

    assert bench.counts() == {}
    assert not {key for key in left(bench) if key.startswith(("j:", "d:", "r:", "log:"))}


def test_a_queue_of_many_jobs_goes_in_batches(bench, resize):
    with bench.queue.batch() as jobs:
        for i in range(600):
            resize.options(delay=60 if i % 2 else None)()
    bench.queue.send(jobs)
    bench.control.pause_queue("thumbs")
    seen = []

    touched = bench.control.obliterate_queue(
        "thumbs", progress=lambda done, total: seen.append((done, total))
    )

    assert (touched.count, left(bench)) == (600, set())
    assert seen == [(250, 600), (500, 600), (600, 600)]
