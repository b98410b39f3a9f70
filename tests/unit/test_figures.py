"""Percentiles from histograms, and the shares of a merged list."""

from __future__ import annotations

import pytest

from jobdesk.broker.reading import figures, paging


def test_an_empty_histogram_has_no_percentiles():
    assert figures.percentiles({}) is None
    assert figures.parse(0, {}).run is None


def test_percentiles_lie_within_their_bucket():
    found = figures.percentiles({0: 50, 4: 45, 10: 5})

    assert found is not None
    assert found.p50 == pytest.approx(1.0)
    assert found.p95 == pytest.approx(16.0)
    assert 512 < found.p99 <= 1024


def test_a_stored_hash_is_read_into_counts_and_histograms():
    stored = {b"a": b"3", b"c": b"2", b"f": b"1", b"rt": b"4", b"st": b"5", b"r3": b"2",
              b"w0": b"1", b"unknown": b"x"}  # fmt: skip

    found = figures.parse(60_000, stored)

    assert (found.added, found.completed, found.failed) == (3, 2, 1)
    assert (found.retried, found.stalled) == (4, 5)
    assert (found.runs, found.waits) == ({3: 2}, {0: 1})


def test_a_total_adds_up_its_parts():
    first = figures.Figures(start_ms=0, added=1, runs={1: 1, 2: 1})
    second = figures.Figures(start_ms=60_000, added=2, failed=1, runs={2: 3}, waits={0: 1})

    both = figures.total((first, second))

    assert (both.start_ms, both.added, both.failed) == (0, 3, 1)
    assert (both.runs, both.waits) == ({1: 1, 2: 4}, {0: 1})
    assert figures.total(()).added == 0


@pytest.mark.parametrize(
    ("counts", "limit", "expected"),
    [
        ([5, 5], 4, [2, 2]),
        ([100, 1], 10, [9, 1]),
        ([0, 0], 10, [0, 0]),
        ([3, 3, 3], 100, [3, 3, 3]),
        ([9, 9, 9], 2, [1, 1, 0]),
    ],
)
def test_rows_are_shared_out_as_evenly_as_the_counts_allow(counts, limit, expected):
    assert paging.shares(counts, limit) == expected


@pytest.mark.parametrize(
    ("counts", "into_s", "rate"),
    [
        ((), 30, 0),
        ((0, 0, 0), 30, 0),
        ((600, 600, 300), 30, 10),  # steadily ten a second
        ((0, 0, 60), 30, 2),  # begun in this minute
        ((0, 600, 0), 30, 600 / 90),  # has just ended
        ((9999, 0, 0, 0), 30, 0),  # long ago
        ((0, 0, 1), 0, 0.2),  # one in the first second is no rate of one a second
    ],
)
def test_the_rate_of_late_counts_the_present_minute_as_far_as_it_has_come(counts, into_s, rate):
    now_ms = 60_000 * 31_000_000 + into_s * 1000

    assert figures.per_second(counts, now_ms) == pytest.approx(rate)
