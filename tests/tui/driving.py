"""Driving the dashboard in a test: a real app, a real Redis, and waiting for conditions."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from jobdesk.tui.app import JobdeskApp
from jobdesk.tui.contexts import Context

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from textual.pilot import Pilot

    from jobdesk.settings import Settings

WIDE, NARROW = (120, 35), (80, 24)


def drive(
    settings: Settings,
    state_file: Path,
    act: Callable[[Pilot[int], JobdeskApp], Awaitable[None]],
    *,
    size: tuple[int, int] = WIDE,
    read_only: bool = False,
    mode: str = "",
    who: str = "tester@here",
    production: bool = False,
) -> JobdeskApp:
    """Run the dashboard, let ``act`` use it, and close it."""
    context = Context("prod" if production else "", settings, production)
    app = JobdeskApp(context, read_only=read_only, mode=mode, who=who, state_file=state_file)

    async def session() -> None:
        async with app.run_test(size=size) as pilot:
            await act(pilot, app)

    asyncio.run(session())
    return app


async def until(
    pilot: Pilot[int], condition: Callable[[], object], what: str = "", within: float = 8.0
) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"not within {within} s: {what or condition}"
        await pilot.pause(0.02)
    await pilot.pause()


def picture(app: JobdeskApp) -> str:
    """What the screen shows, as text."""
    lines = app.screen._compositor.render_strips(app.size)
    return "\n".join(strip.text.rstrip() for strip in lines)


async def press(pilot: Pilot[int], *keys: str) -> None:
    """Press keys, one by one, as somebody does."""
    for key in keys:
        await pilot.press(key)
        await pilot.pause()
