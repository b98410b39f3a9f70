"""Transactions, types and errors, on SQLite and PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert, inspect, select, update
from sqlalchemy.exc import StatementError

from jobdesk import settings as settings_module
from jobdesk.db import tables
from jobdesk.db.connection import (
    connect,
    create_tables,
    database_url,
    describe,
    make_engine,
    reading,
    writing,
)
from jobdesk.db.upsert import insert_new, upsert
from jobdesk.errors import InvalidSetting, NotConfigured, PermanentError, TransientError

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from jobdesk.settings import Settings
    from tests.postgres_server import PostgresServer

NOW = datetime(2026, 1, 31, 22, 30, 0, 123456, tzinfo=UTC)
RATE = {
    "source": "frankfurter",
    "base": "SAR",
    "quote": "USD",
    "rate": Decimal("0.26666666666666666667"),
    "inverse": Decimal("3.75"),
    "published_at": NOW,
    "fetched_at": NOW,
}
NOTE = {
    "user_id": "u1",
    "job_id": "j1",
    "title": "t",
    "message": "m",
    "kind": "info",
    "created_at": NOW,
}


def test_several_processes_may_make_the_tables_at_once(
    database: str | None, tmp_path: Path
) -> None:
    url = database or f"sqlite:///{tmp_path / 'new' / 'x.db'}"
    settings = settings_module.load(data=tmp_path, database_url=url, _env_file=None)
    engines = [make_engine(database_url(settings)) for _ in range(4)]

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(create_tables, engines))

    assert set(inspect(engines[0]).get_table_names()) == set(tables.metadata.tables)
    for one in engines:
        one.dispose()


def test_our_own_file_has_its_tables_from_the_first_use(tmp_path: Path) -> None:
    settings = settings_module.load(data=tmp_path, _env_file=None)

    engine = connect(settings)

    assert inspect(engine).has_table("invoices")
    assert connect(settings) is engine


def test_an_instant_comes_back_as_it_went_in_from_any_zone(engine: Engine) -> None:
    riyadh = NOW.astimezone(timezone(timedelta(hours=3)))
    with writing(engine) as connection:
        upsert(connection, tables.currency_rates, [{**RATE, "published_at": riyadh}], key=KEY)

    with reading(engine) as connection:
        row = connection.execute(select(tables.currency_rates)).one()

    assert row.published_at == NOW
    assert row.published_at.utcoffset() == timedelta(0)
    assert row.rate == RATE["rate"]


KEY = ("source", "base", "quote", "published_at")


def test_an_instant_without_a_zone_is_refused(engine: Engine) -> None:
    naive = NOW.replace(tzinfo=None)

    with pytest.raises(StatementError, match="no time zone"), writing(engine) as connection:
        connection.execute(insert(tables.currency_rates), [{**RATE, "fetched_at": naive}])


def test_an_upsert_changes_what_may_change_and_keeps_what_shall_stay(engine: Engine) -> None:
    later = NOW + timedelta(hours=1)
    with writing(engine) as connection:
        upsert(connection, tables.currency_rates, [RATE], key=KEY)

    with writing(engine) as connection:
        changed = {**RATE, "inverse": Decimal("3.76"), "fetched_at": later}
        upsert(connection, tables.currency_rates, [changed], key=KEY, keep=("fetched_at",))

    with reading(engine) as connection:
        rows = connection.execute(select(tables.currency_rates)).all()
    assert [(row.inverse, row.fetched_at) for row in rows] == [(Decimal("3.76"), NOW)]


def test_inserting_again_says_what_was_new(engine: Engine) -> None:
    key = ("job_id", "user_id")
    with writing(engine) as connection:
        first = insert_new(connection, tables.notifications, [NOTE], key=key)
        again = insert_new(
            connection, tables.notifications, [NOTE, {**NOTE, "user_id": "u2"}], key=key
        )

    assert (first, again) == (1, 1)


def test_more_rows_than_a_statement_takes_are_written_all_the_same(engine: Engine) -> None:
    rows = [{**NOTE, "user_id": f"u{n}"} for n in range(6_000)]

    with writing(engine) as connection:
        new = insert_new(connection, tables.notifications, rows, key=("job_id", "user_id"))

    assert new == 6_000


def test_writers_wait_for_each_other_and_lose_nothing(engine: Engine) -> None:
    table = tables.sync_cursors
    with writing(engine) as connection:
        connection.execute(
            insert(table), [{"name": "n", "subject": "s", "position": "0", "updated_at": NOW}]
        )

    def count_up(_n: int) -> None:
        with writing(engine) as connection:
            query = select(table.c.position)
            if engine.dialect.name == "postgresql":
                query = query.with_for_update()
            value = int(connection.execute(query).scalar_one())
            connection.execute(update(table).values(position=str(value + 1)))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(count_up, range(40)))

    with reading(engine) as connection:
        assert connection.execute(select(table.c.position)).scalar_one() == "40"


def test_a_reader_sees_one_state_to_its_end(engine: Engine) -> None:
    with reading(engine) as connection:
        before = connection.execute(select(tables.notifications)).all()
        with writing(engine) as other:
            other.execute(insert(tables.notifications), [NOTE])
        after = connection.execute(select(tables.notifications)).all()

    assert before == after == []


def test_what_fails_half_way_leaves_nothing(engine: Engine) -> None:
    def fail_half_way() -> None:
        with writing(engine) as connection:
            connection.execute(insert(tables.notifications), [NOTE])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()

    with reading(engine) as connection:
        assert connection.execute(select(tables.notifications)).all() == []


def test_a_refused_row_is_a_permanent_error_that_shows_no_data(engine: Engine) -> None:
    client = {"id": "c", "firm_id": "nobody", "name": "Secret Client", "kind": "company"}

    with pytest.raises(PermanentError) as caught, writing(engine) as connection:
        connection.execute(insert(tables.clients), [{**client, "created_at": NOW}])

    assert "Secret Client" not in str(caught.value)


def test_a_database_without_tables_names_the_command(database: str | None, tmp_path: Path) -> None:
    url = database or f"sqlite:///{tmp_path / 'empty.db'}"
    engine = connect(settings_module.load(data=tmp_path, database_url=url, _env_file=None))

    with pytest.raises(NotConfigured, match="jobdesk db init"), reading(engine) as connection:
        connection.execute(select(tables.invoices))


def test_a_server_that_is_away_is_tried_again_and_its_password_stays_hidden(
    tmp_path: Path,
) -> None:
    url = f"postgresql://me:s3cret@/x?host={tmp_path}"
    settings = settings_module.load(data=tmp_path, database_url=url, _env_file=None)

    with pytest.raises(TransientError) as caught, reading(connect(settings)):
        pass

    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in describe(connect(settings))


def test_a_connection_that_was_cut_is_replaced(postgres: PostgresServer, tmp_path: Path) -> None:
    url = postgres.new_database()
    engine = connect(settings_module.load(data=tmp_path, database_url=url, _env_file=None))
    create_tables(engine)
    with reading(engine) as connection:
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()

    postgres.end_session(pid)

    with reading(engine) as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1


@pytest.mark.parametrize(
    ("url", "says"), [("mysql://h/d", "knows postgresql and sqlite"), ("nonsense", "not a URL")]
)
def test_another_kind_of_database_is_refused(url: str, says: str, tmp_path: Path) -> None:
    settings = settings_module.load(data=tmp_path, database_url=url, _env_file=None)

    with pytest.raises(InvalidSetting, match=says):
        connect(settings)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_every_spelling_of_postgresql_is_psycopg_3(scheme: str, tmp_path: Path) -> None:
    settings = settings_module.load(data=tmp_path, database_url=f"{scheme}://h/d", _env_file=None)

    assert database_url(settings).drivername == "postgresql+psycopg"


def test_the_data_folder_s_database_is_nobody_else_s(db_settings: Settings) -> None:
    if db_settings.database_url is None:
        connect(db_settings)
        assert db_settings.data_folder.stat().st_mode & 0o077 == 0
