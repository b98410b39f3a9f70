"""Deleting old files: which go, which stay, and where nobody may sweep."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from jobdesk import settings as settings_module
from jobdesk.errors import InvalidJobData, JobCancelled, PermanentError
from jobdesk.settings import load
from jobdesk.sweep import Swept, check_folder, sweep
from jobdesk.tasks.cleanup import OldLogs, TempFiles, delete_files, old_logs, temp_files

DAY_S = 86_400


class Line:
    """A job context's line to nowhere."""

    def __init__(self, stop_after: int = 10**9) -> None:
        self.logged: list[str] = []
        self.left = stop_after

    def progress(self, _value: str) -> str:
        return "OK"

    def log(self, line: str) -> str:
        self.logged.append(line)
        return "OK"

    def cancelled(self) -> bool:
        self.left -= 1
        return self.left < 0


def job(line: Line | None = None) -> Any:
    from jobdesk.engine.context import JobContext

    return JobContext(line or Line(), id="j1", queue="cleanup", type="temp-files", attempt=1)


def old(path: Path, days: float = 10, content: str = "12345") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    then = time.time() - days * DAY_S
    os.utime(path, (then, then))
    return path


def clean(*folders: Path, **changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "older_than_s": DAY_S, "logs_only": False, "dry_run": False,
        "keep": folders[0].parent / "data", "job": job(),
    }  # fmt: skip
    return delete_files(folders, **{**values, **changes})


def test_old_files_go_at_any_depth_and_young_ones_stay(tmp_path: Path) -> None:
    root = tmp_path / "tmp"
    gone = [old(root / "a"), old(root / "b" / "c" / "d.bin"), old(root / ".hidden")]
    young = old(root / "b" / "young", days=0.5)

    result = clean(root)

    assert result == {
        "success": True, "files": 3, "bytes": 15, "open": 0, "failed": 0, "dryRun": False,
    }  # fmt: skip
    assert not any(path.exists() for path in gone)
    assert young.exists()


def test_a_dry_run_counts_and_deletes_nothing(tmp_path: Path) -> None:
    root = tmp_path / "tmp"
    paths = [old(root / "a"), old(root / "b")]

    result = clean(root, dry_run=True)

    assert (result["files"], result["bytes"], result["dryRun"]) == (2, 10, True)
    assert all(path.exists() for path in paths)


def test_links_are_neither_followed_nor_deleted(tmp_path: Path) -> None:
    root = tmp_path / "tmp"
    target = old(tmp_path / "outside" / "keep")
    (root).mkdir()
    (root / "folder").symlink_to(target.parent)
    (root / "file").symlink_to(target)
    (root / "dangling").symlink_to(tmp_path / "nowhere")
    for link in root.iterdir():
        os.utime(link, (1, 1), follow_symlinks=False)

    result = clean(root)

    assert result["files"] == 0
    assert target.exists()
    assert len(list(root.iterdir())) == 3


def test_what_is_no_regular_file_stays(tmp_path: Path) -> None:
    root = tmp_path / "tmp"
    root.mkdir()
    os.mkfifo(root / "pipe")
    (root / "folder").mkdir()
    for path in root.iterdir():
        os.utime(path, (1, 1))

    assert clean(root)["files"] == 0
    assert (root / "pipe").exists()
    assert (root / "folder").is_dir()


def test_an_open_file_stays(tmp_path: Path) -> None:
    root = tmp_path / "logs"
    path = old(root / "app.log")

    with path.open():
        result = clean(root, logs_only=True)

    assert (result["files"], result["open"], path.exists()) == (0, 1, True)


@pytest.mark.parametrize(
    ("name", "is_log"),
    [
        ("app.log", True), ("app.LOG", True), ("app.log.1", True), ("app.log.2026-01-01.gz", True),
        ("app.log-20260101", True), ("app.txt", False), (".log", False), ("app.login", False),
        ("database.sqlite", False), ("app.log.", False),
    ],
)  # fmt: skip
def test_of_the_logs_only_logs_go(tmp_path: Path, name: str, is_log: bool) -> None:
    path = old(tmp_path / "logs" / name)

    clean(tmp_path / "logs", logs_only=True)

    assert path.exists() is not is_log


