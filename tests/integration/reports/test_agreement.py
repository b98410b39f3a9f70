"""SQLite and PostgreSQL tell the same of the same firm, to the halala and to the row."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from jobdesk import settings as settings_module
from jobdesk.db.connection import close_all, connect, create_tables, reading, writing
from jobdesk.db.sample import firm_id, write_sample
from jobdesk.reports.aging import client_aging
from jobdesk.reports.analytics import analytics
from jobdesk.reports.as_json import as_object
from jobdesk.reports.custom import DEFINITIONS, custom
from jobdesk.reports.datasets import DATASETS
from jobdesk.reports.export import Wanted, export
from jobdesk.reports.financial import financial
from jobdesk.reports.period import Period
from jobdesk.reports.utilization import time_utilization

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine

    from tests.postgres_server import PostgresServer

FIRM = firm_id(1)
YEAR = Period(date(2025, 1, 1), date(2025, 12, 31))
ODD = Period(date(2025, 2, 27), date(2026, 3, 1))


@pytest.fixture(scope="module")
def engines(
    postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Engine]]:
    made = []
    for url in (None, postgres.new_database()):
        settings = settings_module.load(
            data=tmp_path_factory.mktemp("data"), database_url=url, _env_file=None
        )
        made.append(connect(settings))
        create_tables(made[-1])
        with writing(made[-1]) as connection:
            write_sample(connection)
    yield made
    close_all()


def all_reports(engine: Engine, period: Period) -> dict[str, Any]:
    with reading(engine) as db:
        reports = [
            financial(db, FIRM, period),
            analytics(db, FIRM, period),
            time_utilization(db, FIRM, period),
            client_aging(db, FIRM, period.end),
            *(custom(db, FIRM, period, definition=name, filters={}) for name in DEFINITIONS),
        ]
    return {report.kind: as_object(report) for report in reports}


@pytest.mark.parametrize("period", [YEAR, ODD])
def test_both_databases_tell_the_same_figures(engines: list[Engine], period: Period) -> None:
    sqlite, postgresql = (all_reports(engine, period) for engine in engines)

    assert postgresql == sqlite
    assert sqlite["financial"]["figures"]["invoicedNet"] > "1000000.00"


@pytest.mark.parametrize("dataset", sorted(set(DATASETS) - {"bank-transactions"}))
@pytest.mark.parametrize("kind", ["csv", "json"])
def test_both_databases_export_the_same_bytes(
    engines: list[Engine], tmp_path: Path, dataset: Any, kind: str
) -> None:
    written = []
    for engine in engines:
        path = tmp_path / engine.dialect.name
        with reading(engine) as db:
            wanted = Wanted(dataset=dataset, format=kind, period=ODD, filters={})
            rows = export(db, FIRM, wanted, path, told=lambda _done, _total: None)
        written.append((rows, path.read_bytes()))

    assert written[0] == written[1]
    assert written[0][0] > 0


def test_the_months_of_a_year_are_the_year(engines: list[Engine]) -> None:
    first = [date(2025, month, 1) for month in range(1, 13)]
    last = [day - timedelta(days=1) for day in (*first[1:], date(2026, 1, 1))]
    with reading(engines[0]) as db:
        parts = [financial(db, FIRM, period) for period in map(Period, first, last)]
        whole = financial(db, FIRM, YEAR)

    for place, figure in enumerate(whole.figures):
        if figure.key != "margin":
            assert sum(part.figures[place].value or 0 for part in parts) == figure.value, figure.key
