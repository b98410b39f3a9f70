"""The columns of lists of failures by their cause."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobdesk.safetext import safe_line
from jobdesk.tui.text import spans
from jobdesk.tui.widgets.columns import Cell, Column

if TYPE_CHECKING:
    from jobdesk.broker.reading.groups import ErrorGroup


def columns(*, with_queue: bool, with_times: bool) -> list[Column[ErrorGroup]]:
    """``with_queue`` where it has groups of several; ``with_times``: how often each came up."""
    made = [Column(title="FAILED", width=6, right=True, cell=_failed)]
    if with_times:
        made.append(Column(title="TIMES", width=6, right=True, rank=3, cell=_times))
    if with_queue:
        made.append(Column(title="QUEUE", width=8, flex=1, most=16, rank=1, cell=_queue))
    return [
        *made,
        Column(title="TYPE", width=9, flex=1, most=26, cell=_type),
        Column(title="ERROR", width=18, flex=4, most=200, cell=_error),
        Column(title="LAST", width=7, right=True, cell=_last),
        Column(title="FIRST", width=7, right=True, rank=2, cell=_first),
    ]


def _failed(row: ErrorGroup, _: int) -> Cell:
    return spans.count(row.failed), "strong" if row.failed else "muted"


def _times(row: ErrorGroup, _: int) -> Cell:
    return spans.count(row.count), "muted"


def _queue(row: ErrorGroup, _: int) -> Cell:
    return safe_line(row.queue, 40), "plain"


def _type(row: ErrorGroup, _: int) -> Cell:
    return safe_line(row.type, 40), "plain"


def _error(row: ErrorGroup, _: int) -> Cell:
    return safe_line(row.error, 200), "error"


def _last(row: ErrorGroup, now_ms: int) -> Cell:
    return spans.age(now_ms - row.last_ms), "plain"


def _first(row: ErrorGroup, now_ms: int) -> Cell:
    return spans.age(now_ms - row.first_ms), "muted"
