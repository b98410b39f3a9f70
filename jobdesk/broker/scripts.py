"""The Lua scripts: read from ``lua/`` once, their includes put in, each known by its SHA-1.

A line ``-- include: name`` is replaced by ``lua/include/name.lua``, once per script. Nothing here
talks to Redis: :meth:`jobdesk.broker.connection.Broker.run` does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from hashlib import sha1
from pathlib import Path

FOLDER = Path(__file__).parent / "lua"
_INCLUDE = re.compile(r"^-- include: ([a-z_]+)[ \t]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Script:
    """One state change: ``lua/<name>.lua``."""

    name: str
    text: str
    #: what EVALSHA calls it by
    sha: str


@cache
def load(name: str) -> Script:
    """The script ``name``; a name without a file is a ``LookupError``."""
    text = _resolved(FOLDER / f"{name}.lua", set())
    digest = sha1(text.encode(), usedforsecurity=False).hexdigest()
    return Script(name, text, digest)


def names() -> tuple[str, ...]:
    """All scripts there are."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.lua")))


def _resolved(path: Path, seen: set[str]) -> str:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise LookupError(f"no Lua file {path.name!r} in {path.parent}") from None

    def included(match: re.Match[str]) -> str:
        name = match[1]
        if name in seen:
            return ""
        seen.add(name)
        return _resolved(FOLDER / "include" / f"{name}.lua", seen).rstrip("\n")

    return _INCLUDE.sub(included, text)
