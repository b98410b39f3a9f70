"""Crontabs and their slots."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import huey.api
import pytest
from huey.tests import test_crontab as hueys
from hypothesis import given, settings
from hypothesis import strategies as st

from jobdesk.cron import Stepped, as_schedule, crontab
from jobdesk.errors import InvalidSchedule, NaiveDatetime

NEW_YORK = ZoneInfo("America/New_York")
BERLIN = ZoneInfo("Europe/Berlin")
MINUTE = timedelta(minutes=1)

naive = datetime.fromisoformat


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


class TestAsHueys(hueys.TestCrontab):
    """Huey's own tests, run on our crontab."""

    @pytest.fixture(autouse=True)
    def ours(self, monkeypatch):
        monkeypatch.setattr(hueys, "crontab", crontab)


# --- fields


def test_it_shows_its_five_fields():
    assert str(crontab(minute="*/5", hour=2, day_of_week="1-5")) == "*/5 2 * * 1-5"


def test_its_line_makes_it_again():
    made = crontab(minute="0", hour="2,4", day="1-15/2", month="6", day_of_week="0")

    assert crontab.parse(str(made)) == made
    assert hash(crontab.parse(str(made))) == hash(made)


@pytest.mark.parametrize(
    "fields",
    [
        {"minute": "60"},
        {"minute": "-1"},
        {"minute": ""},
        {"minute": "1,"},
        {"minute": "abc"},
        {"minute": "*/0"},
        {"minute": "0-30/0"},
        {"minute": "٣"},
        {"minute": "1.5"},
        {"minute": None},
        {"minute": True},
        {"minute": 1.0},
        {"hour": "24"},
        {"day": "0"},
        {"month": "13"},
        {"day_of_week": "8"},
        {"day_of_week": "*/2"},
        {"day": "30", "month": "2"},
        {"day": "31", "month": "2,4,6,9,11"},
    ],
)
def test_fields_that_match_nothing_are_refused(fields):
    with pytest.raises(InvalidSchedule):
        crontab(**fields)


def test_a_refusal_is_a_value_error_as_hueys_is():
    assert issubclass(InvalidSchedule, ValueError)


def test_without_strict_what_cannot_be_read_is_passed_over():
    assert crontab(minute="5,x", strict=False)(naive("2026-01-01T00:05"))


def test_a_line_needs_five_fields():
    with pytest.raises(InvalidSchedule, match="five fields"):
        crontab.parse("* * *")


# --- slots


def test_the_next_slot_is_after_the_instant_and_never_at_it():
    nightly = crontab(minute="0", hour="2")

    assert nightly.next_after(utc(2026, 5, 1, 1, 59, 59), UTC) == utc(2026, 5, 1, 2)
    assert nightly.next_after(utc(2026, 5, 1, 2), UTC) == utc(2026, 5, 2, 2)


def test_the_latest_slot_may_be_the_instant_itself():
    nightly = crontab(minute="0", hour="2")

    assert nightly.latest_at(utc(2026, 5, 1, 2), UTC) == utc(2026, 5, 1, 2)
    assert nightly.latest_at(utc(2026, 5, 1, 1, 59), UTC) == utc(2026, 4, 30, 2)


def test_no_slot_after_since_is_none():
    nightly = crontab(minute="0", hour="2")
    since = utc(2026, 5, 1, 2)

    assert nightly.latest_at(utc(2026, 5, 2, 1), UTC, since) is None
    assert nightly.latest_at(utc(2026, 5, 2, 3), UTC, since) == utc(2026, 5, 2, 2)


def test_a_leap_day_on_a_sunday_is_found_decades_ahead():
    rare = crontab(minute="0", hour="0", day="29", month="2", day_of_week="0")

    assert rare.next_after(utc(2025, 1, 1), UTC) == utc(2032, 2, 29)
    assert rare.next_after(utc(2088, 3, 1), UTC) == utc(2128, 2, 29)
    assert rare.latest_at(utc(2125, 1, 1), UTC) == utc(2088, 2, 29)


def test_in_the_skipped_hour_it_fires_at_the_next_minute_that_exists_and_once():
    """New York goes from 01:59 EST to 03:00 EDT (07:00Z) on 2026-03-08."""
    schedule = crontab(minute="*/10", hour="2")

    first = schedule.next_after(utc(2026, 3, 8, 5), NEW_YORK)

    assert first == utc(2026, 3, 8, 7)
    assert schedule.next_after(first, NEW_YORK) == utc(2026, 3, 9, 6)
    assert schedule.latest_at(utc(2026, 3, 8, 12), NEW_YORK) == first


def test_in_the_repeated_hour_it_fires_in_the_first_one_only():
    """New York has 01:00 to 01:59 twice on 2026-11-01, first from 05:00Z and then from 06:00Z."""
    schedule = crontab(minute="30", hour="1")

    first = schedule.next_after(utc(2026, 11, 1, 4), NEW_YORK)

    assert first == utc(2026, 11, 1, 5, 30)
    assert schedule.next_after(first, NEW_YORK) == utc(2026, 11, 2, 6, 30)
    assert schedule.latest_at(utc(2026, 11, 1, 6, 10), NEW_YORK) == first
    assert schedule.latest_at(utc(2026, 11, 1, 6, 40), NEW_YORK) == first


