"""The README's first ten minutes, on a real demo: each step presses the keys that it names."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from jobdesk import demo
from jobdesk import settings as settings_module
from jobdesk.broker.inspector import Inspector
from jobdesk.cli.hosting import leave
from jobdesk.demo.samples import WRONG_INVOICE_ID as INVOICE
from jobdesk.models import JobState
from jobdesk.tui.app import JobdeskApp
from jobdesk.tui.contexts import Context
from jobdesk.tui.screens.dialogs import ConfirmScreen
from jobdesk.tui.screens.job import JobScreen
from jobdesk.tui.screens.jobdata import EditScreen
from jobdesk.tui.screens.jobs import JobsScreen
from jobdesk.tui.screens.overview import OverviewScreen
from jobdesk.tui.screens.queues import QueuesScreen
from jobdesk.tui.screens.why import WhyScreen
from jobdesk.tui.screens.workers import WorkersScreen
from tests.tui.driving import picture

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
SLOW = 60.0
#: keys as the README writes them, and as Textual calls them
NAMED = {"enter": "enter", "esc": "escape", "ctrl+s": "ctrl+s", "[": "left_square_bracket"}

pytestmark = pytest.mark.timeout(240)


def steps() -> list[str]:
    """What the README says, step by step."""
    section = README.partition("## The first ten minutes\n")[2].partition("\n## ")[0]
    found = re.split(r"^\d+\. ", section, flags=re.MULTILINE)[1:]
    return [" ".join(step.split()) for step in found]


def keys_in(step: str) -> set[str]:
    """The keys that a step names."""
    quoted = re.findall(r"`([^`]+)`", step)
    return {text for text in quoted if text in NAMED or len(text) == 1}


class Reader:
    """Somebody who follows the README: presses what it names, and leaves nothing out."""

    def __init__(self, pilot, app, inspector):
        self.pilot, self.app, self.inspector = pilot, app, inspector
        self.pressed = set()

    async def press(self, *keys):
        for key in keys:
            self.pressed.add(key)
            await self.pilot.press(NAMED.get(key, key))
            await self.pilot.pause()

    async def until(self, condition, what):
        deadline = time.monotonic() + SLOW
        while not condition():
            assert time.monotonic() < deadline, f"{what}: {picture(self.app)}"
            await self.pilot.pause(0.1)

    async def at(self, kind):
        await self.until(lambda: isinstance(self.app.screen, kind), kind.__name__)

    @contextmanager
    def step(self, number) -> Iterator[str]:
        self.pressed.clear()
        yield steps()[number - 1]
        assert self.pressed == keys_in(steps()[number - 1]), f"step {number}"

    def job(self):
        return self.inspector.job("pdf", INVOICE)

    def ended(self):
        return sum(stats.completed + stats.failed for stats in self.inspector.all_stats())


@pytest.fixture
def live(tmp_path, monkeypatch):
    """A demo of its own, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    # nothing listens there: what the demo asks the internet is not asked in a test
    monkeypatch.setenv("RATES_BASE_URL", "http://127.0.0.1:9")
    editor = tmp_path / "editor.py"
    editor.write_text(
        "import json, pathlib, sys\n"
        "path = pathlib.Path(sys.argv[1])\n"
        "data = json.loads(path.read_text())\n"
        "data['invoiceData']['totalAmount'] = 5800\n"
        "path.write_text(json.dumps(data, indent=2))\n"
    )
    monkeypatch.setenv("EDITOR", shlex.join([sys.executable, str(editor)]))
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    # a headless app has no terminal to give to an editor: it is given one here
    monkeypatch.setattr(JobdeskApp, "suspend", lambda self: nullcontext())
    made = demo.Live(None)
    company = [made.workers]
    try:
        company += made.more()
        yield made
    finally:
        leave(company, 0)
        made.close()
        settings_module.use(None)


def test_the_first_ten_minutes_are_as_the_readme_tells_them(live, tmp_path):
    from jobdesk.broker.connection import connect

    app = JobdeskApp(
        Context("", live.settings), mode="overview", who="reader@here",
        state_file=tmp_path / "tui.json", company=live.workers,
    )  # fmt: skip

    async def session():
        async with app.run_test(size=(120, 35)) as pilot:
            reader = Reader(pilot, app, Inspector(connect(live.settings)))
            for act in (_moving, _killed, _failed, _edited, _file, _command, _left):
                await act(reader)

    asyncio.run(session())
    assert app.return_code == 0


