"""The sample firm: the same for a seed, harmless twice, and made by a command."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from jobdesk.db import tables
from jobdesk.db.connection import reading, writing
from jobdesk.db.sample import FIRST, LAST, firm_id, write_sample

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from jobdesk.settings import Settings

#: Of all rows of all tables, in order. It changes when the sample is drawn differently: on purpose.
DIGEST = "60d04c5c26690851"


def digest(engine: Engine) -> str:
    seen = hashlib.sha256()
    with reading(engine) as connection:
        for table in tables.metadata.sorted_tables:
            for row in connection.execute(select(table).order_by(*table.primary_key)):
                seen.update(repr(tuple(row)).encode())
    return seen.hexdigest()[:16]


def test_the_sample_spans_two_years_is_the_same_everywhere_and_twice_is_once(
    engine: Engine,
) -> None:
    with writing(engine) as connection:
        written = write_sample(connection)
    first = digest(engine)

    with writing(engine) as connection:
        again = write_sample(connection)

    assert sum(again.values()) == 0
    assert digest(engine) == first == DIGEST
    assert written["time_entries"] > 5_000
    assert written["invoices"] > 300
    entries, invoices, payments = tables.time_entries.c, tables.invoices.c, tables.payments.c
    with reading(engine) as connection:
        first, last = connection.execute(
            select(func.min(entries.worked_on), func.max(entries.worked_on))
        ).one()
        assert (first - FIRST).days < 7
        assert (LAST - last).days < 7
        paid = select(payments.invoice_id, func.sum(payments.amount).label("paid")).group_by(
            payments.invoice_id
        ).subquery()  # fmt: skip
        overpaid = select(func.count()).where(
            paid.c.invoice_id == invoices.id, paid.c.paid > invoices.total
        )
        assert connection.execute(overpaid).scalar_one() == 0


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_another_seed_is_another_firm_beside_it(engine: Engine) -> None:
    with writing(engine) as connection:
        write_sample(connection, 1)
        write_sample(connection, 2)

    with reading(engine) as connection:
        ids = set(connection.scalars(select(tables.firms.c.id)))
    assert ids == {firm_id(1), firm_id(2)}


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_the_commands_make_tables_and_sample_and_say_the_firm(db_settings: Settings) -> None:
    url = db_settings.database_url
    environment = {
        "JOBDESK_DATA": str(db_settings.data_folder),
        "DATABASE_URL": url.get_secret_value() if url else "",
        "PATH": "/usr/bin:/bin",
    }

    def run(*words: str) -> dict[str, object]:
        done = subprocess.run(
            [sys.executable, "-m", "jobdesk", "db", *words, "--json"],
            check=True, capture_output=True, text=True, env=environment, timeout=60,
        )  # fmt: skip
        answer: dict[str, object] = json.loads(done.stdout)
        return answer

    assert run("init")["success"] is True
    first, again = run("sample", "--seed", "7"), run("sample", "--seed", "7")

    assert first["firmId"] == again["firmId"] == firm_id(7)
    assert first["rows"] != 0
    assert again["rows"] == 0
