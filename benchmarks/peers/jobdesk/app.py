"""The job on a jobdesk queue, everything switched on: checked and signed."""

import time
from datetime import UTC, datetime

from work import SLOTS, run

from jobdesk import Desk, JobOptions, JobSpec, Queue
from jobdesk.engine.pool import MOST
from jobdesk.engine.run import Run
from jobdesk.models import Retention

# Results are kept, as the peers keep them.
options = JobOptions(remove_on_complete=Retention(), remove_on_fail=Retention())
huey = queue = Queue("bench", concurrency=SLOTS, defaults=options)
desk = Desk()


@queue.task()
def job(text: str, number: int) -> dict[str, object]:
    """As ``BENCH_JOB`` says."""
    return run(text, number)


def one(text: str, number: int) -> None:
    """Add a job."""
    job(text=text, number=number)


def many(page: list[tuple[str, int]]) -> None:
    """Add a page of jobs."""
    desk.add_bulk_jobs("bench", [JobSpec("job", {"text": t, "number": n}) for t, n in page])


def delayed(count: str, over_s: str) -> None:
    """Add jobs that are due in turn, over some seconds, from a second from now on."""
    begin, wall = time.monotonic_ns() + 10**9, time.time() + 1
    for index in range(int(count)):
        later = float(over_s) * index / int(count)
        due = datetime.fromtimestamp(wall + later, UTC)
        job.options(run_at=due)(text="x" * 170, number=begin + round(later * 1e9))


def fail(count: str) -> None:
    """Add jobs and let them fail, as a worker does but without its log line for each."""
    left = int(count)
    for start in range(0, left, 500):
        many([("x" * 170, number) for number in range(start, start + 500)])
    request, ends = 1, []
    while left:
        answer = queue.transitions.exchange("bench:0:0", request, MOST, 30_000, ends)
        request, left = request + 1, left - len(ends)
        ends = []
        for taken in answer.jobs:
            try:
                raise ValueError(f"job {taken.id} was asked to fail")
            except ValueError as exc:
                ends.append(Run(queue, taken, "bench:0:0", 0).failed(exc, lambda *_: -1))


def retry() -> float:
    """Retry all failed jobs; the seconds that it took."""
    desk.get_queue_stats("bench")
    started = time.perf_counter()
    desk.retry_all("bench")
    return time.perf_counter() - started
