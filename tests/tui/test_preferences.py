"""What is remembered, and that a broken file troubles nobody."""

from __future__ import annotations

import pytest
from textual.filter import ANSIToTruecolor

from jobdesk.tui import preferences
from jobdesk.tui.preferences import Preferences
from tests.tui.driving import press, until


def test_what_is_saved_is_loaded(tmp_path):
    file = tmp_path / "deep" / "tui.json"
    told = Preferences(theme="nord", mode="jobs", interval=2.0)

    preferences.save(file, told)

    assert preferences.load(file) == told
    assert [path.name for path in file.parent.iterdir()] == ["tui.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"theme": 3, "interval": "x"}'])
def test_a_broken_file_counts_as_none(tmp_path, text):
    file = tmp_path / "tui.json"
    file.write_text(text)

    assert preferences.load(file) == Preferences()


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path):
    (tmp_path / "file").write_text("")

    preferences.save(tmp_path / "file" / "tui.json", Preferences())


def test_theme_and_screen_are_there_again_next_time(run_desk, thumbs):
    async def choose(pilot, app):
        await until(pilot, lambda: app.link.status.usable)
        app.theme = "jobdesk-light"
        await press(pilot, "4", "minus")

    async def look(pilot, app):
        await until(pilot, lambda: app.current_mode == "workers")
        assert app.theme == "jobdesk-light"
        assert app.link.pace_now == 2.0

    run_desk(choose)
    run_desk(look)


@pytest.mark.parametrize("theme", ["ansi-light", "solarized-light", "ansi-dark"])
def test_a_remembered_theme_looks_as_when_it_was_chosen(run_desk, thumbs, theme):
    def looks(app):
        changed = [one for one in app.get_line_filters() if isinstance(one, ANSIToTruecolor)]
        return bool(changed), app.has_class("-light-mode"), app.has_class("-dark-mode")

    async def choose(pilot, app):
        await until(pilot, lambda: app.link.status.usable)
        app.theme = theme
        await pilot.pause()
        seen.append(looks(app))

    async def look(pilot, app):
        await until(pilot, lambda: app.link.status.usable)
        seen.append(looks(app))

    seen = []
    run_desk(choose)
    run_desk(look)

    assert seen[1] == seen[0]
