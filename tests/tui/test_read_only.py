"""A session that only looks changes nothing, whatever is pressed, and says why.

In each of the three ways to make one: the option, the setting, and a Redis user that may not
write, with exactly the rights that docs/dashboard.md gives a watching user.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from textual.screen import ModalScreen

from jobdesk import settings as settings_module
from jobdesk.broker.connection import Broker
from jobdesk.broker.operators import rights
from jobdesk.tui import policy
from jobdesk.tui import run as run_desk
from jobdesk.tui.actions import BY_ID
from jobdesk.tui.app import JobdeskApp
from jobdesk.tui.screens import catalogue
from jobdesk.tui.standing import stands
from tests import servers
from tests.clock import set_clock
from tests.tui import sample, still
from tests.tui.driving import drive, until
from tests.tui.places import PLACES, READ_ONLY
from tests.tui.sample import HOUR
from tests.tui.still import StillApp, Walk

if TYPE_CHECKING:
    from jobdesk.settings import Settings

DOCS = Path(__file__).parents[2] / "docs" / "dashboard.md"
RULE = re.compile(r"ACL SETUSER watcher on >(\S+) (.+)")
#: these end the session, or hand the terminal to another program
_LEAVE = frozenset({"quit", "exit", "suspend", "detail.pager"})


def dump(client: Any, namespace: str) -> dict[bytes, Any]:
    """All that is kept, but who is at work; hashes and sets as what they hold, in any order.

    Left out is what is kept for minutes only: it may go between two looks.
    """
    names = sorted(name for name in client.scan_iter(f"{namespace}:*", count=1000)
                   if not name.endswith(b":seen"))  # fmt: skip
    pipe = client.pipeline(transaction=False)
    for name in names:
        pipe.pttl(name)
    names = [name for name, ttl in zip(names, pipe.execute(), strict=True) if not 0 < ttl < HOUR]
    for name in names:
        pipe.type(name)
    kinds = pipe.execute()
    for name, kind in zip(names, kinds, strict=True):
        read = {b"hash": pipe.hgetall, b"set": pipe.smembers}.get(kind, pipe.dump)
        read(name)
    return dict(zip(names, pipe.execute(), strict=True))


@pytest.fixture(scope="module")
def seeded(redis_server: servers.Server, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = settings_module.load(
        redis_url=redis_server.url, namespace=servers.fresh_namespace(), _env_file=None
    )
    with Broker(made) as broker, set_clock(tmp_path_factory.mktemp("lua") / "lua"):
        sample.Sample(broker).fill()
    return made


@pytest.fixture
def watched(seeded: Settings, redis_server: servers.Server) -> Settings:
    """The same, as the user of the docs."""
    found = RULE.search(DOCS.read_text())
    assert found is not None, "docs/dashboard.md gives no rule for a watching user"
    rules = found[2].replace("~jd:*", f"~{seeded.namespace}:*").split()
    name = f"watcher-{seeded.namespace}"
    client: Any = redis_server.client()
    client.execute_command("ACL", "SETUSER", name, "reset", "on", f">{found[1]}", *rules)
    url = f"unix://{name}:{found[1]}@{redis_server.socket}"
    return seeded.model_copy(update={"redis_url": url})


class Pressing:
    """Presses keys on every screen of one session."""

    def __init__(self, walk: Walk) -> None:
        self.walk = walk
        self.app = walk.app
        #: ids of the actions whose keys were pressed
        self.pressed: set[str] = set()
        #: where a change was refused without a word
        self.silent: list[str] = []

    async def every_key(self) -> None:
        """On every screen: of what changes something."""
        done: set[tuple[str, str]] = set()
        for place in PLACES:
            if READ_ONLY not in place.conditions:
                continue
            await place.go(self.walk)
            assert not self.app.told_wrong, f"{place.name}: {self.app.told_wrong}"
            screen = type(self.app.screen).__name__
            for key, id_ in self._keys():
                if (screen, key) in done:
                    continue
                done.add((screen, key))
                if not self._bound(key, id_):
                    await self.walk.home()
                    await place.go(self.walk)
                await self._press(key, id_, f"{place.name}: {key} ({id_})")
            await self.walk.home()

    def _keys(self) -> list[tuple[str, str]]:
        bound = [(key, one.binding.id or "")
                 for key, one in self.app.screen.active_bindings.items()]  # fmt: skip
        return [(key, id_) for key, id_ in bound if id_ in BY_ID and BY_ID[id_].mutating]

    def _bound(self, key: str, id_: str) -> bool:
        active = self.app.screen.active_bindings.get(key)
        return active is not None and (active.binding.id or "") == id_

    async def _press(self, key: str, id_: str, where: str) -> None:
        self.app.clear_notifications()
        await self.walk.press(key)
        self.pressed.add(id_)
        said = [note.message for note in self.app._notifications]
        if self.app.refusal() not in said:
            self.silent.append(f"{where} said {said}")


def pressed_through(settings: Settings, folder: Path, **options: Any) -> tuple[Pressing, StillApp]:
    """A session in which all those keys are pressed."""
    met: list[Any] = []

    async def session(app: StillApp, clock: still.Clock) -> None:
        async with app.run_test(size=(120, 35), notifications=True) as pilot:
            pressing = Pressing(Walk(pilot, app, clock))
            met.append(pressing)
            await pressing.walk.settle()
            await pressing.every_key()

    with still.standstill() as clock:
        app = StillApp(settings, folder, **options)
        asyncio.run(session(app, clock))
    return met[0], app


def check(seeded: Settings, redis_server: servers.Server, press: Any) -> tuple[Pressing, StillApp]:
    """That a session leaves all as it was, and refuses aloud."""
    client = redis_server.client()
    before = dump(client, seeded.namespace)

    pressing, app = press()

    assert dump(client, seeded.namespace) == before
    assert not pressing.silent, "\n".join(pressing.silent)
    assert not [thread for thread in threading.enumerate() if thread.name == "jobdesk-writer"]
    return pressing, app


def test_with_the_option_every_key_that_changes_something_says_why_not(
    seeded, redis_server, tmp_path
):
    pressing, app = check(
        seeded, redis_server,
        lambda: pressed_through(seeded, tmp_path, read_only=True),
    )  # fmt: skip

    assert app.refusal() == policy.READ_ONLY
    assert {"job.retry", "job.remove", "jobs.remove", "queue.pause", "undo"} <= pressing.pressed


#: where the keys that change nothing are pressed, and how one gets there
SCREENS: dict[str, Callable[[Any], object]] = {
    **{mode: partial(JobdeskApp.go, mode=mode) for mode in catalogue.MODES},
    "job": lambda app: app.open_job("email", sample.job_id("failed mail 0")),
    "groups": lambda app: app.desk_screen.action_jobs_groups(),
    "forecast": lambda app: app.desk_screen.action_queue_forecast(),
    "doctor": JobdeskApp.action_doctor,
    "audit": JobdeskApp.action_audit,
}
#: on which mode those above one are opened
BELOW = {"job": "jobs", "groups": "jobs", "forecast": "queues"}


@pytest.mark.parametrize("name", SCREENS)
def test_no_other_key_changes_anything_either(name, seeded, redis_server, tmp_path):
    client = redis_server.client()
    before = dump(client, seeded.namespace)
    pressed = []

    async def opened(pilot: Any, app: Any) -> None:
        """Again, as after the start."""
        app.held = False
        app.clear_notifications()
        app.go(BELOW.get(name, "queues"))
        await until(pilot, lambda: len(app.screen_stack) == 1 and stands(app.screen), "the board")
        SCREENS[name](app)
        await until(pilot, lambda: stands(app.screen) and app.screen.snapshot, name)

    async def act(pilot: Any, app: Any) -> None:
        await until(pilot, lambda: app.read_at, "data")
        await opened(pilot, app)
        keys = [(key, one.binding.id or "") for key, one in app.screen.active_bindings.items()]
        for key, id_ in keys:
            if id_ in _LEAVE or (id_ in BY_ID and BY_ID[id_].mutating):
                continue
            screen = app.screen
            await pilot.press(key)
            await pilot.pause()
            pressed.append(id_)
            if app.screen is not screen or app.held:
                await until(pilot, lambda: stands(app.screen), f"what {key} opened")
                while isinstance(app.screen, ModalScreen):
                    app.pop_screen()
                    await until(pilot, lambda: stands(app.screen), "what was below")
                await opened(pilot, app)

    # a picture four times a second: there is less to wait for
    fast = seeded.model_copy(update={"tui_refresh": 0.25})
    drive(fast, tmp_path / "tui.json", act, read_only=True)

    assert dump(client, seeded.namespace) == before
    assert {"help", "back", "refresh"} <= set(pressed)


def test_the_setting_does_the_same(seeded, monkeypatch, tmp_path):
    monkeypatch.setenv("JOBDESK_TUI__READ_ONLY", "1")
    told = settings_module.load(redis_url=seeded.redis_url, _env_file=None)
    opened: list[JobdeskApp] = []
    monkeypatch.setattr(JobdeskApp, "run", lambda app: opened.append(app) or 0)

    run_desk(told, who="tester@here", state_file=tmp_path / "tui.json")

    assert opened[0].refusal() == policy.READ_ONLY
    assert opened[0].link.read_only


def test_a_redis_user_that_may_not_write_looks_at_everything_and_is_told_what_it_lacks(
    seeded, watched, redis_server, tmp_path
):
    pressing, app = check(seeded, redis_server, lambda: pressed_through(watched, tmp_path))

    assert app.refusal() == (
        f"The Redis user 'watcher-{seeded.namespace}' may not write:"
        " it lacks +@scripting and +@write."
    )
    assert app.told_wrong == [], "something that was read needs more than the docs' rule"
    assert {"job.retry", "queue.pause"} <= pressing.pressed
    client: Any = redis_server.client()
    assert not client.zrange(f"{seeded.namespace}:seen", 0, -1)


def test_the_docs_give_the_rules_that_the_code_names():
    found = RULE.search(DOCS.read_text())

    assert found is not None
    assert found[2].split() == ["~jd:*", *rights.WATCHER]


def test_what_a_user_lacks_is_named_as_a_rule(seeded, redis_server):
    client: Any = redis_server.client()

    def told(*rules: str) -> str:
        client.execute_command("ACL", "SETUSER", "somebody", "reset", "on", ">pw", *rules)
        url = f"unix://somebody:pw@{redis_server.socket}"
        with Broker(seeded.model_copy(update={"redis_url": url})) as broker:
            return rights.refusal(broker)

    keys = f"~{seeded.namespace}:*"
    assert told(keys, *rights.WATCHER, *rights.OPERATOR) == ""
    assert told(keys, *rights.WATCHER, "+@scripting").endswith("+@write (ZREM was refused).")
    assert told(keys, "+@all", "-hset").endswith("+@write (HSET was refused).")
    assert told("~other:*", "+@all").endswith(f"it lacks {keys} (the keys to write to).")
    assert not list(client.scan_iter("*rights*"))
