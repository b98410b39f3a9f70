"""The dashboard at a standstill: a real app on a real Redis, whose clocks do not move.

For tests that look at every screen. The times that the product asks for are set here, at the seam
where each module takes its clock: Redis says :data:`~tests.tui.sample.NOW_MS`, a round trip takes
0.7 ms, and the connection can be cut and joined again.
"""

from __future__ import annotations

import asyncio
import gc
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual import events
from textual._compositor import Compositor
from textual.geometry import Size
from textual.widgets import Input, TextArea

from jobdesk.broker.connection import Broker
from jobdesk.broker.server.address import Address
from jobdesk.errors import RedisUnavailable
from jobdesk.tui import app as app_module
from jobdesk.tui.app import JobdeskApp
from jobdesk.tui.contexts import Context
from jobdesk.tui.link.status import LinkState
from jobdesk.tui.screens.joblisting import JobListing
from jobdesk.tui.widgets.jobpreview import JobPreview
from jobdesk.tui.widgets.listing import Listing
from tests.tui.sample import NOW_MS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.pilot import Pilot

    from jobdesk.settings import Settings

ADDRESS = "redis://cache:6379/0"
AWAY = "cannot reach cache:6379 (Connection refused)"
#: What the server tells of itself.
SERVER = {
    "redis_version": "7.0.15", "used_memory": 41_200_000, "used_memory_peak": 58_000_000,
    "maxmemory": 268_435_456, "maxmemory_policy": "noeviction", "connected_clients": 14,
    "uptime_in_seconds": 1_641_600, "aof_enabled": 1, "rdb_last_bgsave_status": "ok",
    "role": "master",
    "aof_last_write_status": "ok", "aof_last_bgrewrite_status": "ok", "loading": 0,
}  # fmt: skip
#: How long Redis has been away, when it is.
AWAY_S = 38.0
#: How often it was tried by then, where it was never there.
TRIES = 3
#: Those whose pictures depend on a clock of their own.
_TIMED = (
    "jobdesk.tui.link.reader", "jobdesk.tui.link.interest", "jobdesk.tui.linked",
    "jobdesk.tui.ordering",
    "jobdesk.tui.company", "jobdesk.tui.widgets.statusline", "jobdesk.broker.reading.serverhealth",
    "jobdesk.broker.operators.presence", "jobdesk.broker.server.rounds",
)  # fmt: skip


#: of keys that have a name, what they type
_CHARACTERS = {
    "space": " ", "question_mark": "?", "colon": ":", "slash": "/", "full_stop": ".", "comma": ",",
    "plus": "+", "equals_sign": "=", "minus": "-", "exclamation_mark": "!", "at": "@",
    "left_square_bracket": "[", "right_square_bracket": "]",
}  # fmt: skip


class Clock:
    """What stands in for the module ``time``."""

    def __init__(self) -> None:
        self.later_s = 0.0
        #: whether Redis answers
        self.cut = False
        self._readings = 0

    def time(self) -> float:
        return NOW_MS / 1000 + self.later_s

    def monotonic(self) -> float:
        return 100_000.0 + self.later_s

    def perf_counter(self) -> float:
        self._readings += 1
        return self._readings * 0.0007


