"""``huey_consumer`` as a process of its own: the flags that docs/huey.md speaks of."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from huey.consumer_options import OptionParserHandler

from jobdesk.engine.queue import Queue

pytestmark = pytest.mark.usefixtures("redis_server", "settings")

ROOT = Path(__file__).parents[2]
MODULE = """
from jobdesk.engine.queue import Queue

queue = huey = Queue("flags", concurrency=4)

@queue.task()
def double(n: int) -> int:
    return 2 * n
"""
#: Every flag that takes an ordinary value, with one.
FLAGS = [
    "-w",
    "2",
    "-k",
    "thread",
    "-d",
    "0.1",
    "-m",
    "1",
    "-b",
    "1.2",
    "-c",
    "1",
    "-f",
    "-L",
    "extra",
    "-M",
    "3",
    "-t",
    "5",
    "-g",
    "TERM",
    "-s",
    "1",
    "-n",
    "-q",
    "-S",
]


@pytest.fixture
def module(tmp_path: Path, environment: dict[str, str]) -> dict[str, str]:
    """The environment in which ``flags_of_huey.huey`` is a queue."""
    (tmp_path / "flags_of_huey.py").write_text(MODULE)
    return {**environment, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}


def consumer(environment: dict[str, str], *flags: str) -> subprocess.Popen[str]:
    """The process; whoever starts it ends it."""
    return subprocess.Popen(
        [Path(sys.executable).with_name("huey_consumer"), "flags_of_huey.huey", *flags],
        env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("kind", ["thread", "process"])
def test_every_flag_is_taken_and_either_signal_ends_it_gracefully(
    module: dict[str, str], kind: str, stop: signal.Signals
) -> None:
    queue = Queue("flags")

    @queue.task()
    def double(n: int) -> int:
        return 2 * n

    handles = [double(n=n) for n in range(8)]
    flags = [kind if flag == "thread" else flag for flag in FLAGS]
    process = consumer(module, *flags)
    try:
        values = [handle.wait(30) for handle in handles]
        process.send_signal(stop)
        output, _ = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait(10)

    assert values == [2 * n for n in range(8)]
    assert process.returncode == 0, output


def test_greenlets_are_refused_by_name(module: dict[str, str]) -> None:
    process = consumer(module, "-k", "greenlet")
    try:
        output, _ = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait(10)

    assert process.returncode != 0
    assert "jobdesk runs no greenlets: use -k thread" in output


def test_the_document_speaks_of_every_flag() -> None:
    text = (ROOT / "docs" / "huey.md").read_text()
    table = "\n".join(line for line in text.splitlines() if line.startswith("| `-"))
    named = set(re.findall(r"`(-\w)", table))
    parser = OptionParserHandler().get_option_parser()
    flags = {
        option._short_opts[0]
        for group in [parser, *parser.option_groups]
        for option in group.option_list
        if option._short_opts
    }

    assert flags - {"-h"} <= named
