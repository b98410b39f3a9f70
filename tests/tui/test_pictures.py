"""The README's pictures show what the dashboard shows."""

from __future__ import annotations

import re
import sys
from html import unescape
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import pictures  # noqa: E402  # the script that draws them

SNAPSHOTS = Path(__file__).parent / "snapshots" / "data"


@pytest.mark.parametrize(("name", "place"), pictures.PICTURES.items())
def test_a_picture_is_of_the_screen_as_it_is(name, place):
    svg = (pictures.FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    width, height = pictures.SIZE
    page = (SNAPSHOTS / f"{place}-{width}x{height}.txt").read_text(encoding="utf-8")
    shown = page.partition("## data\n")[2].split("\n")[:height]

    told = re.search(r"<desc>(.*?)</desc>", svg, re.DOTALL)

    assert told is not None
    # the snapshots have a dialog alone, without what lies behind it
    there = unescape(told[1]).split("\n")
    assert not shown[0] or there == shown, "make pictures draws it anew"


@pytest.mark.parametrize("name", pictures.PICTURES)
def test_a_picture_is_in_the_readme_and_loads_nothing(name):
    svg = (pictures.FOLDER / f"{name}.svg").read_text(encoding="utf-8")

    assert f"docs/pictures/{name}.svg" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert "url(http" not in svg
    assert "@font-face" not in svg
    assert len(svg) < 150_000
