"""How it starts: only on a terminal, only when asked for, and what --once prints."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


def jobdesk(environment, *words):
    return subprocess.run(
        [sys.executable, "-m", "jobdesk", *words],
        env=environment, capture_output=True, text=True, timeout=60, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_without_a_terminal_it_says_what_to_use_instead(environment):
    done = jobdesk(environment, "tui")

    assert done.returncode == 2
    assert "--once" in done.stderr


def test_its_options_need_no_word_before_them(environment):
    done = jobdesk(environment, "--workers")

    assert done.returncode == 2
    assert "needs a terminal" in done.stderr
    assert jobdesk(environment, "--once", "--workers").returncode == 2
    assert "jobdesk --workers" in jobdesk(environment, "--help").stdout


def test_production_gets_no_workers_from_a_dashboard(settings):
    from jobdesk import settings as settings_module
    from jobdesk.cli.tui import _with_workers
    from jobdesk.errors import BadInput

    there = settings_module.ContextSettings(url="redis://127.0.0.1:1")
    settings_module.use(settings.model_copy(update={"contexts": {"prod": there}}))
    try:
        with pytest.raises(BadInput, match="prod is production"):
            _with_workers(1, read_only=False, context="prod", mode="")
    finally:
        settings_module.use(None)


def test_once_prints_what_is_there(environment, thumbs):
    thumbs.failed("f1", "f2")

    done = jobdesk(environment, "tui", "--once", "--format", "json")

    assert done.returncode == 0
    (queue,) = json.loads(done.stdout)["data"]["queues"]
    assert (queue["name"], queue["failed"], queue["workers"]) == ("thumbs", 2, 0)
    assert "thumbs" in jobdesk(environment, "tui", "--once").stdout


def test_once_without_redis_exits_with_3(environment):
    done = jobdesk(environment | {"REDIS_URL": "redis://127.0.0.1:1"}, "tui", "--once")

    assert done.returncode == 3


def test_an_unknown_context_is_refused_by_name(environment):
    done = jobdesk(environment, "tui", "--once", "--context", "prod")

    assert done.returncode == 2
    assert "'prod'" in done.stderr


def test_a_command_works_on_the_context_that_is_named_before_it(environment, settings, thumbs):
    thumbs.failed("f1")
    here = {"url": environment["REDIS_URL"], "namespace": settings.namespace}
    elsewhere = environment | {
        "REDIS_URL": "redis://127.0.0.1:1", "JOBDESK_NAMESPACE": "other",
        "JOBDESK_CONTEXTS": json.dumps({"here": here}),
    }  # fmt: skip

    assert jobdesk(elsewhere, "queues").returncode == 3
    for words in (("--context", "here"), ("--context=here",)):
        done = jobdesk(elsewhere, *words, "jobs", "thumbs", "--state", "failed", "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["data"][0]["jobId"] == "f1"
    assert "thumbs" in jobdesk(elsewhere, "--context", "here", "tui", "--once").stdout
    assert jobdesk(elsewhere, "--context", "there", "queues").returncode == 2
    assert jobdesk(elsewhere, "--context", "here").returncode == 2, "the dashboard needs a terminal"


def test_the_keys_are_listed_with_their_ids(environment):
    done = jobdesk(environment, "keys")

    assert done.returncode == 0
    assert "job.retry" in done.stdout
    assert "ctrl+p" in done.stdout


@pytest.mark.parametrize("words", [("queues",), ("jobs", "thumbs"), ("--help",)])
def test_no_other_command_loads_textual(environment, thumbs, words):
    script = (
        "import sys\n"
        "from jobdesk.cli.main import cli\n"
        f"sys.argv = ['jobdesk', *{words!r}]\n"
        "try:\n    cli.main()\n"
        "except SystemExit:\n    sys.exit('textual' in sys.modules)\n"
    )

    done = subprocess.run([sys.executable, "-c", script], env=environment, timeout=60, check=False,
                          capture_output=True)  # fmt: skip

    assert done.returncode == 0, done.stderr
