"""The events: a ring that takes a thousand a second, gaps in their places, a filter, and back."""

from __future__ import annotations

import asyncio
import time
from itertools import count
from statistics import median

import pytest
from textual.events import Key

from jobdesk.broker.events import Gap
from jobdesk.broker.reading.eventpages import between, page, since
from jobdesk.models import Event
from jobdesk.tui.events import filter as eventfilter
from jobdesk.tui.events.ring import Missing, Numbering, Ring
from jobdesk.tui.filters import NotAFilter
from jobdesk.tui.link import messages
from jobdesk.tui.screens.events import KEPT, EventsScreen
from jobdesk.tui.widgets.eventlist import missing
from jobdesk.tui.widgets.filterbar import FilterBar
from tests.tui.conftest import registered
from tests.tui.driving import picture, press, until

MINUTE = 60_000


def event(n, queue="thumbs", name="completed", at=None, **more):
    at = n if at is None else at
    return Event(id=f"{at}-0", n=n, queue=queue, name=name, timestamp_ms=at, **more)


async def on_events(pilot, app):
    await until(pilot, lambda: isinstance(app.screen, EventsScreen), "the events")
    await until(pilot, lambda: app.screen._begun, "the first events")
    return app.screen


# --- what is kept


def test_known_events_are_not_shown_twice_and_missing_ones_are():
    numbering = Numbering()

    rows = numbering.rows([event(1), event(2), event(1), event(2), event(5), event(6, "mails")])

    assert [row.missed if isinstance(row, Missing) else row.n for row in rows] == [1, 2, 2, 5, 6]
    assert numbering.positions == {"thumbs": "5-0", "mails": "6-0"}
    assert numbering.missing([event(9), event(10), event(7, "mails")]) == {"thumbs": ("5-0", 3)}


def test_a_gap_that_the_reader_tells_stands_before_the_next_event_of_its_queue():
    numbering = Numbering()

    rows = numbering.rows([
        Gap("thumbs", 412), event(1, "mails"), event(413), Gap("thumbs", None), event(414),
    ])  # fmt: skip

    assert [(row.queue, getattr(row, "missed", "-")) for row in rows] == [
        ("mails", "-"), ("thumbs", 412), ("thumbs", "-"), ("thumbs", "-"),
    ]  # fmt: skip
    (gap, _) = numbering.rows([event(1, at=500)])
    assert gap == Missing(queue="thumbs", missed=None, timestamp_ms=500)
    assert missing(gap).endswith("events left out of thumbs")


def test_a_ring_keeps_the_newest_and_finds_each_by_its_number():
    ring = Ring(3)

    ring.push(event(n) for n in range(1, 6))

    assert (len(ring), ring.newest) == (3, 5)
    assert [row.n for row in ring] == [3, 4, 5]
    assert [ring.at(n) and ring.at(n).n for n in (2, 3, 5, 6)] == [None, 3, 5, None]
    assert [row.n for row in ring.upto(4)] == [4, 3]


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("", "abc"), ("queue:mails", "b"), ("event:failed", "b"), ("type:re*", "a"),
        ("event:failed event:stalled", "bc"), ("!event:failed", "ac"), ("job:j2", "b"),
        ("refused", "b"), ("!refused queue:thumbs", "ac"), ("nothing", ""),
    ],
)  # fmt: skip
def test_a_filter_takes_words_and_text(text, fits):
    rows = {
        "a": event(1, name="completed", job_id="j1", type="resize"),
        "b": event(1, "mails", "failed", job_id="j2", type="send", fields={"err": "Refused"}),
        "c": event(2, name="stalled", job_id="j3", type="crop"),
    }
    wanted = eventfilter.parse(text)

    assert "".join(name for name, row in rows.items() if wanted.matches(row)) == fits
    assert eventfilter.parse(str(wanted)) == wanted


def test_a_filter_is_completed_and_its_gaps_are_those_of_its_queues():
    known = eventfilter.Known(("mails", "thumbs"), ("resize",), jobs=("j1",))
    gap = Missing(queue="mails", missed=1, timestamp_ms=1)

    assert eventfilter.completions("type:resize ev", known) == ("type:resize event:",)
    assert eventfilter.completions("queue:m", known) == ("queue:mails",)
    assert "event:failed" in eventfilter.completions("event:f", known)
    assert eventfilter.completions("job:", known) == ("job:j1",)
    assert eventfilter.parse("event:failed queue:mails").matches(gap)
    assert not eventfilter.parse("queue:thumbs").matches(gap)
    with pytest.raises(NotAFilter):
        eventfilter.parse("queue:")


# --- pages of the streams


