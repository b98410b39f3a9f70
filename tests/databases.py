"""Both databases for tests: fixtures for the conftest of the folders that need them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jobdesk import settings as settings_module
from jobdesk.db import connection
from tests import postgres_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from jobdesk.settings import Settings

BOTH = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def postgres() -> Iterator[postgres_server.PostgresServer]:
    """A PostgreSQL for the session (one per xdist worker)."""
    if postgres_server.binaries() is None:
        pytest.skip("no PostgreSQL on this machine; run scripts/setup.sh test")
    yield postgres_server.acquire()
    postgres_server.release()


@pytest.fixture(params=BOTH)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str | None:
    """The URL of an empty database; None: the file in the data folder. Each test runs on both."""
    if request.param == "sqlite":
        return None
    server: postgres_server.PostgresServer = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture
def db_settings(database: str | None, tmp_path: Path) -> Iterator[Settings]:
    """The settings for the database, this process's current ones too. No Redis."""
    made = settings_module.load(data=tmp_path / "data", database_url=database, _env_file=None)
    settings_module.use(made)
    yield made
    connection.close_all()
    settings_module.use(None)


@pytest.fixture
def engine(db_settings: Settings) -> Engine:
    """The engine of the database, with its tables."""
    made = connection.connect(db_settings)
    connection.create_tables(made)
    return made
