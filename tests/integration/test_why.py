"""Why a job does not run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from jobdesk.broker import registry
from jobdesk.broker.control import Control
from jobdesk.broker.exchange import Outcome
from jobdesk.broker.inspector import Inspector
from jobdesk.broker.reading.why import why, why_queue
from jobdesk.errors import JobNotFound
from tests import invariants
from tests.queue_builder import WORKER, QueueBuilder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobdesk.broker.connection import Broker


@pytest.fixture
def jobs(broker: Broker) -> Iterator[QueueBuilder]:
    builder = QueueBuilder(broker)
    yield builder
    invariants.check(broker, builder.queue)


@pytest.fixture
def control(broker: Broker) -> Control:
    return Control(broker)


def serve(jobs: QueueBuilder, *in_hand: str, slots: int = 5, queue: str = "thumbs") -> None:
    """Let a worker say that it is there."""
    beat = registry.WorkerBeat(jobs.broker, WORKER, "host", os.getpid(), [queue], slots, "1.0")
    beat.beat({queue: in_hand})


def ask(jobs: QueueBuilder, job_id: str) -> dict[str, object]:
    """Code -> facts, in order."""
    return {reason.code: reason.facts for reason in why(jobs.broker, "thumbs", job_id).reasons}


def sentence(jobs: QueueBuilder, job_id: str, code: str) -> str:
    found = why(jobs.broker, "thumbs", job_id).reasons
    return next(reason.message for reason in found if reason.code == code)


def test_a_job_that_is_not_there_is_not_found(jobs):
    with pytest.raises(JobNotFound, match="no job nope in queue thumbs"):
        why(jobs.broker, "thumbs", "nope")


def test_a_paused_queue_comes_first(jobs, control):
    jobs.waiting("a1")
    control.pause_queue("thumbs")

    assert list(ask(jobs, "a1")) == ["paused", "no-worker", "next"]
    assert sentence(jobs, "a1", "paused") == "queue thumbs is paused"


def test_a_queue_that_no_worker_has_is_told(jobs):
    jobs.waiting("a1")
    serve(jobs, queue="other")

    assert list(ask(jobs, "a1")) == ["no-worker", "next"]

    serve(jobs)

    assert list(ask(jobs, "a1")) == ["next"]


def test_workers_whose_hands_are_full_are_told(jobs):
    jobs.waiting("a1")
    serve(jobs, "x1", "x2", slots=2)

    assert ask(jobs, "a1")["busy"] == {"slots": 2, "in_hand": 2, "workers": 1}
    assert sentence(jobs, "a1", "busy") == "all 2 slots of the 1 worker with queue thumbs are taken"


def test_the_most_that_may_be_active_is_told(jobs, control):
    jobs.active("a1")
    jobs.waiting("a2")
    control.set_max_active("thumbs", 1)
    serve(jobs, "a1", slots=1)

    assert ask(jobs, "a2")["max-active"] == {"active": 1, "max_active": 1}
    assert "busy" not in ask(jobs, "a2")


def test_a_rate_limit_is_told_with_when_it_opens(jobs, control):
    control.set_rate_limit("thumbs", (1, 60))
    jobs.active("a1")
    jobs.waiting("a2")
    serve(jobs)
    now = Inspector(jobs.broker).now_ms()

    facts = ask(jobs, "a2")["rate-limited"]

    assert (facts["jobs"], facts["per_ms"]) == (1, 60_000)
    assert now < facts["until_ms"] <= now + 61_000
    assert sentence(jobs, "a2", "rate-limited").startswith(
        "rate limit of 1 jobs per 60 s: the next"
    )


def test_a_place_in_the_line_counts_who_is_ahead_by_priority(jobs):
    jobs.waiting("n1", "n2", "n3")
    jobs.waiting("h1", "h2", priority=1)
    serve(jobs)

    facts = ask(jobs, "n3")["in-line"]

    assert facts == {"ahead": 4, "ahead_higher": 2, "ahead_same": 2}
    assert sentence(jobs, "n3", "in-line").startswith(
        "4 ahead of it (2 of a higher priority, 2 of its own); it waits for"
    )
    assert ask(jobs, "h2")["in-line"] == {"ahead": 1, "ahead_higher": 0, "ahead_same": 1}
    assert "next" in ask(jobs, "h1")


def test_a_place_in_the_line_has_an_estimate_where_jobs_have_ended(jobs):
    jobs.completed(*(f"c{n}" for n in range(30)))
    jobs.waiting("a1", "a2", "a3")
    serve(jobs)

    facts = ask(jobs, "a3")["in-line"]

    assert 30 / 361 < facts["per_second"] <= 30 / 300
    assert facts["estimate_ms"] == round(2000 / facts["per_second"])
    assert "jobs/min about" in sentence(jobs, "a3", "in-line")


def test_a_delayed_job_says_until_when(jobs):
    jobs.delayed("d1", delay_ms=90_000)
    serve(jobs)

    (reason,) = why(jobs.broker, "thumbs", "d1").reasons

    assert reason.code == "delayed"
    assert reason.message.startswith("delayed until 20")
    assert reason.message.endswith(("UTC, in 90 s", "UTC, in 89 s"))


def test_a_job_that_rests_after_an_error_says_which(jobs):
    (job,) = jobs.active("a1")
    jobs.finish(job, Outcome.RETRY, delay_ms=60_000, error="ValueError: no",
                attempt='"o":"retrying","w":"","err":"","tb":""}')  # fmt: skip
    serve(jobs)

    assert list(ask(jobs, "a1")) == ["delayed", "retrying"]
    assert sentence(jobs, "a1", "retrying") == "attempt 1 of 3 failed: ValueError: no"


def test_a_delayed_job_that_is_due_says_so(jobs):
    jobs.delayed("d1", delay_ms=60_000)
    jobs.change("d1", ra=1000)
    jobs.broker.client.zadd(jobs.keys.delayed, {"d1": 1000})

    assert list(ask(jobs, "d1")) == ["due", "no-worker"]


def test_a_type_that_nobody_has_published_is_told(jobs):
    jobs.waiting("a1")
    serve(jobs)
    jobs.broker.client.hset(jobs.keys.types, "crop", "{}")

    assert list(ask(jobs, "a1")) == ["unknown-type", "next"]


@pytest.mark.parametrize("what", ["r:a1", "rt:resize"])
def test_a_revoked_job_is_told(jobs, what):
    jobs.waiting("a1")
    serve(jobs)
    jobs.broker.client.hset(jobs.keys.revoked, what, "[null,false]")

    assert list(ask(jobs, "a1")) == ["revoked", "next"]


@pytest.mark.parametrize(
    ("left_ms", "code"), [(60_000, "expires-soon"), (-60_000, "expired"), (3_600_000, None)]
)
def test_an_expiry_that_is_near_or_over_is_told(jobs, left_ms, code):
    expires = Inspector(jobs.broker).now_ms() + left_ms
    jobs.waiting("a1", fields={"ex": expires})
    serve(jobs)

    assert list(ask(jobs, "a1")) == [*([code] if code else []), "next"]


def test_an_active_job_says_since_when_and_where(jobs):
    jobs.active("a1")
    serve(jobs, "a1")

    assert list(ask(jobs, "a1")) == ["active"]
    assert sentence(jobs, "a1", "active").endswith(f"attempt 1 of 3, on {WORKER}")


def test_an_active_job_whose_worker_is_silent_says_when_it_returns(jobs):
    jobs.active("a1")

    assert list(ask(jobs, "a1")) == ["active", "worker-gone"]

    jobs.broker.client.zadd(jobs.keys.active, {"a1": 1000})

    assert list(ask(jobs, "a1")) == ["active", "stalled"]


def test_an_active_job_that_is_to_be_cancelled_says_so(jobs, control):
    jobs.active("a1")
    serve(jobs, "a1")
    control.cancel_job("thumbs", "a1")

    assert list(ask(jobs, "a1")) == ["active", "cancelling"]


def test_ended_jobs_say_how(jobs):
    jobs.failed("f1", error="ValueError: no")
    jobs.completed("c1")

    assert ask(jobs, "f1")["failed"]["error"] == "ValueError: no, in full"
    assert sentence(jobs, "f1", "failed").endswith("after 1 of 3 attempts: ValueError: no, in full")
    assert sentence(jobs, "c1", "completed").startswith("it completed ")


# --- a whole queue


def test_a_queue_with_nothing_in_it_is_empty(jobs):
    found = why_queue(jobs.broker, "thumbs")

    assert (found.codes, found.reasons[0].message) == (("empty",), "nothing waits")


def test_a_queue_of_delayed_jobs_says_when_the_next_is_due(jobs):
    jobs.delayed("d1", "d2", delay_ms=3_600_000)
    serve(jobs)

    (reason,) = why_queue(jobs.broker, "thumbs").reasons

    assert reason.message in {
        "nothing waits; 2 delayed, the next is due in 1 h",
        "nothing waits; 2 delayed, the next is due in 59 min",
    }


def test_a_queue_that_is_kept_says_by_what(jobs, control):
    jobs.waiting("a1")
    assert why_queue(jobs.broker, "thumbs").codes == ("no-worker",)

    control.pause_queue("thumbs")
    serve(jobs)
    assert why_queue(jobs.broker, "thumbs").codes == ("paused",)


def test_a_queue_at_work_says_how_fast(jobs):
    jobs.completed(*(f"c{n}" for n in range(30)))
    jobs.waiting("a1", "a2")
    serve(jobs)

    (reason,) = why_queue(jobs.broker, "thumbs").reasons

    assert reason.code == "working"
    assert "the 2 waiting take about" in reason.message


def test_a_queue_where_nothing_ends_says_so(jobs):
    jobs.waiting("a1")
    serve(jobs)

    (reason,) = why_queue(jobs.broker, "thumbs").reasons

    assert reason.message == "1 worker, 0 active, and none ended in the last 5 min"
