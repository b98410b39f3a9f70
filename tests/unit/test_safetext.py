"""Text from jobs: nothing in it may act on a terminal, and what is harmless stays as it is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobdesk.safetext import cells, cut, safe_json, safe_line, safe_text

ACTING = [chr(n) for n in (*range(9), *range(11, 32), *range(127, 160))] + list(
    "\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
    "\ud800\udfff\U000e0041"
)


@pytest.mark.parametrize("char", ACTING, ids=lambda char: f"U+{ord(char):04X}")
def test_what_acts_becomes_a_visible_escape(char):
    for safe in (safe_text, safe_line):
        shown = safe(f"a{char}b")

        assert char not in shown
        assert shown.startswith("a\\")
        assert shown.isprintable()


def test_newlines_and_tabs_stay_in_a_text_and_not_in_a_line():
    assert safe_text("a\tb\nc") == "a\tb\nc"
    assert safe_line("a\tb\nc\r") == "a\\tb\\nc\\r"


@pytest.mark.parametrize("text", ["", "plain", "مرحبا بالعالم", "日本語", "né", "👩‍💻", "[/foo]"])
def test_what_is_harmless_stays(text):
    assert safe_text(text) == text


@given(st.text())
def test_json_keeps_its_value(text):
    raw = json.dumps({"a": text}, ensure_ascii=False)

    for ascii_only in (False, True):
        safe = safe_json(raw, ascii_only=ascii_only)

        assert json.loads(safe) == {"a": text}
        assert not any(char in safe for char in ACTING)
        assert safe.isascii() or not ascii_only


@given(st.text(), st.integers(0, 40))
def test_a_line_never_takes_more_columns_than_it_may(text, width):
    shown = safe_line(text, width)

    assert cells(shown) <= width
    assert "\n" not in shown


def test_cutting_shows_that_something_was_cut():
    assert cut("abcdef", 4) == "abc…"
    assert cut("abcd", 4) == "abcd"
    assert cut("日本語", 4) == "日…"


def test_wide_and_combining_characters_count_as_they_are_drawn():
    assert cells("日本") == 4
    assert cells("e\u0301") == 1


def test_a_cell_of_megabytes_is_cut_before_it_is_looked_through():
    assert safe_line("\x1b" * 5_000_000, 10) == "\\x1b\\x1b\\…"
