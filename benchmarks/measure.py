"""What a measure is: something done in turn for each peer, and what its figures must show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.bench import Bench, Series


@dataclass(frozen=True)
class Row:
    """One line of the verdict: a ratio, or a figure, and what it must be."""

    title: str
    value: float
    #: at least this
    floor: float | None = None
    #: at most this
    ceiling: float | None = None
    unit: str = "x"
    #: how it comes about, in figures
    of: str = ""

    @property
    def reached(self) -> bool:
        if self.floor is not None:
            return self.value >= self.floor
        return self.ceiling is None or self.value <= self.ceiling

    @property
    def wanted(self) -> str:
        if self.floor is not None:
            return f"at least {self.floor:g} {self.unit}"
        return f"at most {self.ceiling:.3g} {self.unit}"


Figures = dict[str, "Series"]


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One part of the table."""

    name: str
    title: str
    #: take the figures of one turn: every peer once
    turn: Callable[[Bench], None]
    #: what the figures show; peers that were not measured are left out
    judge: Callable[[Figures], Sequence[Row]]
    #: part of the short run
    quick: bool = False
    #: free and pinned; a measure of more than one worker process is only free
    pinned: bool = False
    #: turns of a full run
    runs: int = 5
    series: tuple[str, ...] = field(default=())


def ratio(
    figures: Figures, title: str, own: str, others: Sequence[str], floor: float
) -> Sequence[Row]:
    """Median of ``own`` over the best median of ``others``: higher is better."""
    measured = [name for name in others if name in figures]
    if own not in figures or not measured:
        return ()
    best = max(measured, key=lambda name: figures[name].median)
    return (_row(figures, title, own, best, floor=floor),)


def share(figures: Figures, title: str, own: str, other: str, ceiling: float) -> Sequence[Row]:
    """Median of ``own`` over that of ``other``: lower is better."""
    if own not in figures or other not in figures:
        return ()
    return (_row(figures, title, own, other, ceiling=ceiling),)


def most(figures: Figures, title: str, own: str, ceiling: float) -> Sequence[Row]:
    """Median of ``own``, and what it may be at most."""
    if own not in figures:
        return ()
    return (Row(title, figures[own].median, ceiling=ceiling, unit=figures[own].unit),)


def _row(
    figures: Figures, title: str, own: str, other: str, *,
    floor: float | None = None, ceiling: float | None = None,
) -> Row:  # fmt: skip
    from benchmarks.bench import shown

    mine, theirs = figures[own].median, figures[other].median
    told = f"{shown(mine)} : {shown(theirs)} {figures[own].unit} ({other})"
    return Row(title, mine / theirs, floor, ceiling, of=told)
