"""The columns of lists of jobs."""

from __future__ import annotations

from collections.abc import Callable

from jobdesk.models import JobRow, JobState
from jobdesk.safetext import safe_line
from jobdesk.tui.text import spans
from jobdesk.tui.text.glyphs import TONES, Glyphs, look_of
from jobdesk.tui.widgets.columns import Cell, Column


def columns(
    glyphs: Glyphs, state: JobState | None, *, with_queue: bool, paused: bool = False,
    removed: Callable[[JobRow], bool] | None = None,
) -> list[Column[JobRow]]:  # fmt: skip
    """The columns of a list of one state, or of all; ``with_queue`` where it has jobs of several.

    Each state shows what matters of it: an error of a failed job, the line of a waiting one.
    ``removed`` says of rows that a search found whether they are gone.
    """

    def look(row: JobRow, _: int) -> Cell:
        word = look_of(row)
        if removed is not None and removed(row):
            return "- removed", "muted"
        if paused and word == "waiting":
            word = "paused"
        if row.cancelling:
            return f"{glyphs.states['cancelled']} ending", "warning"
        return f"{glyphs.states[word]} {word}", TONES[word]

    def progress(row: JobRow, _: int) -> Cell:
        value = row.progress
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
            return "", "muted"
        done = round(value / 10)
        return glyphs.block * done + glyphs.rest * (10 - done), "active"

    priority = Column(title="PRI", width=4, cell=_priority, right=True, rank=4)
    tries = Column(title="TRY", width=4, cell=_tries, right=True, rank=5)
    ran = Column(title="RAN", width=7, cell=_ran, right=True, rank=3)
    worker = Column(title="WORKER", width=14, flex=2, most=28, cell=_worker, rank=4)

    def told(row: JobRow, now_ms: int) -> Cell:
        if removed is not None and removed(row):
            return "removed", "muted"
        if removed is not None and state is JobState.FAILED is not row.state:
            return f"is {look_of(row)} now", "muted"
        return _error(row, now_ms)

    error = Column(title="ERROR", width=12, flex=4, most=90, cell=told, rank=2)
    # "in 23h 59m" is wider than any age
    room = 10 if state in (None, JobState.DELAYED) else 8
    when = Column(title=_WHEN.get(state, "WHEN"), width=room, cell=_when, right=True)
    added = Column(title="ADDED", width=8, cell=_added, right=True, wide=True, rank=7)
    sets: dict[JobState | None, list[Column[JobRow]]] = {
        JobState.WAITING: [priority, tries, when],
        JobState.ACTIVE: [tries, ran, Column(title="PROGRESS", width=10, cell=progress, rank=3),
                          worker],
        JobState.DELAYED: [priority, tries, when, error],
        JobState.COMPLETED: [tries, ran, when, worker],
        JobState.FAILED: [tries, ran, when, error],
    }  # fmt: skip
    middle = sets.get(state, [tries, ran, when, error])
    # where all rows are in one state, its sign is enough; those that differ say so in their error
    one_word = state is JobState.FAILED or (
        removed is None and state in (JobState.WAITING, JobState.COMPLETED)
    )
    made = [
        Column(title="", width=1, cell=lambda row, now: (look(row, now)[0][:1], look(row, now)[1]))
        if one_word
        else Column(title="STATE", width=11, cell=look),
        Column(title="ID", width=8, flex=2, most=22, cell=_id, middle=True),
        Column(title="TYPE", width=10, flex=1, most=28, cell=_type),
    ]
    if with_queue:
        made.append(Column(title="QUEUE", width=8, flex=1, most=14, cell=_queue))
    return [*made, *middle, added]


_WHEN: dict[JobState | None, str] = {
    JobState.WAITING: "WAITS",
    JobState.DELAYED: "RUNS",
    JobState.COMPLETED: "ENDED",
    JobState.FAILED: "FAILED",
}


def _id(row: JobRow, _: int) -> Cell:
    return safe_line(row.id, 40), "plain"


def _type(row: JobRow, _: int) -> Cell:
    return safe_line(row.type, 40), "strong"


def _queue(row: JobRow, _: int) -> Cell:
    return row.queue, "plain"


def _priority(row: JobRow, _: int) -> Cell:
    return ("-", "muted") if row.priority is None else (str(row.priority), "plain")


def _tries(row: JobRow, _: int) -> Cell:
    made = row.attempts_made + (row.state is JobState.ACTIVE)
    return f"{made}/{row.attempts}", "muted" if made <= 1 else "warning"


def _ran(row: JobRow, now_ms: int) -> Cell:
    if row.started_ms is None or row.state in (JobState.WAITING, JobState.DELAYED):
        return "-", "muted"
    end = now_ms if row.state is JobState.ACTIVE else row.finished_ms
    return spans.span(None if end is None else end - row.started_ms), "plain"


def _when(row: JobRow, now_ms: int) -> Cell:
    if row.state is JobState.DELAYED and row.run_at_ms:
        return spans.until(row.run_at_ms - now_ms), "plain"
    since = row.finished_ms or row.started_ms if row.state is not JobState.WAITING else None
    return spans.age(now_ms - (since or row.waits_since_ms)), "muted"


def _added(row: JobRow, _: int) -> Cell:
    return spans.clock(row.added_ms), "muted"


def _worker(row: JobRow, _: int) -> Cell:
    return safe_line(row.worker, 40) or "-", "muted"


def _error(row: JobRow, _: int) -> Cell:
    if not row.error:
        return "", "muted"
    return safe_line(row.error, 100), "error" if row.state is JobState.FAILED else "warning"
