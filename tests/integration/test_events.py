"""Following the event streams, noticing gaps, and waiting for a job to end."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from jobdesk.broker.control import Control
from jobdesk.broker.entries import events_of
from jobdesk.broker.events import EventReader, Gap, newest, wait_for_end
from jobdesk.broker.reading import eventpages
from jobdesk.errors import InvalidCursor, NaiveDatetime, PageTooLarge, ResultGone, WaitTimeout
from jobdesk.models import Event, JobState, NewJob
from tests.queue_builder import QueueBuilder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jobdesk.broker.connection import Broker


@pytest.fixture
def jobs(broker: Broker) -> QueueBuilder:
    return QueueBuilder(broker)


def short(found: list[Event | Gap]) -> list[object]:
    return [e if isinstance(e, Gap) else (e.queue, e.name, e.job_id) for e in found]


@pytest.fixture
def later(broker: Broker) -> Iterator[Callable[[Callable[[], object]], None]]:
    """Do something in a moment, on another thread; the test ends when it is done."""
    timers: list[threading.Timer] = []

    def start(action: Callable[[], object]) -> None:
        timers.append(threading.Timer(0.1, action))
        timers[-1].start()

    yield start
    for timer in timers:
        timer.join()


# --- following


def test_a_reader_sees_what_happens_from_its_first_read_on(broker, jobs):
    jobs.waiting("old")
    reader = EventReader(broker, ["thumbs"])
    assert reader.read(0) == []

    jobs.waiting("a1")

    (event,) = reader.read(0)
    assert (event.name, event.job_id, event.type, event.n) == ("waiting", "a1", "resize", 2)
    assert abs(event.timestamp_ms / 1000 - time.time()) < 60
    assert reader.read(0) == []


def test_a_reader_may_begin_with_the_oldest_event(broker, jobs):
    jobs.waiting("a1", "b1")

    found = EventReader(broker, ["thumbs"], since="0").read(0)

    assert short(found) == [("thumbs", "waiting", "a1"), ("thumbs", "waiting", "b1")]


def test_a_reader_may_begin_after_an_event_or_an_instant(broker, jobs):
    jobs.waiting("a1", "b1")
    first = EventReader(broker, ["thumbs"], since="0").read(0)[0]
    hour_ago = datetime.now(UTC) - timedelta(hours=1)

    after = EventReader(broker, ["thumbs"], since=first.id).read(0)
    recent = EventReader(broker, ["thumbs"], since=hour_ago).read(0)

    assert short(after) == [("thumbs", "waiting", "b1")]
    assert len(recent) == 2


@pytest.mark.parametrize("since", ["yesterday", "1-x", "-", "12"])
def test_a_beginning_that_is_none_is_refused(broker, since):
    with pytest.raises(InvalidCursor):
        EventReader(broker, ["thumbs"], since=since)


def test_an_instant_without_a_zone_is_refused(broker):
    with pytest.raises(NaiveDatetime):
        EventReader(broker, ["thumbs"], since=datetime(2026, 1, 1))  # noqa: DTZ001  # on purpose


def test_a_reader_follows_several_queues_each_in_its_order(broker, jobs):
    other = QueueBuilder(broker, "email")
    reader = EventReader(broker, ["thumbs", "email"])
    reader.read(0)

    jobs.waiting("a1", "a2")
    other.waiting("b1", "b2")

    found = short(reader.read(0))
    assert sorted(found) == sorted(
        [("thumbs", "waiting", "a1"), ("thumbs", "waiting", "a2"),
         ("email", "waiting", "b1"), ("email", "waiting", "b2")]
    )  # fmt: skip
    assert [e for e in found if e[0] == "email"] == [
        ("email", "waiting", "b1"), ("email", "waiting", "b2"),
    ]  # fmt: skip


def test_what_is_read_of_several_queues_comes_in_the_order_of_its_time(broker, jobs):
    other = QueueBuilder(broker, "email")
    reader = EventReader(broker, ["thumbs", "email"])
    reader.read(0)

    for turn in range(3):
        jobs.waiting(f"a{turn}")
        time.sleep(0.002)
        other.waiting(f"b{turn}")
        time.sleep(0.002)

    assert [event.job_id for event in reader.read(0)] == ["a0", "b0", "a1", "b1", "a2", "b2"]


def test_a_reader_waits_for_what_comes(broker, jobs, later):
    reader = EventReader(broker, ["thumbs"])
    reader.read(0)
    later(lambda: jobs.waiting("a1"))

    started = time.monotonic()
    found = reader.read(1)

    assert short(found) == [("thumbs", "waiting", "a1")]
    assert time.monotonic() - started < 0.9


def test_iterating_yields_events_without_end(broker, jobs):
    reader = EventReader(broker, ["thumbs"], since="0")
    jobs.waiting("a1", "b1")

    steps = iter(reader)

    assert short([next(steps), next(steps)]) == [
        ("thumbs", "waiting", "a1"), ("thumbs", "waiting", "b1"),
    ]  # fmt: skip


def test_many_events_come_in_batches_and_without_a_gap(broker, jobs):
    reader = EventReader(broker, ["thumbs"])
    reader.read(0)
    for start in range(0, 1200, 200):
        jobs.waiting(*(f"a{i}" for i in range(start, start + 200)))

    found: list[Event | Gap] = []
    while part := reader.read(0):
        found += part

    assert [e.job_id for e in found if isinstance(e, Event)] == [f"a{i}" for i in range(1200)]
    assert len(found) == 1200


def test_a_reader_of_no_queues_reads_nothing(broker):
    assert EventReader(broker, []).read(0) == []


# --- events that share an entry


def entries(jobs: QueueBuilder) -> int:
    return int(jobs.broker.client.xlen(jobs.keys.events))


def test_events_that_differ_in_their_job_only_share_an_entry(broker, jobs):
    jobs.waiting("a1", "a2", "a3")
    mixed = [NewJob(id=f"m{kind}", type=kind, payload=b"{}") for kind in ("one", "other")]
    jobs.moves.add([*mixed, NewJob(id="d1", type="one", payload=b"{}", delay_ms=60_000)])

    found = EventReader(broker, ["thumbs"], since="0").read(0)

    assert entries(jobs) == 3
    assert [(e.n, e.name, e.job_id, e.type) for e in found] == [
        (1, "waiting", "a1", "resize"), (2, "waiting", "a2", "resize"),
        (3, "waiting", "a3", "resize"), (4, "waiting", "mone", "one"),
        (5, "waiting", "mother", "other"), (6, "delayed", "d1", "one"),
    ]  # fmt: skip
    assert len({e.id for e in found}) == 6


def test_what_is_told_of_each_job_is_its_own(broker, jobs):
    jobs.failed("a1", "a2", error="ValueError: no")
    jobs.failed("b1", error="KeyError: no")

    told = [e for e in newest(broker, "thumbs", 20) if e.name == "failed"]

    assert [(e.job_id, e.fields["err"]) for e in told] == [
        ("b1", "KeyError: no"), ("a2", "ValueError: no"), ("a1", "ValueError: no"),
    ]  # fmt: skip


@pytest.mark.parametrize("read", range(1, 12))
def test_a_reader_begins_behind_any_event_of_an_entry(broker, jobs, read):
    for group in ("a", "b", "c"):
        jobs.waiting(*(f"{group}{n}" for n in range(4)))
    found = EventReader(broker, ["thumbs"], since="0").read(0)

    after = EventReader(broker, ["thumbs"], since=found[read - 1].id).read(0)

    assert after == found[read:]


@pytest.mark.parametrize("count", [1, 3, 4, 5, 9, 100, 500])
def test_the_newest_are_as_many_as_asked_for_however_they_lie(broker, jobs, count):
    for n in range(20):
        jobs.waiting(*(f"a{n}x{i}" for i in range(40)))
        jobs.waiting(f"single{n}")
    every = EventReader(broker, ["thumbs"], since="0")
    known: list[Event | Gap] = []
    while part := every.read(0):
        known += part
    assert len(known) == 820

    found = newest(broker, "thumbs", count)

    assert list(found) == known[::-1][:count]


@pytest.mark.parametrize("size", [1, 3, 4, 7, 30])
def test_pages_of_any_size_go_back_without_a_hole(broker, jobs, size):
    for n in range(6):
        jobs.waiting(*(f"a{n}x{i}" for i in range(5)))
        jobs.waiting(f"single{n}")
    known = list(reversed(newest(broker, "thumbs", 100)))

    found: list[Event] = []
    one = eventpages.page(broker, ["thumbs"], count=size)
    found[:0] = one.events
    while one.more:
        one = eventpages.page(broker, ["thumbs"], "+", size, one.ends)
        found[:0] = one.events

    assert found == known


def test_what_lies_between_two_events_of_an_entry_is_read_again(broker, jobs):
    jobs.waiting(*(f"a{i}" for i in range(6)))
    jobs.waiting("b")
    known = EventReader(broker, ["thumbs"], since="0").read(0)

    behind = known[1]
    assert isinstance(behind, Event)
    assert list(eventpages.between(broker, {"thumbs": (behind.id, 3)})) == known[2:5]
    assert list(eventpages.since(broker, ["thumbs"], {"thumbs": behind.id}, 50)) == known[2:]


@pytest.mark.parametrize("together", [1, 100])
def test_the_stream_keeps_ten_thousand_events_and_a_little(broker, jobs, together):
    for start in range(0, 12_000, together):
        ids = (f"a{i}" for i in range(start, start + together))
        jobs.moves.add([NewJob(id=one, type="t", payload=b"{}") for one in ids])

    raw = broker.client.xrange(jobs.keys.events)
    events = [event for entry in raw for event in events_of("thumbs", *entry)]

    assert 10_000 <= len(events) <= 11_000
    assert [event.n for event in events] == list(range(12_001 - len(events), 12_001))
    assert broker.client.zcard(jobs.keys.prefix + "evm") <= 22


# --- gaps


def test_events_trimmed_before_they_were_read_are_a_gap(broker, jobs):
    reader = EventReader(broker, ["thumbs"])
    jobs.waiting("a1")
    reader.read(0)
    for job_id in ("b1", "c1", "d1"):
        jobs.waiting(job_id)
    broker.client.xtrim(jobs.keys.events, maxlen=1, approximate=False)

    assert short(reader.read(0)) == [Gap("thumbs", 2), ("thumbs", "waiting", "d1")]


def test_a_reader_from_the_oldest_event_is_told_what_was_trimmed_before(broker, jobs):
    for job_id in ("a1", "b1", "c1"):
        jobs.waiting(job_id)
    broker.client.xtrim(jobs.keys.events, maxlen=1, approximate=False)

    found = EventReader(broker, ["thumbs"], since="0").read(0)

    assert short(found) == [Gap("thumbs", 2), ("thumbs", "waiting", "c1")]


def test_a_queue_that_was_obliterated_is_a_gap(broker, jobs):
    reader = EventReader(broker, ["thumbs"], since="0")
    control = Control(broker)
    jobs.waiting("a1", "b1")
    control.pause_queue("thumbs")
    reader.read(0)
    control.obliterate_queue("thumbs")
    jobs.waiting("z1")

    assert short(reader.read(0)) == [Gap("thumbs", None), ("thumbs", "waiting", "z1")]


def test_a_reader_takes_up_where_another_stopped(broker, jobs):
    first = EventReader(broker, ["thumbs", "email"], since="0")
    jobs.waiting("a1")
    first.read(0)
    jobs.waiting("b1")

    second = EventReader(broker, ["thumbs", "email"], since=first.positions)

    assert short(second.read(0)) == [("thumbs", "waiting", "b1")]


def test_a_reader_that_takes_up_after_a_trim_is_told(broker, jobs):
    first = EventReader(broker, ["thumbs"], since="0")
    jobs.waiting("a1")
    first.read(0)
    jobs.waiting("b1")
    jobs.waiting("c1")
    broker.client.xtrim(jobs.keys.events, maxlen=1, approximate=False)

    found = EventReader(broker, ["thumbs"], since=first.positions).read(0)

    assert short(found) == [Gap("thumbs", None), ("thumbs", "waiting", "c1")]


# --- newest


def test_the_newest_events_come_newest_first(broker, jobs):
    jobs.waiting("a1", "b1", "c1")

    assert [e.job_id for e in newest(broker, "thumbs", 2)] == ["c1", "b1"]
    assert newest(broker, "thumbs", 0) == ()
    assert newest(broker, "nobody") == ()
    with pytest.raises(PageTooLarge):
        newest(broker, "thumbs", 1001)


# --- waiting for one job


def test_a_job_that_has_ended_needs_no_wait(broker, jobs):
    jobs.completed("a1", value=7)

    ending = wait_for_end(broker, "thumbs", "a1", timeout=0)

    assert (ending.state, ending.result) == (JobState.COMPLETED, b"7")


def test_a_wait_ends_with_the_job(broker, jobs, later):
    (job,) = jobs.active("a1")
    later(lambda: jobs.finish(job, value=b"7"))

    started = time.monotonic()
    ending = wait_for_end(broker, "thumbs", "a1", timeout=10)

    assert ending.result == b"7"
    assert time.monotonic() - started < 1


def test_a_wait_for_a_failing_job_tells_its_error(broker, jobs, later):
    jobs.waiting("a1")
    later(lambda: Control(broker).cancel_job("thumbs", "a1"))

    ending = wait_for_end(broker, "thumbs", "a1", timeout=10)

    assert ending.state is JobState.FAILED
    assert ending.error.startswith("JobCancelled: ")


def test_a_wait_that_is_too_short_says_so(broker, jobs):
    jobs.waiting("a1")

    with pytest.raises(WaitTimeout, match=r"job a1 of queue thumbs is still waiting after 0\.2 s"):
        wait_for_end(broker, "thumbs", "a1", timeout=0.2)


@pytest.mark.parametrize("command", ["remove_job", "clean", "empty", "obliterate"])
def test_a_wait_for_a_job_that_is_removed_is_not_endless(broker, jobs, command, later):
    control = Control(broker)
    jobs.waiting("a1")
    actions = {
        "remove_job": lambda: control.remove_job("thumbs", "a1"),
        "clean": lambda: control.clean_jobs("thumbs", "waiting", grace=0),
        "empty": lambda: control.empty_queue("thumbs"),
        "obliterate": lambda: (control.pause_queue("thumbs"), control.obliterate_queue("thumbs")),
    }
    later(actions[command])

    with pytest.raises(ResultGone):
        wait_for_end(broker, "thumbs", "a1", timeout=8)


def test_a_wait_on_a_busy_stream_does_not_read_it_all(broker, jobs, later):
    (job,) = jobs.active("a1")
    stop = threading.Event()

    def chatter() -> None:
        other = QueueBuilder(broker)
        n = 0
        while not stop.is_set():
            other.waiting(*(f"b{n}x{i}" for i in range(150)))
            n += 1
            if n == 5:
                jobs.finish(job, value=b"7")

    thread = threading.Thread(target=chatter)
    later(thread.start)
    try:
        assert wait_for_end(broker, "thumbs", "a1", timeout=10).result == b"7"
    finally:
        stop.set()
        thread.join()


def test_a_wait_for_what_is_not_there_is_result_gone(broker):
    with pytest.raises(ResultGone):
        wait_for_end(broker, "thumbs", "nope", timeout=1)
