"""Times, ages and counts in as few columns as tell enough."""

from __future__ import annotations

from datetime import UTC, datetime

from jobdesk.broker.operators.commands import span as plain_span


def span(ms: float | None) -> str:
    """How long: ``88ms``, ``3.2s``, ``2m 04s``, ``3h 10m``, ``2d 04h``; a dash for None."""
    if ms is None:
        return "-"
    ms = max(0.0, ms)
    if 0 < ms < 9.95 and ms != round(ms):
        return f"{ms:.1f}ms"
    if ms < 999.5:
        return f"{ms:.0f}ms"
    seconds = ms / 1000
    if seconds < 59.95:
        return f"{seconds:.1f}s"
    return _long(seconds)


def age(ms: float | None) -> str:
    """How old, by the second: ``now``, ``21s``, ``2m 04s``."""
    if ms is None:
        return "-"
    seconds = max(0.0, ms) / 1000
    if seconds < 1:
        return "now"
    return f"{seconds:.0f}s" if seconds < 59.5 else _long(seconds)


def until(ms: float) -> str:
    """How long until something that is to come: ``in 14s``, or ``due``."""
    return "due" if ms <= 0 else f"in {age(max(ms, 1000))}"


def _long(seconds: float) -> str:
    whole = round(seconds)
    for unit, inner, size, part in (("d", "h", 86_400, 3600), ("h", "m", 3600, 60)):
        if whole >= size:
            return f"{whole // size}{unit} {whole % size // part:02d}{inner}"
    return f"{whole // 60}m {whole % 60:02d}s"


def count(number: int) -> str:
    """A count in five columns: ``9,999``, ``48.2k``, ``1.0M``."""
    if number < 10_000:
        return f"{number:,}"
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            value = number / size
            return f"{value:.1f}{unit}" if value < 100 else f"{value:.0f}{unit}"
    raise AssertionError(number)


def rate(per_second: float) -> str:
    """How many a second: ``0``, ``0.4``, ``12``, ``1.2k``."""
    if per_second <= 0:
        return "0"
    if per_second < 0.05:
        return "<0.1"
    return f"{per_second:.1f}" if per_second < 9.95 else count(round(per_second))


def clock(ms: int | None) -> str:
    """The local time of day of an instant."""
    return "-" if ms is None else f"{local(ms):%H:%M:%S}"


def local(ms: int) -> datetime:
    """An instant by this machine's zone, for people who look at a clock beside it."""
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone()


def limits(max_active: int | None, rate_limit: tuple[int, float] | None) -> str:
    """A queue's limits in words."""
    parts = [] if max_active is None else [f"at most {max_active:,} at once"]
    if rate_limit is not None:
        parts.append(f"{rate_limit[0]:,} started in {plain_span(rate_limit[1])}")
    return ", ".join(parts) or "no limits"
