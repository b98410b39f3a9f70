from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobdesk.reports.cells import MAX_LENGTH, safe_cell


@pytest.mark.parametrize("first", list("=+-@\t\r\n＝＋－＠"))
@pytest.mark.parametrize("before", ["", " ", "   ", "\u00a0", "\u3000"])
def test_what_a_spreadsheet_would_compute_begins_with_a_quote(before: str, first: str) -> None:
    assert safe_cell(f"{before}{first}1+1").startswith("'")


@pytest.mark.parametrize("text", ["", "x", "1-2", "a=b", "محكمة = عدل", "'=1", "12:30"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert safe_cell(text) == text


@given(st.text())
def test_a_cell_holds_no_control_characters_and_no_more_than_fits(text: str) -> None:
    made = safe_cell(text + "x" * 40_000)

    assert len(made) <= MAX_LENGTH
    assert not any(ord(c) < 32 and c != "\n" for c in made)
    assert made.lstrip(" \u00a0\u3000")[:1] not in set("=+-@＝＋－＠") - {""}


def test_a_control_character_cannot_hide_a_formula() -> None:
    assert safe_cell("\x00=1+1") == "'=1+1"
