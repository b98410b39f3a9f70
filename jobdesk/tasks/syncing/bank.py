"""Bank transactions: page by page into the table, under the bank's own ids."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, update

from jobdesk.db.connection import reading, writing
from jobdesk.db.tables import bank_accounts, bank_transactions
from jobdesk.db.upsert import upsert
from jobdesk.errors import JobCancelled, PermanentError
from jobdesk.providers.bank import BankFeed, ConsentExpired, Movement

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from jobdesk.engine.context import JobContext
    from jobdesk.tasks.syncing.data import BankTransactions

#: Without a start: so far back at first, and so far behind the last sync later, since a bank may
#: still change what it has told.
FIRST, OVERLAP = timedelta(days=90), timedelta(days=7)

_KEY = ("firm_id", "provider", "bank_account_id", "external_id")


def sync_transactions(
    data: BankTransactions, *, job: JobContext, feed: BankFeed, engine: Engine
) -> dict[str, Any]:
    """Read the account's movements and store them; the same ones again change nothing."""
    account = _account(engine, data)
    end = data.end_date or datetime.now(UTC).date()
    start = data.start_date or _start(account["synced_at"], end)
    job.log(f"asking for {start} to {end}")
    fetched = new = pages = 0
    try:
        for page in feed.movements(
            entity_id=account["entity_id"], account_id=account["account_id"], start=start, end=end
        ):
            if job.cancelled:
                raise JobCancelled(f"stopped after {pages} of {page.pages} pages")
            new += _store(engine, data, account["provider"], page.movements)
            fetched += len(page.movements)
            pages = page.number
            job.progress({"done": page.number, "total": page.pages, "fetched": fetched})
    except ConsentExpired:
        _mark(engine, data, status="consent_expired")
        raise
    _mark(engine, data, status="connected", synced_at=datetime.now(UTC))
    job.log(f"{fetched} transactions on {pages} pages, {new} of them new")
    return {
        "success": True,
        "fetched": fetched,
        "new": new,
        "known": fetched - new,
        "startDate": start.isoformat(),
        "endDate": end.isoformat(),
    }


def _start(synced_at: datetime | None, end: date) -> date:
    since = synced_at.date() - OVERLAP if synced_at is not None else end - FIRST
    return min(since, end)


def _account(engine: Engine, data: BankTransactions) -> dict[str, Any]:
    wanted = select(bank_accounts).where(
        bank_accounts.c.firm_id == data.firm_id, bank_accounts.c.id == data.bank_account_id
    )
    with reading(engine) as connection:
        found = connection.execute(wanted).mappings().one_or_none()
    if found is None:
        raise PermanentError(
            "the firm has no such bank account; it is stored when its owner connects it"
        )
    return dict(found)


def _mark(engine: Engine, data: BankTransactions, **values: Any) -> None:
    change = update(bank_accounts).where(
        bank_accounts.c.firm_id == data.firm_id, bank_accounts.c.id == data.bank_account_id
    )
    with writing(engine) as connection:
        connection.execute(change.values(**values))


def _store(
    engine: Engine, data: BankTransactions, provider: str, movements: tuple[Movement, ...]
) -> int:
    """Write a page; how many of it were new."""
    now = datetime.now(UTC)
    rows = {
        movement.external_id: {
            "firm_id": data.firm_id,
            "bank_account_id": data.bank_account_id,
            "provider": provider,
            "external_id": movement.external_id[:120],
            "booked_at": movement.booked_at,
            "value_at": movement.value_at,
            "amount": movement.amount_minor,
            "currency": movement.currency,
            "balance": movement.balance_minor,
            "description": movement.description,
            "reference": (movement.reference or "")[:200] or None,
            "merchant": (movement.merchant or "")[:200] or None,
            "category": (movement.category or "")[:80] or None,
            "status": movement.status[:20],
            "mutable": movement.mutable,
            "synced_at": now,
        }
        for movement in movements
    }
    if not rows:
        return 0
    known = (
        select(func.count())
        .select_from(bank_transactions)
        .where(
            bank_transactions.c.firm_id == data.firm_id,
            bank_transactions.c.provider == provider,
            bank_transactions.c.bank_account_id == data.bank_account_id,
            bank_transactions.c.external_id.in_([row["external_id"] for row in rows.values()]),
        )
    )
    with writing(engine) as connection:
        before = int(connection.execute(known).scalar_one())
        upsert(connection, bank_transactions, list(rows.values()), key=_KEY)
    return len(rows) - before
