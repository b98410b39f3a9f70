"""Every screen at three sizes, in both themes and without colours, in whatever condition.

``pytest tests/tui/test_snapshots.py --snapshot-update`` writes the pictures anew: look at what
changed before committing them. Beside being the same as before, each picture is held to rules.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from textual.command import CommandList, CommandPalette
from textual.filter import Monochrome

from jobdesk.broker.connection import Broker
from jobdesk.safetext import cells
from jobdesk.tui.screens import catalogue
from jobdesk.tui.widgets.listing import Listing
from tests.clock import set_clock
from tests.tui import book, looking, sample, still
from tests.tui.places import DATA, EMPTY, NEVER, OFFLINE, PLACES, READ_ONLY, SIZES, Place
from tests.tui.still import Walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobdesk.settings import Settings

FOLDER = Path(__file__).parent / "snapshots"
DARK, LIGHT = "jobdesk-dark", "jobdesk-light"

Found = dict[tuple[str, tuple[int, int]], book.Picture]


async def look(walk: Walk) -> tuple[book.Picture, list[Any]]:
    """The picture at this size, in all themes, and what was drawn first."""
    for _ in range(5):
        made, strips = await _in_all_themes(walk)
        if len({one.lines for one in made}) == 1:
            break
        # what Textual does by timers of its own has moved something meanwhile
        await walk.settle()
    return book.together(made), strips


async def _in_all_themes(walk: Walk) -> tuple[list[book.Picture], list[Any]]:
    """Dark, light, without colours; it begins with the theme that is there."""
    app = walk.app
    made: dict[str, book.Picture] = {}
    first = walk.strips()
    for turn, theme in enumerate((app.theme, LIGHT if app.theme == DARK else DARK)):
        if turn:
            app.theme = theme
            await walk.idle()
            # a palette is beside the rest to Textual, which styles it when it is opened
            app.stylesheet.update(app.screen)
            await walk.idle()
        made[theme] = book.picture(walk.strips() if turn else first)
        if theme == DARK:
            with without_colours(app):
                await walk.idle()
                made["none"] = book.picture(walk.strips(), colours=False)
            await walk.idle()
    return [made[DARK], made[LIGHT], made["none"]], first


@contextmanager
def without_colours(app: Any) -> Iterator[None]:
    """As with NO_COLOR, which Textual reads when it starts."""
    app.no_color = True
    app._filters.append(Monochrome())
    _restyle(app)
    try:
        yield
    finally:
        app._filters.pop()
        app.no_color = False
        _restyle(app)


def _restyle(app: Any) -> None:
    """Those that look otherwise without colours; the rest goes through the filter."""
    for screen in app.screen_stack:
        told = [one for one in screen.walk_children(with_self=True)
                if isinstance(one, Listing | CommandList | CommandPalette)]  # fmt: skip
        app.stylesheet.update_nodes(told)
        for one in told:
            if isinstance(one, Listing):
                one.repaint_all()


async def visit(walk: Walk, place: Place, condition: str, found: Found, faults: list[str]) -> None:
    """Look at a place at all sizes."""
    for size in place.sizes:
        await walk.resize(size)
        await walk.settle()
        found[condition, size], strips = await look(walk)
        where = f"{place.name} {size[0]}x{size[1]} {condition}"
        faults += [f"{where}: {fault}" for fault in looking.faults(walk.app, strips)]


def walk_through(
    settings: Settings, folder: Path, conditions: tuple[str, ...], **options: Any
) -> tuple[dict[str, Found], list[str]]:
    """All places in one app; where Redis goes away, it does so at each of them."""
    made: dict[str, Found] = {}
    faults: list[str] = []
    unseen = set(catalogue.every()) if DATA in conditions else set()

    async def session(clock: still.Clock) -> None:
        app = still.StillApp(settings, folder, **options)
        async with app.run_test(size=SIZES[0], notifications=True) as pilot:
            walk = Walk(pilot, app, clock)
            await walk.settle()
            for place in PLACES:
                here = [one for one in conditions if one in place.conditions]
                if not here or (place.conditions == NEVER) != (conditions == NEVER):
                    continue
                found = made.setdefault(place.name, {})
                await place.go(walk)
                await visit(walk, place, here[0], found, faults)
                unseen.difference_update(map(type, app.screen_stack))
                if OFFLINE in here[1:]:
                    await walk.resize(SIZES[0])
                    walk.cut(away=True)
                    await walk.settle()
                    await visit(walk, place, OFFLINE, found, faults)
                    walk.cut(away=False)
                    await walk.resize(SIZES[0])
                    await walk.settle()
                # at a size that holds all there is
                await walk.resize(SIZES[0])
                await walk.home()

    with still.standstill() as clock:
        clock.cut = conditions == NEVER
        asyncio.run(session(clock))
    faults += [f"{one.__name__} is at no place of tests/tui/places.py" for one in unseen]
    return made, faults


@pytest.fixture(scope="module")
def seeded(redis_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The sample desk."""
    from jobdesk import settings as settings_module
    from tests import servers

    made = settings_module.load(
        redis_url=redis_server.url, namespace=servers.fresh_namespace(), _env_file=None
    )
    with Broker(made) as broker, set_clock(tmp_path_factory.mktemp("lua") / "lua"):
        sample.Sample(broker).fill()
    return made


@pytest.mark.parametrize(
    ("conditions", "options"),
    [
        ((DATA, OFFLINE), {}),
        ((EMPTY,), {}),
        ((READ_ONLY,), {"read_only": True}),
        (NEVER, {}),
    ],
    ids=["data", "empty", "read-only", "never-there"],
)
def test_every_screen_looks_as_before_and_keeps_to_the_rules(
    seeded: Settings, tmp_path: Path, conditions, options, snapshot_update
):
    settings = seeded if EMPTY not in conditions else seeded.model_copy(
        update={"namespace": f"{seeded.namespace}-empty"}
    )  # fmt: skip

    made, faults = walk_through(settings, tmp_path, conditions, **options)

    changed = []
    for name, found in made.items():
        for size in sorted({size for _, size in found}, reverse=True):
            title = f"{name}-{size[0]}x{size[1]}"
            pictures = {one: found[one, size] for one in conditions if (one, size) in found}
            file = FOLDER / conditions[0] / f"{title}.txt"
            text = book.page(f"{name} at {size[0]}x{size[1]}", pictures)
            before = file.read_text() if file.exists() else ""
            if text != before and snapshot_update:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
            elif text != before:
                (tmp_path / file.name).write_text(text)
                changed.append(f"{file.relative_to(FOLDER)}: {tmp_path / file.name}")
    assert not faults, "\n".join(faults)
    assert not changed, "look at them, then --snapshot-update:\n" + "\n".join(changed)


def test_no_picture_is_left_of_a_screen_that_is_gone():
    there = {file.relative_to(FOLDER).as_posix() for file in FOLDER.rglob("*.txt")}

    expected = {
        f"{first}/{place.name}-{width}x{height}.txt"
        for place in PLACES
        for first in {*place.conditions} - ({OFFLINE} if place.conditions != NEVER else set())
        for width, height in place.sizes
    }  # fmt: skip
    assert there == expected


def test_a_character_takes_the_room_that_is_counted_for_it():
    assert cells("العربية ✓") == 9
