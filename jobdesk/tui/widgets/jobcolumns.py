"""The columns of lists of jobs."""

from __future__ import annotations

from jobdesk.models import JobRow, JobState
from jobdesk.safetext import safe_line
from jobdesk.tui import spans
from jobdesk.tui.glyphs import TONES, Glyphs, look_of
from jobdesk.tui.widgets.columns import Cell, Column


def columns(glyphs: Glyphs, *, with_queue: bool, paused: bool = False) -> list[Column[JobRow]]:
    """The columns of a list; ``with_queue`` where it shows jobs of several."""

    def state(row: JobRow, _: int) -> Cell:
        word = look_of(row)
        if paused and word == "waiting":
            word = "paused"
        if row.cancelling:
            return f"{glyphs.states['cancelled']} ending", "warning"
        return f"{glyphs.states[word]} {word}", TONES[word]

    made: list[Column[JobRow]] = [
        Column(title="STATE", width=11, cell=state),
        Column(title="ID", width=10, flex=3, most=22, cell=_id),
        Column(title="TYPE", width=12, flex=2, most=28, cell=_type),
    ]
    if with_queue:
        made.append(Column(title="QUEUE", width=12, cell=_queue))
    return [
        *made,
        Column(title="PRI", width=3, cell=_priority, right=True, rank=4),
        Column(title="TRY", width=4, cell=_tries, right=True, rank=2),
        Column(title="RAN", width=7, cell=_ran, right=True, rank=1),
        Column(title="WHEN", width=8, cell=_when, right=True),
        Column(title="WORKER", width=14, flex=1, most=28, cell=_worker, wide=True, rank=6),
        Column(title="ADDED", width=8, cell=_added, right=True, wide=True, rank=5),
        Column(title="ERROR", width=16, flex=4, most=80, cell=_error, rank=3),
    ]


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
    return spans.age(now_ms - (since or row.added_ms)), "muted"


def _added(row: JobRow, _: int) -> Cell:
    return spans.clock(row.added_ms), "muted"


def _worker(row: JobRow, _: int) -> Cell:
    return safe_line(row.worker, 40) or "-", "muted"


def _error(row: JobRow, _: int) -> Cell:
    if not row.error:
        return "", "muted"
    return safe_line(row.error, 100), "error" if row.state is JobState.FAILED else "warning"
