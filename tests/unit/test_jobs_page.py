"""docs/jobs.md is what the models say, and what it says beside them is so."""

from __future__ import annotations

import re
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from jobdesk import errors
from jobdesk.tasks import QUEUES
from scripts import jobs_page

ROOT = Path(__file__).parents[2]
FACTS = tomllib.loads(jobs_page.FACTS.read_text("utf-8"))
TYPES = [(name, kind) for name in QUEUES for kind in FACTS[name]["types"]]
SETTINGS = (ROOT / "docs/settings.md").read_text("utf-8")
SOURCE = "".join(
    path.read_text("utf-8")
    for path in (ROOT / "jobdesk").rglob("*.py")
    if path.parent.name != "tui"
)


def test_the_page_is_what_the_models_say():
    assert jobs_page.PAGE.read_text("utf-8") == jobs_page.page(), (
        "a type or a field has changed: run .venv/bin/python -m scripts.jobs_page"
    )


@pytest.mark.parametrize("name", QUEUES)
def test_every_type_is_on_the_page_and_no_other(name):
    queue = import_module(f"jobdesk.tasks.{name}").queue

    assert sorted(FACTS[name]["types"]) == sorted(queue.types)


@pytest.mark.parametrize(("name", "kind"), TYPES)
def test_settings_errors_and_results_that_the_page_names_are_real(name, kind):
    facts = jobs_page.facts_of(FACTS[name], kind)

    told = " ".join(f"`{one}`" for one in facts.get("settings", ())) + facts.get("needs", "")
    for setting in re.findall(r"`([A-Z][A-Z_]+)`", told):
        assert f"| `{setting}` |" in SETTINGS
    for error in facts["errors"]:
        assert issubclass(getattr(errors, error), errors.JobFailure)
    assert facts["result"]
    for field in facts["result"]:
        assert f'"{field}"' in SOURCE
    assert not re.search(r'"?as (above|for invoice)', str(facts))
