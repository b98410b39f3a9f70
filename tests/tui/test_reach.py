"""Whoever has only a keyboard reaches everything, and so does whoever has only a mouse."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from textual import events
from textual.command import CommandList

from jobdesk import settings as settings_module
from jobdesk.broker.connection import Broker
from jobdesk.models import JobState
from jobdesk.tui import actions, cheatsheet
from jobdesk.tui.actions import ACTIONS, BY_ID, Scope
from jobdesk.tui.screens import catalogue
from jobdesk.tui.screens.dialogs import HelpScreen
from jobdesk.tui.screens.jobs import JobsScreen
from jobdesk.tui.widgets.hintbar import HintBar
from jobdesk.tui.widgets.joblist import JobList
from jobdesk.tui.widgets.statebar import StateBar
from tests import servers
from tests.clock import set_clock
from tests.tui import sample, still
from tests.tui.still import Walk

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from jobdesk.settings import Settings


@pytest.fixture(scope="module")
def seeded(redis_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = settings_module.load(
        redis_url=redis_server.url, namespace=servers.fresh_namespace(), _env_file=None
    )
    with Broker(made) as broker, set_clock(tmp_path_factory.mktemp("lua") / "lua"):
        sample.Sample(broker).fill()
    return made


def walked(
    settings: Settings, folder: Path, act: Callable[[Walk], Awaitable[None]], **options: Any
) -> None:
    async def session(clock: still.Clock) -> None:
        app = still.StillApp(settings, folder, **options)
        async with app.run_test(size=(120, 35), notifications=True) as pilot:
            walk = Walk(pilot, app, clock)
            await walk.settle()
            await act(walk)

    with still.standstill() as clock:
        asyncio.run(session(clock))


async def click(walk: Walk, widget: Any, x: int, y: int = 0) -> None:
    """Click on a widget, so many cells from its corner."""
    where = {"widget": widget, "x": x, "y": y, "delta_x": 0, "delta_y": 0, "button": 1,
             "shift": False, "meta": False, "ctrl": False,
             "screen_x": widget.region.x + x, "screen_y": widget.region.y + y}  # fmt: skip
    widget.post_message(events.Click(**where, chain=1))
    await walk.idle()


async def click_hint(walk: Walk, id_: str) -> None:
    bar = walk.app.screen.query_one(HintBar)
    hint = hints(walk)[id_]
    await click(walk, bar, hint.at)
    await walk.settle()


def hints(walk: Walk) -> dict[str, Any]:
    """What the last line shows now."""
    walk.lines()
    return {one.id: one for one in walk.app.screen.query_one(HintBar).hints}


def test_the_palette_a_queue_and_a_state_are_reached_by_the_mouse_alone(seeded, tmp_path):
    async def act(walk: Walk) -> None:
        app: Any = walk.app
        await click_hint(walk, "palette")
        await walk.until(lambda: app.screen.query(CommandList), "the palette")
        found = app.screen.query_one(CommandList)
        await walk.until(lambda: found.option_count, "actions in the palette")
        found.post_message(CommandList.OptionSelected(found, found.get_option_at_index(0), 0))
        await walk.until(lambda: app.current_mode == "overview", "the first of them")
        await walk.settle()
        await click_hint(walk, "go.queues")
        listing = app.screen.listing
        at = next(i for i in range(listing.total) if listing.row_at(i).name == "email")
        await click(walk, listing, 5, at + 1)
        await click_hint(walk, "list.open")
        await walk.until(lambda: isinstance(app.screen, JobsScreen), "the queue's jobs")
        await walk.settle()

        walk.lines()
        bar = app.screen.query_one(StateBar)
        spot = next(start for start, _, state in bar._spots if state is JobState.DELAYED)
        await click(walk, bar, spot)
        await walk.settle()
        assert app.screen.state is JobState.DELAYED

    walked(seeded, tmp_path, act)


def test_a_pair_in_the_last_line_is_two_keys_to_the_mouse(seeded, tmp_path):
    async def act(walk: Walk) -> None:
        app: Any = walk.app
        app.open_jobs("email", JobState.FAILED)
        await walk.settle()
        bar = app.screen.query_one(HintBar)
        hint = hints(walk)["jobs.state-previous"]

        await click(walk, bar, hint.at)
        await walk.settle()
        assert app.screen.state is JobState.COMPLETED
        await click(walk, bar, hint.at + 2)
        await walk.settle()
        assert app.screen.state is JobState.FAILED

    walked(seeded, tmp_path, act)


def test_every_action_that_a_screen_offers_is_in_the_palette_and_has_a_key_or_only_that(
    seeded, tmp_path
):
    async def act(walk: Walk) -> None:
        for mode in catalogue.MODES:
            walk.app.go(mode)
            await walk.settle()
            screen = walk.app.desk_screen
            offered = {action.id for action in walk.app.offered(screen)}
            bound = {one.binding.id for one in screen.active_bindings.values()}
            for action in ACTIONS:
                if action.id in bound and action.scope is not Scope.LIST:
                    assert action.id in offered or action.id == "palette", f"{mode}: {action.id}"
                if action.id in offered and action.keys:
                    here = {one.id for one in screen.BINDINGS} | bound
                    keys = set(screen.active_bindings)
                    assert action.id in here or set(action.keys) <= keys, f"{mode}: {action.id}"

    walked(seeded, tmp_path, act)


@pytest.mark.parametrize("screen", catalogue.every(), ids=lambda screen: screen.__name__)
def test_no_two_actions_of_a_screen_share_a_key(screen):
    scopes = (Scope.EVERYWHERE, Scope.LIST, *getattr(screen, "SCOPES", ()))

    keys = Counter(key for action in actions.of(*scopes) for key in action.keys)

    assert [key for key, count in keys.items() if count > 1] == []


def test_other_keys_are_shown_everywhere_and_do_what_they_are_for(seeded, tmp_path):
    changed = seeded.model_copy(update={"tui_keymap": {
        "job.retry": "f8", "go.workers": "f9", "jobs.state-previous": "f10",
        "list.down": "ctrl+n", "help": "f2",
    }})  # fmt: skip

    async def act(walk: Walk) -> None:
        app: Any = walk.app
        app.open_jobs("email", JobState.FAILED)
        await walk.settle()
        shown = {id_: hint.key for id_, hint in hints(walk).items()}
        assert shown["job.retry"] == "f8"
        assert shown["jobs.state-previous"] == "f10"
        assert shown["help"] == "f2"

        before = app.screen.query_one(JobList).cursor
        await walk.press("ctrl+n")
        assert app.screen.query_one(JobList).cursor == before + 1
        await walk.press("f2")
        assert isinstance(app.screen, HelpScreen)
        told = "\n".join(walk.lines())
        assert "f8 " in told
        await walk.press("escape", "4")
        assert app.current_mode == "jobs", "the old key does nothing"
        await walk.press("f9")
        assert app.current_mode == "workers"
        assert "f9" in set(app.screen.active_bindings)

    walked(changed, tmp_path, act)


def test_the_cheat_sheet_has_every_key_that_is_bound_on_some_screen():
    told = {row["id"] for row in cheatsheet.rows()}

    bound = {binding.id for screen in catalogue.every() for binding in screen.BINDINGS}

    assert {id_ for id_ in bound if id_ in BY_ID} <= told


def test_without_colours_and_with_plain_signs_all_is_told_by_words_and_ascii(
    seeded, tmp_path, monkeypatch
):
    monkeypatch.setenv("NO_COLOR", "1")
    changed = seeded.model_copy(update={"tui_glyphs": "ascii"})

    async def act(walk: Walk) -> None:
        app: Any = walk.app
        assert app.no_color
        for go in (lambda: app.open_jobs("email", JobState.FAILED), lambda: app.go("queues"),
                   lambda: app.go("workers"), lambda: app.go("events")):  # fmt: skip
            go()
            await walk.settle()
            signs = {char for line in walk.lines() for char in line if ord(char) > 127}
            assert not signs
            for strip in walk.strips():
                for part in strip:
                    for colour in (part.style.color, part.style.bgcolor) if part.style else ():
                        if colour is not None and colour.triplet is not None:
                            assert len(set(colour.triplet)) == 1, colour

    walked(changed, tmp_path, act)
