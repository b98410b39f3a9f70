"""Immediate mode: jobs run where they are called, on Huey's memory storage, without Redis."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from huey.api import chord
from huey.exceptions import ConfigurationError, TaskException, TaskLockedException

from jobdesk import settings as settings_module
from jobdesk.engine.context import JobContext, current_job
from jobdesk.engine.queue import Queue
from jobdesk.errors import InvalidJobData
from jobdesk.models import JobOptions


@pytest.fixture(autouse=True)
def no_redis() -> Iterator[None]:
    """Whoever asks for Redis gets an error."""
    settings_module.use(settings_module.load(redis_url="redis://127.0.0.1:1", _env_file=None))
    yield
    settings_module.use(None)


@pytest.fixture
def queue() -> Queue:
    return Queue("at-once", immediate=True, defaults=JobOptions(attempts=1))


def test_a_job_runs_where_it_is_called(queue: Queue) -> None:
    @queue.task()
    def add(a: int, b: int = 1) -> int:
        return a + b

    assert add(1, 2).get() == 3
    assert add(a=4).get() == 5


def test_bad_input_is_refused_as_it_is_elsewhere(queue: Queue) -> None:
    @queue.task()
    def add(a: int) -> int:
        return a

    with pytest.raises(InvalidJobData, match="a"):
        add("one")
    with pytest.raises(InvalidJobData):
        add(b=1)


def test_an_error_is_the_results(queue: Queue) -> None:
    @queue.task()
    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(TaskException, match="no"):
        fail().get()


def test_a_failed_job_is_tried_again_at_once(queue: Queue) -> None:
    tried = []

    @queue.task(retries=2)
    def fail_twice() -> str:
        tried.append(1)
        if len(tried) < 3:
            raise ValueError("no")
        return "done"

    handle = fail_twice()

    assert len(tried) == 3
    assert handle.get() == "done"


def test_a_task_has_a_context(queue: Queue) -> None:
    @queue.task()
    def report(n: int, *, job: JobContext) -> list[object]:
        job.progress(50)
        job.log("half way")
        return [job.queue, job.type, job.attempt, job.cancelled, n]

    assert report(7).get() == ["at-once", "report", 1, False, 7]
    with pytest.raises(RuntimeError):
        current_job()


def test_pipelines_and_chords_run_through(queue: Queue) -> None:
    @queue.task()
    def add(a: int, b: int) -> int:
        return a + b

    @queue.task()
    def total(of: list[int]) -> int:
        return sum(of)

    steps = queue.enqueue(add.s(1, 2).then(add, 10))
    result = queue.enqueue(chord([add.s(1, 1), add.s(2, 2)], total.s()))

    assert [step.get() for step in steps] == [3, 13]
    assert result.get() == 6


def test_an_error_handler_is_called(queue: Queue) -> None:
    seen = []

    @queue.task()
    def fail() -> None:
        raise ValueError("no")

    @queue.task()
    def keep(error: object) -> None:
        seen.append(error)

    queue.enqueue(fail.s().error(keep))

    assert [str(error) for error in seen] == ["no"]


def test_a_delayed_job_is_scheduled_and_not_run(queue: Queue) -> None:
    ran = []

    @queue.task()
    def note() -> None:
        ran.append(1)

    note.schedule(delay=60)

    assert not ran
    assert queue.scheduled_count() == 1


def test_revoked_jobs_do_not_run(queue: Queue) -> None:
    @queue.task()
    def note() -> str:
        return "ran"

    note.revoke()
    assert note().get() is None
    note.restore()
    assert note().get() == "ran"


def test_locks_and_limits_hold(queue: Queue) -> None:
    with queue.lock_task("a"):
        assert queue.is_locked("a")
        with pytest.raises(TaskLockedException):
            queue.lock_task("a").acquire()
    assert not queue.is_locked("a")
    with queue.rate_limit("calls", limit=1, per=60):
        pass


def test_a_queue_can_be_switched(queue: Queue) -> None:
    @queue.task()
    def note() -> str:
        return "ran"

    queue.immediate = False
    assert type(queue.storage).__name__ == "JobStorage"
    queue.immediate = True
    assert note().get() == "ran"


def test_no_worker_runs_on_it(queue: Queue) -> None:
    with pytest.raises(ConfigurationError):
        queue.create_consumer().start()
