"""What the command line does at a terminal: it asks, and shows how far it is."""

import os
import pty
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from jobdesk.broker.inspector import Inspector
from jobdesk.broker.keys import queues as queue_names
from tests.queue_builder import QueueBuilder


@pytest.fixture
def thumbs(broker):
    """A queue of one's own, known to Redis."""
    broker.client.sadd(queue_names(broker.namespace), "thumbs")
    return QueueBuilder(broker, "thumbs")


class Terminal:
    """``python -m jobdesk`` with a keyboard and a screen."""

    def __init__(self, environment, *words):
        self.screen, self._master = "", None
        self._master, slave = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "jobdesk", *words],
            env={**environment, "TERM": "xterm", "COLUMNS": "80"},
            stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        os.set_blocking(self._master, False)

    def wait_for(self, text, seconds=30):
        """Read until ``text`` has been shown."""
        deadline = time.monotonic() + seconds
        while text not in self.screen:
            assert time.monotonic() < deadline, self.screen
            self._read()
            time.sleep(0.01)

    def type(self, text):
        os.write(self._master, text.encode())

    def end(self):
        """The exit code, with all that was shown in ``screen``."""
        deadline = time.monotonic() + 30
        while self._process.poll() is None:
            assert time.monotonic() < deadline, self.screen
            self._read()
            time.sleep(0.01)
        self._read()
        return self._process.returncode

    def interrupt(self):
        self._process.send_signal(2)

    def close(self):
        self._process.kill()
        self._process.wait()
        os.close(self._master)

    def _read(self):
        # the other side is closed, or there is nothing now
        with suppress(OSError):
            while part := os.read(self._master, 65536):
                self.screen += part.decode(errors="replace")


@pytest.fixture
def terminal(environment):
    opened = []

    def start(*words):
        opened.append(Terminal(environment, *words))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


@pytest.mark.parametrize(
    "words",
    [
        ("retry", "thumbs", "--all"),
        ("clean", "thumbs", "--status", "failed", "--grace", "0"),
        ("empty", "thumbs"),
        ("obliterate", "thumbs"),
    ],
)
def test_what_throws_much_away_asks_and_takes_a_no(terminal, thumbs, broker, words):
    thumbs.failed("f")
    thumbs.waiting("w")
    broker.run("pause_queue", thumbs.keys.prefix)
    before = Inspector(broker).stats("thumbs")

    asked = terminal(*words)
    asked.wait_for("[y/N]")
    asked.type("n\n")

    assert asked.end() == 1
    assert "Nothing was changed." in asked.screen
    assert Inspector(broker).stats("thumbs") == before


def test_a_yes_does_it_and_shows_how_far_it_is(terminal, thumbs, broker):
    for start in range(0, 600, 100):
        thumbs.waiting(*(f"w{n}" for n in range(start, start + 100)))

    asked = terminal("empty", "thumbs")
    asked.wait_for("Remove 600 waiting and 0 delayed jobs of queue thumbs? [y/N]")
    asked.type("y\n")

    assert asked.end() == 0
    assert "emptying thumbs [####" in asked.screen
    assert "600 jobs of queue thumbs removed" in asked.screen
    assert Inspector(broker).stats("thumbs").waiting == 0


def test_saying_yes_beforehand_is_not_asked_again(terminal, thumbs):
    thumbs.waiting("w")

    done = terminal("empty", "thumbs", "--yes")

    assert done.end() == 0
    assert "[y/N]" not in done.screen


def test_a_table_is_cut_to_the_width_of_the_terminal(terminal, thumbs):
    thumbs.failed("f", error="ValueError: " + "x" * 300)
    thumbs.change("f", er="ValueError: " + "x" * 300)

    shown = terminal("jobs", "thumbs", "--status", "failed")

    assert shown.end() == 0
    row = next(line for line in shown.screen.splitlines() if line.startswith("f "))
    assert len(row) <= 80
    assert row.endswith("…")


def test_an_interrupt_at_the_question_changes_nothing(terminal, thumbs, broker):
    thumbs.waiting("w")

    asked = terminal("empty", "thumbs")
    asked.wait_for("[y/N]")
    asked.interrupt()

    assert asked.end() == 130
    assert "Traceback" not in asked.screen
    assert Inspector(broker).stats("thumbs").waiting == 1


def test_an_interrupt_while_it_waits_is_quiet(terminal, thumbs):
    thumbs.waiting("w")

    waiting = terminal("wait", "thumbs", "--drained")
    waiting.wait_for("waiting for thumbs [")
    waiting.interrupt()

    assert waiting.end() == 130
    assert "Traceback" not in waiting.screen
