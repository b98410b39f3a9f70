"""What is said of speed is what was measured: the tables are those of the committed results."""

import json
import re

import pytest

from benchmarks import publishing

TOLD = json.loads(publishing.RESULTS.read_text())


@pytest.mark.parametrize("page", publishing.PAGES, ids=lambda page: page.name)
def test_the_tables_are_made_of_the_committed_results(page):
    text = page.read_text()

    assert "<!-- bench: " in text
    assert publishing.told_anew(text) == text


def test_every_row_that_is_missed_is_said_to_be():
    page = (publishing.ROOT / "docs" / "performance.md").read_text()
    missed = [row["title"] for row in TOLD["rows"] if not row["reached"]]

    lines = [line for line in page.splitlines() if line.endswith("**missed** |")]

    assert [line.split(" | ")[0].removeprefix("| ") for line in lines] == missed


def test_the_readme_claims_no_speed_beside_the_table():
    text = (publishing.ROOT / "README.md").read_text()
    outside = re.sub(r"<!-- bench: .*?<!-- /bench: ", "", text, flags=re.DOTALL)

    assert not re.search(r"\d[\d,.]* (jobs|times|x)(/s| a second| as fast| Huey| faster)", outside)


def test_every_series_has_its_lowest_middle_and_highest_value():
    for name, series in TOLD["series"].items():
        assert series["min"] <= series["median"] <= series["max"], name
        assert series["values"], name


def test_a_part_measured_again_leaves_the_other_parts_as_they_were():
    row = {"title": "a", "reached": True}
    before = {"measures": ["x", "y"], "peers": {"p": 1}, "series": {"s": 1, "t": 1}, "rows": [row]}
    again = {
        "measures": ["y"],
        "peers": {"p": 2},
        "series": {"t": 2},
        "rows": [{"title": "b", "reached": False}],
    }

    merged = publishing.merged(before, again)

    assert merged["series"] == {"s": 1, "t": 2}
    assert [found["title"] for found in merged["rows"]] == ["a", "b"]
    assert merged["measures"] == ["x", "y"]
