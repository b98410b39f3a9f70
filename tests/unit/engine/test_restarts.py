from __future__ import annotations

from jobdesk.engine.restarts import ACCIDENTS, LONGEST_S, Pause


def test_a_process_that_had_worked_is_started_at_once():
    pause = Pause()

    assert [pause.after(now, 0.5, worked=True) for now in range(5)] == [0.0] * 5


def test_one_that_dies_of_its_start_is_tried_less_and_less_often():
    pause = Pause()

    pauses = [pause.after(float(now), 0.5, worked=False) for now in range(10)]

    assert pauses[:4] == [0.5, 1.0, 2.0, 4.0]
    assert pauses[-1] == LONGEST_S


def test_work_makes_up_for_bad_starts():
    pause = Pause()
    for now in range(5):
        pause.after(float(now), 0.5, worked=False)

    pause.after(5.0, 60.0, worked=True)

    assert pause.after(6.0, 0.5, worked=False) == 0.5


def test_deaths_all_the_time_are_no_accidents():
    pause = Pause()

    pauses = [pause.after(float(now), 0.5, worked=True) for now in range(ACCIDENTS)]

    assert pauses == [0.0] * (ACCIDENTS - 1) + [5.0]
    assert pause.after(3600.0, 0.5, worked=True) == 0.0
