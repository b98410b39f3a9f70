"""The dashboard with workers under it, on a real terminal: it comes, and it goes without a rest."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest


class Terminal:
    """``jobdesk …`` on a terminal of 120 x 35."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.shown = ""
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 35, 120, 0, 0))
        # tests that run side by side have a size in their environment, which goes before this one
        left = {"REDIS_URL", "COLUMNS", "LINES"}
        kept = {name: value for name, value in os.environ.items() if name not in left}
        self.folder = folder
        self.environment = {
            **kept, "TERM": "xterm-256color", "JOBDESK_DATA": str(folder / "data"),
            "XDG_STATE_HOME": str(folder / "state"), "RATES_BASE_URL": "http://127.0.0.1:9",
            "JOBDESK_IMPORTS": "jobdesk.demo.tasks",
        }  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jobdesk", *words],
            cwd=folder,
            env=self.environment,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        os.set_blocking(self._master, False)

    def look(self) -> str:
        try:
            while raw := os.read(self._master, 65_536):
                self.shown += raw.decode("utf-8", "replace")
        except OSError:
            pass
        return self.shown

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def until(self, condition: Callable[[], object], what: str, within: float = 40.0) -> None:
        deadline = time.monotonic() + within
        while True:
            self.look()
            if condition():
                return
            assert time.monotonic() < deadline, f"{what}: {self.shown[-3000:]}"
            time.sleep(0.05)

    def company(self) -> list[psutil.Process]:
        """Everything that was started by it, however far down."""
        return psutil.Process(self.process.pid).children(recursive=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def gone(processes: list[psutil.Process], within: float) -> bool:
    """Whether all have ended; what is left is killed, so that a failing test leaves nothing."""
    _, left = psutil.wait_procs(processes, timeout=within)
    for one in left:
        one.kill()
    return not left


def log_of(folder: Path) -> str:
    return "".join(path.read_text() for path in (folder / "data/logs").glob("workers-*.log"))


def test_a_desk_in_one_command_comes_whole_and_a_second_q_ends_what_runs(folder: Path) -> None:
    desk = Terminal(folder, "--workers")
    try:
        desk.until(lambda: "jobdesk worker: " in log_of(folder), "workers")
        desk.until(lambda: "notification" in desk.look(), "the dashboard")
        company = desk.company()
        assert len(company) >= 2
        added = jobdesk(desk, "add", "demo", "countdown", "--data", '{"steps": 400}', "--json")
        job_id = json.loads(added)["data"]["jobId"]
        desk.until(lambda: state(desk, job_id) == "active", "a long job")

        desk.type("q")
        desk.until(lambda: "Stopping the workers" in desk.look(), "the first q")
        time.sleep(0.5)
        assert desk.process.poll() is None
        desk.type("q")
        desk.until(lambda: desk.process.poll() is not None, "the end", within=20)
    finally:
        desk.process.kill()

    assert desk.process.wait() == 0, desk.look()[-2000:]
    assert "their log: " in desk.look()
    assert gone(company, 5)
    # not one line of theirs went to the screen
    assert "jobdesk worker: " not in desk.look()
    # what did not end is back in its place
    assert state(desk, job_id) == "waiting"


def jobdesk(desk: Terminal, *words: str) -> str:
    """Another command on the same Redis."""
    done = subprocess.run(
        [sys.executable, "-m", "jobdesk", *words],
        cwd=desk.folder, env=desk.environment, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def state(desk: Terminal, job_id: str) -> str:
    return str(json.loads(jobdesk(desk, "job", "demo", job_id, "--json"))["data"]["state"])


def test_a_dashboard_that_is_killed_leaves_no_worker_behind(folder: Path) -> None:
    desk = Terminal(folder, "tui", "--workers", "2")
    try:
        desk.until(lambda: "x 2 processes" in log_of(folder), "workers")
        company = desk.company()
    finally:
        os.kill(desk.process.pid, signal.SIGKILL)
        desk.process.wait()

    assert gone(company, 20)


@pytest.mark.slow
def test_the_demo_on_a_terminal_ends_in_the_dashboard_and_stops_within_seconds(
    folder: Path,
) -> None:
    desk = Terminal(folder, "demo")
    try:
        desk.until(lambda: re.search(r"Last 60 minutes", desk.look()), "the dashboard")
        desk.until(lambda: worker_log(folder).count("jobdesk worker: ") == 2, "the workers")
        company = desk.company()

        desk.type("q")
        desk.until(lambda: desk.process.poll() is not None, "the end", within=20)
    finally:
        desk.process.kill()

    assert desk.process.wait() == 0, desk.look()[-2000:]
    assert gone(company, 5)
    shell = folder / ".demo/shell"
    assert shell.stat().st_mode & 0o077 == 0


def worker_log(folder: Path) -> str:
    return "".join(path.read_text() for path in (folder / ".demo").glob("*/worker.log"))
