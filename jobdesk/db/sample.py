"""A law firm that never was: two years of clients, cases, hours, invoices, payments and expenses.

The same for a seed, on every machine and day; writing it again changes nothing. Everything is drawn
by one generator in a fixed order, so a change here changes all that is drawn after it.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from jobdesk.db import tables
from jobdesk.db.upsert import insert_new

if TYPE_CHECKING:
    from sqlalchemy import Connection

FIRST, LAST = date(2024, 11, 1), date(2026, 10, 31)
VAT_PERCENT = 15

Row = dict[str, Any]

_FIRM = ("Al-Faisal & Partners Law Firm", "مكتب الفيصل وشركاؤه للمحاماة")
#: name, in Arabic, role, riyals an hour
_PEOPLE = (
    ("Faisal Al-Harbi", "فيصل الحربي", "partner", 1_400),
    ("Noura Al-Qahtani", "نورة القحطاني", "partner", 1_300),
    ("Khalid Al-Otaibi", "خالد العتيبي", "senior associate", 950),
    ("Sara Al-Zahrani", "سارة الزهراني", "senior associate", 900),
    ("Omar Al-Ghamdi", "عمر الغامدي", "associate", 650),
    ("Reem Al-Shehri", "ريم الشهري", "associate", 620),
    ("Yousef Al-Dosari", "يوسف الدوسري", "associate", 600),
    ("Huda Al-Mutairi", "هدى المطيري", "paralegal", 350),
)
_COMPANIES = (
    ("Najd Contracting Co.", "شركة نجد للمقاولات"),
    ("Red Sea Trading Est.", "مؤسسة البحر الأحمر للتجارة"),
    ("Tuwaiq Real Estate", "طويق العقارية"),
    ("Gulf Falcon Logistics", "صقر الخليج للخدمات اللوجستية"),
    ("Al-Waha Medical Group", "مجموعة الواحة الطبية"),
    ("Hijaz Food Industries", "حجاز للصناعات الغذائية"),
    ("Sarawat Technology", "السروات للتقنية"),
    ("Desert Rose Hotels", "فنادق وردة الصحراء"),
    ("Yanbu Marine Services", "ينبع للخدمات البحرية"),
    ("Asir Agricultural Co.", "شركة عسير الزراعية"),
    ("Qassim Dates Export", "القصيم لتصدير التمور"),
    ("Dammam Steel Works", "مصانع الدمام للحديد"),
    ("Rawabi Insurance Brokers", "روابي لوساطة التأمين"),
    ("Madinah Education Co.", "شركة المدينة التعليمية"),
    ("Jubail Energy Support", "الجبيل لخدمات الطاقة"),
    ("Riyadh Retail Holding", "الرياض القابضة للتجزئة"),
)
_GIVEN = (
    ("Abdullah", "عبدالله"), ("Maha", "مها"), ("Turki", "تركي"), ("Lama", "لمى"),
    ("Saad", "سعد"), ("Dana", "دانة"), ("Majed", "ماجد"), ("Haifa", "هيفاء"),
)  # fmt: skip
_FAMILY = (
    ("Al-Rashid", "الراشد"), ("Al-Subaie", "السبيعي"), ("Al-Anazi", "العنزي"),
    ("Al-Juhani", "الجهني"), ("Al-Amri", "العمري"), ("Al-Malki", "المالكي"),
)  # fmt: skip
_CITIES = ("Riyadh", "Jeddah", "Dammam", "Madinah", "Abha")
_AREAS = (
    ("Commercial", "نزاع تجاري", "Commercial dispute"),
    ("Corporate", "تأسيس شركة", "Company formation"),
    ("Labour", "قضية عمالية", "Labour claim"),
    ("Real estate", "نزاع عقاري", "Property dispute"),
    ("Arbitration", "تحكيم", "Arbitration"),
    ("Family", "تسوية أسرية", "Family settlement"),
)
#: category, vendor, riyals from and to, a month, share with VAT
_EXPENSES = (
    ("rent", "Olaya Tower", 38_000, 38_000, 1, True),
    ("salaries", None, 262_000, 281_000, 1, False),
    ("court fees", "Ministry of Justice", 500, 9_000, 5, False),
    ("software", "Cloud services", 2_800, 4_200, 2, True),
    ("translation", "Bayan Translation", 600, 5_500, 4, True),
    ("travel", "Saudia", 700, 4_800, 4, True),
    ("experts", "Expert witnesses", 3_000, 22_000, 1, True),
    ("office", "Jarir", 200, 2_600, 4, True),
)
_TASKS = (
    "Drafting the statement of claim", "Hearing at the court", "Call with the client",
    "Review of contracts", "Legal research", "Negotiation with the other side", "Filing on Najiz",
)  # fmt: skip


@dataclass(slots=True)
class _Drawing:
    """The firm as far as it is drawn."""

    random: random.Random
    seed: int
    firm_id: str
    users: list[Row] = field(default_factory=list)
    clients: list[Row] = field(default_factory=list)
    cases: list[Row] = field(default_factory=list)
    time_entries: list[Row] = field(default_factory=list)
    invoices: list[Row] = field(default_factory=list)
    payments: list[Row] = field(default_factory=list)
    expenses: list[Row] = field(default_factory=list)

    def id(self, kind: str, number: int) -> str:
        return _id(self.seed, kind, number)


def firm_id(seed: int = 1) -> str:
    """The id of the firm that a seed gives."""
    return _id(seed, "firm", 0)


def write_sample(connection: Connection, seed: int = 1) -> dict[str, int]:
    """Write the firm of a seed; returns how many rows of each table were new."""
    drawing = _Drawing(random=random.Random(seed), seed=seed, firm_id=firm_id(seed))
    _people(drawing)
    _clients(drawing)
    _cases(drawing)
    _work(drawing)
    _bills(drawing)
    _spending(drawing)
    firm: Row = {
        "id": drawing.firm_id,
        "name": _FIRM[0],
        "name_ar": _FIRM[1],
        "vat_number": "310122393500003",
        "cr_number": "1010987654",
        "created_at": _at(FIRST, 8),
    }
    written: dict[str, int] = {}
    for table, rows in (
        (tables.firms, [firm]),
        (tables.users, drawing.users),
        (tables.clients, drawing.clients),
        (tables.cases, drawing.cases),
        (tables.time_entries, drawing.time_entries),
        (tables.invoices, drawing.invoices),
        (tables.payments, drawing.payments),
        (tables.expenses, drawing.expenses),
    ):
        written[table.name] = insert_new(connection, table, rows, key=["id"])
    return written


def _people(drawing: _Drawing) -> None:
    for number, (name, name_ar, role, riyals) in enumerate(_PEOPLE):
        drawing.users.append(
            {
                "id": drawing.id("user", number),
                "firm_id": drawing.firm_id,
                "name": name,
                "name_ar": name_ar,
                "email": f"{name.split()[0].lower()}@alfaisal-law.example",
                "role": role,
                "hourly_rate": riyals * 100,
                "daily_minutes": 480,
                # one joined a year after the others
                "joined_on": FIRST if number != 6 else date(2025, 9, 1),
                "left_on": None,
            }
        )


def _clients(drawing: _Drawing) -> None:
    draw = drawing.random
    people = [
        (f"{given[0]} {family[0]}", f"{given[1]} {family[1]}")
        for given in _GIVEN
        for family in _FAMILY
    ]
    draw.shuffle(people)
    names = [(*name, "company") for name in _COMPANIES]
    names += [(*name, "person") for name in people[:24]]
    draw.shuffle(names)
    for number, (name, name_ar, kind) in enumerate(names):
        since = FIRST + timedelta(days=draw.randrange(40 if number < 14 else 600))
        company = kind == "company"
        drawing.clients.append(
            {
                "id": drawing.id("client", number),
                "firm_id": drawing.firm_id,
                "name": name,
                "name_ar": name_ar,
                "kind": kind,
                "email": f"client{number}@example.com",
                "phone": f"+9665{draw.randrange(10**8):08}",
                "vat_number": f"3{draw.randrange(10**13):013}3" if company else None,
                "cr_number": f"10{draw.randrange(10**8):08}" if company else None,
                "city": draw.choice(_CITIES),
                "created_at": _at(since, draw.randrange(8, 17)),
            }
        )


def _cases(drawing: _Drawing) -> None:
    draw = drawing.random
    number = 0
    for client in drawing.clients:
        first = client["created_at"].date()
        for _ in range(draw.choice((1, 2, 2, 3, 5) if client["kind"] == "company" else (1, 1, 2))):
            opened = min(first + timedelta(days=draw.randrange(300)), LAST - timedelta(days=20))
            closed = opened + timedelta(days=draw.randrange(60, 420))
            area, title_ar, title = draw.choice(_AREAS)
            number += 1
            drawing.cases.append(
                {
                    "id": drawing.id("case", number),
                    "firm_id": drawing.firm_id,
                    "client_id": client["id"],
                    "lead_user_id": draw.choice(drawing.users[:7])["id"],
                    "number": f"C-{opened.year}-{number:04}",
                    "title": f"{title}, {client['name']}",
                    "title_ar": f"{title_ar}، {client['name_ar']}",
                    "practice_area": area,
                    "status": "closed" if closed <= LAST else "open",
                    "opened_on": opened,
                    "closed_on": closed if closed <= LAST else None,
                }
            )


def _work(drawing: _Drawing) -> None:
    """Hours of everyone on every day of work (Sunday to Thursday)."""
    draw = drawing.random
    number = 0
    for day in _days(FIRST, LAST):
        if day.weekday() in (4, 5):
            continue
        live = [
            case
            for case in drawing.cases
            if case["opened_on"] <= day and (case["closed_on"] is None or day <= case["closed_on"])
        ]
        for user in drawing.users:
            if day < user["joined_on"] or draw.random() < 0.06:  # away
                continue
            for _ in range(draw.choice((2, 2, 3, 3, 4))):
                billable = bool(live) and draw.random() < 0.82
                minutes = draw.randrange(30, 195, 15)
                rate = user["hourly_rate"] if billable else 0
                number += 1
                drawing.time_entries.append(
                    {
                        "id": drawing.id("time", number),
                        "firm_id": drawing.firm_id,
                        "user_id": user["id"],
                        "case_id": draw.choice(live)["id"] if billable else None,
                        "worked_on": day,
                        "minutes": minutes,
                        "billable": billable,
                        "rate": rate,
                        "amount": (minutes * rate + 30) // 60,
                        "description": draw.choice(_TASKS) if billable else "Administration",
                    }
                )


def _bills(drawing: _Drawing) -> None:
    """An invoice per case and month for the hours in it, and what clients made of them."""
    draw = drawing.random
    clients = {case["id"]: case["client_id"] for case in drawing.cases}
    billed: dict[tuple[str, str], int] = {}
    for entry in drawing.time_entries:
        if entry["billable"]:
            key = (entry["worked_on"].isoformat()[:7], entry["case_id"])
            billed[key] = billed.get(key, 0) + entry["amount"]
    for number, ((month, case_id), net) in enumerate(sorted(billed.items()), 1):
        year, month_number = (int(part) for part in month.split("-"))
        issued = _month_end(year, month_number) - timedelta(days=draw.randrange(3))
        vat = (net * VAT_PERCENT + 50) // 100
        chance = draw.random()
        status = "draft" if chance < 0.02 else "void" if chance < 0.035 else "issued"
        invoice: Row = {
            "id": drawing.id("invoice", number),
            "firm_id": drawing.firm_id,
            "client_id": clients[case_id],
            "case_id": case_id,
            "number": f"INV-{year}-{number:05}",
            "status": status,
            "kind": "invoice",
            "issue_date": issued,
            "due_date": issued + timedelta(days=draw.choice((15, 30, 30, 45))),
            "net": net,
            "vat": vat,
            "total": net + vat,
        }
        drawing.invoices.append(invoice)
        if status == "issued":
            _payments(drawing, invoice)


def _payments(drawing: _Drawing, invoice: Row) -> None:
    draw = drawing.random
    chance = draw.random()
    if chance < 0.025:  # never pays
        return
    parts: tuple[int, ...] = (invoice["total"],)
    if chance < 0.15:  # in two parts
        parts = (invoice["total"] * 2 // 5, invoice["total"] - invoice["total"] * 2 // 5)
    late = max(1, round(draw.gauss(26, 14)))
    for place, amount in enumerate(parts):
        day = invoice["issue_date"] + timedelta(days=late + place * 30)
        if day > LAST:
            return
        number = len(drawing.payments) + 1
        method = draw.choice(("transfer", "transfer", "transfer", "mada", "card", "sadad"))
        provider = {"mada": "moyasar", "sadad": "moyasar", "card": "stripe"}.get(method)
        failed = draw.random() < 0.02
        back = amount // 10 if not failed and draw.random() < 0.01 else 0
        at = _at(day, draw.randrange(24), draw.randrange(60))
        drawing.payments.append(
            {
                "id": drawing.id("payment", number),
                "firm_id": drawing.firm_id,
                "invoice_id": invoice["id"],
                "client_id": invoice["client_id"],
                "amount": amount,
                "refunded": back,
                "method": method,
                "status": "failed" if failed else "partially_refunded" if back else "paid",
                "received_at": None if failed else at,
                "refunded_at": at + timedelta(days=3) if back else None,
                "provider": provider,
                "external_id": None if provider is None else drawing.id(provider, number),
                "created_at": at,
            }
        )


def _spending(drawing: _Drawing) -> None:
    draw = drawing.random
    number = 0
    months = sorted({(day.year, day.month) for day in _days(FIRST, LAST)})
    for year, month in months:
        for category, vendor, low, high, times, taxed in _EXPENSES:
            for _ in range(times):
                net = draw.randrange(low * 100, high * 100 + 1)
                vat = (net * VAT_PERCENT + 50) // 100 if taxed else 0
                number += 1
                drawing.expenses.append(
                    {
                        "id": drawing.id("expense", number),
                        "firm_id": drawing.firm_id,
                        "case_id": draw.choice(drawing.cases)["id"]
                        if category in {"court fees", "experts", "translation"}
                        else None,
                        "category": category,
                        "vendor": vendor,
                        "spent_on": date(year, month, draw.randrange(1, 29)),
                        "net": net,
                        "vat": vat,
                        "total": net + vat,
                    }
                )


def _id(seed: int, kind: str, number: int) -> str:
    """24 hexadecimal digits, as the original's ids have."""
    return hashlib.sha256(f"{seed}/{kind}/{number}".encode()).hexdigest()[:24]


def _at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), UTC)


def _days(first: date, last: date) -> Sequence[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _month_end(year: int, month: int) -> date:
    return date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
