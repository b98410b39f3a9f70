"""Hiding secrets in what people look at: job data, results and progress.

It goes by the names of keys, at every depth. A name that merely looks like one (``author``) is
hidden too: better so than the other way round, and ``--reveal`` shows it.
"""

from __future__ import annotations

import re
from typing import Any

HIDDEN = "[hidden]"
#: Deeper than any data that can be added; by hand, anything may have been written.
MAX_DEPTH = 150

_SECRET = re.compile(r"pass|secret|token|auth|cookie|key|card", re.IGNORECASE)


def is_secret(name: str) -> bool:
    """Whether the value of a key of that name is not shown."""
    return _SECRET.search(name) is not None


def redact(value: Any, _depth: int = 0) -> Any:
    """A copy of a JSON value with ``[hidden]`` for every value whose key names a secret.

    null, true and false tell nothing and stay.
    """
    if isinstance(value, dict):
        if _depth >= MAX_DEPTH:
            return HIDDEN
        return {
            name: HIDDEN
            if is_secret(str(name)) and item is not None and not isinstance(item, bool)
            else redact(item, _depth + 1)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return HIDDEN if _depth >= MAX_DEPTH else [redact(item, _depth + 1) for item in value]
    return value
