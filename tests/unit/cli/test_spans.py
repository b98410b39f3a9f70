"""Spans of time, written and read."""

import click
import pytest

from jobdesk.cli.spans import SPAN, ago, instant, span


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("1.5", 1.5), ("0", 0), ("500ms", 0.5), ("30s", 30), ("10m", 600), ("24h", 86_400),
     ("2d", 172_800), ("1w", 604_800), ("1h30m", 5400), ("1.5h", 5400), ("10M", 600)],
)  # fmt: skip
def test_spans_are_read_with_or_without_units(text, seconds):
    assert SPAN.convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "soon", "10x", "h", "1h 30", "nan", "inf", "1e3", "--"])
def test_what_is_no_span_is_refused(text):
    with pytest.raises(click.BadParameter):
        SPAN.convert(text, None, None)


@pytest.mark.parametrize(
    ("ms", "text"),
    [(0, "0 ms"), (820, "820 ms"), (1000, "1 s"), (4230, "4.2 s"), (42_000, "42 s"),
     (60_000, "1 min"), (200_000, "3 min"), (3_600_000, "1 h"), (5_400_000, "1 h 30 min"),
     (36_000_000, "10 h"), (187_200_000, "2 d 4 h"), (864_000_000, "10 d")],
)  # fmt: skip
def test_spans_are_written_in_one_or_two_units(ms, text):
    assert span(ms) == text


def test_instants_are_told_by_how_far_they_are():
    assert ago(0, 180_000) == "3 min ago"
    assert ago(30_000, 0) == "in 30 s"
    assert ago(5, 10) == "now"
    assert ago(None, 0) == "-"


def test_instants_are_told_in_utc():
    assert instant(0) == "1970-01-01 00:00:00 UTC"
    assert instant(None) == "-"
    assert instant(10**18) == "?"
