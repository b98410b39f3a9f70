"""The way to the database: one engine per process, and transactions that say what they are for.

``DATABASE_URL`` names it (``postgresql://…`` or ``sqlite:///…``); without it, it is the file
``jobdesk.db`` in the data folder, whose tables are made when it is first used. ``reading`` sees one
state of the data from its first statement to its last; ``writing`` takes SQLite's one writer's
place at once, so that two writers wait for each other and never fail half-way. SQLAlchemy's errors
leave here as jobdesk's.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, ProgrammingError

from jobdesk import settings as settings_module
from jobdesk.db.tables import metadata
from jobdesk.errors import InvalidSetting, NotConfigured, PermanentError, TransientError

if TYPE_CHECKING:
    from jobdesk.settings import Settings

FILE = "jobdesk.db"
#: Seconds that a writer waits for another, in SQLite.
BUSY_S = 5
#: Any number will do, as long as it is always the same: who makes tables in PostgreSQL waits on it.
_INIT_LOCK = 0x6A6F6264
_engines: dict[tuple[int, str], Engine] = {}


def connect(settings: Settings | None = None) -> Engine:
    """The engine of this process for the settings' database; the same one every time."""
    settings = settings or settings_module.current()
    url = database_url(settings)
    # a connection must not cross a fork: each process has its own
    name = (os.getpid(), url.render_as_string(hide_password=False))
    engine = _engines.get(name)
    if engine is None:
        engine = _engines[name] = make_engine(url)
        if settings.database_url is None:
            create_tables(engine)
    return engine


def close_all() -> None:
    """Close the connections of this process."""
    for name in [name for name in _engines if name[0] == os.getpid()]:
        _engines.pop(name).dispose()


def database_url(settings: Settings) -> URL:
    """Where the database is; ``InvalidSetting`` where it can be none of ours."""
    if settings.database_url is None:
        return URL.create("sqlite", database=str(settings.data_folder / FILE))
    try:
        url = make_url(settings.database_url.get_secret_value())
    except (ArgumentError, ValueError):
        raise InvalidSetting("DATABASE_URL is not a URL, as postgresql://user@host/name") from None
    kind = url.drivername.partition("+")[0]
    if kind in {"postgresql", "postgres"}:
        return url.set(drivername="postgresql+psycopg")
    if kind == "sqlite":
        return url.set(drivername="sqlite")
    raise InvalidSetting(f"DATABASE_URL names {kind}; jobdesk knows postgresql and sqlite")


def describe(engine: Engine) -> str:
    """The database's address without its password."""
    return engine.url.render_as_string(hide_password=True)


def make_engine(url: URL) -> Engine:
    """An engine set up as jobdesk needs it; most callers want :func:`connect`."""
    if url.get_backend_name() == "sqlite":
        return _sqlite(url)
    return create_engine(url, pool_pre_ping=True, pool_size=5, max_overflow=20)


def create_tables(engine: Engine) -> None:
    """Make the tables that are missing; harmless when another makes them now."""
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _INIT_LOCK})
        metadata.create_all(connection)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection that sees the data as they are at its first statement, and changes nothing."""
    with _errors(engine), engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes; it is committed when the block ends without an error."""
    with _errors(engine), engine.connect() as connection:
        connection.execution_options(jobdesk_writes=True)
        with connection.begin():
            yield connection


@contextmanager
def _errors(engine: Engine) -> Iterator[None]:
    try:
        yield
    except DBAPIError as exc:
        raise _translated(exc, engine) from exc


def _translated(exc: DBAPIError, engine: Engine) -> Exception:
    """Ours for theirs. The statement's parameters, which are people's data, stay out of it."""
    why = str(exc.orig).strip().partition("\n")[0][:200]
    lacks_table = isinstance(exc, OperationalError | ProgrammingError) and (
        "no such table" in why or getattr(exc.orig, "sqlstate", None) == "42P01"
    )
    if lacks_table:
        return NotConfigured("the database has no tables yet: run 'jobdesk db init'")
    if exc.connection_invalidated or isinstance(exc, OperationalError):
        return TransientError(f"the database {describe(engine)} cannot be used: {why}")
    return PermanentError(f"the database refused: {type(exc).__name__}: {why}")


def _use_wal(cursor: sqlite3.Cursor) -> None:
    """Switch to the write-ahead log. Of those that do so at once, SQLite lets only one wait."""
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as exc:
            if "locked" not in str(exc) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _sqlite(url: URL) -> Engine:
    if url.database and url.database != ":memory:":
        from pathlib import Path

        Path(url.database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _record: Any) -> None:
        # with its own idea of when a transaction begins, sqlite3 begins none for a SELECT
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_S * 1000}")
        _use_wal(cursor)
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("jobdesk_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
