"""A text message, and whoever can send one.

No SMS service has an idempotency key. So a sender says whether it can *find* a message that may
have been sent: then a job whose answer was lost looks before it sends again. One that cannot find
has its job fail instead, and say that the message may have gone out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "01234567890123456789")
_BETWEEN = re.compile(r"[\s().\-\u200e\u200f\u202a-\u202e\u2066-\u2069]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextMessage:
    """One SMS: to a number in digits with its country code, without ``+``."""

    to: str
    text: str
    #: the sender's name, else the configured one
    sender: str | None = None


class SmsSender(Protocol):
    """Sends text messages; raises as ``providers.http`` says."""

    @property
    def name(self) -> str:
        """What the service is called, in results and logs."""
        ...

    @property
    def can_find(self) -> bool:
        """Whether :meth:`find` can tell if a message went out."""
        ...

    def send(self, message: TextMessage, *, key: str) -> str:
        """Send it; returns the service's id for it."""
        ...

    def find(self, message: TextMessage, *, key: str, since: datetime) -> str | None:
        """The id of this message if it went out after ``since``, sent under ``key``; else None."""
        ...


def phone_number(text: str) -> str:
    """A number in digits with its country code; a Saudi mobile may be given as 05… or 5….

    Arabic digits, blanks, dashes and brackets are read. Raises ``ValueError``.
    """
    plain = _BETWEEN.sub("", text.translate(_DIGITS))
    digits = plain.removeprefix("+") if plain.startswith("+") else plain.removeprefix("00")
    if not re.fullmatch(r"[0-9]{8,15}", digits):
        raise ValueError("must be a phone number, as +966501234567 or 0501234567")
    if digits == plain and re.fullmatch(r"0?5[0-9]{8}", digits):
        digits = "966" + digits.removeprefix("0")
    if digits.startswith("0"):
        raise ValueError("must be a phone number with its country code, as +966501234567")
    return digits


_GSM7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM7_TWICE = frozenset("^{}\\[~]|€\f")


def segments(text: str) -> int:
    """How many messages a text is billed as: any Arabic letter more than halves what one holds."""
    if all(char in _GSM7 or char in _GSM7_TWICE for char in text):
        length = sum(2 if char in _GSM7_TWICE else 1 for char in text)
        one, each = 160, 153
    else:
        length = len(text.encode("utf-16-le", "surrogatepass")) // 2
        one, each = 70, 67
    return 1 if length <= one else -(-length // each)