@contextmanager
def standstill(*, drawn: bool = False) -> Iterator[Clock]:
    """Stop the clocks of the dashboard, in UTC.

    Unless it is to be ``drawn``, nothing is sent to the terminal: pictures are asked for.
    """
    clock, zone = Clock(), os.environ.get("TZ")
    client: Any = Broker.__dict__["client"]
    kept: list[tuple[Any, str, Any]] = [(Broker, "client", client)]

    def reached(broker: Broker) -> Any:
        if clock.cut:
            raise RedisUnavailable(AWAY)
        made = client.fget(broker)
        made.set_response_callback("TIME", lambda *_, **__: (NOW_MS // 1000, 0))
        made.set_response_callback("INFO", lambda *_, **__: dict(SERVER))
        return made

    for kind, name in ((Input, "_toggle_cursor"), (TextArea, "_toggle_cursor_blink_visible")):
        kept.append((kind, name, getattr(kind, name)))
        setattr(kind, name, lambda _: None)  # a cursor that blinks is there or not by chance
    kept += [(Address, "where", Address.__dict__["where"]), (Address, "__str__", Address.__str__)]
    Address.where = property(lambda _: "cache:6379")  # type: ignore[method-assign,assignment]
    Address.__str__ = lambda _: ADDRESS  # type: ignore[method-assign]
    Broker.client = property(reached)  # type: ignore[method-assign,assignment]
    if not drawn:
        kept += [(Compositor, "render_update", Compositor.render_update),
                 (JobdeskApp, "_display", JobdeskApp._display)]  # fmt: skip
        Compositor.render_update = _undrawn  # type: ignore[method-assign]
        JobdeskApp._display = lambda *_: None  # type: ignore[method-assign]
    for name in _TIMED:
        module = import_module(name)
        if hasattr(module, "time"):
            kept.append((module, "time", module.time))
            module.time = clock  # type: ignore[attr-defined]
    os.environ["TZ"] = "UTC"
    time.tzset()
    # widgets are made by the thousand, and a sixth of the time would go into looking through them
    gc.disable()
    try:
        yield clock
    finally:
        gc.enable()
        for owner, name, value in kept:
            setattr(owner, name, value)
        os.environ.pop("TZ")
        if zone is not None:
            os.environ["TZ"] = zone
        time.tzset()


def _listed(screen: Any) -> bool:
    """Whether what the lists of a screen show has been read, the preview too."""
    if isinstance(screen, JobListing):
        shown = screen.jobs
        if not shown.known or (shown.total and shown.current is None):
            return False
        preview = screen.query_one("#preview", JobPreview)
        wanted = screen.has_class("-preview") and shown.total
        return not wanted or (preview.job is not None and preview.job.id == shown.current.id)
    if getattr(screen, "_painting", False):  # events are painted ten times a second at most
        return False
    return all(one.total == 0 or one.current is not None for one in screen.query(Listing))


def _undrawn(compositor: Compositor, **_: Any) -> None:
    compositor._dirty_regions.clear()


class StillApp(JobdeskApp):
    """The app, which counts what it was told, and says another address."""

    CSS_PATH = Path(app_module.__file__).with_name("jobdesk.tcss")

    def __init__(self, settings: Settings, folder: Path, **options: Any) -> None:
        context = Context("", settings)
        super().__init__(context, state_file=folder / "tui.json", who="noura@ops-2", **options)
        #: how often the reader has told how the connection is: once a tick
        self.ticks = 0
        #: why Redis could not be read
        self.told_wrong: list[str] = []
        #: single reads that were asked for and are not answered
        self.pending = 0
        self._ask, self.link.ask = self.link.ask, self._counted  # type: ignore[method-assign]
        #: (theme, sources) -> the rules of the style sheet: parsing is most of changing a theme
        self._parsed: dict[tuple[str, int], Any] = {}
        self._reparse = self.stylesheet.reparse
        self.stylesheet.reparse = self._parsed_once  # type: ignore[method-assign]

    def _parsed_once(self) -> None:
        sheet = self.stylesheet
        key = (self.theme, len(sheet.source))
        if key not in self._parsed:
            self._reparse()
            self._parsed[key] = sheet._rules
        sheet._rules, sheet._rules_map, sheet._require_parse = self._parsed[key], None, False

    def _counted(self, call: Any, then: Any) -> None:
        def answered(value: Any, error: Exception | None) -> None:
            self.pending -= 1
            then(value, error)

        self.pending += 1
        self._ask(call, answered)

    def on_link_changed(self, message: Any) -> None:
        self.ticks += 1
        if message.status.state is LinkState.OFFLINE:
            message.status = replace(message.status, tries=TRIES)
        if message.status.error and message.status.error != AWAY:
            self.told_wrong.append(message.status.error)


@dataclass
class Walk:
    """One app, on its way through the screens."""

    pilot: Pilot[int]
    app: StillApp
    clock: Clock

    async def until(self, condition: Any, what: str = "", within: float = 20.0) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + within
        while not condition():
            wrong = self.app.told_wrong
            assert self.clock.cut or not wrong, wrong[0]
            assert time.monotonic() < deadline, f"not within {within} s: {what or condition}"
            await asyncio.sleep(0.002)

    async def settle(self, ready: Any = None) -> None:
        """Until all that the screen wants has been read, and is shown."""
        app, link = self.app, self.app.link

        def done() -> bool:
            listed = self.clock.cut or _listed(app.screen)
            return listed and not app.pending and (ready is None or bool(ready(app)))

        await self.idle()
        for _ in range(60):
            wanted = self._wanted()
            # a read may be under way that did not know of it yet
            goal = app.ticks + (1 if self.clock.cut else 2)
            while app.ticks < goal:
                link.refresh()
                heard = app.ticks
                await self.until(lambda heard=heard: app.ticks > heard)
            await self.until(done, f"{ready}")
            await self.idle()
            if self._wanted() == wanted and done() and (self.clock.cut or not self._unfinished()):
                return
        raise AssertionError("the screen asks for ever more")

    def _unfinished(self) -> bool:
        """Whether what is read comes in parts, and more is to come."""
        ticks = self.app.link._reader._ticks
        return ticks is None or bool(ticks.source.more)

    def _wanted(self) -> Any:
        screen = self.app.desk_screen
        return None if screen is None else (screen, screen.reads())

    async def idle(self) -> None:
        """Until all messages have been handled, and what they changed is drawn."""
        calm = 0
        while calm < 2:
            await self.pilot._wait_for_screen()
            screen: Any = self.app.screen
            busy = (
                screen._layout_required or screen._callbacks or screen._dirty_widgets
                or screen._repaint_required or screen._scroll_required
            )  # fmt: skip
            screen._on_timer_update()
            calm = 0 if busy else calm + 1

    async def press(self, *keys: str) -> None:
        """Press keys, and let each have its effect."""
        for key in keys:
            character = _CHARACTERS.get(key, key if len(key) == 1 else None)
            self.app.post_message(events.Key(key, character))
            await self.idle()

    async def resize(self, size: tuple[int, int]) -> None:
        """Give the terminal another size."""
        driver: Any = self.app._driver
        driver._size = Size(*size)
        self.app.post_message(events.Resize(Size(*size), Size(*size)))
        await self.until(lambda: self.app.screen._compositor.size == Size(*size))
        await self.idle()

    def lines(self) -> list[str]:
        """The characters on the screen."""
        return [strip.text for strip in self.strips()]

    def strips(self) -> list[Any]:
        """The screen as it is drawn, dialogs with what is behind them."""
        app = self.app
        return app.screen._compositor.render_strips(app.size)

    async def home(self) -> None:
        """Back to the board, with nothing above it."""
        app = self.app
        app.clear_notifications()
        while len(app.screen_stack) > 1:
            app.pop_screen()
            await self.idle()
        for screen in app.screen_stack:
            clear = getattr(screen, "clear", None)
            while clear is not None and clear():
                pass
        app.go("queues")
        await self.idle()

    def cut(self, *, away: bool) -> None:
        """Take Redis away, or bring it back."""
        self.clock.cut = away
        self.clock.later_s = AWAY_S if away else 0.0
