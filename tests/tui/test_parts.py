"""The small parts: spans, counts, columns, sparklines."""

from __future__ import annotations

import pytest
from textual.color import Color
from textual.theme import BUILTIN_THEMES

from jobdesk.models import JobState
from jobdesk.safetext import cells
from jobdesk.tui import themes
from jobdesk.tui.text import spans
from jobdesk.tui.text.glyphs import ASCII, UNICODE
from jobdesk.tui.widgets import jobcolumns
from jobdesk.tui.widgets.columns import GAP, Column, fit, pad
from jobdesk.tui.widgets.sparkline import sparkline


@pytest.mark.parametrize(
    ("ms", "text"),
    [(0, "0ms"), (0.4, "0.4ms"), (88, "88ms"), (999.6, "1.0s"), (3200, "3.2s"), (59_960, "1m 00s"),
     (124_000, "2m 04s"), (11_400_000, "3h 10m"), (187_200_000, "2d 04h"), (None, "-")],
)  # fmt: skip
def test_a_span_says_enough_in_seven_columns(ms, text):
    assert spans.span(ms) == text
    assert len(text) <= 7


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (9999, "9,999"), (48_211, "48.2k"), (950_427, "950k"), (1_000_000, "1.0M")],
)
def test_a_count_fits_five_columns(number, text):
    assert spans.count(number) == text


def test_columns_fill_the_room_and_the_least_important_go_first():
    columns = [
        Column(title="A", width=10, cell=lambda row, now: ("", "plain"), flex=1),
        Column(title="B", width=10, cell=lambda row, now: ("", "plain"), rank=2),
        Column(title="C", width=10, cell=lambda row, now: ("", "plain"), rank=1),
    ]

    wide, narrow = fit(columns, 60, wide=False), fit(columns, 25, wide=False)

    assert sum(width for _, width in wide) + 2 * GAP == 60
    assert [column.title for column, _ in narrow] == ["A", "C"]
    assert sum(width for _, width in narrow) + GAP == 25


@pytest.mark.parametrize("text", ["", "short", "x" * 40, "日本語のとても長い文字列です", "é" * 20])
@pytest.mark.parametrize("right", [True, False])
def test_a_cell_is_exactly_as_wide_as_its_column(text, right):
    assert cells(pad(text, 12, right=right)) == 12
    assert cells(pad(text, 12, right=right, middle=True)) == 12


def test_ids_that_begin_alike_can_be_told_apart():
    assert pad("0VbtQDZr01W7-giy-eX2bJ", 8, right=False, middle=True) == "0Vb…X2bJ"
    assert pad("INV-2026-0412", 9, right=False, middle=True) == "INV-…0412"


@pytest.mark.parametrize("state", [None, JobState.DELAYED])
def test_when_a_delayed_job_runs_is_not_cut(state):
    made = jobcolumns.columns(UNICODE, state, with_queue=True)
    when = next(column for column in made if column.title in ("WHEN", "RUNS"))

    for ms in (588_000, 3_590_000, 86_340_000, 8_600_000_000):
        assert cells(spans.until(ms)) <= when.width, spans.until(ms)


def test_a_trend_has_its_highest_point_full():
    assert sparkline([0, 1, 4, 8], 6, UNICODE.bars) == "   ▁▄█"
    assert sparkline([0, 0], 2, UNICODE.bars) == "  "


@pytest.mark.parametrize("theme", [themes.DARK, themes.LIGHT, *BUILTIN_THEMES.values()],
                         ids=lambda theme: theme.name)  # fmt: skip
def test_all_words_can_be_read_in_every_theme_also_under_the_cursor(theme):
    generated = {**theme.to_color_system().generate(), **theme.variables}
    made = themes.with_shades(generated)
    if made["foreground"].startswith("ansi"):
        return  # the terminal's own
    back = Color.parse(made["background"])

    for name in ("block-cursor-background", "block-cursor-blurred-background"):
        under = Color.parse(made[name])
        cursor = back.blend(under.with_alpha(1), under.a)
        assert themes.contrast(Color.parse(made["foreground"]), cursor) >= 3, name
        assert themes.contrast(Color.parse(made["quiet"]), cursor) >= 2.8, name
        if name == "block-cursor-background":
            for tone in ("primary", "accent", "success", "warning", "error"):
                assert themes.contrast(Color.parse(made[tone]), cursor) >= 2.8, tone
                assert themes.contrast(Color.parse(made[tone]), back) >= 2.8, tone
    if theme in (themes.DARK, themes.LIGHT):
        ours = {name: made[name] for name in generated if not name.startswith("border")}
        assert ours == {name: generated[name] for name in ours}


def test_every_glyph_is_one_column_and_the_plain_ones_are_ascii():
    for glyphs in (UNICODE, ASCII):
        marks = [*glyphs.states.values(), glyphs.live, glyphs.mark, glyphs.block, *glyphs.bars]
        assert all(cells(mark) == 1 for mark in marks)
    assert all(mark.isascii() for mark in ASCII.states.values())
    assert set(ASCII.states) == set(UNICODE.states)
