"""Spans of time as people write and read them: ``24h``, ``1h30m``, ``3 min ago``."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")
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
        text = str(value).strip().lower()
        try:
            plain = float(text) if re.fullmatch(r"-?\d+(\.\d+)?", text) else None
        except ValueError:  # pragma: no cover  # the pattern lets only numbers through
            plain = None
        if plain is not None:
            return plain
        if not text or _PART.sub("", text):
            self.fail(
                f"{value!r} is no span of time: write seconds, or 30s, 10m, 24h, 2d, 1h30m",
                param,
                ctx,
            )
        return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


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
