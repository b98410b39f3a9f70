"""The file that a job has made: where its result says it is, and how it is opened here."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobdesk import files
from jobdesk.errors import PermanentError

if TYPE_CHECKING:
    from jobdesk.models import Job

#: What is opened with the program that the desktop has for it. A result may be anybody's words, and
#: other kinds of files do something when they are opened.
OPENED = frozenset({".pdf", ".xlsx", ".csv", ".json", ".eml"})


def path_of(job: Job | None) -> str:
    """The path that a job's result names; "" where it names none."""
    result: Any = None if job is None else job.return_value
    if not isinstance(result, Mapping):
        return ""
    document = result.get("document")
    place = document if isinstance(document, Mapping) else result
    path = place.get("path")
    return path if isinstance(path, str) else ""


def opened(path: str, data_folder: Path, *, desktop: bool) -> str:
    """Open the file on the desktop, if there is one; "" when that was done, else why not."""
    file = Path(path)
    try:
        real = files.inside(data_folder, file)
    except PermanentError:
        return "it is not in the data folder of this machine"
    if not real.is_file():
        return "there is no such file here (any more)"
    if real.suffix.lower() not in OPENED:
        return "such a file is not opened from here"
    program = shutil.which("xdg-open")
    if program is None or not desktop:
        return "there is no desktop here"
    threading.Thread(target=_run, args=([program, str(real)],), daemon=True).start()
    return ""


def _run(command: list[str]) -> None:
    nothing = subprocess.DEVNULL
    subprocess.run(
        command, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True, check=False
    )
