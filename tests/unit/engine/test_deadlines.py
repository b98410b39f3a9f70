from __future__ import annotations

import os
import time

import pytest

from jobdesk.broker.exchange import Outcome, Taken
from jobdesk.engine.deadlines import Deadlines
from jobdesk.engine.queue import Queue
from jobdesk.engine.run import Run


@pytest.fixture
def run():
    taken = Taken(
        id="a-job", type="resize", payload=b"{}", attempts=3, attempts_made=0, timeout_ms=1500,
        backoff="f:2000::0:2", generation=0, stalls=0, progress="", expires_ms=None, revoked=b"",
        epoch=b"17",
    )  # fmt: skip
    made = Run(Queue("thumbs"), taken, "host:1:w", time.monotonic() + 30)
    made.deadline = 100.0
    return made


def test_a_deadline_written_by_a_fork_is_read_by_its_parent(run):
    deadlines = Deadlines(2)
    pid = os.fork()
    if pid == 0:
        deadlines.slot(1).begin(run)
        os._exit(0)
    os.waitpid(pid, 0)

    found = deadlines.overdue(1, now=100.5)

    assert found is not None
    assert found.queue == "thumbs"
    assert (found.finish.id, found.finish.epoch) == ("a-job", b"17")
    assert found.finish.outcome is Outcome.RETRY
    assert found.finish.delay_ms == 2000
    assert found.finish.error == "JobTimeout: ran longer than 1.5 s"
    assert deadlines.overdue(1, now=99.5) is None
    assert deadlines.overdue(0, now=100.5) is None
    assert (deadlines.worked(0), deadlines.worked(1)) == (False, True)


def test_a_job_that_ends_or_has_no_time_limit_is_never_overdue(run):
    deadlines = Deadlines(1)
    slot = deadlines.slot(0)

    slot.begin(run)
    slot.end()
    assert deadlines.overdue(0, now=1e9) is None

    slot.begin(run)  # and nobody has said that it ended
    run.deadline = None
    slot.begin(run)
    assert deadlines.overdue(0, now=1e9) is None


def test_a_new_worker_finds_its_slot_empty(run):
    deadlines = Deadlines(1)
    deadlines.slot(0).begin(run)

    deadlines.clear(0)

    assert deadlines.overdue(0, now=1e9) is None
    assert not deadlines.worked(0)
