"""What makes two failures the same: the type, the class, and the message without its particulars.

Ids, numbers, paths and what stands in quotes differ from one failing job to the next, and say
nothing of the cause. The scripts make the fingerprints of their own errors (a stalled or a
cancelled job) by the same rule, see ``broker/lua/include/groups.lua``.
"""

from __future__ import annotations

import re
from hashlib import sha1

#: Of a message only so much is looked at: causes stand at the beginning.
LOOKED_AT = 400
LENGTH = 16

_PARTICULARS = (
    (re.compile(r"(?<!\w)(?:'[^']*'|\"[^\"]*\"|`[^`]*`)(?!\w)"), "'?'"),
    # a URL, or a path of either kind of system
    (
        re.compile(
            r"(?:\b[A-Za-z][\w+.-]*:/|\b[A-Za-z]:(?=\\)|(?<![\w.])~?)"
            r"(?:[\\/][^\s\\/'\",;)\]]+)+"
        ),
        "/?",
    ),
    (re.compile(r"\b0[xX][0-9a-fA-F]+\b"), "#"),
    # a uuid, a hash, an id: long, and with a digit in it
    (re.compile(r"\b(?=[A-Za-z_-]*\d)[A-Za-z0-9][\w-]{14,}[A-Za-z0-9]\b"), "#"),
    (re.compile(r"\b(?=[a-f]*\d)[0-9a-f]{8,}\b"), "#"),
    (re.compile(r"[-+]?\d+(?:[.,:]\d+)*"), "#"),
)  # fmt: skip


def fingerprint(kind: str, described: str) -> str:
    """16 hex digits for an error of a job of type ``kind``, from its ``Class: message``."""
    name, _, message = described.partition(":")
    told = f"{kind}\n{name}\n{normalised(message)}"
    return sha1(told.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()[:LENGTH]


def normalised(message: str) -> str:
    """``message`` without what differs from job to job."""
    text = " ".join(message[:LOOKED_AT].split())
    for pattern, mark in _PARTICULARS:
        text = pattern.sub(mark, text)
    return text
