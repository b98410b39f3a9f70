"""Every figure, counted by hand from a small firm, on both databases."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from jobdesk.db.connection import reading
from jobdesk.errors import PermanentError
from jobdesk.reports.aging import client_aging
from jobdesk.reports.analytics import METRICS, analytics
from jobdesk.reports.custom import DEFINITIONS, custom
from jobdesk.reports.financial import financial
from jobdesk.reports.period import Period
from jobdesk.reports.utilization import time_utilization
from tests.integration.reports.firm import FIRM, write_firm

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine

    from jobdesk.reports.model import Report, Table

JANUARY = Period(date(2025, 1, 1), date(2025, 1, 31))
TO_FEBRUARY = Period(date(2025, 1, 1), date(2025, 2, 28))


@pytest.fixture
def db(engine: Engine) -> Iterator[Connection]:
    write_firm(engine)
    with reading(engine) as connection:
        yield connection


def figures(report: Report) -> dict[str, int | None]:
    return {figure.key: figure.value for figure in report.figures}


def table(report: Report, key: str) -> Table:
    return next(one for one in report.tables if one.key == key)


def rows(report: Report, key: str) -> list[tuple[Any, ...]]:
    return [
        tuple(cell.en if hasattr(cell, "en") else cell for cell in row)
        for row in table(report, key).rows
    ]


def test_the_financial_report_counts_what_its_definition_says(db: Connection) -> None:
    report = financial(db, FIRM, JANUARY)

    # invoices 1 and 2 and the credit note 7: no draft, no void one, not the USD one
    net, vat = 100_001 + 200_000 - 10_000, 15_000 + 30_000 - 1_500
    # p1, p3 (January in Riyadh), p5 and p6; p2 is February, p5's refund too
    received = 60_000 + 80_500 + 40_000 + 12_000
    assert figures(report) == {
        "invoicedNet": net,
        "received": received,
        "expensesNet": 40_001,
        "result": net - 40_001,
        "invoicedTotal": net + vat,
        "refunded": 0,
        "vatOut": vat,
        "vatIn": 4_500,
        "vatDue": vat - 4_500,
        "margin": 86_207,  # 250,000 of 290,001 is 86.2066 %
    }


def test_months_are_riyadh_s_and_add_up(db: Connection) -> None:
    report = financial(db, FIRM, TO_FEBRUARY)

    months = {row[0]: row[1:] for row in rows(report, "months")}
    assert months["2025-02"] == (50_000, 7_500, 57_500, 30_000, 15_000, 30_000, 4_500, 20_000)
    totals = table(report, "months").totals
    assert totals is not None
    assert list(totals[1:]) == [sum(column) for column in zip(*months.values(), strict=True)]


def test_a_month_without_anything_is_there_with_zeros(db: Connection) -> None:
    report = financial(db, FIRM, Period(date(2023, 11, 15), date(2024, 2, 3)))

    assert [row[0] for row in rows(report, "months")] == [
        "2023-11", "2023-12", "2024-01", "2024-02",
    ]  # fmt: skip
    assert figures(report)["margin"] is None


def test_what_is_left_out_for_its_currency_is_said(db: Connection) -> None:
    said = " ".join(note.en for note in financial(db, FIRM, JANUARY).notes)

    assert "not in SAR: 1 invoices." in said
    assert "not in SAR: 1 payments." in said
    assert "not in SAR: 1 expenses." in said


@pytest.mark.parametrize(
    ("as_of", "ages"),
    [
        # i-1 is 115,001 less 60,000 and, from 1 February on, 30,000
        (date(2025, 1, 31), {"current": 55_001 + 190_000, "days1to30": -11_500}),
        # i-1 is 30 days past due; 15,000 of i-2's payment went back; i-3 is c2's
        (date(2025, 3, 2), {"current": 205_000, "days1to30": 25_001, "days31to60": -11_500}),
        (date(2025, 3, 3), {"days1to30": 205_000, "days31to60": 25_001 - 11_500}),
    ],
)
def test_open_balances_age_from_the_due_date(
    db: Connection, as_of: date, ages: dict[str, int]
) -> None:
    report = client_aging(db, FIRM, as_of)

    first = table(report, "clients")
    (row,) = [row for row in first.rows if row[0] == "c1"]
    named = dict(zip([column.key for column in first.columns], row, strict=True))
    wanted = {"current": 0, "days1to30": 0, "days31to60": 0, "days61to90": 0, "over90": 0} | ages
    assert {key: named[key] for key in wanted} == wanted
    assert named["unapplied"] == 12_000
    assert named["owed"] == sum(ages.values()) - 12_000


def test_the_client_who_owes_most_is_first_and_the_totals_are_of_all(db: Connection) -> None:
    report = client_aging(db, FIRM, date(2025, 3, 2))

    assert [row[0] for row in rows(report, "clients")] == ["c1", "c2"]
    assert figures(report)["owed"] == (205_000 + 25_001 - 11_500 - 12_000) + 57_500
    assert figures(report)["clients"] == 2


def test_utilization_is_billable_of_the_hours_a_person_was_there_for(db: Connection) -> None:
    report = time_utilization(db, FIRM, JANUARY)

    # January 2025 has five Fridays and four Saturdays; Omar came on the 26th, for five days
    people = {row[0]: row[3:] for row in rows(report, "people")}
    assert people["u1"] == (22 * 480, 90, 30, 120, 852, 135_000)
    assert people["u2"] == (5 * 240, 60, 0, 60, 5_000, 60_000)
    assert figures(report)["billable"] == 150
    assert figures(report)["value"] == 195_000


def test_every_metric_counts_what_its_definition_says(db: Connection) -> None:
    report = analytics(db, FIRM, JANUARY)

    net = 100_001 + 200_000 - 10_000
    gross = 115_001 + 230_000 - 11_500
    assert figures(report) == {
        "revenue": net,
        "received": 192_500,
        # i-1: 90,000, i-2: 25,000 after the refund
        "collectionRate": round(115_000 / gross * 100_000),
        "activeClients": 1,
        "newClients": 1,
        "invoicesIssued": 2,
        "averageInvoice": 150_001,  # 150,000.5 halalas, half up
        # p1 on i-1 after 9 days, p3 on i-4 after 1, p5 on i-2 after -11
        "daysToPay": round((9 + 1 - 11) / 3 * 10),
        "casesOpened": 1,
        "casesClosed": 1,
        "openCases": 1,
        "billableHours": 150,
    }


def test_only_the_metrics_that_were_named_are_counted(db: Connection) -> None:
    report = analytics(db, FIRM, JANUARY, ["open-cases", "revenue"])

    assert list(figures(report)) == ["openCases", "revenue"]


def test_every_definition_groups_and_sums(db: Connection) -> None:
    got = {
        name: rows(custom(db, FIRM, JANUARY, definition=name, filters={}), "groups")
        for name in DEFINITIONS
    }

    hostile = "=cmd|' /C calc'!A0"
    assert got == {
        # drafts and void ones are invoices too: filters narrow
        "invoices-by-client": [(hostile, 5, 2_178_888, 326_833, 2_505_721)],
        "invoices-by-status": [
            ("Draft", 1, 999_999, 150_000, 1_149_999),
            ("Void", 1, 888_888, 133_333, 1_022_221),
            ("Issued", 3, 290_001, 43_500, 333_501),
        ],
        "payments-by-method": [("Transfer", 5, 200_277, 15_000)],
        "expenses-by-category": [
            ("Rent", 1, 30_000, 4_500, 34_500),
            ("Travel", 1, 10_001, 0, 10_001),
        ],
        "expenses-by-case": [("None", 2, 40_001, 4_500, 44_501)],
        "hours-by-case": [("C-1", 1, 90, 135_000), ("C-2", 1, 60, 60_000), ("None", 1, 30, 0)],
        "hours-by-person": [("Noura", 2, 120, 135_000), ("Omar", 1, 60, 60_000)],
        "cases-by-practice-area": [("Family", 1)],
    }


def test_filters_are_bound_to_the_units_of_their_columns(db: Connection) -> None:
    report = custom(
        db,
        FIRM,
        JANUARY,
        definition="invoices-by-status",
        filters={"status": {"in": ["issued", "void"]}, "net": {"gte": 1000.01, "lt": "8888.88"}},
    )

    assert rows(report, "groups") == [("Issued", 2, 300_001, 45_000, 345_001)]


@pytest.mark.parametrize(
    ("filters", "says"),
    [
        ({"password": {"eq": "x"}}, "no column 'password'; there are id, number"),
        ({"net": {"eq": "1; DROP TABLE invoices"}}, "is not money"),
        ({"net": {"eq": 0.001}}, "is not money"),
        ({"issueDate": {"gte": "yesterday"}}, "a date as 2024-01-31"),
        ({"status": {"eq": 5}}, "is not text"),
        ({"status": {"like": "%"}}, "no operator 'like'"),
        ({"status": {"in": "issued"}}, "a list"),
    ],
)
def test_a_filter_that_does_not_fit_is_refused_by_name(
    db: Connection, filters: dict[str, Any], says: str
) -> None:
    with pytest.raises(PermanentError, match=says):
        custom(db, FIRM, JANUARY, definition="invoices-by-status", filters=filters)


def test_a_cap_cuts_rows_and_not_totals_and_is_said(db: Connection) -> None:
    report = custom(db, FIRM, JANUARY, definition="hours-by-case", filters={}, limit=1)

    assert len(rows(report, "groups")) == 1
    assert figures(report)["hours"] == 180
    assert "1 largest of 3" in report.notes[-1].en


@pytest.mark.parametrize("firm", ["nobody", "' OR 1=1 --"])
def test_a_firm_that_is_not_there_is_refused(db: Connection, firm: str) -> None:
    with pytest.raises(PermanentError, match="no firm"):
        financial(db, firm, JANUARY)


def test_all_metrics_have_names_that_jobs_may_use() -> None:
    from typing import get_args

    from jobdesk.reports import names
    from jobdesk.reports.datasets import DATASETS

    assert set(METRICS) == set(get_args(names.MetricName))
    assert set(DEFINITIONS) == set(get_args(names.DefinitionName))
    assert set(DATASETS) == set(get_args(names.DatasetName))
