"""The operator's own editor: the dashboard steps aside while it is open."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobdesk.tui.app import JobdeskApp


def edited(app: JobdeskApp, text: str, suffix: str = ".json") -> str | None:
    """What ``$EDITOR`` makes of ``text``; None when it cannot be opened or ended badly."""
    command = app.settings.editor
    if not command:
        return None
    handle, name = tempfile.mkstemp(suffix=suffix, prefix="jobdesk-")
    file = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(text)
        if not _run(app, [*shlex.split(command), name]):
            return None
        return file.read_text(encoding="utf-8", errors="replace")
    finally:
        file.unlink(missing_ok=True)


def paged(app: JobdeskApp, text: str) -> bool:
    """Show ``text`` in ``$PAGER``; False when that is not possible."""
    command = shlex.split(app.settings.pager)
    with tempfile.NamedTemporaryFile(
        "w", prefix="jobdesk-", suffix=".txt", encoding="utf-8"
    ) as out:
        out.write(text)
        out.flush()
        return _run(app, [*command, out.name])


def _run(app: JobdeskApp, command: list[str]) -> bool:
    from textual.app import SuspendNotSupported

    try:
        with app.suspend():
            # job data may hold what steers a terminal: less shows it, and does not obey it
            environment = {**os.environ, "LESS": app.settings.pager_options, "LESSSECURE": "1"}
            done = subprocess.run(command, check=False, env=environment)
    except (SuspendNotSupported, OSError):
        return False
    finally:
        app.refresh()
    return done.returncode == 0
