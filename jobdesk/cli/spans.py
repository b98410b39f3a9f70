"""Spans of time as people write and read them: ``24h``, ``1h30m``, ``3 min ago``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from jobdesk.broker.operators.commands import seconds_of

_STEPS = (("d", 86_400), ("h", 3600), ("min", 60))


if TYPE_CHECKING:
    _Seconds = click.ParamType[float]
else:
    _Seconds = click.ParamType  # only newer releases of click have a parameter there


class Span(_Seconds):
    """Seconds, or numbers with units: 90, 30s, 10m, 24h, 2d, 1h30m."""

    name = "span"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, int | float):
            return float(value)
        try:
            return seconds_of(str(value))
        except ValueError as exc:
            self.fail(str(exc), param, ctx)


SPAN = Span()


def span(ms: float) -> str:
    """A span for people: ``820 ms``, ``4.2 s``, ``3 min``, ``2 d 4 h``."""
    seconds = ms / 1000
    if seconds < 1:
        return f"{round(ms)} ms"
    if seconds < 60:
        return f"{round(seconds, 1):g} s" if seconds < 10 else f"{int(seconds)} s"
    for at, (unit, size) in enumerate(_STEPS):
        if seconds >= size:
            whole = int(seconds // size)
            if unit == "min" or whole >= 10:
                return f"{whole} {unit}"
            below, step = _STEPS[at + 1]
            rest = int(seconds % size // step)
            return f"{whole} {unit} {rest} {below}" if rest else f"{whole} {unit}"
    raise AssertionError(ms)


def ago(ms: int | None, now_ms: int) -> str:
    """How long ago, or in how long, an instant is; ``-`` where there is none."""
    if ms is None:
        return "-"
    apart = now_ms - ms
    if abs(apart) < 1000:
        return "now"
    if apart > 0:
        return f"{_rough(apart)} ago"
    return f"in {_rough(-apart)}"


def instant(ms: int | None) -> str:
    """An instant in UTC, to the second; ``-`` where there is none."""
    if ms is None:
        return "-"
    try:
        return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return "?"


def _rough(ms: int) -> str:
    return f"{ms // 1000} s" if ms < 60_000 else span(ms)
