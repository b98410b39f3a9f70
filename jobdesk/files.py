"""Files in the data folder: named by the job, written whole or not at all, never outside a root.

Used by everything that makes a file (PDFs, the outbox, reports). It knows nothing of jobs or Redis.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from jobdesk.errors import PermanentError

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}", re.ASCII)
_OTHER = re.compile(r"[^A-Za-z0-9_-]+", re.ASCII)
#: Names that Windows gives to devices, in any folder and with any suffix.
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)


def file_name(job_id: str, suffix: str) -> str:
    """A file name for a job's id: the id itself where that is safe, else a slug with a digest."""
    if _PLAIN_NAME.fullmatch(job_id) and not _DEVICE.fullmatch(job_id):
        return job_id + suffix
    slug = _OTHER.sub("-", job_id).strip("-")[:40] or "job"
    digest = hashlib.sha256(job_id.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{slug}-{digest}{suffix}"


def inside(root: Path, path: Path) -> Path:
    """``path`` with its links resolved, if it lies inside ``root``; else a PermanentError."""
    try:
        real_root, real = root.resolve(), path.resolve()
    except (OSError, RuntimeError, ValueError) as exc:
        raise PermanentError(f"{path}: not a path that can be used ({exc})") from None
    if real == real_root or not real.is_relative_to(real_root):
        raise PermanentError(f"{path} is not inside {root}: files are only used in that folder")
    return real


@contextmanager
def new_file(target: Path, *, root: Path) -> Iterator[Path]:
    """A temporary file beside ``target`` that replaces it when the block ends without an error.

    The content is on disk before the name is: after a crash there is the old file, the new file,
    or none, and never half of one.
    """
    real = inside(root, target)
    real.parent.mkdir(parents=True, exist_ok=True)
    real = inside(root, real)
    handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=real.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(real)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise
    _sync(real.parent)


def write_bytes(target: Path, content: bytes, *, root: Path) -> Path:
    """Write ``content`` to ``target`` whole or not at all; returns the path written."""
    with new_file(target, root=root) as temporary:
        temporary.write_bytes(content)
    return target


def read_bytes(path: Path, *, root: Path, limit: int) -> bytes:
    """The content of a regular file inside ``root``; a PermanentError where it is none."""
    real = inside(root, path)
    try:
        # neither a link put in its place meanwhile nor a pipe that nobody writes to
        handle = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as exc:
        raise PermanentError(f"{path} cannot be read: {exc.strerror}") from None
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise PermanentError(f"{path} is not a regular file")
        if status.st_size > limit:
            raise PermanentError(f"{path} has {status.st_size:,} bytes, limit {limit:,}")
        with os.fdopen(handle, "rb", closefd=False) as stream:
            return stream.read(limit)
    finally:
        os.close(handle)


def _sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
