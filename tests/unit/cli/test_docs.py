"""docs/cli.md tells of every command, and of no other."""

import re
from importlib import import_module
from pathlib import Path

import click
import pytest

from jobdesk import errors
from jobdesk.cli.catalogue import COMMANDS

PAGE = (Path(__file__).parents[3] / "docs" / "cli.md").read_text()
TABLE = dict(
    re.findall(r"^\| `([a-z]+)([^`]*)` \|", PAGE.partition("A span of time")[0], re.MULTILINE)
)


def command(name):
    found = getattr(import_module(f"jobdesk.cli.{COMMANDS[name].module}"), name)
    assert isinstance(found, click.Command)
    return found


def test_the_page_lists_the_commands_in_the_order_of_the_help():
    assert list(TABLE) == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_options_that_the_page_shows_exist(name):
    known = {option for param in command(name).params for option in param.opts}

    assert set(re.findall(r"--[a-z-]+", TABLE[name])) <= known


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_prints_json_but_those_that_run_jobs(name):
    found = command(name)
    leaves = found.commands.values() if isinstance(found, click.Group) else [found]

    for leaf in leaves:
        known = {option for param in leaf.params for option in param.opts}
        assert ("--json" in known) == (name not in ("demo", "worker", "tui"))


def test_the_exit_codes_of_the_page_are_those_of_the_errors():
    codes = {
        error.exit_code
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, errors.JobdeskError)
    }

    for code in codes:
        assert f"\n| {code} | " in PAGE
