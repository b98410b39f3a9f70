"""Aligned tables. On a terminal they are cut to its width; elsewhere every line is whole."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence

import click

from jobdesk.safetext import cells, cut, safe_line

#: No column but the last is wider, on a terminal.
WIDEST = 40
_GAP = "  "


def show(headers: Sequence[str], rows: Sequence[Sequence[object]], numbers: str = "") -> None:
    """Print a table; ``numbers`` names the headers whose columns are aligned to the right."""
    terminal = sys.stdout.isatty()
    text = [[safe_line(value) for value in row] for row in rows]
    lines = layout(headers, text, numbers.split(), _width() if terminal else None)
    if terminal:
        lines[0] = click.style(lines[0], bold=True)
    click.echo("\n".join(lines))


def layout(
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    numbers: Sequence[str] = (),
    width: int | None = None,
) -> list[str]:
    """The lines of a table, cut to ``width`` columns."""
    last = len(headers) - 1
    widths = [
        max([cells(header), *(cells(row[at]) for row in rows)]) for at, header in enumerate(headers)
    ]
    if width is not None:
        widths = [min(w, WIDEST) if at < last else w for at, w in enumerate(widths)]
        taken = sum(widths[:last]) + len(_GAP) * last
        widths[last] = max(10, min(widths[last], width - taken))
    made = []
    for row in (headers, *rows):
        line = []
        for at, value in enumerate(row):
            shown = value if width is None else cut(value, widths[at])
            pad = " " * (widths[at] - cells(shown))
            line.append(pad + shown if headers[at] in numbers else shown + pad)
        made.append(_GAP.join(line).rstrip())
    return made


def pairs(values: Sequence[tuple[str, object]]) -> None:
    """Print names and values, one to a line."""
    wide = max(cells(name) for name, _ in values)
    for name, value in values:
        click.echo(f"{name}{' ' * (wide - cells(name))}{_GAP}{safe_line(value)}")


def _width() -> int:
    return shutil.get_terminal_size().columns
