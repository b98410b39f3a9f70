"""A tick: what goes out together, what is told first, and what goes on at the next one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest

from jobdesk.models import JobState
from jobdesk.tui.link.interest import PAST, Interest, Read, Source
from jobdesk.tui.link.reads import Heads, Minutes, OneJob, Stats, Window, Workers
from jobdesk.tui.link.ticks import Ticks
from jobdesk.tui.screens.overview import Edges, Failures
from tests.tui.conftest import registered


@pytest.fixture
def ticks(broker):
    return Ticks(Source(broker), "tester@here")


def read(ticks, *reads):
    return list(ticks.read(Interest(reads), seen=True))


@dataclass(frozen=True)
class Alone(Read[int]):
    """One that shares no round trips."""

    every: ClassVar[float] = 60.0

    def fetch(self, source: Source) -> int:
        return source.inspector.now_ms()


def test_a_screen_takes_the_round_trips_of_its_longest_read(ticks, thumbs):
    thumbs.waiting("w1", "w2")
    reads = (Stats(), Minutes(5), Heads(), Workers(), OneJob("thumbs", "w1"),
             Window("thumbs", JobState.WAITING, 0, 20))  # fmt: skip
    read(ticks, *reads)
    ticks.forget()
    before = ticks.source.rounds.trips

    (snapshot,) = read(ticks, *reads)

    assert ticks.source.rounds.trips - before == 2
    assert snapshot.of(Stats)[0].waiting == 2
    assert [row.id for row in snapshot.of(Window).rows] == ["w1", "w2"]
    assert snapshot.of(Heads)["thumbs"].id == "w1"
    assert snapshot.operators == ("tester@here",)


def test_what_shares_no_round_trip_does_not_hold_up_the_others(ticks, thumbs):
    thumbs.waiting("w1")

    first, second = read(ticks, Stats(), Alone())

    assert first.of(Stats)[0].waiting == 1
    assert first.of(Alone) is None
    assert second.of(Alone) > 0
    (third,) = read(ticks, Stats(), Alone())
    assert third.of(Alone) == second.of(Alone)


def test_a_job_that_is_gone_is_told_and_the_rest_is_read(ticks, thumbs):
    thumbs.waiting("w1")

    (snapshot,) = read(ticks, OneJob("thumbs", "none"), Stats())

    assert "no job none" in str(snapshot.error_of(OneJob))
    assert snapshot.of(Stats)[0].waiting == 1


def test_two_reads_that_want_the_same_counts_ask_once(ticks, thumbs):
    thumbs.waiting("w1")
    read(ticks, Stats())
    before = ticks.source.rounds.commands
    read(ticks, Stats())
    counts = ticks.source.rounds.commands - before

    before = ticks.source.rounds.commands
    (snapshot,) = read(ticks, Stats(), Window(None, None, 0, 20))

    assert [row.id for row in snapshot.of(Window).rows] == ["w1"]
    # the head of the one list that has any, and its row
    assert ticks.source.rounds.commands - before == counts + 2


def test_what_can_wait_takes_turns_where_queues_are_many(ticks, broker):
    for n in range(12):
        registered(broker, f"queue-{n:02}").waiting("w1")
    reads, costs, told = (Stats(), Minutes(5), Edges(), Failures()), [], set()
    ticks._know_the_place()

    while ticks.source.more or not costs:
        before = ticks.source.rounds.commands
        (snapshot,) = read(ticks, *reads)
        costs.append(ticks.source.rounds.commands - before)
        told = {kind for kind in map(type, reads) if snapshot.of(kind) is not None}

    assert max(costs) <= 3 * 24 + 5 * 12 + 16, costs
    assert len(costs) > 1
    assert told == {Stats, Minutes, Edges, Failures}

    # asked for anew, what waits for its turn stays until then
    ticks.forget()
    (snapshot,) = read(ticks, *reads)
    assert ticks.source.more
    assert all(snapshot.of(kind) is not None for kind in told)


def test_the_minutes_of_the_past_come_over_several_ticks_the_newest_first(ticks, broker, thumbs):
    registered(broker, "mails")
    wanted = Minutes(60)

    lengths = []
    while not lengths or ticks.source.more:
        (snapshot,) = read(ticks, wanted)
        lengths.append(len(snapshot.of(Minutes)["thumbs"]))

    assert lengths[0] == PAST // 2 + 2
    assert lengths[-1] == 60
    starts = [one.start_ms for one in snapshot.of(Minutes)["thumbs"]]
    assert starts == sorted(starts)
    assert starts[-1] // 60_000 == snapshot.now_ms // 60_000
