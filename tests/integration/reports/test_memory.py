"""An export of many rows takes no more memory than one of few, to within a bound."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from jobdesk.db import tables
from jobdesk.db.connection import writing
from tests.integration.reports.firm import FIRM, PERSON, write_firm

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from jobdesk.settings import Settings

FEW = 10_000
ALLOWED_KIB = 64 << 10

#: Exports in a process of its own, as a worker's child does, and says what it took: VmHWM, since
#: ru_maxrss also has the peak of the process that started it, from before the exec.
EXPORT = """
import json, re, sys
from pathlib import Path
from jobdesk import settings as settings_module
from jobdesk.db.connection import connect, reading
from jobdesk.reports.export import Wanted, export
data, url, format, path = sys.argv[1:]
settings = settings_module.load(data=data, database_url=url or None, _env_file=None)
wanted = Wanted(dataset="time-entries", format=format, filters={})
with reading(connect(settings)) as connection:
    rows = export(connection, "firm", wanted, Path(path), told=lambda done, total: None)
status = Path("/proc/self/status").read_text()
print(json.dumps([rows, int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1])]))
"""


def fill(engine: Engine, rows: int) -> None:
    """So many more hours of work, written by the database itself."""
    numbers = (
        f"SELECT n FROM generate_series(1, {rows}) AS s(n)"
        if engine.dialect.name == "postgresql"
        else f"WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {rows}) "
        "SELECT n FROM s"
    )
    day = "DATE '2025-03-02'" if engine.dialect.name == "postgresql" else "'2025-03-02'"
    true = "TRUE" if engine.dialect.name == "postgresql" else "1"
    with writing(engine) as connection:
        connection.execute(tables.time_entries.delete())
        connection.execute(
            text(
                "INSERT INTO time_entries (id, firm_id, user_id, worked_on, minutes, billable,"
                f" rate, amount, description) SELECT 'row-' || n, '{FIRM}', '{PERSON}', {day},"
                f" 1 + n % 200, {true}, 90000, n, 'Work on the case, entry ' || n"
                f" FROM ({numbers}) AS x"
            )
        )


def peak_kib(settings: Settings, kind: str, path: Path, rows: int) -> int:
    url = settings.database_url.get_secret_value() if settings.database_url else ""
    done = subprocess.run(
        [sys.executable, "-c", EXPORT, settings.data_folder, url, kind, path],
        check=True,
        capture_output=True,
        text=True,
        timeout=900,
    )
    written, peak = json.loads(done.stdout)
    assert written == rows
    return int(peak)


def grows_by(settings: Settings, engine: Engine, kind: str, folder: Path, rows: int) -> int:
    write_firm(engine)
    fill(engine, FEW)
    few = peak_kib(settings, kind, folder / "few", FEW)
    fill(engine, rows)
    many = peak_kib(settings, kind, folder / "many", rows)
    print(f"{engine.dialect.name} {kind}: {few:,} KiB, with {rows:,} rows {many:,} KiB")
    return many - few


@pytest.mark.parametrize(
    ("database", "kind"),
    [("sqlite", "csv"), ("postgresql", "json"), ("sqlite", "xlsx")],
    indirect=["database"],
)
def test_three_times_the_rows_take_hardly_more_memory(
    db_settings: Settings, engine: Engine, tmp_path: Path, kind: str
) -> None:
    grown = grows_by(db_settings, engine, kind, tmp_path, 30_000)

    # the rows alone, held at once, would be some fifteen megabytes more
    assert grown < 6 << 10


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", ["csv", "json", "xlsx"])
def test_a_million_rows_take_at_most_64_mib_more_than_ten_thousand(
    db_settings: Settings, engine: Engine, tmp_path: Path, kind: str
) -> None:
    assert grows_by(db_settings, engine, kind, tmp_path, 1_000_000) <= ALLOWED_KIB
