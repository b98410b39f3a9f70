"""What a queue tells of its jobs: Bull's test_events."""

from __future__ import annotations

import time

from jobdesk.engine import publishing
from jobdesk.engine.context import JobContext
from tests.bench import eventually


def test_adding_a_job_tells_every_reader_that_it_waits(bench):
    @bench.queue.task()
    def resize(path: str):
        pass

    readers = bench.reader(), bench.reader()

    plain = resize("a.jpg")
    urgent = resize.options(priority=1)("b.jpg")

    for reader in readers:
        told = reader.read()
        assert [(e.name, e.job_id, e.type) for e in told] == [
            ("waiting", plain.id, "resize"),
            ("waiting", urgent.id, "resize"),
        ]
    assert bench.job(told[0].job_id).data == {"path": "a.jpg"}


def test_a_job_whose_worker_vanished_tells_that_it_stalled_and_waits_again(bench):
    @bench.queue.task()
    def resize():
        pass

    job = resize()
    bench.queue.dequeue()
    reader = bench.reader()

    bench.lose_worker(job.id)

    stalled, waiting = reader.read()
    assert (stalled.name, stalled.fields["stalls"]) == ("stalled", "1")
    assert (waiting.name, waiting.fields["prev"]) == ("waiting", "active")


def test_a_job_that_stalled_too_often_fails_and_says_why(bench):
    queue = bench.new_queue(max_stalled=0)

    @queue.task()
    def resize():
        pass

    publishing.publish(queue)
    job = resize()
    queue.dequeue()
    reader = bench.reader()

    bench.lose_worker(job.id)

    stalled, failed = reader.read()
    assert (stalled.name, failed.name, failed.job_id) == ("stalled", "failed", job.id)
    assert failed.fields["err"] == "JobStalled: its worker vanished 1 times"
    assert bench.status(job.id).failed_reason == "JobStalled: its worker vanished 1 times"


def test_drained_is_told_once_when_the_last_job_has_ended(bench):
    @bench.queue.task()
    def resize():
        pass

    resize()
    resize()

    bench.run_one()
    assert "drained" not in bench.events()
    bench.run_all()
    bench.run_all()

    assert bench.events().count("drained") == 1
    assert bench.events()[-1] == "drained"


def test_a_reader_elsewhere_sees_a_job_through_its_life_in_order(bench):
    @bench.queue.task()
    def resize(*, job: JobContext):
        job.progress(50)

    reader = bench.reader()
    with bench.worker():
        job = resize()
        job.wait(10)

    lived = [e for e in reader.read() if e.job_id == job.id]
    assert [e.name for e in lived] == ["waiting", "active", "progress", "completed"]
    numbers = [e.n for e in lived]
    assert numbers == sorted(numbers)


def test_a_run_whose_lease_was_lost_is_stopped_and_its_end_not_told(bench, gate, caplog):
    queue = bench.new_queue(lease=1)
    stopped = []

    @queue.task()
    def resize(*, job: JobContext):
        try:
            gate.halt()
            while not job.cancelled:
                time.sleep(0.01)
        finally:
            stopped.append(job.id)

    job = resize()
    with bench.worker():
        gate.reached()
        bench.control.pause_queue("thumbs")
        bench.lose_worker(job.id)
        gate.open()
        eventually(lambda: stopped == [job.id])

    assert "is another worker's by now" in caplog.text
    assert bench.ids() == [job.id]
    assert not {"completed", "failed", "retrying"} & set(bench.events(job.id))
