"""The same way through the dashboard twice: with clicks where something lies, and with keys."""

from __future__ import annotations

import pytest

from jobdesk.broker.inspector import Inspector
from jobdesk.models import JobState
from jobdesk.tui.actions import BY_ID
from jobdesk.tui.screens import catalogue
from jobdesk.tui.screens.dialogs import ConfirmScreen, HelpScreen
from jobdesk.tui.screens.groups import GroupsScreen
from jobdesk.tui.screens.job import JobScreen
from jobdesk.tui.screens.jobs import JobsScreen
from jobdesk.tui.screens.picker import PickerScreen
from jobdesk.tui.screens.queues import QueuesScreen
from jobdesk.tui.widgets.hintbar import HintBar
from jobdesk.tui.widgets.joblist import JobList
from jobdesk.tui.widgets.listing import Listing
from jobdesk.tui.widgets.statebar import StateBar
from jobdesk.tui.widgets.statusline import StatusLine
from jobdesk.tui.widgets.tabbar import TabBar
from tests.tui.driving import picture, until


@pytest.fixture
def run_desk(run_quickly):
    return run_quickly


async def at(pilot, app, kind):
    await until(pilot, lambda: isinstance(app.screen, kind), kind.__name__)
    await until(pilot, lambda: getattr(app.screen, "snapshot", True) is not None, "its data")
    await pilot.pause(0.1)


async def hint(pilot, app, id_):
    """Click on a key's name in the last line."""
    bar = app.screen.query_one(HintBar)
    await until(pilot, lambda: any(one.id == id_ for one in bar.hints), f"{id_} in the last line")
    (spot,) = (one.at for one in bar.hints if one.id == id_)
    await pilot.click(bar, offset=(spot, 0))


def test_the_mouse_alone_goes_from_the_board_into_a_job_and_removes_it(run_desk, broker, thumbs):
    thumbs.failed("f1", "f2")

    async def act(pilot, app):
        await at(pilot, app, QueuesScreen)
        await pilot.click(app.screen.query(Listing).first(), offset=(5, 1), times=2)
        await at(pilot, app, JobsScreen)
        bar = app.screen.query_one(StateBar)
        (spot,) = (start for start, _, state in bar._spots if state is JobState.FAILED)
        await pilot.click(bar, offset=(spot, 0))
        await until(pilot, lambda: app.screen.state is JobState.FAILED, "the failed ones")
        jobs = app.screen.query_one(JobList)
        await until(pilot, lambda: jobs.total == 2 and jobs.row_at(1), "two of them")

        await pilot.click(jobs, offset=(5, 2))
        assert jobs.cursor == 1
        first = jobs.row_at(1).id
        await pilot.click(jobs, offset=(5, 2), times=2)
        await at(pilot, app, JobScreen)
        tabs = app.screen.query_one(TabBar)
        for place, (start, _) in enumerate(tabs._spots):
            await pilot.click(tabs, offset=(start + 1, 0))
            await until(pilot, lambda place=place: app.screen.tab == place, f"tab {place}")
        await pilot.click(app.screen.query_one(StatusLine), offset=(2, 0))
        await at(pilot, app, JobsScreen)

        for button, left in (("#no", 2), ("#yes", 1)):
            await hint(pilot, app, "job.remove")
            await at(pilot, app, ConfirmScreen)
            await pilot.click(button)
            await at(pilot, app, JobsScreen)
            await until(pilot, lambda left=left: Inspector(broker).stats("thumbs").failed == left)
        await until(pilot, lambda: jobs.total == 1 and jobs.row_at(0), "what is left")
        assert jobs.row_at(0).id != first
        await hint(pilot, app, "help")
        await at(pilot, app, HelpScreen)

    run_desk(act)


def test_the_mouse_alone_orders_a_list_and_opens_what_only_the_palette_names(run_desk, thumbs):
    thumbs.failed("b", error="B: x")
    thumbs.failed("a", error="A: x")

    async def act(pilot, app):
        await at(pilot, app, QueuesScreen)
        app.open_jobs("thumbs", JobState.FAILED)
        await at(pilot, app, JobsScreen)
        jobs = app.screen.query_one(JobList)
        await until(pilot, lambda: jobs.total == 2 and jobs.row_at(0), "two")
        await palette(pilot, app, "jobs.sort")
        await at(pilot, app, PickerScreen)
        await pilot.click("OptionList", offset=(4, 1))
        await until(pilot, lambda: jobs.reverse, "the other way round")

        await palette(pilot, app, "jobs.groups")
        await at(pilot, app, GroupsScreen)

    run_desk(act)


async def palette(pilot, app, id_):
    """Open the palette with the mouse, and click on an action."""
    name = f"{BY_ID[id_].scope.value}: {BY_ID[id_].label} "
    await hint(pilot, app, "palette")
    await until(pilot, lambda: app.screen.query("CommandList"), "the palette")
    found = app.screen.query_one("CommandList")
    await until(pilot, lambda: found.option_count, "what there is")
    names = [str(found.get_option_at_index(i).prompt) for i in range(found.option_count)]
    (place,) = (i for i, one in enumerate(names) if name in one)
    found.highlighted = place
    found.scroll_to_highlight()
    await pilot.pause(0.2)
    row = next(y for y, line in enumerate(picture(app).splitlines()) if name in line)
    await pilot.click(offset=(20, row))


def test_keys_alone_reach_every_screen(run_desk, thumbs):
    thumbs.failed("f1")
    reached = set()

    async def act(pilot, app):
        await at(pilot, app, QueuesScreen)

        async def go(*keys):
            await pilot.press(*keys)
            await pilot.pause(0.1)
            await until(pilot, lambda: app.screen.is_mounted, keys)
            reached.add(type(app.screen))

        for key in "123456":
            await go(key)
        await go("3", "enter")
        await at(pilot, app, JobsScreen)
        while app.screen.state is not JobState.FAILED:
            await pilot.press("right_square_bracket")
            await pilot.pause()
        await until(pilot, lambda: app.screen.jobs.current, "the job")
        await go("enter")
        await go("escape", "i")
        for keys in (("exclamation_mark",), ("at",)):
            await go("escape", "3", *keys)
        await go("escape", "3", "b")
        await go("escape", "2", "d")

    run_desk(act)

    assert {screen.__name__ for screen in catalogue.every()} <= {one.__name__ for one in reached}
