"""A trend in one line of characters."""

from __future__ import annotations

from collections.abc import Sequence


def sparkline(values: Sequence[float], width: int, bars: str) -> str:
    """The last ``width`` values, the largest of them full height; blank on the left for none."""
    shown = list(values[-width:]) if width > 0 else []
    most = max(shown, default=0)
    steps = len(bars) - 1
    text = "".join(
        bars[0 if most <= 0 or value <= 0 else max(1, round(value / most * steps))]
        for value in shown
    )
    return text.rjust(width)
