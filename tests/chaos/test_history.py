"""The check of the history sees what it is there to see."""

from __future__ import annotations

from typing import Any

from tests.chaos.history import History, Recorder, problems
from tests.queue_builder import QueueBuilder


def event(name: str, job_id: str = "a", n: int = 1, **fields: str) -> dict[str, Any]:
    return {"k": "event", "e": name, "id": job_id, "n": n, "f": fields}


ACKED = {"k": "acked", "id": "a", "at": 5.0}
RUN = {"k": "run", "id": "a", "epoch": 7}
DONE = event("completed")


def test_a_good_history_has_no_problems():
    assert problems([ACKED, RUN, DONE], {"a": "completed"}) == []
    assert problems([ACKED, RUN, DONE], {}) == [], "it ended, and retention removed it"
    assert problems([ACKED, event("removed")], {}) == []


def test_an_acknowledged_job_that_is_nowhere_is_lost():
    assert problems([ACKED], {}) == ["a was acknowledged, and is lost"]
    assert problems([ACKED], {}, may_lose_between=(4.0, 6.0)) == []
    assert problems([ACKED], {}, may_lose_between=(6.0, 8.0)) != []


def test_a_second_end_is_seen_and_a_second_generation_is_none():
    twice = [ACKED, RUN, DONE, event("failed", n=2)]
    again = [ACKED, RUN, event("failed"), event("waiting", n=2, prev="failed"),
             event("completed", n=3)]  # fmt: skip

    assert problems(twice, {"a": "failed"}) == ["a ended 2 times in one generation"]
    assert problems(again, {"a": "completed"}) == []


def test_two_runs_with_one_epoch_are_seen():
    assert problems([ACKED, RUN, RUN, DONE], {"a": "completed"}) == ["a ran 2 times with epoch 7"]


def test_an_end_without_a_run_a_gap_and_unfinished_work_are_seen():
    assert "nobody ran it" in problems([ACKED, DONE], {"a": "completed"})[0]
    assert "3 events" in problems([{"k": "gap", "missing": 3}], {})[0]
    assert problems([ACKED], {"a": "waiting"}) == ["a is waiting in the end"]
    assert problems([ACKED], {"a": "waiting"}, all_done=False) == []


def test_notes_of_many_writers_are_whole_lines(tmp_path):
    one, other = History(tmp_path / "h"), History(tmp_path / "h")
    for number in range(100):
        one.note("run", id="a" * 500, epoch=number)
        other.note("run", id="b" * 500, epoch=number)

    assert len(list(one.notes())) == 200


def test_a_gap_in_the_events_is_noted(broker, tmp_path):
    """Here the first of them have been deleted before the recorder came."""
    jobs = QueueBuilder(broker, "gaps")
    for job_id in ("a1", "a2", "a3"):
        jobs.waiting(job_id)
    broker.client.xtrim(jobs.keys.events, maxlen=1, approximate=False)
    history = History(tmp_path / "h")
    recorder = Recorder(broker, "gaps", history)
    recorder.stop()

    notes = list(history.notes())

    assert [note["k"] for note in notes] == ["gap", "event"]
    assert "2 events were not seen" in problems(notes, {})[0]
