"""The README's sample is the example file, to the letter."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def _code(text: str) -> list[str]:
    lines = (line.split("  #")[0].rstrip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith(('"""', "#"))]


def test_the_sample_in_the_readme_is_the_example_that_the_tests_run() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    block = re.search(r"```python\n# thumbs\.py\n(.*?)```", readme, re.DOTALL)

    assert block is not None
    assert _code(block[1]) == _code((ROOT / "examples/thumbs.py").read_text("utf-8"))


def test_every_document_that_the_readme_names_is_there() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    named = re.findall(r"\]\((?!https?:)([^)#]+)\)", readme)

    missing = [name for name in named if not (ROOT / name).exists()]

    assert named
    assert missing == []


def test_every_setting_is_in_its_document() -> None:
    from pydantic import AliasChoices

    from jobdesk.settings import Settings

    text = (ROOT / "docs/settings.md").read_text("utf-8")
    names = []
    for field in Settings.model_fields.values():
        alias = field.validation_alias
        names.append(alias.choices[0] if isinstance(alias, AliasChoices) else alias)

    assert [name for name in names if f"| `{name}` |" not in text] == []
