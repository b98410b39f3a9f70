"""The rest between attempts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobdesk.engine.retry import backoff_delay_ms
from jobdesk.models import TEN_YEARS_S, Backoff


def never():
    raise AssertionError("no jitter, no randomness")


def test_fixed_rests_the_same_every_time():
    assert [backoff_delay_ms(Backoff.fixed(5), n, never) for n in (1, 2, 9)] == [5000] * 3


def test_exponential_rests_as_bull_4_does():
    rests = [backoff_delay_ms(Backoff.exponential(2), n, never) for n in (1, 2, 3, 4)]

    assert rests == [2000, 6000, 14_000, 30_000]


def test_geometric_rests_as_huey_does():
    rests = [backoff_delay_ms(Backoff.geometric(10, 3), n, never) for n in (1, 2, 3)]

    assert rests == [10_000, 30_000, 90_000]


def test_the_cap_holds():
    assert backoff_delay_ms(Backoff.exponential(2, max_delay=10), 9, never) == 10_000


@pytest.mark.parametrize(("drawn", "rest"), [(0.0, 10_000), (0.5, 7500), (0.999, 5005)])
def test_jitter_takes_away_a_share_of_up_to_its_part(drawn, rest):
    assert backoff_delay_ms(Backoff.fixed(10, jitter=0.5), 1, lambda: drawn) == rest


def test_jobs_at_the_cap_still_spread():
    backoff = Backoff.exponential(60, max_delay=60, jitter=1)

    assert backoff_delay_ms(backoff, 50, lambda: 0.25) == 45_000


backoffs = st.builds(
    Backoff,
    st.sampled_from(["fixed", "exponential", "geometric"]),
    st.integers(0, TEN_YEARS_S * 1000),
    st.none() | st.integers(0, TEN_YEARS_S * 1000),
    st.floats(0, 1),
    st.floats(0, 1e308, exclude_min=True),
)


@given(backoffs, st.integers(0, 10**9), st.floats(0, 1, exclude_max=True))
def test_no_backoff_overflows_or_goes_beyond_its_cap(backoff, made, drawn):
    rest = backoff_delay_ms(backoff, made, lambda: drawn)

    cap = TEN_YEARS_S * 1000 if backoff.max_delay_ms is None else backoff.max_delay_ms
    assert isinstance(rest, int)
    assert 0 <= rest <= cap


@given(st.integers(1, 10**6), st.integers(1, 40))
def test_exponential_never_rests_less_after_more_attempts(delay_ms, made):
    backoff = Backoff("exponential", delay_ms)

    assert backoff_delay_ms(backoff, made, never) <= backoff_delay_ms(backoff, made + 1, never)
