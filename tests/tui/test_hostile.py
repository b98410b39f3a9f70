"""What jobs, workers and operators say is shown as it is, and steers nothing.

Everything that anybody can write is filled with what terminals obey: escape sequences, writing to
the clipboard, controls of eight bits, marks that turn the reading direction round, markup of the
dashboard's own, and a megabyte of it. All screens are then walked through; what is asserted is what
goes to the terminal, and that columns keep their places.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from textual.drivers.headless_driver import HeadlessDriver

from jobdesk import settings as settings_module
from jobdesk.broker import keys, registry
from jobdesk.broker.connection import Broker
from jobdesk.models import JobState
from jobdesk.safetext import cells
from tests import servers
from tests.clock import CLOCK, set_clock
from tests.queue_builder import QueueBuilder
from tests.tui import still
from tests.tui.places import job, jobs, mode, then
from tests.tui.sample import NOW_MS, job_id
from tests.tui.still import Walk

if TYPE_CHECKING:
    from jobdesk.settings import Settings

CLIPBOARD = "\x1b]52;c;cm0gLXJmIC8=\x07"
TITLE = "\x1b]0;owned\x07"
LINK = "\x1b]8;;http://evil.example\x1b\\here\x1b]8;;\x1b\\"
STEERS = f"{CLIPBOARD}{TITLE}{LINK}\x1b[2J\x1b[31m\x1bc\x9b31m\x9d52;c;eA==\x9c\x00\x07\x08\r\x7f"
TURNS = "\u202eevil\u202c\u2066x\u2069\u200f\u061c"
MARKUP = "[/foo] [link=http://evil.example]click[/link] [@click=app.quit]x[/] [bold red]b[/] [[ ]]"
WORDS = "فاتورة رقم ٤١٢ 🚀👍 日本語 é ﷽"
ALL = f"{MARKUP} {STEERS} {TURNS} {WORDS}"
HUGE = (ALL + " ") * (1_000_000 // len(ALL))

#: what Textual's own drawing sends: colours, the cursor's place, synchronised output, the pointer
_OWN = re.compile(r"\x1b\]22;[a-z-]+\x07|\x1b\[[0-9;]*[mH]|\x1b\[\?[0-9;]+[hl]|\x1b\[>?[0-9;]*u")
_ACTS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]"
)

QUEUE = "thumbs"
PLACES = (
    ("overview", mode("overview")),
    ("queues", mode("queues")),
    ("jobs", jobs(None, None)),
    ("failed", jobs(QUEUE, JobState.FAILED)),
    ("workers", mode("workers")),
    ("schedules", mode("schedules")),
    ("events", mode("events")),
    *((f"job {tab}", job(QUEUE, "failed", tab))
      for tab in ("Summary", "Data", "Error", "Attempts", "Log")),
    ("result", job(QUEUE, "done", "Result")),
    ("huge", job(QUEUE, "huge", "Data")),
    ("groups", then(jobs(QUEUE, JobState.FAILED), "jobs.groups")),
    ("why", then(jobs(QUEUE, JobState.FAILED), "job.why")),
    ("remove", then(jobs(QUEUE, JobState.FAILED), "job.remove")),
    ("filter", then(jobs(QUEUE, JobState.FAILED), "jobs.filter")),
    ("edit", then(jobs(QUEUE, JobState.FAILED), "job.edit")),
    ("add", then(mode("queues"), "queue.add")),
    ("doctor", then(mode("queues"), "doctor")),
    ("audit", then(mode("queues"), "audit")),
)  # fmt: skip


@pytest.fixture(scope="module")
def hostile(redis_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A queue in which everything that can be said is hostile."""
    made = settings_module.load(
        redis_url=redis_server.url, namespace=servers.fresh_namespace(), _env_file=None
    )
    with Broker(made) as broker, set_clock(tmp_path_factory.mktemp("lua") / "lua"):
        fill(broker)
    return made


