"""Text on its way into a spreadsheet: readable, and never a formula."""

from __future__ import annotations

import re

#: What makes a spreadsheet take text for a formula, also behind blanks and written wide.
_FORMULA = re.compile(r"[ \u00a0\u3000]*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
#: What a cell of XLSX can hold.
MAX_LENGTH = 32_767


def safe_cell(text: str) -> str:
    """The text with a quote before what would be computed, and without control characters."""
    text = _CONTROL.sub("", text)
    if _FORMULA.match(text):
        text = "'" + text
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    return text[:MAX_LENGTH]
