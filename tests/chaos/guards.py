"""The guards of the Lua scripts: where they stand, and the scripts without one of them.

A guard is a condition that refuses, or that makes a difference once a fault has happened. Its
line carries ``-- guard: name``; a condition that lets good cases pass, instead of keeping bad ones
out, ``-- guard: name, lets pass``. Every ``return`` that does not end its function must stand
behind one, so that no refusal goes untested. The scripts are laid out one statement a line, so
their blocks are read off their words.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from jobdesk.broker import scripts

_TAG = re.compile(r"-- guard: ([a-z_]+)(, lets pass)?$")
_LINE = re.compile(r"^(?P<indent>\s*)(?P<word>if|elseif) .* then -- guard: [a-z_]+(, lets pass)?$")
_NOISE = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|--.*")
_WORDS = re.compile(r"\b(function|if|elseif|else|for|while|repeat|until|end|return)\b")


@dataclass(frozen=True, order=True)
class Guard:
    """One tagged line: ``exchange_jobs:fence``, or ``include/stall:not_active``."""

    file: str
    name: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.name}"


@dataclass
class _Block:
    word: str
    tagged: bool


def files(folder: Path = scripts.FOLDER) -> list[Path]:
    """All Lua files, the shared ones too."""
    return sorted(folder.rglob("*.lua"))


def name_of(path: Path, folder: Path = scripts.FOLDER) -> str:
    """``include/stall`` of its path."""
    return path.relative_to(folder).with_suffix("").as_posix()


def all_guards(folder: Path = scripts.FOLDER) -> list[Guard]:
    """Every guard of every file, in order."""
    found = []
    for path in files(folder):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if tag := _TAG.search(line):
                if not _LINE.match(line):
                    raise ValueError(f"{path.name}:{number}: a guard is one line, if ... then")
                found.append(Guard(name_of(path, folder), tag[1], number))
    return found


def untagged_returns(text: str) -> list[int]:
    """Lines of returns that end their function early, without a guard to say why."""
    blocks = [_Block("function", tagged=False)]
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        tagged = _TAG.search(line) is not None
        for match in _WORDS.finditer(_NOISE.sub("''", line)):
            word = match[1]
            if word in {"function", "if", "for", "while", "repeat"}:
                blocks.append(_Block(word, tagged))
            elif word in {"elseif", "else"}:
                blocks[-1] = _Block("if", tagged)
            elif word in {"end", "until"}:
                blocks.pop()
            elif _is_early(blocks):
                found.append(number)
    assert len(blocks) == 1, "the blocks of the script are not told right"
    return found


def _is_early(blocks: list[_Block]) -> bool:
    """Whether a return here is early, and behind no guard of the function that it ends."""
    for block in reversed(blocks):
        if block.tagged:
            return False
        if block.word == "function":
            return block is not blocks[-1]
    raise AssertionError("outside of everything")


def without(guard: Guard | None, target: Path) -> None:
    """Copy the scripts to ``target``, that guard removed: nothing is kept out by it any more."""
    shutil.copytree(scripts.FOLDER, target)
    if guard is None:
        return
    path = target / f"{guard.file}.lua"
    lines = path.read_text("utf-8").splitlines()
    found = _LINE.match(lines[guard.line - 1])
    assert found is not None
    now = "true" if found[0].endswith("lets pass") else "false"
    lines[guard.line - 1] = f"{found['indent']}{found['word']} {now} then"
    path.write_text("\n".join(lines) + "\n", "utf-8")
