"""Both databases; and what takes minutes is left out unless it is asked for by ``-m slow``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.databases import database, db_settings, engine, postgres

__all__ = ["database", "db_settings", "engine", "postgres"]

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave them out of the count too: they are not skipped for want of anything."""
    if "slow" in (config.option.markexpr or ""):
        return
    slow = [i for i in items if _HERE in i.path.parents and i.get_closest_marker("slow")]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]
