"""Pictures of the terminal as text: the characters of each line, and how they look.

One file holds a place at one size in all its conditions. Characters come first; then the style of
each run of them, a letter and its length, with the letters' meaning at the end: in the dark theme,
in the light one, and without colours. What a condition has in common with the first one is ``=``.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from string import ascii_letters
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.style import Style

LETTERS = (
    ascii_letters + "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõöøùúûüýþÿĀāĂăĄąĆćĈĉĊċ"
)


@dataclass(frozen=True)
class Picture:
    """What is on the screen, and its looks, character by character."""

    lines: tuple[str, ...]
    #: per line the style of each character
    styles: tuple[tuple[str, ...], ...]


def picture(strips: Iterable[Any], *, colours: bool = True) -> Picture:
    """A picture of what was drawn."""
    lines: list[str] = []
    styles: list[tuple[str, ...]] = []
    for strip in strips:
        text, looks = "", []
        for part in strip:
            if part.control:
                continue
            text += part.text
            looks += [_told(part.style, colours)] * len(part.text)
        lines.append(text)
        styles.append(tuple(looks))
    return Picture(tuple(lines), tuple(styles))


def together(pictures: Sequence[Picture]) -> Picture:
    """The same characters in several themes, as one picture."""
    first = pictures[0]
    for one in pictures[1:]:
        for here, there in zip(first.lines, one.lines, strict=True):
            assert here == there, f"another theme has other characters:\n{here}\n{there}"
    styles = tuple(
        tuple(" | ".join(looks) for looks in zip(*rows, strict=True))
        for rows in zip(*(one.styles for one in pictures), strict=True)
    )
    return Picture(first.lines, styles)


def page(title: str, pictures: Mapping[str, Picture]) -> str:
    """The file's text."""
    looks = sorted({look for one in pictures.values() for row in one.styles for look in row})
    assert len(looks) <= len(LETTERS), f"{title} has {len(looks)} styles"
    letter = dict(zip(looks, LETTERS, strict=False))
    made = [f"# {title}", ""]
    base: tuple[list[str], list[str]] | None = None
    for name, one in pictures.items():
        lines = [f"{line.rstrip()}" for line in one.lines]
        runs = [_runs(row, letter) for row in one.styles]
        made += [f"## {name}", *_against(lines, base and base[0]), "###",
                 *_against(runs, base and base[1]), ""]  # fmt: skip
        base = base or (lines, runs)
    made += ["## styles", *(f"{letter[look]} {look}".rstrip() for look in looks)]
    return "\n".join(made) + "\n"


def _told(style: Style | None, colours: bool) -> str:
    if style is None:
        return "-"
    parts = []
    if colours:
        front, back = style.color, style.bgcolor
        parts.append(front.triplet.hex if front and front.triplet else "-")
        parts.append(back.triplet.hex if back and back.triplet else "-")
    names = ("bold", "dim", "italic", "underline", "reverse", "strike")
    parts += [name for name in names if getattr(style, name)]
    return " ".join(parts) or "-"


def _runs(row: Sequence[str], letter: Mapping[str, str]) -> str:
    made = []
    for look, run in groupby(row):
        long = sum(1 for _ in run)
        made.append(letter[look] + (str(long) if long > 1 else ""))
    return "".join(made)


def _against(lines: list[str], base: list[str] | None) -> list[str]:
    if base is None or len(base) != len(lines):
        return lines
    made: list[str] = []
    for same, pairs in groupby(zip(lines, base, strict=True), lambda pair: pair[0] == pair[1]):
        found = [line for line, _ in pairs]
        made += [f"= {len(found)}"] if same else found
    return made
