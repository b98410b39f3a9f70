"""Job ids: short, unique without asking anybody, and in the order of their making.

22 characters: 8 of the clock (base 62 milliseconds, so that ids sort by time), 14 of randomness.
Randomness comes from the system at every call: a forked process never repeats its parent's ids.
"""

from __future__ import annotations

from binascii import b2a_base64
from os import urandom
from time import time_ns

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_CLOCK_DIGITS = 8
_RANDOM_DIGITS = 14

#: the last millisecond seen and its digits; one tuple, so that threads never see halves of two
_clock: tuple[int, str] = (-1, "")


def new_id() -> str:
    """A new job id, accepted by :func:`~jobdesk.models.check_job_id`."""
    global _clock
    now_ms = time_ns() // 1_000_000
    seen, digits = _clock
    if seen != now_ms:
        digits = clock_digits(now_ms)
        _clock = (now_ms, digits)
    tail = b2a_base64(urandom(11), newline=False).translate(_URL_SAFE)
    made = digits + tail[:_RANDOM_DIGITS].decode()
    # Ids of digits alone are refused everywhere, since Bull's counter made such.
    return made if not made.isdigit() else new_id()


def clock_digits(ms: int) -> str:
    """Milliseconds as 8 characters whose ASCII order is the order of time."""
    digits = ""
    for _ in range(_CLOCK_DIGITS):
        ms, rest = divmod(ms, 62)
        digits = _ALPHABET[rest] + digits
    return digits
