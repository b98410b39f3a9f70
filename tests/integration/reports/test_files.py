"""What is written: spreadsheets with numbers and no formulas, JSON, and a PDF one can hand on."""

from __future__ import annotations

import csv
import json
import logging
import re
import subprocess
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest
from sqlalchemy import insert, update

from jobdesk.db import tables
from jobdesk.db.connection import reading, writing
from jobdesk.errors import PermanentError
from jobdesk.reports import as_xlsx
from jobdesk.reports import export as export_module
from jobdesk.reports.as_json import write_json
from jobdesk.reports.as_pdf import write_pdf
from jobdesk.reports.as_xlsx import write_xlsx
from jobdesk.reports.export import Wanted, export
from jobdesk.reports.financial import financial
from jobdesk.reports.period import Period
from tests.integration.reports.firm import FIRM, T0, write_firm

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection, Engine

JANUARY = Period(date(2025, 1, 1), date(2025, 1, 31))
HOSTILE = ["=1+1", "+966501234567", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "＝1+1", "＋1", "－1",
           "＠x", "\u3000=1"]  # fmt: skip
HARMLESS = ["a=b", "1-2", "محكمة", "O'Neil", 'say "hi", please', "two\nlines"]


@pytest.fixture
def database() -> str | None:
    """One database is enough: what is written comes after it."""
    return None


@pytest.fixture
def db(engine: Engine) -> Iterator[Connection]:
    write_firm(engine)
    with writing(engine) as connection:
        connection.execute(
            insert(tables.clients),
            [
                {"id": f"x{n:02}", "firm_id": FIRM, "name": text, "kind": "person",
                 "created_at": T0}
                for n, text in enumerate([*HOSTILE, *HARMLESS])
            ],
        )  # fmt: skip
    with reading(engine) as connection:
        yield connection


def write(db: Connection, path: Path, **wanted: Any) -> int:
    told: list[tuple[int, int]] = []
    rows = export(
        db,
        FIRM,
        Wanted(**{"dataset": "clients", "filters": {}, **wanted}),
        path,
        told=lambda done, total: told.append((done, total)),
    )
    assert told[0] == (0, rows)
    assert told[-1] == (rows, rows)
    return rows


