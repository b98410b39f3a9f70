"""The command line that an action is shown and noted with."""

import shlex

import click
import pytest

from jobdesk.broker.operators.commands import command_line, span
from jobdesk.cli.main import cli

LINES = [
    ("retry", "j1", {}, "jobdesk retry email j1"),
    ("retry-all", "", {}, "jobdesk retry email --all --yes"),
    ("retry-group", "00ff", {}, "jobdesk group retry email 00ff --yes"),
    ("retry-group", "00ff", {"limit": 1}, "jobdesk group retry email 00ff --limit 1 --yes"),
    ("remove", "j1", {}, "jobdesk remove email j1"),
    ("remove", "j1", {"force": True}, "jobdesk remove email j1 --force"),
    ("remove-group", "00ff", {}, "jobdesk group remove email 00ff --yes"),
    ("cancel", "j1", {}, "jobdesk cancel email j1"),
    ("promote", "j1", {}, "jobdesk promote email j1"),
    ("priority", "j1", {"priority": 3}, "jobdesk priority email j1 3"),
    ("priority", "j1", {"priority": None}, "jobdesk priority email j1 none"),
    ("edit", "j1", {}, "jobdesk edit email j1 --data -"),
    ("edit", "j1", {"data": {"to": "o'x"}},
     """jobdesk edit email j1 --data '{"to":"o'"'"'x"}'"""),
    ("undo", "ab12", {}, "jobdesk undo email ab12"),
    ("pause", "", {}, "jobdesk pause email"),
    ("pause", "", {"others": ("pdf", "sync")}, "jobdesk pause email pdf sync"),
    ("resume", "", {}, "jobdesk resume email"),
    ("clean", "", {}, "jobdesk clean email --status completed --grace 24h --yes"),
    ("clean", "", {"state": "failed", "grace": 90, "limit": 5},
     "jobdesk clean email --status failed --grace 90s --limit 5 --yes"),
    ("empty", "", {}, "jobdesk empty email --yes"),
    ("obliterate", "", {"force": True}, "jobdesk obliterate email --force --yes"),
    ("run-schedule", "nightly", {}, "jobdesk schedule run nightly --queue=email"),
    ("pause-schedule", "nightly", {}, "jobdesk schedule pause nightly --queue=email"),
    ("resume-schedule", "nightly", {}, "jobdesk schedule resume nightly --queue=email"),
    ("add", "welcome", {"data": {"n": 1}, "priority": 2, "delay": 90.5, "job_id": "j-1"},
     """jobdesk add email welcome --data '{"n":1}' --priority 2 --delay 90.5s --job-id j-1"""),
]  # fmt: skip


@pytest.mark.parametrize(("action", "job_id", "options", "line"), LINES)
def test_an_action_has_its_command_line(action, job_id, options, line):
    assert command_line(action, "email", job_id, **options) == line


@pytest.mark.parametrize("line", [line for *_, line in LINES])
def test_the_command_line_takes_it(line):
    _, *words = shlex.split(line)
    context = click.Context(cli)
    _, command, rest = cli.resolve_command(context, words)
    while isinstance(command, click.Group):
        _, command, rest = command.resolve_command(context, rest)

    parsed = command.make_context("jobdesk", rest, parent=context)

    assert parsed.params


@pytest.mark.parametrize("job_id", ["-rf", "--all", "a b", "$(id)", "a;b", "ä'\""])
def test_ids_reach_the_command_as_they_are(job_id):
    line = command_line("retry", "email", job_id)
    _, _, *rest = shlex.split(line)
    _, command, _ = cli.resolve_command(click.Context(cli), ["retry"])

    parsed = command.make_context("retry", rest)

    assert (parsed.params["queue"], parsed.params["job_id"]) == ("email", job_id)


def test_all_queues_are_paused_by_an_option():
    assert command_line("pause", "") == "jobdesk pause --all"


def test_what_has_no_command_has_no_line():
    assert command_line("max-active", "email") == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (1.5, "1.5s"), (59, "59s"), (60, "1m"), (90, "90s"), (3600, "1h"),
     (86_400, "24h"), (172_800, "2d"), (100_000, "100000s"), (1_000_001, "1000001s")],
)  # fmt: skip
def test_spans_read_as_people_write_them(seconds, text):
    assert span(seconds) == text
