"""A firm that is small enough to count by hand. Amounts are halalas; see the comments for why."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert

from jobdesk.db import tables
from jobdesk.db.connection import writing

if TYPE_CHECKING:
    from sqlalchemy import Engine

FIRM, OTHER_FIRM, PERSON = "firm", "other", "u1"
T0 = datetime(2024, 1, 1, 9, tzinfo=UTC)


def at(day: int, hour: int, month: int = 1) -> datetime:
    return datetime(2025, month, day, hour, tzinfo=UTC)


def invoice(number: str, issued: date, due: date, net: int, **more: Any) -> dict[str, Any]:
    vat = more.pop("vat", (net * 15 + 50) // 100)
    return {
        "id": f"i-{number}",
        "firm_id": FIRM,
        "client_id": "c1",
        "case_id": None,
        "number": number,
        "status": "issued",
        "kind": "invoice",
        "issue_date": issued,
        "due_date": due,
        "net": net,
        "vat": vat,
        "total": net + vat,
        "currency": "SAR",
        **more,
    }


def payment(number: str, amount: int, received: datetime | None, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "firm_id": FIRM,
        "client_id": "c1",
        "invoice_id": None,
        "amount": amount,
        "refunded": 0,
        "refunded_at": None,
        "currency": "SAR",
        "method": "transfer",
        "status": "paid",
        "received_at": received,
        "created_at": T0,
        **more,
    }


INVOICES = [
    invoice("1", date(2025, 1, 1), date(2025, 1, 31), 100_001, case_id="k1"),  # first day counts
    invoice("2", date(2025, 1, 31), date(2025, 3, 2), 200_000, case_id="k2"),  # last day counts
    invoice("3", date(2025, 2, 1), date(2025, 3, 1), 50_000, client_id="c2"),
    invoice("4", date(2024, 12, 31), date(2025, 1, 30), 70_000),  # the year before
    invoice("5", date(2025, 1, 15), date(2025, 2, 15), 999_999, status="draft"),
    invoice("6", date(2025, 1, 15), date(2025, 2, 15), 888_888, status="void"),
    invoice("7", date(2025, 1, 20), date(2025, 1, 20), -10_000, kind="credit_note", vat=-1_500),
    invoice("8", date(2025, 1, 20), date(2025, 2, 20), 5_000, currency="USD"),
    invoice("9", date(2025, 1, 20), date(2025, 2, 20), 1, firm_id=OTHER_FIRM, client_id="c9"),
]
PAYMENTS = [
    payment("p1", 60_000, at(10, 12), invoice_id="i-1"),
    # 23:30 on 31 January in UTC is February in Riyadh
    payment("p2", 30_000, datetime(2025, 1, 31, 23, 30, tzinfo=UTC), invoice_id="i-1"),
    # 22:00 on 31 December in UTC is January in Riyadh
    payment("p3", 80_500, datetime(2024, 12, 31, 22, 0, tzinfo=UTC), invoice_id="i-4"),
    payment("p4", 7_777, at(12, 12), status="failed", invoice_id="i-2"),
    payment("p5", 40_000, at(20, 12), invoice_id="i-2", status="partially_refunded",
            refunded=15_000, refunded_at=at(5, 12, month=2)),
    payment("p6", 12_000, at(25, 12)),  # for no invoice
    payment("p7", 5_000, at(25, 12), currency="USD"),
    payment("p8", 1, at(25, 12), firm_id=OTHER_FIRM, client_id="c9"),
    payment("p9", 3_333, None, status="pending", invoice_id="i-2"),
]  # fmt: skip
EXPENSES = [
    ("e1", date(2025, 1, 5), "rent", 30_000, 4_500, FIRM, "SAR"),
    ("e2", date(2025, 1, 31), "travel", 10_001, 0, FIRM, "SAR"),
    ("e3", date(2025, 2, 28), "rent", 30_000, 4_500, FIRM, "SAR"),
    ("e4", date(2025, 3, 1), "rent", 77_777, 0, FIRM, "SAR"),
    ("e5", date(2025, 1, 5), "rent", 66_666, 0, OTHER_FIRM, "SAR"),
    ("e6", date(2025, 1, 5), "travel", 55_555, 0, FIRM, "USD"),
]
HOURS = [
    ("t1", PERSON, date(2025, 1, 1), 90, True, 90_000, "k1"),
    ("t2", PERSON, date(2025, 1, 2), 30, False, 0, None),
    ("t3", "u2", date(2025, 1, 31), 60, True, 60_000, "k2"),
    ("t4", PERSON, date(2025, 2, 1), 45, True, 90_000, "k1"),
]


def write_firm(engine: Engine) -> None:
    """Write it, once per test."""
    firms = [{"id": FIRM, "name": "Small Firm", "name_ar": "مكتب صغير"},
             {"id": OTHER_FIRM, "name": "Other", "name_ar": None}]  # fmt: skip
    clients = [
        {"id": "c1", "name": "=cmd|' /C calc'!A0", "name_ar": "شركة", "phone": "+966501234567"},
        {"id": "c2", "name": "Sara", "name_ar": "سارة", "phone": None},
        {"id": "c9", "name": "Theirs", "name_ar": None, "phone": None},
    ]
    with writing(engine) as connection:
        connection.execute(insert(tables.firms), [{**f, "created_at": T0} for f in firms])
        connection.execute(
            insert(tables.users),
            [
                {"id": PERSON, "firm_id": FIRM, "name": "Noura", "name_ar": "نورة",
                 "role": "partner", "daily_minutes": 480, "joined_on": None},
                {"id": "u2", "firm_id": FIRM, "name": "Omar", "name_ar": None,
                 "role": "associate", "daily_minutes": 240, "joined_on": date(2025, 1, 26)},
            ],
        )  # fmt: skip
        connection.execute(
            insert(tables.clients),
            [
                {**c, "firm_id": OTHER_FIRM if c["id"] == "c9" else FIRM, "kind": "company",
                 "created_at": at(1, 0) if c["id"] == "c2" else T0}
                for c in clients
            ],
        )  # fmt: skip
        connection.execute(
            insert(tables.cases),
            [
                {"id": "k1", "firm_id": FIRM, "client_id": "c1", "number": "C-1", "title": "A",
                 "practice_area": "Labour", "status": "closed", "opened_on": date(2024, 5, 5),
                 "closed_on": date(2025, 1, 31)},
                {"id": "k2", "firm_id": FIRM, "client_id": "c1", "number": "C-2", "title": "B",
                 "practice_area": "Family", "status": "open", "opened_on": date(2025, 1, 1),
                 "closed_on": None},
            ],
        )  # fmt: skip
        connection.execute(insert(tables.invoices), INVOICES)
        connection.execute(insert(tables.payments), PAYMENTS)
        connection.execute(
            insert(tables.expenses),
            [
                {"id": i, "spent_on": d, "category": c, "net": n, "vat": v, "total": n + v,
                 "firm_id": f, "currency": cur}
                for i, d, c, n, v, f, cur in EXPENSES
            ],
        )  # fmt: skip
        connection.execute(
            insert(tables.time_entries),
            [
                {"id": i, "firm_id": FIRM, "user_id": u, "worked_on": d, "minutes": m,
                 "billable": b, "rate": r, "amount": m * r // 60, "case_id": k}
                for i, u, d, m, b, r, k in HOURS
            ],
        )  # fmt: skip
