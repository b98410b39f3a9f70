"""Tables: aligned, and on a terminal no wider than it."""

from jobdesk.cli.tables import layout
from jobdesk.safetext import cells


def test_columns_are_aligned_numbers_to_the_right():
    assert layout(("NAME", "N"), [("a", "1"), ("bcdef", "1,000")], ["N"]) == [
        "NAME       N",
        "a          1",
        "bcdef  1,000",
    ]


def test_wide_characters_do_not_disturb_the_columns():
    lines = layout(("A", "B"), [("日本", "x"), ("ab", "y")])

    assert {cells(line[: line.index(end)]) for line, end in zip(lines[1:], "xy", strict=True)} == {
        6
    }


def test_on_a_terminal_the_last_column_takes_what_is_left():
    lines = layout(("ID", "ERROR"), [("a", "x" * 200)], width=40)

    assert max(map(cells, lines)) <= 40
    assert lines[1].endswith("…")


def test_elsewhere_nothing_is_cut():
    assert layout(("ID", "ERROR"), [("a", "x" * 200)])[1].endswith("x" * 200)
