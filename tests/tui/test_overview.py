"""The overview: what it says of all queues together, and where its panes lead."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from jobdesk.broker import registry
from jobdesk.broker.exchange import Outcome
from jobdesk.broker.inspector import Inspector
from jobdesk.broker.reading import edges, serverhealth
from jobdesk.broker.reading.edges import Edge
from jobdesk.broker.reading.figures import Figures
from jobdesk.broker.server.rounds import Rounds
from jobdesk.engine.fingerprint import fingerprint
from jobdesk.models import JobState, QueueStats, WorkerInfo
from jobdesk.safetext import cells
from jobdesk.tui import totals
from jobdesk.tui.screens.dialogs import ConfirmScreen
from jobdesk.tui.screens.jobs import JobsScreen
from jobdesk.tui.screens.overview import OverviewScreen
from jobdesk.tui.screens.workers import WorkersScreen
from jobdesk.tui.text.glyphs import ASCII, UNICODE
from jobdesk.tui.widgets.healthline import HealthLine, _parts
from jobdesk.tui.widgets.panel import Panel
from tests.tui.conftest import registered
from tests.tui.driving import picture, press, until

NOW = 1_000_000_000
ERROR = "ReadTimeout: \x1b[2J timed out"


def minutes(*each, first=NOW - 600_000):
    """Figures of minutes, the current one last: ``(added, completed, failed)``."""
    return tuple(
        Figures(start_ms=first + 60_000 * n, added=a, completed=c, failed=f)
        for n, (a, c, f) in enumerate(each)
    )


def lines_of(*stats, figures=None, near=None, workers=()):
    return totals.queue_lines(stats, figures or {}, near or {}, workers, NOW)


def worker(name="w1", slots=4, beat=NOW, **in_hand):
    return WorkerInfo(
        id=name, host="h", pid=1, queues=("mails", "pdfs"), slots=slots, in_hand=in_hand,
        beat_ms=beat,
    )  # fmt: skip


def test_queues_without_a_worker_come_first_unless_somebody_paused_them():
    stats = [
        QueueStats(name="lonely", waiting=3), QueueStats(name="mails", waiting=5),
        QueueStats(name="resting", waiting=4, paused=True), QueueStats(name="unused"),
    ]  # fmt: skip

    lines = lines_of(*stats, workers=[worker()])
    states = totals.state_lines(lines, [worker()], NOW)

    assert [line.name for line in lines] == ["lonely", "resting", "unused", "mails"]
    assert [(one.name, one.count, one.note) for one in states[:2]] == [
        ("no worker", 3, "lonely"), ("paused", 4, "resting"),
    ]  # fmt: skip
    assert (states[0].queue, states[0].state) == ("lonely", JobState.WAITING)
    assert [one.name for one in states[2:]] == [
        "waiting", "active", "delayed", "completed", "failed",
    ]  # fmt: skip


def test_before_the_workers_are_known_no_queue_is_called_unattended():
    lines = lines_of(QueueStats(name="mails", waiting=5), workers=None)

    assert not lines[0].unattended
    assert totals.state_lines(lines, None, NOW)[0].name == "waiting"


def test_a_state_says_what_is_oldest_next_or_newest_in_it():
    stats = QueueStats(name="mails", waiting=9, active=2, delayed=3, completed=70, failed=8)
    figures = {"mails": minutes((60, 0, 0), (0, 120, 6), (0, 60, 0), (0, 0, 0), (0, 0, 1))}
    near = {"mails": Edge(first_ms=NOW - 124_000, due_ms=NOW + 14_000)}
    crew = [worker(mails=("a", "b"))]

    states = totals.state_lines(
        lines_of(stats, figures=figures, near=near, workers=crew), crew, NOW
    )

    assert {one.name: one.note for one in states} == {
        "waiting": "oldest 2m 04s", "active": "of 4 slots", "delayed": "next in 14s",
        "completed": "0.4/s", "failed": "+7 in 5 min",
    }  # fmt: skip
    by_name = {one.name: one for one in states}
    assert by_name["active"].trend(8, UNICODE) == "████░░░░"
    # how many waited is reckoned back from now: 14 now, and so on
    assert by_name["waiting"].values == (201, 75, 15, 15, 14)
    assert by_name["waiting"].queue == "mails"


@pytest.mark.parametrize(
    ("each", "waiting", "said"),
    [
        ([(100, 10, 0)] * 4, 500, "growing: +1.5/s"),
        ([(0, 60, 0)] * 4, 600, "shrinking: -1.0/s, empty in 10m 00s"),
        ([(60, 60, 0)] * 4, 600, "steady"),
        ([(0, 0, 0)] * 4, 0, "nothing to do"),
        ([], 600, ""),
    ],
)
def test_it_says_whether_the_work_grows(each, waiting, said):
    stats = QueueStats(name="mails", waiting=waiting)

    lines = lines_of(stats, figures={"mails": minutes(*each)})

    assert totals.tendency(lines) == said


def test_what_a_worker_holds_is_cut_to_three_of_each_queue():
    assert totals.hand(worker(mails=("a", "b", "c", "d", "e"), pdfs=("p",), none=())) == (
        "mails a, b, c +2  pdfs p"
    )


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_a_trend_is_never_wider_than_its_column(glyphs):
    for line in (
        totals.StateLine(name="x", count=1, values=tuple(range(60))),
        totals.StateLine(name="x", count=1, load=1.7),
        totals.StateLine(name="x", count=1),
    ):
        assert cells(line.trend(12, glyphs)) <= 12


def test_edges_are_read_of_many_queues_at_once(broker, thumbs):
    thumbs.waiting("w1", "w2")
    registered(broker, "mails").delayed("d1", delay_ms=60_000)
    registered(broker, "empty")

    rounds = Rounds(broker)

    found = rounds.one(edges.asking(broker, ("thumbs", "mails", "empty")))

    assert found["thumbs"].due_ms is None
    assert found["thumbs"].first_ms == int(thumbs.record("w1")["ts"])
    assert found["mails"].first_ms is None
    assert found["mails"].due_ms
    assert found["empty"] == Edge()
    assert rounds.trips == 2
    assert rounds.one(edges.asking(broker, ())) == {}


def test_a_server_says_of_itself_what_fits_a_line(broker, settings, make_server):
    found = serverhealth.brief(broker)
    assert found is not None
    assert found.version.count(".") == 2
    assert (found.policy, found.share, found.appends) == ("noeviction", None, False)

    small = serverhealth.ServerBrief(
        version="7.2.4", used_bytes=900 * 2**20, most_bytes=2**30, policy="allkeys-lru",
        clients=1200, up_s=90_000, appends=True,
    )  # fmt: skip

    assert [text for text, _ in _parts(small)] == [
        "Redis 7.2.4", "900.0 MiB of 1.0 GiB (88%)", "allkeys-lru: throws jobs away",
        "1,200 clients", "append-only file", "up 1d 01h",
    ]  # fmt: skip
    assert "1 client" in [text for text, _ in _parts(replace(small, clients=1))]


@pytest.fixture
def busy(broker, thumbs):
    """Two failures of one cause, a queue at rest, and two workers of another."""
    thumbs.waiting("w1")
    for job in thumbs.active("f1", "f2"):
        mark = fingerprint("resize", ERROR).encode()
        attempt = json.dumps({"o": "failed", "w": "x", "err": ERROR, "tb": ""})[1:]
        thumbs.finish(job, Outcome.FAILED, value=mark, error=ERROR, attempt=attempt)
    registered(broker, "resting").waiting("r1")
    broker.client.hset(broker.keys("resting").meta, "paused", "1")
    for name, held in (("box:7:a", {"mails": ["m\x1b1"]}), ("box:8:b", {})):
        registry.WorkerBeat(broker, name, "box", 7, ["mails"], 4, "1.0").beat(held)


async def on_overview(pilot, app):
    await until(pilot, lambda: isinstance(app.screen, OverviewScreen), "the overview")
    screen = app.screen
    await until(pilot, lambda: screen._list("failures").total, "the failures")
    await until(pilot, lambda: screen._list("crew").total == 2, "the workers")
    return screen


@pytest.mark.usefixtures("busy")
def test_all_panes_show_and_are_walked_through_and_zoomed(run_desk):
    async def act(pilot, app):
        screen = await on_overview(pilot, app)
        await until(pilot, lambda: "noeviction" in picture(app), "Redis's health")
        shown = picture(app)
        for said in (
            "▲ no worker", "‖ paused", "oldest", "of 8 slots", "+2 in 5 min", "box:7:a", "● 1/4",
            "ReadTimeout: \\x1b[2J timed out", "1 of 8 slots busy", "2 by 1 cause", "p95",
        ):  # fmt: skip
            assert said in shown, said
        assert "\x1b" not in shown

        order = [screen.focused.id]
        for _ in range(4):
            await press(pilot, "tab")
            order.append(screen.focused.id)
        assert order == ["states", "lines", "crew", "failures", "rates"]

        await press(pilot, "z")
        panels = [panel.id for panel in screen.query(Panel) if panel.display and panel.region]
        assert panels == ["rates-panel"]
        assert screen.query_one("#rates-panel").size.height > 25
        await press(pilot, "escape")
        assert all(panel.region for panel in screen.query(Panel))

        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: not screen.query_one("#rates-panel").region, "fewer panes")
        for name in ("states", "workers", "failures"):
            assert screen.query_one(f"#{name}-panel").region.height >= 8
        assert screen.query_one(HealthLine).region.y == 22

        await pilot.resize_terminal(60, 16)
        await until(pilot, lambda: not screen.query_one("#workers-panel").region, "fewer still")
        shown = picture(app)
        assert "▲ no worker" in shown
        assert "ReadTimeout" in shown

    run_desk(act, mode="overview")


@pytest.mark.usefixtures("busy")
def test_what_a_pane_shows_can_be_opened(run_desk):
    async def act(pilot, app):
        screen = await on_overview(pilot, app)
        await pilot.click("#failures", offset=(12, 1))
        assert screen.focused.id == "failures"
        await press(pilot, "enter")
        await until(pilot, lambda: isinstance(app.screen, JobsScreen), "the jobs")
        await until(pilot, lambda: app.screen.jobs.total == 2, "the failed ones")
        assert (app.screen.queue, app.screen.state) == ("thumbs", JobState.FAILED)

        await press(pilot, "1")
        screen._list("states").focus()
        screen._list("states").move_to(0)
        await press(pilot, "enter")
        await until(pilot, lambda: isinstance(app.screen, JobsScreen), "the jobs")
        assert (app.screen.queue, app.screen.state) == ("thumbs", JobState.WAITING)

        await press(pilot, "1")
        crew = screen._list("crew")
        crew.focus()
        crew.move_to(1)
        assert crew.current.id == "box:8:b"
        await press(pilot, "enter")
        await until(pilot, lambda: isinstance(app.screen, WorkersScreen), "the workers")
        await until(pilot, lambda: app.screen.listing.cursor == 1, "the same one")
        assert app.screen.listing.current.id == "box:8:b"

    run_desk(act, mode="overview")


@pytest.mark.usefixtures("busy")
def test_a_group_is_retried_where_it_is_seen_and_only_there(run_desk, broker):
    async def act(pilot, app):
        screen = await on_overview(pilot, app)
        await press(pilot, "R", "D")
        assert app.screen is screen, "the cursor is among the states"
        assert "retry group" not in picture(app)

        screen._list("failures").focus()
        await until(pilot, lambda: "retry group" in picture(app), "the keys")
        await press(pilot, "R")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen), "the question")
        assert "Retry 2 jobs of thumbs" in picture(app)
        await press(pilot, "y")

        await until(pilot, lambda: Inspector(broker).stats("thumbs").failed == 0, "the retry")

    run_desk(act, mode="overview")
