"""The file that a job made: found in its result, and opened only where that can do no harm."""

from __future__ import annotations

import os
import time
from types import SimpleNamespace

import pytest

from jobdesk.tui import madefile


@pytest.mark.parametrize(
    ("result", "path"),
    [
        ({"document": {"path": "/d/pdf/a.pdf", "pages": 1}}, "/d/pdf/a.pdf"),
        ({"success": True, "path": "/d/reports/a.csv"}, "/d/reports/a.csv"),
        ({"path": 5}, ""),
        ({"document": None}, ""),
        ([1], ""),
        (None, ""),
    ],
)
def test_the_path_is_where_our_types_put_it(result, path):
    assert madefile.path_of(SimpleNamespace(return_value=result)) == path


@pytest.fixture
def desktop(tmp_path, monkeypatch):
    """A desktop whose program writes down what it was given; the data folder."""
    program = tmp_path / "bin" / "xdg-open"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nprintf %s "$1" >"{tmp_path}/seen.part"\n'
                       f'mv "{tmp_path}/seen.part" "{tmp_path}/seen"\n')  # fmt: skip
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("a.pdf", "a.desktop"):
        (folder / name).write_text("x")
    return folder


def test_a_file_of_the_data_folder_is_opened_on_the_desktop(desktop, tmp_path):
    path = os.fspath(desktop / "a.pdf")

    assert madefile.opened(path, desktop, desktop=True) == ""

    deadline = time.monotonic() + 20
    while not (tmp_path / "seen").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert (tmp_path / "seen").read_text() == path


@pytest.mark.parametrize(
    ("name", "there", "reason"),
    [
        ("a.pdf", False, "no desktop"),
        ("a.desktop", True, "not opened from here"),
        ("b.pdf", True, "no such file"),
        ("../bin/xdg-open", True, "not in the data folder"),
    ],
)
def test_anything_else_is_not_and_says_why(desktop, name, there, reason):
    assert reason in madefile.opened(os.fspath(desktop / name), desktop, desktop=there)
