"""How long a failed job rests before its next attempt. Pure: the random source is passed in."""

from __future__ import annotations

from collections.abc import Callable

from jobdesk.models import TEN_YEARS_S, Backoff

_LONGEST_MS = TEN_YEARS_S * 1000
#: Twice as often, and any delay of a millisecond has outgrown ten years.
_DOUBLINGS = 64


def backoff_delay_ms(backoff: Backoff, attempts_made: int, random: Callable[[], float]) -> int:
    """Milliseconds until the next attempt, after ``attempts_made`` (1 or more) failed ones.

    ``exponential`` is Bull 4's ``Math.round((Math.pow(2, attemptsMade) - 1) * delay)``
    (lib/backoffs.js), ``geometric`` Huey's ``retry_delay * retry_backoff ** (attempts_made - 1)``.
    The cap goes before the jitter, so that jobs which have reached it still spread. ``random``
    gives 0 (inclusive) to 1 (exclusive), as ``random.random``.
    """
    made = max(attempts_made, 0)
    delay: float = backoff.delay_ms
    if backoff.kind == "exponential":
        delay *= 2 ** min(made, _DOUBLINGS) - 1
    elif backoff.kind == "geometric" and delay:
        delay = _grown(delay, backoff.factor, made - 1)
    cap = _LONGEST_MS if backoff.max_delay_ms is None else min(backoff.max_delay_ms, _LONGEST_MS)
    delay = min(delay, cap)
    if backoff.jitter:
        delay -= delay * backoff.jitter * random()
    return max(0, round(delay))


def _grown(delay: float, factor: float, times: int) -> float:
    try:
        return delay * factor ** max(times, 0)
    except OverflowError:
        return _LONGEST_MS
