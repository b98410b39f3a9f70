"""A window on a moving list, and what a tick of the dashboard costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobdesk.broker.control import Control
from jobdesk.broker.exchange import Outcome
from jobdesk.broker.inspector import Inspector
from jobdesk.broker.reading import asking
from jobdesk.broker.reading import window as windows
from jobdesk.broker.reading.window import Look, Memory
from jobdesk.broker.server.rounds import Rounds
from jobdesk.errors import InvalidLimit, InvalidQueueName, InvalidState, JobNotFound, PageTooLarge
from jobdesk.models import JobState
from tests import invariants
from tests.queue_builder import QueueBuilder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobdesk.broker.connection import Broker


@pytest.fixture
def jobs(broker: Broker) -> Iterator[QueueBuilder]:
    builder = QueueBuilder(broker)
    yield builder
    invariants.check(broker, builder.queue)


@pytest.fixture
def inspector(broker: Broker) -> Inspector:
    return Inspector(broker)


def numbered(prefix: str, n: int) -> tuple[str, ...]:
    return tuple(f"{prefix}{i:04}" for i in range(n))


def ids(found) -> list[str]:
    return [row.id for row in found.rows]


def test_a_window_shows_a_part_of_a_list(jobs, inspector):
    jobs.waiting(*numbered("a", 30))

    found = inspector.window("thumbs", "waiting", offset=10, limit=5)

    assert ids(found) == list(numbered("a", 15)[10:])
    assert (found.total, found.offset, found.anchor_rank) == (30, 10, None)


@pytest.mark.parametrize("state", ["completed", "failed"])
def test_ended_jobs_come_the_newest_first(jobs, inspector, state):
    getattr(jobs, state)("a1", "a2", "a3")
    for at, job_id in enumerate(("a1", "a2", "a3"), 1):
        jobs.end_at(state, job_id, inspector.now_ms() - 10_000 + at)

    found = inspector.window("thumbs", state, anchor="a1", anchor_place=2)

    assert ids(found) == ["a3", "a2", "a1"]
    assert found.anchor_rank == 2


def test_a_window_moves_along_with_its_anchor(jobs, inspector):
    jobs.waiting(*numbered("a", 30))
    before = inspector.window("thumbs", "waiting", anchor="a0012", anchor_place=12, offset=10,
                              limit=5)  # fmt: skip
    jobs.waiting(*numbered("b", 7), priority=1)

    after = inspector.window("thumbs", "waiting", anchor="a0012", anchor_place=12, offset=10,
                             limit=5)  # fmt: skip

    assert ids(after) == ids(before)
    assert (before.offset, before.anchor_rank) == (10, 12)
    assert (after.offset, after.anchor_rank) == (17, 19)


def test_a_window_whose_anchor_has_left_stays_where_it_is(jobs, inspector):
    jobs.waiting(*numbered("a", 30))
    Control(jobs.broker).remove_job("thumbs", "a0012")

    found = inspector.window("thumbs", "waiting", anchor="a0012", anchor_place=12, offset=10,
                             limit=3)  # fmt: skip

    assert ids(found) == ["a0010", "a0011", "a0013"]
    assert found.anchor_rank is None


def test_a_window_beyond_the_end_shows_the_end(jobs, inspector):
    jobs.waiting(*numbered("a", 3))

    found = inspector.window("thumbs", "waiting", offset=50, limit=5)

    assert (ids(found), found.offset) == (["a0002"], 2)


def test_an_empty_list_and_a_window_without_rows_are_no_error(jobs, inspector):
    assert inspector.window("thumbs", "failed").rows == ()
    jobs.waiting("a1")

    found = inspector.window("thumbs", "waiting", limit=0, anchor="a1")

    assert (found.rows, found.total, found.anchor_rank) == ((), 1, 0)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"queue": "a}b"}, InvalidQueueName),
        ({"state": "bad"}, InvalidState),
        ({"limit": -1}, InvalidLimit),
        ({"limit": 1001}, PageTooLarge),
    ],
)
def test_bad_windows_are_refused(inspector, arguments, error):
    with pytest.raises(error):
        inspector.window(**{"queue": "thumbs", "state": "waiting", **arguments})


# --- reads that share their round trips


def test_reads_made_together_take_the_round_trips_of_the_longest(jobs, inspector):
    jobs.waiting(*numbered("a", 30))
    rounds = Rounds(jobs.broker)
    look = Look("thumbs", JobState.WAITING, 10, 5)

    window, stats, workers, clock = rounds.all((
        windows.asking(jobs.broker, look), asking.stats(jobs.broker, ("thumbs", "other")),
        asking.workers(jobs.broker, 10), asking.clock(jobs.broker),
    ))  # fmt: skip

    assert window == inspector.window("thumbs", "waiting", offset=10, limit=5)
    assert stats == inspector.all_stats(("thumbs", "other"))
    assert workers == ()
    assert abs(clock - inspector.now_ms()) < 5000
    assert rounds.trips == 2
    assert rounds.commands == 3 + 2 * 6 + 1 + 1 + 5


def test_a_read_that_is_refused_leaves_the_others_alone(jobs):
    jobs.waiting("a1")

    def refused():
        yield lambda pipe: pipe.time()
        raise JobNotFound("no job x")

    told, stats = Rounds(jobs.broker).all((refused(), asking.stats(jobs.broker, ("thumbs",))))

    assert isinstance(told, JobNotFound)
    assert stats[0].waiting == 1
    with pytest.raises(JobNotFound):
        Rounds(jobs.broker).one(refused())


def test_rows_of_ended_jobs_are_read_once(jobs):
    jobs.completed(*numbered("a", 40))
    memory, look = Memory(), Look("thumbs", JobState.COMPLETED, 0, 40)
    rounds = Rounds(jobs.broker)
    first = rounds.one(windows.asking(jobs.broker, look, memory))
    before = rounds.commands

    second = rounds.one(windows.asking(jobs.broker, look, memory))

    assert second == first
    assert len(first.rows) == 40
    assert rounds.commands - before == 3


def test_a_retried_job_that_fails_again_is_read_again(jobs):
    jobs.failed("a1", error="E: one")
    memory, look = Memory(), Look("thumbs", JobState.FAILED)
    rounds = Rounds(jobs.broker)
    assert rounds.one(windows.asking(jobs.broker, look, memory)).rows[0].error == "E: one"
    jobs.end_at("failed", "a1", 1000)
    Control(jobs.broker).retry_job("thumbs", "a1")
    (job,) = jobs.take()
    jobs.finish(job, Outcome.FAILED, error="E: two",
                attempt='"o":"failed","w":"","err":"E: two","tb":""}')  # fmt: skip

    found = rounds.one(windows.asking(jobs.broker, look, memory))

    assert found.rows[0].error == "E: two"


def test_more_ended_rows_than_are_remembered_are_forgotten_again(jobs):
    jobs.completed(*numbered("a", 12))
    memory = Memory(most=5)

    found = Rounds(jobs.broker).one(
        windows.asking(jobs.broker, Look("thumbs", JobState.COMPLETED), memory)
    )

    assert len(found.rows) == 12
    assert len(memory._rows) == 5
