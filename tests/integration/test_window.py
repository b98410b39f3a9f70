"""A window on a moving list, and what a tick of the dashboard costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobdesk.broker import snapshot
from jobdesk.broker.control import Control
from jobdesk.broker.inspector import Inspector
from jobdesk.broker.snapshot import Look, Snapshots
from jobdesk.broker.transitions import Outcome
from jobdesk.errors import InvalidLimit, InvalidQueueName, InvalidState, PageTooLarge
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


# --- ticks


def processed(broker: Broker) -> int:
    """Commands that the server has processed so far, without the one that asks."""
    return int(broker.client.info("stats")["total_commands_processed"])


def cost(broker: Broker, tick) -> int:
    """What the server says a tick takes; one of the commands counted is the question itself."""
    before = processed(broker)
    tick()
    return processed(broker) - before - 1


QUEUES = ("thumbs", *(f"queue-{n}" for n in range(20)))


@pytest.mark.parametrize("state", [JobState.WAITING, JobState.COMPLETED, JobState.FAILED])
def test_a_tick_keeps_to_its_budget_by_the_servers_own_count(jobs, state):
    getattr(jobs, state.value)(*numbered("a", 400))
    ticks = Snapshots(jobs.broker)
    ticks.read(QUEUES)
    places = [("a0150", 150, 140), ("a0150", 100, 140), (None, 0, 0), ("gone", 5, 390)]

    for anchor, place, offset in places:
        look = Look("thumbs", state, offset, 40, anchor, place)
        taken: list[snapshot.Snapshot] = []
        count = cost(jobs.broker, lambda look=look, taken=taken: taken.append(
            ticks.read(QUEUES, look)))  # fmt: skip

        rows = len(taken[0].window.rows)
        assert count <= 3 * rows + 5 * len(QUEUES) + 16
        assert taken[0].commands == count


def test_a_tick_of_the_queue_board_alone_keeps_to_its_budget(jobs):
    ticks = Snapshots(jobs.broker)
    first = cost(jobs.broker, lambda: ticks.read(QUEUES))

    counts = [cost(jobs.broker, lambda: ticks.read(QUEUES)) for _ in range(5)]

    assert max(counts) <= 5 * len(QUEUES) + 16
    assert first <= 6 * len(QUEUES) + 16


def test_a_tick_says_what_the_inspector_says(jobs, inspector):
    jobs.waiting("w1", "w2")
    Control(jobs.broker).set_max_active("thumbs", 7)
    Control(jobs.broker).pause_queue("thumbs")
    ticks = Snapshots(jobs.broker)

    found = ticks.read(["thumbs", "other"], Look("thumbs", JobState.WAITING))

    assert found.stats == inspector.all_stats(["thumbs", "other"])
    assert found.window == inspector.window("thumbs", "waiting")
    assert abs(found.now_ms - inspector.now_ms()) < 5000


def test_a_queue_that_was_paused_is_seen_a_few_ticks_later(jobs):
    ticks = Snapshots(jobs.broker)
    assert not ticks.read(QUEUES).stats[0].paused
    Control(jobs.broker).pause_queue("thumbs")
    for known in ticks._known.values():
        known.meta_at -= 1

    seen = [ticks.read(QUEUES).stats[0].paused for _ in range(12)]

    assert seen[-1]


def test_rows_of_ended_jobs_are_read_once(jobs):
    jobs.completed(*numbered("a", 40))
    ticks, look = Snapshots(jobs.broker, minutes=1), Look("thumbs", JobState.COMPLETED, 0, 40)
    first = ticks.read(["thumbs"], look)

    second = ticks.read(["thumbs"], look)

    assert second.window == first.window
    assert len(first.window.rows) == 40
    assert first.commands - second.commands >= 35


def test_a_retried_job_that_fails_again_is_read_again(jobs):
    jobs.failed("a1", error="E: one")
    ticks, look = Snapshots(jobs.broker), Look("thumbs", JobState.FAILED)
    assert ticks.read(["thumbs"], look).window.rows[0].error == "E: one"
    jobs.end_at("failed", "a1", 1000)
    Control(jobs.broker).retry_job("thumbs", "a1")
    (job,) = jobs.take()
    jobs.finish(job, Outcome.FAILED, error="E: two",
                attempt='"o":"failed","w":"","err":"E: two","tb":""}')  # fmt: skip

    found = ticks.read(["thumbs"], look)

    assert found.window.rows[0].error == "E: two"


def test_the_minutes_fill_with_what_the_budget_leaves_and_are_read_once(jobs, inspector):
    jobs.completed("a1", "a2")
    minute = inspector.now_ms() // 60_000
    jobs.broker.client.hset(jobs.keys.figures("m", minute - 20), mapping={"c": 5, "a": 9})
    ticks = Snapshots(jobs.broker, minutes=60)

    found = ticks.read(["thumbs"])
    for _ in range(12):
        found = ticks.read(["thumbs"])

    series = {one.start_ms // 60_000: one for one in found.series["thumbs"]}
    assert len(series) in {59, 60}
    assert sum(one.completed for one in series.values()) == 7
    assert series[minute - 20].added == 9
    settled = ticks.read(["thumbs"])
    # the counts, the limits, and the current minute, or the one that is just over
    assert settled.commands <= 5 + 1 + 2
    assert settled.series["thumbs"][-1].start_ms >= minute * 60_000
