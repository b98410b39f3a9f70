"""Currency rates: the newest set, kept where it can be believed. Until then the last one stays."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from jobdesk.db.connection import reading, writing
from jobdesk.db.tables import currency_rates as table
from jobdesk.db.upsert import upsert
from jobdesk.providers.rates import RatesSource, check

if TYPE_CHECKING:
    from decimal import Decimal

    from sqlalchemy import Engine

    from jobdesk.engine.context import JobContext
    from jobdesk.tasks.syncing.data import CurrencyRates


def sync_rates(
    data: CurrencyRates, *, job: JobContext, source: RatesSource, engine: Engine
) -> dict[str, Any]:
    """Fetch the newest set and store it; the same set again changes nothing."""
    rates = source.latest(data.base, data.quotes)
    now = datetime.now(UTC)
    check(rates, now=now)
    rows = [
        {
            "source": rates.source,
            "base": rates.base,
            "quote": quote,
            "rate": rate,
            "inverse": round(1 / rate, 12),
            "published_at": rates.published_at,
            "fetched_at": now,
            "next_at": rates.next_at,
        }
        for quote, rate in rates.rates.items()
    ]
    with writing(engine) as connection:
        upsert(connection, table, rows, key=("source", "base", "quote", "published_at"))
    missing = sorted(set(data.quotes) - set(rates.rates))
    if missing:
        job.log(f"{rates.source} has no {', '.join(missing)}")
    job.log(f"{len(rows)} rates of {rates.published_at:%Y-%m-%d} by {rates.source}")
    return {
        "success": True,
        "source": rates.source,
        "base": rates.base,
        "stored": len(rows),
        "publishedAt": rates.published_at.isoformat(),
    }


def rate(engine: Engine, base: str, quote: str) -> Decimal | None:
    """The newest rate that is stored: one of ``base`` is so many of ``quote``."""
    wanted = (
        select(table.c.rate)
        .where(table.c.base == base, table.c.quote == quote)
        .order_by(table.c.published_at.desc())
        .limit(1)
    )
    with reading(engine) as connection:
        found: Decimal | None = connection.execute(wanted).scalar_one_or_none()
    return found
