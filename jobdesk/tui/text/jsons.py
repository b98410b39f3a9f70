"""JSON as lines with tones, for a pane. What it quotes is safe to show."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from jobdesk.safetext import safe_line

#: One piece of a line: text and the name of its tone, see ``widgets/columns.py``.
Piece = tuple[str, str]
Line = tuple[Piece, ...]
#: A text longer than that is cut, and its rest counted.
MOST_CHARS = 2000
MOST_LINES = 2000


def lines(value: Any) -> tuple[list[Line], bool]:
    """``value`` in lines, and whether anything was left out."""
    made: list[Line] = []
    cut = False
    for line, whole in _value(value, "", (), ""):
        if len(made) >= MOST_LINES:
            made.append((("… more lines: o opens all of it", "muted"),))
            return made, True
        made.append(line)
        cut = cut or not whole
    return made, cut


def _value(value: Any, indent: str, lead: Line, tail: str) -> Iterator[tuple[Line, bool]]:
    """The lines of a value: ``lead`` stands before its first, ``tail`` after its last."""
    start: Line = ((indent, "plain"), *lead)
    if isinstance(value, dict) and value:
        yield (*start, ("{", "muted")), True
        last = len(value) - 1
        for at, (name, item) in enumerate(value.items()):
            key: Line = ((safe_line(json.dumps(str(name), ensure_ascii=False), 200), "accent"),
                         (": ", "muted"))  # fmt: skip
            yield from _value(item, indent + "  ", key, "," if at < last else "")
        yield ((indent, "plain"), ("}" + tail, "muted")), True
    elif isinstance(value, list) and value:
        yield (*start, ("[", "muted")), True
        last = len(value) - 1
        for at, item in enumerate(value):
            yield from _value(item, indent + "  ", (), "," if at < last else "")
        yield ((indent, "plain"), ("]" + tail, "muted")), True
    else:
        text, tone, whole = _scalar(value)
        yield (*start, (text, tone), (tail, "muted")), whole


def _scalar(value: Any) -> tuple[str, str, bool]:
    if isinstance(value, str):
        kept = value[:MOST_CHARS]
        text = safe_line(json.dumps(kept, ensure_ascii=False))
        if len(value) > MOST_CHARS:
            return f'{text[:-1]}…"  ({len(value):,} characters, o opens all)', "plain", False
        return text, "plain", True
    if value is None or isinstance(value, bool):
        return json.dumps(value), "warning", True
    if isinstance(value, dict | list):
        return ("{}" if isinstance(value, dict) else "[]"), "muted", True
    return safe_line(json.dumps(value, default=str), 400), "success", True
