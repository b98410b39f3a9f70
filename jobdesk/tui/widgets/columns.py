"""Columns of lists: which fit, how wide each is, and what a row says in each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from jobdesk.safetext import cells, cut, cut_middle

R = TypeVar("R")

#: A cell's text and the name of its tone: plain, muted, strong, accent, active, success, warning,
#: error. The text must be safe already (``safetext.safe_line``) where jobdesk did not write it.
Cell = tuple[str, str]

GAP = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Column(Generic[R]):
    """One column of a list of ``R``."""

    title: str
    width: int
    #: (row, the server's time in ms) -> what it says
    cell: Callable[[R, int], Cell]
    right: bool = False
    #: it is cut in its middle: ids that were made at one time begin alike
    middle: bool = False
    #: its share of the room that is left over
    flex: int = 0
    #: it never gets wider than that
    most: int = 60
    #: columns with a higher rank go first when there is no room
    rank: int = 0
    #: shown only where the list was asked for more columns
    wide: bool = False


def fit(columns: Sequence[Column[R]], room: int, *, wide: bool) -> list[tuple[Column[R], int]]:
    """The columns that fit into ``room``, each with its width, together as wide as the room."""
    kept = [column for column in columns if wide or not column.wide]
    while len(kept) > 1 and _least(kept) > room:
        last = max(kept, key=lambda column: column.rank)
        if last.rank == 0:
            break
        kept.remove(last)
    # what went before a wider one may fit after all
    for column in sorted((c for c in columns if wide or not c.wide), key=lambda c: c.rank):
        if column not in kept:
            wider = [one for one in columns if one in kept or one is column]
            kept = wider if _least(wider) <= room else kept
    widths = {id(column): column.width for column in kept}
    left = room - _least(kept)
    while left > 0:
        growing = [c for c in kept if c.flex and widths[id(c)] < c.most]
        if not growing:
            break
        shares = sum(c.flex for c in growing)
        before = left
        for column in growing:
            more = min(
                max(1, before * column.flex // shares), column.most - widths[id(column)], left
            )
            widths[id(column)] += more
            left -= more
    return [(column, widths[id(column)]) for column in kept]


def _least(columns: Sequence[Column[R]]) -> int:
    return sum(column.width for column in columns) + GAP * (len(columns) - 1)


def pad(text: str, width: int, *, right: bool, middle: bool = False) -> str:
    """``text`` in exactly ``width`` columns; ``middle``: both its ends are kept."""
    if cells(text) > width:
        text = cut_middle(text, width) if middle else cut(text, width)
    rest = " " * (width - cells(text))
    return rest + text if right else text + rest