def write(broker, queue, entries, first=1):
    """Events of the past: (ms, name) each."""
    for n, (at, name) in enumerate(entries, first):
        fields = {"e": name, "n": n, "j": f"{queue}-{n}", "t": "resize"}
        broker.client.xadd(broker.keys(queue).events, fields, id=f"{at}-*")
    broker.client.set(broker.keys(queue).evn, first + len(entries) - 1)


def test_pages_of_several_streams_follow_each_other_without_a_hole(broker):
    write(broker, "a", [(1000 + n, "active") for n in range(70)])
    write(broker, "b", [(1000 + 10 * n, "failed") for n in range(7)])

    found, ends, more = [], None, True
    while more:
        one = page(broker, ("a", "b"), count=25, ends=ends)
        assert len(one.events) <= 25
        found = [*one.events, *found]
        ends, more = one.ends, one.more

    assert len(found) == 77
    assert [e.timestamp_ms for e in found] == sorted(e.timestamp_ms for e in found)
    assert page(broker, ("a", "b"), "1009", 100).events[-1].timestamp_ms == 1009
    assert [e.n for e in since(broker, ("a",), {"a": "1067-0"}, 10)] == [69, 70]
    assert [e.n for e in between(broker, {"a": ("1001-0", 3), "b": ("0-0", 1)})] == [1, 3, 4, 5]
    assert page(broker, (), count=10).events == since(broker, ("a",), {}, 0) == ()


# --- the screen


def test_gaps_filter_hold_and_anchor(run_desk, broker, thumbs):
    thumbs.waiting("w1", "w2")
    registered(broker, "mails").failed("f1", error="Refused: \x1b[31mno")

    async def act(pilot, app):
        screen = await on_events(pilot, app)
        listing = screen.listing
        await until(pilot, lambda: listing.total >= 5, "events")
        assert "\x1b" not in picture(app)
        known = screen._numbering._last["thumbs"][0]
        now = round(time.time() * 1000)
        numbers = count(known + 2000)

        def come(times, **more):
            app.post_message(messages.EventsArrived(tuple(
                event(n, at=now + n, job_id=f"j{n}", type="resize", **more)
                for n in (next(numbers) for _ in range(times))
            )))  # fmt: skip

        # too many are missing to be read again
        come(1)
        await until(pilot, lambda: "1,999 events left out of thumbs" in picture(app), "the gap")
        assert isinstance(listing.row_at(1), Missing)

        # anchored: what comes above moves nothing
        come(100)
        await until(pilot, lambda: listing.total > 100, "a long list")
        await press(pilot, "j", "j")
        anchored, line = listing.current, listing.cursor - listing.scroll_offset.y
        come(60)
        await until(pilot, lambda: listing.came_above == 60, "those above")
        assert listing.current == anchored
        assert listing.cursor - listing.scroll_offset.y == line
        assert "60 new above" in picture(app)
        await press(pilot, "f")
        assert (listing.cursor, listing.came_above) == (0, 0)

        # held: the picture stands, and the count goes on
        await press(pilot, ".")
        first = listing.row_at(0)
        come(30)
        await until(pilot, lambda: "30 since" in picture(app), "the count")
        assert listing.row_at(0) == first
        await press(pilot, ".")
        await until(pilot, lambda: listing.row_at(0) != first, "the newest")

        # a filter, completed while it is typed
        await press(pilot, "/", *"event:fai", "tab")
        assert app.screen.query_one(FilterBar).typing
        await press(pilot, "enter")
        await until(pilot, lambda: "match" in picture(app), "matches")
        shown = [listing.row_at(n) for n in range(listing.total)]
        assert {row.name for row in shown if isinstance(row, Event)} == {"failed"}
        assert "match" in picture(app)
        come(2, name="failed")
        come(5)
        await until(pilot, lambda: listing.total == len(shown) + 2, "two more")
        await press(pilot, "escape")
        await until(pilot, lambda: listing.total > 190, "all again")

    run_desk(act, mode="events")


def test_an_event_is_seen_in_under_300_ms_and_what_came_meanwhile_is_not_lost(run_desk, thumbs):
    thumbs.waiting("w0")

    async def act(pilot, app):
        screen = await on_events(pilot, app)
        took = []
        for number in range(1, 6):
            begun = time.perf_counter()
            await asyncio.to_thread(thumbs.waiting, f"seen-{number}")
            while f"seen-{number}" not in picture(app):
                assert time.perf_counter() - begun < 5
                await pilot.pause(0.005)
            took.append(time.perf_counter() - begun)
        assert median(took) < 0.3, took

        await press(pilot, "2")
        await asyncio.to_thread(thumbs.waiting, *(f"away-{n}" for n in range(20)))
        await press(pilot, "6")
        await until(pilot, lambda: "away-19" in picture(app), "what came meanwhile")
        assert not any(isinstance(row, Missing) for row in screen._live)
        assert len({row.n for row in screen._live}) == len(screen._live)

    run_desk(act, mode="events")


