"""docs/reliability.md names tests that there are."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from tests.chaos import guards

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reliability.md").read_text("utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))


@cache
def functions(path: str) -> set[str]:
    return set(re.findall(r"^def (test_\w+)\(", (ROOT / path).read_text("utf-8"), re.MULTILINE))


@pytest.mark.parametrize(("path", "name"), NAMED, ids=lambda part: part.rpartition("/")[2])
def test_every_test_it_names_is_there(path, name):
    assert name in functions(path)


def test_every_row_of_a_fault_names_a_test():
    faults = PAGE.partition("## Faults")[2].partition("## How it is checked")[0]
    rows = [line for line in faults.splitlines() if line.startswith("| ")]
    bare = [row for row in rows if "::" not in row and "what breaks" not in row]

    assert bare == []
    assert len(NAMED) > 30


def test_every_nemesis_stands_on_the_page():
    """Whoever adds a game of chaos says there what it shows."""
    found = {
        (f"tests/chaos/{file}", name)
        for file in ("test_kills.py", "test_servers.py", "test_clocks.py", "test_million.py")
        for name in functions(f"tests/chaos/{file}")
    }

    assert found - set(NAMED) == set()


def test_it_counts_the_guards_right():
    assert f"Each of the {len(guards.all_guards())} guards" in PAGE
