"""A stored traceback in frames, with those of libraries folded away. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobdesk.safetext import safe_line

if TYPE_CHECKING:
    from jobdesk.tui.text.jsons import Line

#: A traceback longer than that keeps its end, where the cause stands.
MOST_LINES = 1000
_FRAME = re.compile(r'  File "(?P<path>[^"]*)", line (?P<line>\d+)(?:, in (?P<name>.*))?')
_LIBRARY = re.compile(
    r"(?:^|/)(?:site-packages|dist-packages|lib/python3[^/]*|jobdesk/engine|huey)/"
    r"|^<frozen |^<string>"
)


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: where, and the code that is kept of it."""

    path: str
    line: str
    name: str
    code: tuple[str, ...]

    @property
    def library(self) -> bool:
        """Whether it is nobody's own code."""
        return _LIBRARY.search(self.path) is not None


def parse(text: str) -> list[Frame | str]:
    """The frames, and the lines that are none, in order."""
    found: list[Frame | str] = []
    lines = text.splitlines()
    if len(lines) > MOST_LINES:
        lines = [f"… {len(lines) - MOST_LINES:,} lines before", *lines[-MOST_LINES:]]
    code: list[str] = []
    head: re.Match[str] | None = None

    def close() -> None:
        nonlocal head
        if head is not None:
            found.append(Frame(head["path"], head["line"], head["name"] or "", tuple(code)))
            head = None
            code.clear()

    for line in lines:
        match = _FRAME.match(line)
        if match:
            close()
            head = match
        elif head is not None and line.startswith("    "):
            code.append(line[4:])
        else:
            close()
            if line.strip() and line != "Traceback (most recent call last):":
                found.append(line)
    close()
    return found


def lines(text: str, *, unfold: bool) -> list[Line]:
    """The traceback as a pane shows it; ``unfold``: with the frames of libraries."""
    made: list[Line] = []
    parts = parse(text)
    at = 0
    while at < len(parts):
        part = parts[at]
        if isinstance(part, str):
            made.append(((safe_line(part, 2000), "error"),))
            at += 1
            continue
        if part.library and not unfold:
            upto = at
            while upto < len(parts) and _is_library(parts[upto]):
                upto += 1
            count = upto - at
            frames = "frame" if count == 1 else "frames"
            made.append(((f"  … {count} library {frames} folded, space unfolds", "muted"),))
            at = upto
            continue
        tone = "muted" if part.library else "strong"
        where = f"{_short(part.path)}:{part.line}"
        made.append((
            (safe_line(where, 400), tone),
            (safe_line(f"  in {part.name}", 200) if part.name else "", "muted"),
        ))  # fmt: skip
        made += [(("    ", "plain"), (safe_line(code, 2000), "muted" if part.library else "plain"))
                 for code in part.code]  # fmt: skip
        at += 1
    return made


def _is_library(part: Frame | str) -> bool:
    return isinstance(part, Frame) and part.library


def _short(path: str) -> str:
    """A library's path from its package on."""
    for mark in ("/site-packages/", "/dist-packages/"):
        if mark in path:
            return path.rpartition(mark)[2]
    return path
