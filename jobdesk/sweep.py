"""Deleting old files under a folder, and nothing else.

Regular files only, by the time of their last change; links are neither followed nor deleted, other
file systems not entered, and folders stay. Every step is taken from an open folder by name, so that
a folder that is swapped for a link meanwhile leads nowhere. Files may vanish at any time.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from jobdesk.errors import PermanentError

MAX_DEPTH = 40
#: Nothing in there is ever anybody's to sweep; of the others only the folder itself.
_SYSTEM_TREES = (
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib64",
    "/proc",
    "/sbin",
    "/sys",
    "/usr",
)
_SYSTEM_FOLDERS = ("/home", "/media", "/mnt", "/opt", "/root", "/run", "/srv", "/var")


@dataclass(slots=True)
class Swept:
    """What a sweep did, or would have done."""

    files: int = 0
    bytes: int = 0
    #: old enough, but open in some process
    open: int = 0
    #: could not be read or deleted
    failed: int = 0


def check_folder(folder: Path, *, keep: Path) -> Path:
    """The folder, if it may be swept: no link, no system's, above neither home nor ``keep``."""
    if folder.is_symlink():
        raise PermanentError(f"{folder} is a link: name the folder that it points to")
    try:
        real = folder.resolve()
        home = Path.home().resolve()
    except (OSError, RuntimeError, ValueError) as exc:
        raise PermanentError(f"{folder} cannot be swept: {exc}") from None
    system = any(real.is_relative_to(tree) for tree in _SYSTEM_TREES)
    if real.parent == real or system or str(real) in _SYSTEM_FOLDERS:
        raise PermanentError(f"{folder} is the system's ({real}), it is not swept")
    if home.is_relative_to(real):
        raise PermanentError(f"{folder} holds the home folder ({home}), it is not swept")
    if keep.resolve().is_relative_to(real):
        raise PermanentError(f"{folder} holds the data folder ({keep}), it is not swept")
    return real


def sweep(
    folder: Path,
    *,
    before_s: float,
    wanted: Callable[[str], bool],
    dry_run: bool,
    swept: Swept,
    go_on: Callable[[], bool] = lambda: True,
) -> None:
    """Delete the wanted files under ``folder`` last changed before ``before_s``; adds to ``swept``.

    ``folder`` comes from :func:`check_folder`. One that is not there has nothing in it.
    """
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    except OSError as exc:
        raise PermanentError(f"{folder} cannot be swept: {exc.strerror}") from None
    try:
        device = os.fstat(handle).st_dev
        _Sweep(before_s, wanted, dry_run, swept, go_on, device, open_files()).enter(handle, 0)
    finally:
        os.close(handle)


@dataclass(frozen=True, slots=True)
class _Sweep:
    before_s: float
    wanted: Callable[[str], bool]
    dry_run: bool
    swept: Swept
    go_on: Callable[[], bool]
    device: int
    #: device and inode of the files that are open
    open: frozenset[tuple[int, int]]

    def enter(self, folder: int, depth: int) -> None:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not self.go_on():
                    return
                try:
                    self._look_at(entry.name, folder, depth)
                except FileNotFoundError:
                    continue  # somebody else was faster
                except OSError:
                    self.swept.failed += 1

    def _look_at(self, name: str, folder: int, depth: int) -> None:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode):
            if status.st_dev == self.device and depth < MAX_DEPTH:
                flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
                handle = os.open(name, flags, dir_fd=folder)
                try:
                    self.enter(handle, depth + 1)
                finally:
                    os.close(handle)
        elif stat.S_ISREG(status.st_mode) and status.st_mtime < self.before_s and self.wanted(name):
            if (status.st_dev, status.st_ino) in self.open:
                self.swept.open += 1
                return
            if not self.dry_run:
                os.unlink(name, dir_fd=folder)
            self.swept.files += 1
            self.swept.bytes += status.st_size


def open_files() -> frozenset[tuple[int, int]]:
    """Device and inode of what is open in the processes that we may look into (on Linux)."""
    found = set()
    for process in _numbers("/proc"):
        for handle in _numbers(f"/proc/{process}/fd"):
            try:
                status = Path(f"/proc/{process}/fd/{handle}").stat()
            except OSError:
                continue
            found.add((status.st_dev, status.st_ino))
    return frozenset(found)


def _numbers(folder: str) -> list[str]:
    try:
        return [entry.name for entry in Path(folder).iterdir() if entry.name.isdigit()]
    except OSError:
        return []