async def _moving(reader):
    with reader.step(1) as told:
        assert "`make demo`" in told
        await reader.at(OverviewScreen)
        await reader.until(lambda: "pdf" in picture(reader.app), "the queues")
        await reader.until(lambda: reader.ended() >= 10, "jobs that end")
        before = picture(reader.app)
        await reader.until(lambda: picture(reader.app) != before, "counts that move")


async def _killed(reader):
    with reader.step(2):
        await reader.press("4")
        await reader.at(WorkersScreen)
        screen = reader.app.screen
        await reader.until(lambda: screen.listing.current, "a worker")
        victim = screen.listing.current
        await reader.press("x")
        await reader.at(ConfirmScreen)
        assert victim.id in picture(reader.app)
        await reader.press("y")

        def replaced():
            up = [one for one in reader.inspector.workers() if not one.ended_ms]
            others = [one for one in up if one.parent == victim.parent and one.pid != victim.pid]
            return others and not Path(f"/proc/{victim.pid}").exists()

        await reader.until(replaced, "another worker in its place")


async def _failed(reader):
    with reader.step(3):
        await reader.press("3")
        await reader.at(QueuesScreen)
        # its turn may come only now
        await reader.until(lambda: reader.inspector.stats("pdf").failed == 1, "the failure")
        await reader.press("j", *"kkkkkkkk")
        listing = reader.app.screen.listing
        for _ in range(8):
            if listing.current.name != "pdf":
                await reader.press("j")
        await reader.press("enter")
        await reader.at(JobsScreen)
        await reader.until(
            lambda: getattr(reader.app.screen.jobs.current, "id", "") == INVOICE, "the invoice"
        )
        await reader.press("enter")
        await reader.at(JobScreen)
        await reader.until(lambda: "totalAmount is 5,400.00" in picture(reader.app), "its error")
        await reader.press("w")
        await reader.at(WhyScreen)
        await reader.until(
            lambda: "the items make 5,800.00" in " ".join(words(reader.app)), "the reason"
        )
        await reader.press("esc")
        await reader.at(JobScreen)


async def _edited(reader):
    with reader.step(4) as told:
        assert "`totalAmount` 5800" in told
        await reader.press("e")
        await reader.at(EditScreen)
        await reader.until(lambda: '"totalAmount": 5800' in picture(reader.app), "the new data")
        await reader.press("ctrl+s")
        await reader.at(JobScreen)
        await reader.until(lambda: reader.job().state is JobState.COMPLETED, "the invoice")
        await reader.until(lambda: "completed" in picture(reader.app), "green")


async def _file(reader):
    with reader.step(5):
        path = reader.job().return_value["document"]["path"]
        await reader.press("[")
        await reader.until(lambda: f"{INVOICE}.pdf" in picture(reader.app), "the result")
        await reader.press("v")
        await reader.until(lambda: reader.app.clipboard == path, "the path")
        assert (await asyncio.to_thread(Path(path).read_bytes)).startswith(b"%PDF")


async def _command(reader):
    with reader.step(6) as told:
        await reader.press("d")
        await reader.at(ConfirmScreen)
        await reader.press("c")
        await reader.until(lambda: reader.app.clipboard.startswith("jobdesk "), "the command")
        line = reader.app.clipboard
        assert line in " ".join(words(reader.app))
        await reader.press("n")
        await reader.at(JobScreen)
        assert reader.job().state is JobState.COMPLETED

        shell, undo = re.findall(r"`(\. \.demo/shell|jobdesk undo)`", told)
        await paste(f"{shell}; {line}")
        await reader.until(lambda: "removed" in picture(reader.app), "the job go")
        await paste(f"{shell}; {undo}")
        assert reader.job().state is JobState.COMPLETED


async def _left(reader):
    with reader.step(7):
        await reader.press("q")
        await reader.at(JobsScreen)
        await reader.press("q")
        await reader.until(lambda: not reader.app.is_running, "the end")


def words(app):
    """What a dialog says, over the ends of its lines."""
    return re.sub(r"[│╭╮╰╯─]", " ", picture(app)).split()


async def paste(line):
    """Run a line in a shell of its own that knows nothing of this process's settings."""
    plain = {"PATH": "/usr/bin:/bin", "HOME": os.environ.get("HOME", "/")}
    done = await asyncio.to_thread(
        subprocess.run, ["sh", "-c", line], env=plain, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
