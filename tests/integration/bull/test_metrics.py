"""Figures per minute: Bull's metrics, which jobdesk always keeps."""

from __future__ import annotations

from jobdesk.engine.context import JobContext


def test_ends_are_counted_in_the_minute_in_which_they_happen(bench):
    @bench.queue.task(attempts=2, backoff=0)
    def resize(fail: bool, *, job: JobContext):
        if fail:
            raise ValueError("no")

    resize(fail=False)
    resize(fail=True)
    bench.run_all()

    minutes = bench.inspector.figures("thumbs", 2)
    assert sum(m.added for m in minutes) == 2
    assert sum(m.completed for m in minutes) == 1
    assert sum(m.retried for m in minutes) == 1
    assert sum(m.failed for m in minutes) == 1


def test_a_span_of_minutes_is_read_and_minutes_before_the_queue_are_empty(bench):
    @bench.queue.task()
    def resize():
        pass

    resize()
    bench.run_all()

    day = bench.inspector.figures("thumbs", 1440)
    assert len(day) == 1440
    assert [m.start_ms for m in day] == sorted(m.start_ms for m in day)
    assert all(m.completed == 0 for m in day[:-2])
    assert sum(m.completed for m in day[-2:]) == 1
    assert sum(h.completed for h in bench.inspector.hourly_figures("thumbs", 2)) == 1


def test_figures_of_a_minute_go_after_a_day(bench):
    @bench.queue.task()
    def resize():
        pass

    resize()
    bench.run_all()

    minute = bench.inspector.now_ms() // 60_000
    left = [bench.broker.client.ttl(bench.keys.figures("m", minute - i)) for i in (0, 1)]
    assert 86_400 < max(left) <= 90_000
