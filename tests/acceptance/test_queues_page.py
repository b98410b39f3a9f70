"""docs/queues.md does what it says, word for word: its files are written, its lines typed."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil

PAGE = (Path(__file__).parents[2] / "docs/queues.md").read_text("utf-8")
BLOCKS = re.findall(r"```(python|console)\n(.*?)```", PAGE, re.DOTALL)
END = "--- that was all ---"


def as_pattern(expected: str) -> re.Pattern[str]:
    """The page's output, where ``…`` is anything on a line, and alone on a line any lines.

    A slow machine may say ``2 s ago`` where the page says ``now``, and its column is wider then.
    """
    lines = []
    for line in expected.splitlines():
        if line == "…":
            lines.append(r"(?:.*\n)*?")
        else:
            parts = re.split(r"(\bnow\b|…| {2,})", line.rstrip())
            lines.append("".join(map(_part, parts)) + r" *\n")
    return re.compile("".join(lines))


def _part(text: str) -> str:
    if text == "now":
        return r"(?:now|\d+ s ago)"
    if text == "…":
        return ".*"
    return " +" if text[:2] == "  " else re.escape(text)


class Shell:
    """One bash for all that is typed, as the reader has one."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"], cwd=folder, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip

    def type(self, line: str) -> str:
        """What comes back."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{line}\necho '{END}'\n")
        self.process.stdin.flush()
        said = []
        while (found := self.process.stdout.readline()).rstrip() != END:
            assert found, "the shell has ended"
            said.append(found)
        return "".join(said)

    def close(self) -> None:
        """End it, and what it has started."""
        started = psutil.Process(self.process.pid).children(recursive=True)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        self.process.communicate(timeout=40)
        _, left = psutil.wait_procs(started, timeout=40)
        for process in left:
            process.kill()


def test_the_page_does_what_it_says(environment, tmp_path):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    shell = Shell(tmp_path, {**environment, "PATH": path, "COLUMNS": "200"})
    typed = 0
    try:
        for kind, block in BLOCKS:
            if kind == "python":
                name = block.partition("\n")[0].removeprefix("# ")
                (tmp_path / name).write_text(block)
                continue
            for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                line, _, expected = step.partition("\n")
                said = shell.type(line)
                typed += 1
                assert as_pattern(expected).fullmatch(said), f"$ {line}\n{said}"
    finally:
        shell.close()
    assert typed > 15