def test_a_skipped_day_fires_when_it_is_over():
    """Samoa had no 2011-12-30: 10:00Z began the 31st."""
    schedule = crontab(minute="0", hour="12", day="30", month="12")

    assert schedule.next_after(utc(2011, 12, 29), ZoneInfo("Pacific/Apia")) == utc(2011, 12, 30, 10)


def test_a_naive_instant_is_refused():
    with pytest.raises(NaiveDatetime):
        crontab().next_after(naive("2026-01-01"), UTC)


# --- against brute force


@st.composite
def fields(draw):
    def field(low, high):
        one = st.integers(low, high)
        return draw(
            st.just("*")
            | one.map(str)
            | st.tuples(one, one).map(lambda ab: f"{ab[0]}-{ab[1]}")
            | st.tuples(one, one, st.integers(1, 9)).map(lambda abn: "{}-{}/{}".format(*abn))
            | st.lists(one, min_size=1, max_size=3).map(lambda many: ",".join(map(str, many)))
        )

    return {
        "minute": field(0, 59),
        "hour": field(0, 23),
        "day_of_week": draw(st.just("*")) if draw(st.booleans()) else field(0, 7),
    }


def slots(schedule, zone, start, minutes):
    """All slots in a stretch of time, by looking at every minute of it."""
    found = []
    before = (start - MINUTE).astimezone(zone).replace(tzinfo=None)
    for step in range(minutes):
        instant = start + step * MINUTE
        local = instant.astimezone(zone)
        wall = local.replace(tzinfo=None, fold=0)
        if not local.fold:
            walls = [before + n * MINUTE for n in range(1, max(2, (wall - before) // MINUTE + 1))]
            if any(schedule(one) for one in walls if one <= wall):
                found.append(instant)
            before = wall
    return found


starts = st.sampled_from(
    [
        utc(2026, 3, 7, 20),
        utc(2026, 3, 28, 20),
        utc(2026, 10, 31, 20),
        utc(2026, 10, 24, 20),
        utc(2024, 2, 28, 12),
        utc(2026, 12, 31, 12),
    ]
)
zones = st.sampled_from([UTC, NEW_YORK, BERLIN, ZoneInfo("Asia/Riyadh"), ZoneInfo("Asia/Kolkata")])


@settings(max_examples=80, deadline=None)
@given(fields(), zones, starts, st.integers(0, 36 * 60 * 60))
def test_slots_agree_with_looking_at_every_minute(given_fields, zone, start, offset_s):
    schedule = crontab(**given_fields)
    instant = start + timedelta(seconds=offset_s)
    known = slots(schedule, zone, start, 48 * 60)

    after = schedule.next_after(instant, zone)
    latest = schedule.latest_at(instant, zone, start - MINUTE)

    later = [slot for slot in known if slot > instant]
    earlier = [slot for slot in known if slot <= instant]
    if later:
        assert after == later[0]
    else:
        assert after >= start + timedelta(hours=48)
    assert latest == (earlier[-1] if earlier else None)


@settings(max_examples=80, deadline=None)
@given(fields(), st.datetimes(naive("2000-01-01"), naive("2090-01-01")))
def test_it_matches_what_hueys_matches(given_fields, timestamp):
    assert crontab(**given_fields)(timestamp) == huey.api.crontab(**given_fields)(timestamp)


# --- foreign callables


def every_ten(timestamp):
    return timestamp.minute % 10 == 0


def test_a_crontab_is_its_own_schedule():
    made = crontab()

    assert as_schedule(made) is made


def test_a_foreign_callable_is_stepped_by_the_minute():
    schedule = as_schedule(every_ten)

    assert isinstance(schedule, Stepped)
    assert str(schedule) == "every_ten"
    assert schedule(naive("2026-01-01T00:10"))
    assert schedule.next_after(utc(2026, 1, 1, 0, 10, 30), UTC) == utc(2026, 1, 1, 0, 20)
    assert schedule.latest_at(utc(2026, 1, 1, 0, 10, 30), UTC) == utc(2026, 1, 1, 0, 10)
    assert schedule.latest_at(utc(2026, 1, 1, 0, 15), UTC, utc(2026, 1, 1, 0, 10)) is None


def test_a_callable_that_never_matches_is_given_up_after_a_day():
    asked = []
    schedule = Stepped(asked.append)

    assert schedule.next_after(utc(2026, 1, 1), UTC) is None
    assert schedule.latest_at(utc(2026, 1, 1), UTC) is None
    assert len(asked) <= 2 * 24 * 60


@settings(max_examples=40, deadline=None)
@given(fields(), zones, starts)
def test_stepping_keeps_to_the_same_rules(given_fields, zone, start):
    schedule = crontab(**given_fields)
    stepped = Stepped(huey.api.crontab(**given_fields))
    instant = start + timedelta(hours=12)

    after = schedule.next_after(instant, zone)
    latest = schedule.latest_at(instant, zone, instant - timedelta(hours=23))

    if after <= instant + timedelta(hours=24):
        assert stepped.next_after(instant, zone) == after
    assert stepped.latest_at(instant, zone, instant - timedelta(hours=23)) == latest


def test_what_is_no_schedule_is_refused():
    with pytest.raises(InvalidSchedule):
        as_schedule("0 2 * * *")