def test_csv_text_is_never_a_formula_and_arabic_is_marked_as_utf_8(
    db: Connection, tmp_path: Path
) -> None:
    write(db, tmp_path / "x.csv", format="csv", columns=("id", "name", "nameAr", "phone"))

    raw = (tmp_path / "x.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    assert raw.endswith(b"\r\n")
    rows = list(csv.reader(raw.decode("utf-8-sig").splitlines(keepends=True)))
    assert rows[0] == ["Id", "Name", "Name (Arabic)", "Phone"]
    named = {row[0]: row for row in rows[1:]}
    assert named["c1"][1:] == ["'=cmd|' /C calc'!A0", "شركة", "'+966501234567"]
    for place, text in enumerate(HOSTILE):
        assert named[f"x{place:02}"][1].startswith("'"), text
    for place, text in enumerate(HARMLESS, len(HOSTILE)):
        assert named[f"x{place:02}"][1] == text


def test_csv_amounts_are_plain_numbers_and_days_are_riyadh_s(
    db: Connection, tmp_path: Path
) -> None:
    columns = ("id", "amount", "receivedAt", "refunded")
    write(db, tmp_path / "x.csv", dataset="payments", format="csv", columns=columns)

    text = (tmp_path / "x.csv").read_text(encoding="utf-8-sig")
    rows = {row[0]: row[1:] for row in csv.reader(text.splitlines())}
    assert rows["p2"] == ["300.00", "2025-02-01", "0.00"]
    assert rows["p9"] == ["33.33", "", "0.00"]
    assert "p8" not in rows  # another firm's


def test_xlsx_figures_are_numbers_dates_dates_and_text_text(db: Connection, tmp_path: Path) -> None:
    write(db, tmp_path / "i.xlsx", dataset="invoices", format="xlsx", language="ar")
    write(db, tmp_path / "c.xlsx", format="xlsx")

    sheet = openpyxl.load_workbook(tmp_path / "i.xlsx").active
    head, first, *_ = sheet.iter_rows(values_only=True)
    row = dict(zip(head, first, strict=True))
    assert (row["الصافي"], row["الإجمالي"]) == (1000.01, 1150.01)
    assert row["تاريخ الإصدار"] == datetime(2025, 1, 1)  # noqa: DTZ001  # a sheet has no zones
    assert sheet.sheet_view.rightToLeft
    cells = [cell for line in openpyxl.load_workbook(tmp_path / "c.xlsx").active for cell in line]
    assert {cell.data_type for cell in cells if cell.value is not None} <= {"s", "d"}
    assert "'=1+1" in {cell.value for cell in cells}


def test_xlsx_goes_on_on_the_next_sheet_when_one_is_full(
    db: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_module, "SHEET_ROWS", 8)

    rows = write(db, tmp_path / "x.xlsx", format="xlsx")

    book = openpyxl.load_workbook(tmp_path / "x.xlsx")
    assert [sheet.title for sheet in book] == ["Clients", "Clients 2", "Clients 3"]
    assert sum(sheet.max_row - 1 for sheet in book) == rows


def test_json_has_an_object_a_line_and_amounts_as_text(db: Connection, tmp_path: Path) -> None:
    write(db, tmp_path / "x.json", dataset="time-entries", format="json")

    text = (tmp_path / "x.json").read_text()
    rows = json.loads(text)
    assert len(rows) == 4
    assert text.count("\n") == len(rows) + 2
    assert rows[0] == {
        "id": "t1", "workedOn": "2025-01-01", "person": "Noura", "personAr": "نورة",
        "case": "C-1", "hours": "1.50", "billable": True, "rate": "900.00",
        "amount": "1350.00", "description": None,
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["csv", "json", "xlsx"])
def test_an_export_of_nothing_is_a_file_without_rows(
    db: Connection, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / f"x.{kind}"

    rows = write(db, path, dataset="bank-transactions", format=kind)

    assert rows == 0
    assert path.stat().st_size > 0
    if kind == "json":
        assert json.loads(path.read_text()) == []


def test_filters_and_days_narrow_an_export(db: Connection, tmp_path: Path) -> None:
    rows = write(
        db,
        tmp_path / "x.json",
        dataset="payments",
        format="json",
        period=JANUARY,
        filters={"status": {"ne": "failed"}, "receivedAt": {"gt": "2025-01-10"}},
    )

    assert rows == 3
    ids = [row["id"] for row in json.loads((tmp_path / "x.json").read_text())]
    assert ids == ["p5", "p6", "p7"]


def test_a_column_that_is_not_there_is_refused(db: Connection, tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="no column 'secret'"):
        write(db, tmp_path / "x.csv", format="csv", columns=("id", "secret"))


def test_a_report_as_json_tells_amounts_exactly(db: Connection, tmp_path: Path) -> None:
    write_json(financial(db, FIRM, JANUARY), tmp_path / "x.json")

    told = json.loads((tmp_path / "x.json").read_text())
    assert told["figures"]["invoicedNet"] == "2900.01"
    assert told["figures"]["margin"] == "86.2"
    assert told["tables"]["months"]["totals"]["invoicedNet"] == "2900.01"
    assert (told["firmId"], told["startDate"], told["currency"]) == (FIRM, "2025-01-01", "SAR")


@pytest.mark.parametrize("language", ["en", "ar"])
def test_a_report_as_xlsx_has_its_figures_as_numbers(
    db: Connection, tmp_path: Path, language: str
) -> None:
    write_xlsx(financial(db, FIRM, JANUARY), tmp_path / "x.xlsx", language=language)

    book = openpyxl.load_workbook(tmp_path / "x.xlsx")
    summary = book.worksheets[0]
    numbers = [row[1].value for row in summary.iter_rows(min_row=5) if row[1].value is not None]
    assert numbers[:4] == [2900.01, 1925.0, 400.01, 2500.0]
    assert book.worksheets[1].max_row == 3  # head, January, total
    assert bool(summary.sheet_view.rightToLeft) == (language == "ar")


def test_a_sheet_s_name_is_one_that_excel_takes(tmp_path: Path) -> None:
    sheets = as_xlsx.Sheets(tmp_path / "x.xlsx", right_to_left=False)

    sheets.add("a/b[c]:*?" + "x" * 40)
    sheets.book.close()

    assert openpyxl.load_workbook(tmp_path / "x.xlsx").sheetnames == ["a b c    " + "x" * 22]


@pytest.mark.parametrize(("language", "word"), [("en", "Financial report"), ("ar", "مكتب صغير")])
def test_a_report_as_pdf_holds_its_figures_in_order_and_every_glyph(
    engine: Engine,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    language: str,
    word: str,
) -> None:
    write_firm(engine)
    with reading(engine) as db, caplog.at_level(logging.WARNING):
        report = financial(db, FIRM, JANUARY)
        done = write_pdf(
            report, tmp_path / "x.pdf", root=tmp_path, language=language, made_on=date(2026, 1, 1)
        )

    text = subprocess.run(
        ["pdftotext", "-layout", done.path, "-"], check=True, capture_output=True, text=True
    ).stdout
    plain = re.sub("[\u200e\u200f\u202a-\u202e\u2066-\u2069]", "", text)
    for figure in ("2,900.01", "1,925.00", "400.01", "2,500.00", "86.2%"):
        assert figure in plain
    assert all(part in plain for part in word.split())
    assert [record.message for record in caplog.records] == []


def test_a_loss_is_written_with_its_sign_before_the_digits_in_arabic_too(
    engine: Engine, tmp_path: Path
) -> None:
    write_firm(engine)
    with writing(engine) as connection:
        connection.execute(update(tables.invoices).values(status="void"))
    with reading(engine) as db:
        report = financial(db, FIRM, JANUARY)
        write_pdf(
            report, tmp_path / "x.pdf", root=tmp_path, language="ar", made_on=date(2026, 1, 1)
        )

    text = subprocess.run(
        ["pdftotext", tmp_path / "x.pdf", "-"], check=True, capture_output=True, text=True
    ).stdout
    assert "−400.01" in text
