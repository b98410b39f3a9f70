"""Failures counted by fingerprint, and what is done to all of one group."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from jobdesk.broker.control import Control
from jobdesk.broker.exchange import Finish, Outcome
from jobdesk.broker.inspector import Inspector
from jobdesk.broker.reading import groups
from jobdesk.engine.fingerprint import fingerprint
from jobdesk.engine.queue import Queue
from jobdesk.errors import InvalidLimit, PageTooLarge
from tests import invariants
from tests.queue_builder import LEASE_MS, WORKER, QueueBuilder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobdesk.broker.connection import Broker

DAY_MS = 86_400_000
KINDS = {"a": "ValueError: no", "b": "KeyError: 'x'"}
FP = {name: fingerprint("resize", error) for name, error in KINDS.items()}


@pytest.fixture
def jobs(broker: Broker) -> Iterator[QueueBuilder]:
    builder = QueueBuilder(broker)
    yield builder
    invariants.check(broker, builder.queue)


@pytest.fixture
def control(broker: Broker) -> Control:
    return Control(broker, "ada@desk")


@pytest.fixture
def inspector(broker: Broker) -> Inspector:
    return Inspector(broker)


def fail(jobs, kind, *ids, outcome=Outcome.FAILED, **more):
    """Let jobs fail with one of the two errors."""
    told = {"o": "failed", "w": WORKER, "err": KINDS[kind], "tb": ""}
    for start in range(0, len(ids), 100):
        taken = jobs.active(*ids[start : start + 100])
        ends = [
            Finish(
                job.id, job.epoch, outcome, FP[kind].encode(), error=KINDS[kind],
                attempt=json.dumps(told)[1:], **more,
            )
            for job in taken
        ]  # fmt: skip
        jobs.moves.exchange(WORKER, start + 10_000, 0, LEASE_MS, ends)


def test_failures_are_counted_by_their_fingerprint(jobs, inspector):
    fail(jobs, "a", "a1", "a2", "a3", "a4")
    fail(jobs, "b", "b1", outcome=Outcome.RETRY, delay_ms=60_000)
    fail(jobs, "a", "a5")

    found = {group.fingerprint: group for group in inspector.groups("thumbs")}
    first, second = found[FP["a"]], found[FP["b"]]

    assert (first.queue, first.type, first.error) == ("thumbs", "resize", KINDS["a"])
    assert (first.count, first.failed) == (5, 5)
    assert first.ids == ("a5", "a4", "a3")
    assert first.first_ms <= second.last_ms <= first.last_ms
    assert (second.count, second.failed) == (1, 0)
    assert second.ids == ("b1",)


def test_a_job_knows_its_group_until_it_is_retried(jobs, inspector, control):
    fail(jobs, "a", "a1")

    assert inspector.job("thumbs", "a1").fingerprint == FP["a"]
    assert inspector.rows("thumbs", "failed").rows[0].fingerprint == FP["a"]

    control.retry_job("thumbs", "a1")

    assert inspector.job("thumbs", "a1").fingerprint == ""


def test_a_queue_without_failures_has_no_groups(jobs, inspector):
    jobs.completed("a1")

    assert inspector.groups("thumbs") == ()
    assert inspector.groups("thumbs", 0) == ()
    assert not jobs.broker.client.exists(jobs.keys.groups, jobs.keys.group)


def test_more_groups_than_there_may_be_are_refused(inspector):
    with pytest.raises(PageTooLarge):
        inspector.groups("thumbs", groups.MAX_GROUPS + 1)


def test_what_a_worker_runs_is_grouped_by_cause(settings, broker, inspector):
    queue = Queue("thumbs", broker=broker)

    @queue.task(attempts=1)
    def resize(number: int):
        raise ValueError(f"no row {number} in 'table {number}'")

    for number in (17, 23):
        resize(number)
        queue.execute(queue.dequeue())

    (group,) = inspector.groups("thumbs")
    assert (group.count, group.type) == (2, "resize")
    assert group.error.startswith("ValueError: no row 23")
    assert group.fingerprint == fingerprint("resize", "ValueError: no row 1 in 'x'")


def test_the_scripts_own_errors_have_the_fingerprints_that_python_makes(jobs, inspector, control):
    jobs.waiting("c1")
    control.cancel_job("thumbs", "c1")
    jobs.active("s1")
    jobs.broker.client.hset(jobs.keys.meta, "max_stalled", 0)
    jobs.moves.release_worker(WORKER)
    jobs.active("s2")
    control.cancel_job("thumbs", "s2")
    jobs.moves.release_worker(WORKER)

    found = {group.fingerprint: group.ids for group in inspector.groups("thumbs")}

    assert found == {
        fingerprint("resize", "JobCancelled: cancelled before it ran"): ("c1",),
        fingerprint("resize", "JobStalled: its worker vanished 1 times"): ("s1",),
        fingerprint("resize", "JobCancelled: cancelled by an operator"): ("s2",),
    }
    assert inspector.job("thumbs", "s1").fingerprint in found


def test_only_the_newest_two_hundred_groups_are_kept(jobs, inspector):
    for start in range(0, 300, 100):
        ids = [f"j{start + n:03}" for n in range(100)]
        ends = [
            Finish(
                job.id, job.epoch, Outcome.FAILED, f"{start + n:016x}".encode(), error="E: x",
                attempt='"o":"failed","w":"","err":"E: x","tb":""}',
            )
            for n, job in enumerate(jobs.active(*ids))
        ]  # fmt: skip
        jobs.moves.exchange(WORKER, start + 10_000, 0, LEASE_MS, ends)

    kept = inspector.groups("thumbs", groups.MAX_GROUPS)

    assert len(kept) == groups.MAX_GROUPS
    assert jobs.broker.client.hlen(jobs.keys.group) == groups.MAX_GROUPS
    assert f"{0:016x}" not in {group.fingerprint for group in kept}


def test_a_group_that_has_been_quiet_for_eight_days_goes_when_another_comes(jobs, inspector):
    fail(jobs, "a", "a1")
    long_ago = inspector.now_ms() - 9 * DAY_MS
    jobs.broker.client.zadd(jobs.keys.groups, {FP["a"]: long_ago})

    fail(jobs, "b", "b1")

    assert [group.fingerprint for group in inspector.groups("thumbs")] == [FP["b"]]
    assert jobs.broker.client.hlen(jobs.keys.group) == 1
    assert 7 * DAY_MS < jobs.broker.client.pttl(jobs.keys.groups) <= 8 * DAY_MS


def test_a_group_that_does_not_read_is_left_out(jobs, inspector):
    fail(jobs, "a", "a1")
    jobs.broker.client.hset(jobs.keys.group, FP["a"], "nonsense")

    assert inspector.groups("thumbs") == ()


# --- acting on a group


@pytest.mark.parametrize("verb", ["retry", "remove"])
def test_only_the_jobs_of_the_group_are_touched(jobs, control, verb):
    fail(jobs, "a", "a1", "a2")
    fail(jobs, "b", "b1")
    fail(jobs, "a", "a3")

    touched = getattr(control, f"{verb}_group")("thumbs", FP["a"])

    assert (touched.count, touched.ids, touched.done) == (3, ("a1", "a2", "a3"), True)
    assert jobs.order("failed") == ["b1"]
    assert jobs.order("waiting") == (["a1", "a2", "a3"] if verb == "retry" else [])


@pytest.mark.parametrize("verb", ["retry", "remove"])
def test_a_long_failed_set_is_walked_in_chunks(jobs, control, verb):
    mine = [f"a{n:03}" for n in range(330)]
    other = [f"b{n:03}" for n in range(330)]
    for start in range(0, 330, 30):
        fail(jobs, "a", *mine[start : start + 30])
        fail(jobs, "b", *other[start : start + 30])
    steps: list[tuple[int, int]] = []

    touched = getattr(control, f"{verb}_group")(
        "thumbs", FP["a"], lambda done, total: steps.append((done, total))
    )

    assert touched.count == 330
    assert jobs.order("failed") == other
    assert len(steps) >= 3
    assert steps[-1] == (660, 660)


@pytest.mark.parametrize("verb", ["retry", "remove"])
def test_a_command_on_a_group_can_be_stopped(jobs, control, verb):
    fail(jobs, "a", *(f"a{n:03}" for n in range(300)))

    touched = getattr(control, f"{verb}_group")("thumbs", FP["a"], lambda done, total: False)

    assert not touched.done
    assert 0 < touched.count < 300
    assert len(jobs.order("failed")) == 300 - touched.count


@pytest.mark.parametrize("verb", ["retry", "remove"])
def test_a_group_can_be_tried_on_a_few(jobs, control, verb):
    fail(jobs, "b", "b1")
    fail(jobs, "a", "a1", "a2", "a3")

    touched = getattr(control, f"{verb}_group")("thumbs", FP["a"], limit=2)

    assert (touched.count, touched.ids, touched.done) == (2, ("a1", "a2"), True)
    assert sorted(jobs.order("failed")) == ["a3", "b1"]


def test_a_job_that_fails_again_meanwhile_is_not_retried_again(jobs, control):
    ids = [f"a{n:03}" for n in range(120)]
    fail(jobs, "a", *ids)

    def fail_again(done, total):
        if not jobs.order("waiting"):
            return
        for at, job in enumerate(jobs.take(100)):
            end = Finish(job.id, job.epoch, Outcome.FAILED, FP["a"].encode(), error="E: x",
                         attempt='"o":"failed","w":"","err":"E: x","tb":""}')  # fmt: skip
            jobs.moves.exchange(WORKER, 20_000 + at, 0, LEASE_MS, [end])

    touched = control.retry_group("thumbs", FP["a"], fail_again)

    assert touched.count == 120


def test_a_group_that_nothing_is_of_any_more_is_no_error(jobs, control):
    touched = control.retry_group("thumbs", FP["a"])

    assert (touched.count, touched.done, touched.operation) == (0, True, "")


def test_a_limit_below_nothing_is_refused(control):
    with pytest.raises(InvalidLimit):
        control.remove_group("thumbs", FP["a"], limit=-1)
