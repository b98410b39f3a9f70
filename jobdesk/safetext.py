"""Text that came from jobs, made safe to show: nothing in it can steer a terminal.

A job's data, errors and log may hold any characters: sequences that retitle the window, clear it,
write to the clipboard, or turn the reading direction round. Here they become visible escapes. Pure;
the command line and the dashboard pass everything through it that was not written by jobdesk.
"""

from __future__ import annotations

import re
from functools import cache

#: C0 but tab and newline, DEL, C1, marks that change the reading direction, line separators, the
#: byte order mark, halves of pairs, and tags, which are invisible.
_CLASS = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff"
    r"\ud800-\udfff\U000e0000-\U000e007f"
)
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def safe_text(text: object) -> str:
    """``text`` with its newlines and tabs; everything else that acts is a visible escape."""
    raw = str(text)
    return raw if raw.isprintable() else _unsafe().sub(_visible, raw)


def safe_line(text: object, width: int | None = None) -> str:
    """``text`` on one line, newlines and tabs escaped too, cut to ``width`` cells."""
    # what cannot be shown is not escaped first: a traceback of megabytes may stand in one cell
    raw = str(text)
    if width is not None:
        raw = raw[: 4 * width + 1]
    line = raw if raw.isprintable() else _unsafe_in_line().sub(_visible, raw)
    return line if width is None else cut(line, width)


def safe_json(text: str, *, ascii_only: bool = False) -> str:
    """JSON text in which such characters are written as JSON's own escapes: still the same value.

    The text must come from an encoder, so that they can stand in strings only.
    """
    if text.isascii() and text.isprintable():
        return text
    return (_not_ascii() if ascii_only else _unsafe()).sub(_json_escape, text)


def cells(text: str) -> int:
    """How many columns of a terminal ``text`` takes: what the drawing counts, also for emoji."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def cut(text: str, width: int) -> str:
    """``text`` in ``width`` columns at most; what was cut shows as an ellipsis."""
    if cells(text) <= width:
        return text
    if width <= 0:
        return ""
    from rich.cells import set_cell_size

    kept = set_cell_size(text, width - 1)
    # half of a wide character is a space
    return f"{kept if text.startswith(kept) else kept[:-1]}…"


def cut_middle(text: str, width: int) -> str:
    """``text`` in ``width`` columns at most, cut in its middle; where it is wide, at its end."""
    if len(text) <= width or width < 4 or cells(text) != len(text):
        return cut(text, width)
    head = (width - 1) // 2
    return f"{text[:head]}…{text[head + 1 - width :]}"


# Compiled when first needed, and most text is printable: ranges this wide take a while.


@cache
def _unsafe() -> re.Pattern[str]:
    return re.compile(f"[{_CLASS}]")


@cache
def _unsafe_in_line() -> re.Pattern[str]:
    return re.compile(rf"[\t\n{_CLASS}]")


@cache
def _not_ascii() -> re.Pattern[str]:
    return re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\U0010ffff]")


def _visible(match: re.Match[str]) -> str:
    char = match[0]
    code = ord(char)
    if char in _SHORT:
        return _SHORT[char]
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