def test_files_and_folders_that_vanish_meanwhile_do_no_harm(tmp_path: Path) -> None:
    root = tmp_path / "tmp"
    for i in range(20):
        old(root / f"f{i:02}")
        old(root / f"d{i:02}" / "x")
    calls = 0

    def vanish() -> bool:
        """Every file and folder but the one just listed goes away while the sweep is at work."""
        nonlocal calls
        calls += 1
        if calls == 3:
            import shutil

            for path in root.iterdir():
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()
        return True

    swept = Swept()
    sweep(
        root, before_s=time.time() - DAY_S, wanted=lambda _: True, dry_run=False, swept=swept,
        go_on=vanish,
    )  # fmt: skip

    assert calls >= 3
    assert swept.failed == 0
    assert list(root.iterdir()) == []


def test_a_folder_that_is_swapped_for_a_link_leads_nowhere(tmp_path: Path) -> None:
    root = tmp_path / "tmp"
    target = old(tmp_path / "outside" / "keep")
    old(root / "sub" / "x")

    def swap() -> bool:
        sub = root / "sub"
        if sub.is_dir() and not sub.is_symlink():
            sub.rename(tmp_path / "moved")
            sub.symlink_to(target.parent)
        return True

    swept = Swept()
    sweep(root, before_s=time.time(), wanted=lambda _: True, dry_run=False, swept=swept, go_on=swap)

    assert target.exists()


def test_a_folder_that_is_not_there_is_clean(tmp_path: Path) -> None:
    assert clean(tmp_path / "nowhere")["files"] == 0


def test_a_cancelled_job_stops(tmp_path: Path) -> None:
    root = tmp_path / "tmp"
    for i in range(10):
        old(root / f"f{i}")

    with pytest.raises(JobCancelled):
        clean(root, job=job(Line(stop_after=3)))

    assert len(list(root.iterdir())) == 7


# --- where nobody may sweep


@pytest.mark.parametrize(
    "folder", ["/", "//", "/etc", "/etc/cron.d", "/usr/local/x", "/var", "/proc/sys", "/dev/shm",
               "/home", "/root", "/var/../etc", "/var/tmp/../../etc/x"],
)  # fmt: skip
def test_the_systems_folders_are_refused(folder: str, tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="not swept"):
        check_folder(Path(folder), keep=tmp_path)


def test_the_home_folder_and_those_above_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "people" / "ann"
    (home / "tmp").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))

    for folder in (home, home.parent, tmp_path, home / "tmp" / ".."):
        with pytest.raises(PermanentError, match="home folder"):
            check_folder(folder, keep=Path("/nowhere"))
    assert check_folder(home / "tmp", keep=Path("/nowhere")) == (home / "tmp").resolve()


def test_the_data_folder_and_those_above_are_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"

    for folder in (data, tmp_path, data / "x" / ".."):
        with pytest.raises(PermanentError, match="data folder"):
            check_folder(folder, keep=data)


def test_a_link_is_refused_as_a_root(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")

    with pytest.raises(PermanentError, match="is a link"):
        check_folder(tmp_path / "link", keep=tmp_path / "data")


def test_one_forbidden_folder_stops_all_before_anything_is_deleted(tmp_path: Path) -> None:
    path = old(tmp_path / "tmp" / "a")

    with pytest.raises(PermanentError):
        clean(tmp_path / "tmp", Path("/etc"))

    assert path.exists()


# --- the types


@pytest.mark.parametrize(
    ("task", "data"),
    [
        (temp_files, {"maxAgeHours": 0.5}),
        (temp_files, {"maxAgeHours": 0}),
        (temp_files, {"maxAgeHours": "NaN"}),
        (temp_files, {"folder": "/"}),
        (old_logs, {"retentionDays": 0.9}),
        (old_logs, {"retentionDays": -1}),
    ],
)
def test_a_retention_that_is_too_short_is_refused(task: Any, data: dict[str, Any]) -> None:
    with pytest.raises(InvalidJobData):
        task.task_class.signature.bind((), data)


def test_the_types_clean_the_folders_of_the_settings(tmp_path: Path) -> None:
    temp, log = old(tmp_path / "data" / "tmp" / "a"), old(tmp_path / "data" / "logs" / "a.log", 40)
    other = old(tmp_path / "data" / "pdf" / "a.pdf", 400)
    settings_module.use(load(data=tmp_path / "data"))

    try:
        temp_files.func(TempFiles(), job=job())
        old_logs.func(OldLogs(retention_days=30), job=job())
    finally:
        settings_module.use(None)

    assert (temp.exists(), log.exists(), other.exists()) == (False, False, True)