@pytest.mark.untraced
def test_a_thousand_events_a_second_neither_stutter_nor_grow_it(run_desk, thumbs):
    thumbs.waiting("w1")

    async def act(pilot, app):
        screen = await on_events(pilot, app)
        listing = screen.listing
        await until(pilot, lambda: listing.total == 1, "the first")
        numbers = count(screen._numbering._last["thumbs"][0] + 1)
        now = round(time.time() * 1000)

        def come(times):
            batch = tuple(event(n, at=now + n, job_id=f"j{n}", type="resize")
                          for n in (next(numbers) for _ in range(times)))  # fmt: skip
            app.post_message(messages.EventsArrived(batch))

        # more than it keeps
        come(KEPT + 500)
        await until(pilot, lambda: listing.total == KEPT, "a full ring")
        paintings, paint = [], screen._paint
        screen._paint = lambda: paintings.append(time.perf_counter()) or paint()
        ends = time.perf_counter() + 2.0

        async def feed():
            sent, begun = 0, time.perf_counter()
            while time.perf_counter() < ends:
                due = int((time.perf_counter() - begun) * 1000)
                come(due - sent)
                sent = due
                await asyncio.sleep(0.02)
            return sent

        async def keys():
            gaps = []
            while time.perf_counter() < ends - 0.3:
                await asyncio.sleep(0.06)
                seen, drawn = asyncio.Event(), listing.render_line
                place = listing.cursor

                def watch(y, drawn=drawn, place=place, seen=seen):
                    if listing.cursor > place:
                        seen.set()
                    return drawn(y)

                listing.render_line = watch
                begun = time.perf_counter()
                app.post_message(Key("j", "j"))
                await asyncio.wait_for(seen.wait(), 3)
                gaps.append(time.perf_counter() - begun)
                listing.render_line = drawn
                if len(gaps) % 4 == 0:
                    app.post_message(Key("g", "g"))
            return gaps

        sent, gaps = await asyncio.gather(feed(), keys())

        assert sent >= 1500
        assert median(gaps) < 0.1, gaps
        assert sorted(gaps)[int(len(gaps) * 0.9)] < 0.25, gaps
        assert len(paintings) <= 2.0 / 0.1 + 8
        await until(pilot, lambda: screen._live.at(screen._live.newest).n == next(numbers) - 1)
        assert len(screen._live) == listing.total == KEPT
        assert len(screen._live._rows) == KEPT
        assert len(listing._painted) < 500

    run_desk(act, mode="events")


def test_back_in_time_by_steps_and_forward_to_now(run_desk, broker, thumbs):
    now = round(time.time() * 1000)
    write(broker, "thumbs", [
        *((now - 50 * MINUTE + n, "failed") for n in range(700)),
        (now - 20 * MINUTE, "stalled"),
        (now - 2 * MINUTE, "paused"),
        *((now - 1000 + n, "completed") for n in range(3)),
    ])  # fmt: skip

    async def act(pilot, app):
        screen = await on_events(pilot, app)
        listing = screen.listing
        await until(pilot, lambda: listing.total == 500, "the first page")
        assert screen.reason(app_action("events.forward"))

        tops = []
        for _ in range(4):
            await press(pilot, "[")
            await until(pilot, lambda: screen._past and not screen._past._busy, "a step")
            tops.append((listing.row_at(0).name, listing.row_at(0).n))
        assert [name for name, _ in tops] == ["paused", "stalled", "failed", "failed"]
        assert tops[3][1] <= 201
        assert "as of" in picture(app)
        thumbs.waiting("w1")
        await until(pilot, lambda: "1 since" in picture(app), "what came since")
        assert listing.row_at(0).n == tops[3][1]
        await press(pilot, "[")
        await until(pilot, lambda: any("older events are gone" in n.message
                                       for n in app._notifications), "the end")  # fmt: skip

        await press(pilot, "]")
        await until(pilot, lambda: listing.row_at(0).n == tops[2][1], "a step forward")
        await press(pilot, "/", *"event:stalled", "enter")
        await press(pilot, "f")
        await until(pilot, lambda: screen._past is None, "now")
        await press(pilot, "escape")
        await until(pilot, lambda: listing.row_at(0).job_id == "w1", "the newest")

    run_desk(act, mode="events")


def app_action(id_):
    from jobdesk.tui.actions import BY_ID

    return BY_ID[id_]
