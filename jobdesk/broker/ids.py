"""Job ids: short, unique without asking anybody, and in the order of their making.

22 characters: 8 of the clock (base 62 milliseconds, so that ids sort by time), 2 that count up
within a millisecond, 12 of randomness. Jobs that are due at the same instant run in the order of
their ids: those of one process as it made them. Randomness comes from the system, for a hundred
ids at a time; a forked process throws away what its parent had left, and never repeats its ids.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Iterator
from os import getpid, urandom
from time import time_ns

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_CLOCK_DIGITS = 8
_RANDOM_BYTES = 9
_RANDOM_DIGITS = 12
_TAILS = 100
_PAIRS = tuple(a + b for a in _ALPHABET for b in _ALPHABET)

#: the last millisecond seen, its digits and what is left to count in it; one tuple, so that threads
#: never see halves of two
_clock: tuple[int, str, Iterator[str]] = (-1, "", iter(()))
#: random ends of ids to come, each given out once, to whichever thread asks
_tails: Iterator[str] = iter(())
#: whose they are: a fork that C code makes runs none of Python's hooks
_owner = 0


def new_id() -> str:
    """A new job id, accepted by :func:`~jobdesk.models.check_job_id`."""
    global _clock
    now_ms = time_ns() // 1_000_000
    seen, digits, pairs = _clock
    if seen != now_ms:
        digits, pairs = clock_digits(now_ms), iter(_PAIRS)
        _clock = (now_ms, digits, pairs)
    tail = next(_tails, None) if _owner == getpid() else None
    # with over 3,844 in a millisecond, the rest are in no order
    made = digits + next(pairs, _PAIRS[-1]) + (tail or _new_tail())
    # Ids of digits alone are refused everywhere, since Bull's counter made such.
    return made if not made.isdigit() else new_id()


def _new_tail() -> str:
    """A random end, and more of them for the calls to come."""
    global _tails, _owner
    raw = b2a_base64(urandom(_RANDOM_BYTES * _TAILS), newline=False)
    text = raw.translate(_URL_SAFE).decode()
    tails = iter([text[i : i + _RANDOM_DIGITS] for i in range(0, len(text), _RANDOM_DIGITS)])
    first = next(tails)
    _tails, _owner = tails, getpid()
    return first


def clock_digits(ms: int) -> str:
    """Milliseconds as 8 characters whose ASCII order is the order of time."""
    digits = ""
    for _ in range(_CLOCK_DIGITS):
        ms, rest = divmod(ms, 62)
        digits = _ALPHABET[rest] + digits
    return digits
