"""The values, and the checks that refuse bad ones."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobdesk import models
from jobdesk.errors import (
    BadInput,
    InvalidAttempts,
    InvalidBackoff,
    InvalidDelay,
    InvalidExpires,
    InvalidJobId,
    InvalidPriority,
    InvalidQueueName,
    InvalidRateLimit,
    InvalidRetention,
    InvalidState,
    InvalidTimeout,
    NaiveDatetime,
)
from jobdesk.models import (
    DEFAULT_OPTIONS,
    Backoff,
    EventName,
    JobOptions,
    JobState,
    Priority,
    Retention,
)

NAIVE = datetime.fromisoformat("2026-03-08T02:30")
TEN_YEARS = models.TEN_YEARS_S

#: whatever somebody may pass for anything
anything = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(10**300, 10**310)
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=5)
    | st.datetimes()
    | st.timedeltas()
    | st.lists(st.integers() | st.text(max_size=3), max_size=3)
    | st.tuples(st.integers() | st.floats(), st.integers() | st.floats() | st.none())
    | st.dictionaries(
        st.sampled_from(["age", "count", "type", "delay", "max_delay", "jitter", "factor", "cnt"])
        | st.integers(),
        st.sampled_from(["fixed", "exponential", "geometric", "linear"])
        | st.integers()
        | st.floats()
        | st.none()
        | st.booleans(),
        max_size=4,
    )
)


# --- names


@pytest.mark.parametrize("name", ["email", "a", "A.b_c-9", "x" * 64])
def test_a_queue_name_is_kept(name):
    assert models.check_queue_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "a}b", "{a", "x" * 65, "a\n", "a b", "a:b", "ä", "٣", None, 5, b"email"]
)
def test_another_queue_name_is_refused(name):
    with pytest.raises(InvalidQueueName) as caught:
        models.check_queue_name(name)

    assert str(caught.value) == f"queue name must match [A-Za-z0-9._-]{{1,64}}, got {name!r}"


@pytest.mark.parametrize(
    "job_id", ["a", "1a", "welcome-42", "réçu", "x" * 128, "cron.x.12/3", "١a"]
)
def test_a_job_id_is_kept(job_id):
    assert models.check_job_id(job_id) == job_id


@pytest.mark.parametrize(
    "job_id",
    ["", "a:b", "a b", "a\n", "\x00a", "a\x7f", "a\x85", "a\xa0", "a\u2028", "a\u3000", "x" * 129,
     "7", "123", "١٢", "a\ud800", None, 12, b"a"],
)  # fmt: skip
def test_another_job_id_is_refused(job_id):
    with pytest.raises(InvalidJobId) as caught:
        models.check_job_id(job_id)

    str(caught.value).encode()


@given(st.text())
def test_every_text_is_a_job_id_or_refused(text):
    try:
        kept = models.check_job_id(text)
    except InvalidJobId:
        return
    assert kept == text
    assert ":" not in kept
    assert kept.split() == [kept]
    kept.encode()


# --- numbers


@pytest.mark.parametrize("priority", [0, 11, -1, 1.5, 5.0, "5", True, False, [1]])
def test_a_priority_outside_1_to_10_is_refused(priority):
    with pytest.raises(InvalidPriority) as caught:
        models.check_priority(priority)

    assert str(caught.value).startswith(
        f"priority must be an integer 1 (highest) to 10, got {priority!r}"
    )


def test_priorities_are_integers_or_none():
    assert [models.check_priority(n) for n in range(1, 11)] == list(range(1, 11))
    assert models.check_priority(None) is None
    assert models.check_priority(Priority.HIGH) == 2


def test_the_names_of_priorities_are_as_documented():
    assert {p.name: p.value for p in Priority} == {"CRITICAL": 1, "HIGH": 2, "NORMAL": 4, "LOW": 8}


@pytest.mark.parametrize("attempts", [0, -1, 101, 10**9, 1e9, 1.0, True, "3", None])
def test_attempts_outside_1_to_100_are_refused(attempts):
    with pytest.raises(InvalidAttempts):
        models.check_attempts(attempts)


# --- spans and instants


@pytest.mark.parametrize(
    "delay",
    [-1, -0.001, float("nan"), float("inf"), TEN_YEARS + 1, 10**400, True, "5", None,
     timedelta(seconds=-1), timedelta(days=4000)],
)  # fmt: skip
def test_a_delay_outside_ten_years_is_refused(delay):
    with pytest.raises(InvalidDelay):
        models.check_delay_ms(delay)


@pytest.mark.parametrize(
    ("delay", "ms"),
    [(0, 0), (1.5, 1500), (timedelta(minutes=1), 60_000), (TEN_YEARS, TEN_YEARS * 1000)],
)
def test_a_delay_is_in_seconds(delay, ms):
    assert models.check_delay_ms(delay) == ms


@pytest.mark.parametrize("timeout", [0, -1, 86_401, float("nan"), float("inf"), True, "30"])
def test_a_timeout_outside_a_day_is_refused_and_told_to_be_in_seconds(timeout):
    with pytest.raises(InvalidTimeout, match="seconds"):
        models.check_timeout_ms(timeout)


def test_a_timeout_is_in_seconds_or_none():
    assert models.check_timeout_ms(None) is None
    assert models.check_timeout_ms(30) == 30_000
    assert models.check_timeout_ms(timedelta(days=1)) == 86_400_000
    assert models.check_timeout_ms(0.0001) == 1


def test_a_naive_instant_is_refused_with_what_was_given():
    with pytest.raises(NaiveDatetime) as caught:
        JobOptions(run_at=NAIVE)

    assert str(caught.value) == "run_at needs a timezone (got 2026-03-08 02:30)"


def test_instants_of_every_zone_are_the_same_milliseconds():
    instant = datetime(2026, 3, 8, 7, 30, tzinfo=UTC)
    local = instant.astimezone(ZoneInfo("America/New_York"))
    fixed = instant.astimezone(timezone(timedelta(hours=3)))

    ms = {models.instant_ms(one, "run_at") for one in (instant, local, fixed)}

    assert ms == {1_772_955_000_000}
    assert models.when(ms.pop()) == instant
    assert models.when(None) is None


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_comes_back_to_the_millisecond(instant):
    back = models.when(models.instant_ms(instant.replace(microsecond=0), "run_at"))

    assert back == instant.replace(microsecond=0)


# --- states


@pytest.mark.parametrize("state", ["waiting", "active", "delayed", "completed", "failed"])
def test_a_state_is_read_by_its_name(state):
    assert models.check_state(state) is JobState(state)


def test_paused_is_read_as_waiting():
    assert models.check_state("paused") is JobState.WAITING


@pytest.mark.parametrize("state", ["", "done", "WAITING", None, 1, "waiting "])
def test_another_state_is_refused_with_the_choice(state):
    with pytest.raises(InvalidState, match="waiting, active, delayed, completed, failed"):
        models.check_state(state)


def test_a_state_outside_the_choice_is_refused():
    with pytest.raises(InvalidState, match="completed, failed; got 'active'"):
        models.check_state("active", models.TERMINAL_STATES)


def test_the_core_events_are_bull_s_twelve():
    assert " ".join(models.CORE_EVENTS) == (
        "completed failed stalled waiting active progress removed cleaned drained paused resumed"
        " error"
    )
    assert EventName.RETRYING not in models.CORE_EVENTS


# --- backoff


@pytest.mark.parametrize(
    "value",
    [
        {"type": "linear", "delay": 5},
        {"type": "fixed"},
        {"type": "fixed", "delay": -1},
        {"type": "fixed", "delay": "5"},
        {"type": "fixed", "delay": 5, "factor": 2},
        {"type": "exponential", "delay": 5, "max": 3},
        {"type": "exponential", "delay": 5, 1: 3, "x": 1},
        {"type": "exponential", "delay": 5, "jitter": 2},
        {"type": "exponential", "delay": 5, "max_delay": -1},
        {"type": "geometric", "delay": 5, "factor": 0},
        {"delay": 5},
        {},
        "linear:5",
        "fixed",
        "fixed:",
        "fixed:nan",
        "fixed:inf",
        "fixed:-1",
        -1,
        float("nan"),
        10**400,
        True,
        None,
        [1],
    ],
)
def test_a_bad_backoff_is_refused_when_it_is_given(value):
    with pytest.raises(InvalidBackoff):
        Backoff.parse(value)


def test_the_kinds_of_backoff_are_told():
    with pytest.raises(InvalidBackoff, match="type must be fixed, exponential"):
        Backoff.parse({"type": "linear", "delay": 5})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (5, Backoff("fixed", 5000)),
        (timedelta(minutes=1), Backoff("fixed", 60_000)),
        ("fixed:10", Backoff("fixed", 10_000)),
        ("exponential:2", Backoff("exponential", 2000)),
        (
            {"type": "exponential", "delay": 2, "max_delay": 60, "jitter": 0.5},
            Backoff("exponential", 2000, 60_000, 0.5),
        ),
        ({"type": "geometric", "delay": 2, "factor": 3}, Backoff("geometric", 2000, None, 0.0, 3)),
        (Backoff.fixed(1), Backoff.fixed(1)),
    ],
)
def test_a_backoff_is_read_in_all_its_forms(value, expected):
    assert Backoff.parse(value) == expected


backoffs = st.builds(
    Backoff,
    st.sampled_from(["fixed", "exponential", "geometric"]),
    st.integers(0, TEN_YEARS * 1000),
    st.none() | st.integers(0, TEN_YEARS * 1000),
    st.floats(0, 1),
    st.floats(0, exclude_min=True, allow_infinity=False),
)


@given(backoffs)
def test_a_backoff_comes_back_from_its_short_form(backoff):
    assert Backoff.decode(backoff.encode()) == backoff


def test_the_short_form_of_a_backoff_is_short():
    assert Backoff.exponential(2).encode() == "e:2000::0:2"


# --- retention


@pytest.mark.parametrize(
    "value",
    [
        {"age": -1},
        {"age": "5"},
        {"age": float("nan")},
        {"age": float("inf")},
        {"age": True},
        {"count": -1},
        {"count": 1.5},
        {"count": True},
        {"cnt": 1},
        {1: 1, "x": 2},
        -1,
        1.5,
        "5",
        None,
        [],
        10**10,
    ],
)
def test_a_bad_retention_is_refused(value):
    with pytest.raises(InvalidRetention):
        Retention.parse(value)


def test_an_unknown_key_of_a_retention_is_told_with_the_choice():
    with pytest.raises(InvalidRetention, match=r"unknown key 'cnt' \(age, count\)"):
        Retention.parse({"cnt": 1})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, Retention(count=0)),
        (False, Retention()),
        (0, Retention(count=0)),
        (100, Retention(count=100)),
        ({"age": 86_400, "count": 1000}, Retention(86_400_000, 1000)),
        ({"age": 0.5}, Retention(500)),
        ({}, Retention()),
    ],
)
def test_a_retention_is_read_in_all_its_forms(value, expected):
    assert Retention.parse(value) == expected
    assert Retention.parse(expected) is expected


@given(st.builds(Retention, st.none() | st.integers(0), st.none() | st.integers(0)))
def test_a_retention_comes_back_from_its_short_form(retention):
    assert Retention.decode(retention.encode()) == retention


@given(
    st.builds(
        Retention,
        st.none() | st.integers(0, TEN_YEARS * 1000),
        st.none() | st.integers(0, 10**9),
    )
)
def test_a_retention_comes_back_from_the_original_s_option(retention):
    again = Retention.parse(retention.as_option())

    assert again == (Retention(count=0) if retention.count == 0 else retention)
    json.dumps(retention.as_option())


# --- options


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"priority": 11}, InvalidPriority),
        ({"delay": -1}, InvalidDelay),
        ({"delay": 1, "run_at": datetime(2026, 1, 1, tzinfo=UTC)}, InvalidDelay),
        ({"run_at": NAIVE}, NaiveDatetime),
        ({"run_at": "2026-01-01"}, InvalidDelay),
        ({"attempts": 0}, InvalidAttempts),
        ({"backoff": "linear:1"}, InvalidBackoff),
        ({"timeout": 0}, InvalidTimeout),
        ({"job_id": "a:b"}, InvalidJobId),
        ({"expires": 0}, InvalidExpires),
        ({"expires": -1}, InvalidExpires),
        ({"expires": "soon"}, InvalidExpires),
        ({"expires": True}, InvalidExpires),
        ({"expires": NAIVE}, NaiveDatetime),
        ({"remove_on_complete": "5"}, InvalidRetention),
        ({"remove_on_fail": {"age": -1}}, InvalidRetention),
        ({"lifo": 1}, BadInput),
    ],
)
def test_bad_options_are_refused_where_they_are_made(options, error):
    with pytest.raises(error):
        JobOptions(**options)


@given(st.dictionaries(st.sampled_from(JobOptions.__slots__), anything, max_size=4))
def test_whatever_is_given_is_an_option_or_bad_input(options):
    try:
        JobOptions(**options)
    except BadInput as exc:
        str(exc).encode(errors="surrogatepass")


@given(anything)
def test_whatever_is_given_is_a_rate_limit_or_bad_input(value):
    try:
        limit = models.check_rate_limit(value)
    except InvalidRateLimit:
        return
    assert limit is None or (limit[0] >= 1 and limit[1] >= 1)


@pytest.mark.parametrize(
    "value", [(0, 1), (1, 0), (1,), 5, "12", (1.5, 1), (True, 1), (1, float("inf")), {1: 2, 3: 4}]
)
def test_a_bad_rate_limit_is_refused(value):
    with pytest.raises(InvalidRateLimit):
        models.check_rate_limit(value)


def test_a_rate_limit_is_in_seconds():
    assert models.check_rate_limit((100, 60)) == (100, 60_000)
    assert models.check_rate_limit([5, timedelta(seconds=0.5)]) == (5, 500)
    assert models.check_rate_limit(None) is None


def test_a_callable_backoff_is_left_as_it_is():
    def backoff(attempts_made):
        return attempts_made

    assert JobOptions(backoff=backoff).backoff is backoff


def test_options_go_over_defaults():
    own = JobOptions(attempts=5, delay=0)
    defaults = JobOptions(
        attempts=3, timeout=30, run_at=datetime(2030, 1, 1, tzinfo=UTC), priority=4
    )

    assert own.over(defaults) == JobOptions(attempts=5, delay=0, timeout=30, priority=4)
    assert JobOptions().over(defaults) == defaults
    assert defaults.over(JobOptions()) is defaults


def test_the_defaults_are_the_original_s():
    assert DEFAULT_OPTIONS.attempts == 3
    assert DEFAULT_OPTIONS.backoff == Backoff.exponential(2)
    assert DEFAULT_OPTIONS.remove_on_complete.as_option() == {"age": 86_400, "count": 1000}
    assert DEFAULT_OPTIONS.remove_on_fail.as_option() == {"age": 172_800}


# --- Bull's options


def test_bull_s_options_are_in_milliseconds():
    made = JobOptions.from_bull(
        {
            "priority": 2,
            "delay": 1500,
            "timeout": 30_000,
            "attempts": 5,
            "backoff": {"type": "exponential", "delay": 2000},
            "jobId": "welcome-42",
            "removeOnComplete": {"age": 3600, "count": 10},
            "removeOnFail": False,
            "lifo": True,
        }
    )

    assert made == JobOptions(
        priority=2,
        delay=1.5,
        timeout=30,
        attempts=5,
        backoff=Backoff.exponential(2),
        job_id="welcome-42",
        remove_on_complete=Retention(3_600_000, 10),
        remove_on_fail=Retention(),
        lifo=True,
    )


def test_bull_s_backoff_of_a_number_is_a_fixed_one():
    assert JobOptions.from_bull({"backoff": 5000}).backoff == Backoff.fixed(5)


@pytest.mark.parametrize(
    "options",
    [
        {"delays": 1},
        {1: 1, "x": 2},
        {"delay": "5"},
        {"timeout": float("nan")},
        {"backoff": {"type": "fixed"}},
        {"backoff": {"type": "custom", "delay": 1}},
        {"backoff": 10**400},
        {"backoff": True},
        {"removeOnComplete": "5"},
    ],
)
def test_bad_options_of_bull_are_refused(options):
    with pytest.raises(BadInput):
        JobOptions.from_bull(options)
