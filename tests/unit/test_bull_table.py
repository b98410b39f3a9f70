"""docs/bull.md says of every case in Bull's own tests where ours is, and what it says is so."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "bull.md"
#: How many cases each of Bull's files has, in the release that the page names.
CASES = {
    "test_events.js": 12,
    "test_getters.js": 16,
    "test_job.js": 53,
    "test_pause.js": 12,
    "test_queue.js": 118,
    "test_rate_limiter.js": 7,
    "test_repeat.js": 23,
    "test_obliterate.js": 7,
    "test_metrics.js": 4,
    "test_when_current_jobs_finished.js": 5,
    "test_worker.js": 1,
}
_TEST = re.compile(r"`(tests/[\w/.]+\.py)::(\w+)`")


def table(name: str) -> list[tuple[str, str, str]]:
    """The rows of one file's table: number, case, where it is here."""
    _, _, section = PAGE.read_text("utf-8").partition(f"### {name}: {CASES[name]}\n")
    lines = section.partition("\n### ")[0].splitlines()
    rows = [line.strip("|").split(" | ") for line in lines if re.match(r"\| \d", line)]
    assert all(len(row) == 3 for row in rows), "a cell holds a bar"
    return [(number.strip(), case.strip(), here.strip()) for number, case, here in rows]


@cache
def names_in(path: str) -> frozenset[str]:
    """The tests that a file has, methods of classes too."""
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return frozenset(
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


@pytest.mark.parametrize("name", CASES)
def test_every_case_has_a_row(name):
    rows = table(name)

    assert [number for number, _, _ in rows] == [str(n + 1) for n in range(CASES[name])]
    assert all(case for _, case, _ in rows)


@pytest.mark.parametrize("name", CASES)
def test_every_row_has_a_test_or_a_reason(name):
    for number, case, here in table(name):
        reason = _TEST.sub("", here).replace("<br>", " ").strip()
        assert _TEST.search(here) or len(reason.split()) >= 5, f"{name} {number}: {case}"
        assert not reason or reason.endswith("."), f"{name} {number}: {reason}"
        assert "`tests/" not in reason, f"{name} {number}: {reason}"


@pytest.mark.parametrize("name", CASES)
def test_every_test_that_a_row_names_is_there(name):
    for number, _, here in table(name):
        for path, test in _TEST.findall(here):
            assert (ROOT / path).is_file(), f"{name} {number}: {path}"
            assert test in names_in(path), f"{name} {number}: {path} has no {test}"


def test_the_page_says_how_many_cases_there_are():
    assert f"{sum(CASES.values())} in all" in PAGE.read_text("utf-8")
    headings = re.findall(r"^### (\S+):", PAGE.read_text("utf-8"), re.MULTILINE)
    assert headings == list(CASES)


def test_every_test_of_this_folder_stands_in_the_table():
    named = {found for name in CASES for _, _, here in table(name) for found in _TEST.findall(here)}
    folder = "tests/integration/bull"
    ours = {
        (f"{folder}/{path.name}", test)
        for path in (ROOT / folder).glob("test_*.py")
        for test in names_in(f"{folder}/{path.name}")
    }

    assert not ours - named
