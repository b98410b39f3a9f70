"""Workers are killed, frozen and cut off while jobs come in; then the history is checked."""

from __future__ import annotations

import random
import signal
import time

import pytest

from tests.acceptance.workers import Starter, Worker, until
from tests.chaos.play import MODULE, QUEUE, Play


def worker(start: Starter, slots: int = 10) -> Worker:
    """A worker in one process, so that a kill hits all of it."""
    return start.huey_consumer("-w", str(slots), "-q", module=MODULE)


def kill_in_turn(start: Starter, play: Play, jobs: int, kills: int, seed: int) -> None:
    """Two workers, one of them killed as often as there is time for before the jobs are done."""
    chance = random.Random(seed)
    team = [worker(start), worker(start)]
    play.add(jobs // 2, seconds=0.05)
    play.keep_adding(0.002, seconds=0.05, most=jobs)
    for kill in range(kills):
        until(lambda kill=kill: play.watch.ended() >= kill * jobs // (kills + 5), 60)
        time.sleep(chance.uniform(0, 0.1))
        victim = chance.randrange(2)
        team[victim].kill()
        team[victim] = worker(start)
    until(lambda: play.acked >= jobs, 60)
    play.stop_adding()
    play.wait_for_all(timeout=90)


def test_a_few_kills_lose_nothing(start, play):
    """The short form of what follows, seeded."""
    kill_in_turn(start, play, jobs=40, kills=2, seed=4)

    assert play.verdict() == []


@pytest.mark.chaos
@pytest.mark.parametrize("seed", [1, 2])
def test_fifty_kills_in_five_hundred_jobs_lose_nothing(start, play, seed):
    kill_in_turn(start, play, jobs=500, kills=50, seed=seed)

    assert play.verdict() == []
    assert play.count("event", e="stalled") > 0


@pytest.mark.chaos
def test_workers_that_freeze_past_their_lease_change_nothing_when_they_awake(start, play):
    team = [worker(start) for _ in range(3)]
    play.keep_adding(0.005, seconds=0.1)
    for round_ in range(6):
        time.sleep(1)
        frozen = team[round_ % 3]
        frozen.signal(signal.SIGSTOP)
        time.sleep(2.7)  # the lease is 2 s, and its end is looked for every half second
        frozen.signal(signal.SIGCONT)
    play.stop_adding()
    play.wait_for_all()

    assert play.verdict() == []
    assert play.count("event", e="stalled") > 0


@pytest.mark.chaos
def test_a_rolling_deploy_under_load_stalls_nothing(start, play):
    """Each worker in turn is told to stop, and another takes its place; three times over."""
    team = [start.jobdesk_worker(QUEUE, module=MODULE) for _ in range(2)]
    play.keep_adding(0.005, seconds=0.1)
    for _ in range(3):
        for place in range(2):
            time.sleep(0.7)
            old, team[place] = team[place], start.jobdesk_worker(QUEUE, module=MODULE)
            old.says("slots")
            old.signal(signal.SIGTERM)
            assert old.wait() == 0
    play.stop_adding()
    play.wait_for_all()

    assert play.verdict() == []
    assert play.count("event", e="stalled") == 0