def fill(broker: Broker) -> None:
    client: Any = broker.client
    client.set(CLOCK, NOW_MS - 60_000)
    registry.publish_queue(
        broker, QUEUE, types={ALL: {"doc": ALL, "schema": {"description": ALL}}, "plain": {}},
        schedules={f"nightly {ALL}": {"type": ALL, "crontab": ALL, "next": NOW_MS + 9000}},
        keep_completed=":5000", keep_failed=":5000", max_stalled=3, max_active=None,
        rate_limit=None,
    )  # fmt: skip
    queue = QueueBuilder(broker, QUEUE)
    said = json.dumps({ALL: ALL, "list": [ALL], "text": ALL}, ensure_ascii=False).encode()
    (taken,) = queue.active(job_id("failed"), payload=said)
    queue.moves.log(taken.id, taken.epoch, [ALL, STEERS, MARKUP, "x" * 5000])
    told = {
        "o": "failed",
        "w": ALL,
        "err": f"ValueError: {ALL}\n{ALL}",
        "tb": f"Trace {ALL}\n{ALL}",
    }
    queue.moves.exchange(
        ALL, 1, 0, 1000,
        [_failed(taken, f"ValueError: {ALL}"[:60], json.dumps(told)[1:])],
    )  # fmt: skip
    queue.completed(job_id("done"), value={"said": ALL, ALL: [HUGE[:5000]]}, payload=said)
    queue.failed(job_id("plain"), error="ValueError: no")
    huge = json.dumps({"huge": HUGE}, ensure_ascii=False).encode()
    queue.completed(job_id("huge"), payload=huge, value=HUGE)
    for one in ("failed", "done"):
        queue.change(job_id(one), t=ALL, w=ALL)
    queue.waiting("waits", payload=said)
    (runs,) = queue.take(1)
    queue.moves.progress(runs.id, runs.epoch, json.dumps(ALL))
    client.set(keys.worker_info(broker.namespace, ALL), json.dumps({
        "id": ALL, "host": ALL, "pid": 1, "queues": [QUEUE], "slots": 2, "version": ALL,
        "in_hand": {QUEUE: ["waits"]}, "started_ms": NOW_MS - 9000, "beat_ms": NOW_MS - 100,
    }))  # fmt: skip
    client.zadd(keys.workers(broker.namespace), {ALL: NOW_MS - 100})
    client.zadd(keys.seen(broker.namespace), {ALL: NOW_MS - 100})
    fields = dict.fromkeys(("who", "user", "action", "job", "command"), ALL)
    client.xadd(broker.keys(QUEUE).audit, fields)
    client.delete(CLOCK)


def _failed(taken: Any, error: str, attempt: str) -> Any:
    from jobdesk.broker.exchange import Finish, Outcome

    return Finish(taken.id, taken.epoch, Outcome.FAILED, value=b"f00", error=error, attempt=attempt)


def borders(lines: list[str]) -> list[str]:
    """Where a line's frame does not stand in the columns in which it began."""
    found = []
    right: int | None = None
    for line in lines:
        if line.startswith("╭"):
            right = cells(line.rstrip()) - 1
        elif right is not None and line.startswith("│"):
            ends = cells(line.rstrip()) - 1
            if ends != right or line.rstrip()[-1] not in "│█▇▆▅▄▃▂▁":
                found.append(f"ends at {ends}, not {right}: {line!r}")
    return found


def test_nothing_of_it_reaches_the_terminal_as_more_than_text(hostile, tmp_path, monkeypatch):
    sent: list[str] = []
    monkeypatch.setattr(HeadlessDriver, "write", lambda _, text: sent.append(text))
    # Textual draws for a driver that has a terminal only
    monkeypatch.setattr(HeadlessDriver, "is_headless", property(lambda _: False))
    faults: list[str] = []
    seen = ""

    async def session(clock: still.Clock) -> None:
        nonlocal seen
        app = still.StillApp(hostile, tmp_path)
        async with app.run_test(size=(120, 35), notifications=True) as pilot:
            walk = Walk(pilot, app, clock)
            await walk.settle()
            for name, go in PLACES:
                await go(walk)
                lines = walk.lines()
                wide = [line for line in lines if cells(line) != 120]
                faults.extend(f"{name}: {cells(line)} cells: {line!r}" for line in wide)
                faults.extend(f"{name}: acts: {line!r}" for line in lines if _ACTS.search(line))
                if app.screen is app.desk_screen:
                    faults.extend(f"{name}: {fault}" for fault in borders(lines))
                seen += "\n".join(lines)
                await walk.home()

    with still.standstill(drawn=True) as clock:
        asyncio.run(session(clock))

    wire = "".join(sent)
    assert len(wire) > 50_000, "nothing was drawn"
    rest = _OWN.sub("", wire)
    assert not _ACTS.search(rest.replace("\n", "")), repr(_context(rest))
    assert "\x1b]52" not in wire
    assert "\x9d" not in wire
    assert not faults, "\n".join(faults[:40])
    for word in ("[/foo]", "\\x1b]52;", "\\u202e", "فاتورة", "日本語"):
        assert word in seen, f"{word} is not shown"


def _context(text: str) -> str:
    found = _ACTS.search(text.replace("\n", ""))
    assert found is not None
    return text.replace("\n", "")[max(0, found.start() - 60) : found.end() + 60]
