"""What became of a payment: asked of its provider, and believed only where it is the same payment.

A payment is marked as paid only if id, amount and currency are those that we have.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from jobdesk.db.connection import reading, writing
from jobdesk.db.tables import payments
from jobdesk.errors import PermanentError
from jobdesk.providers.payments import RECEIVED, PaymentProvider, PaymentState

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from jobdesk.engine.context import JobContext
    from jobdesk.tasks.syncing.data import PaymentCheck

log = logging.getLogger(__name__)


def check_payment(
    data: PaymentCheck, *, job: JobContext, provider: PaymentProvider, engine: Engine
) -> dict[str, Any]:
    """Ask, compare, and write it down. That it is not paid yet is a success."""
    ours = _ours(engine, data)
    state = provider.payment(ours["external_id"])
    _same(ours, state)
    changed = (ours["status"], ours["refunded"]) != (state.status, state.refunded_minor)
    now = datetime.now(UTC)
    values: dict[str, Any] = {
        "status": state.status,
        "provider_status": state.provider_status[:60],
        "refunded": state.refunded_minor,
        "checked_at": now,
    }
    if state.status in RECEIVED and ours["received_at"] is None:
        values["received_at"] = state.paid_at or now
    if state.refunded_minor and ours["refunded_at"] is None:
        values["refunded_at"] = now
    with writing(engine) as connection:
        connection.execute(update(payments).where(payments.c.id == ours["id"]).values(**values))
    said = f"{ours['status']} -> {state.status}" if changed else f"still {state.status}"
    job.log(f"{provider.name} says {state.provider_status}: {said}")
    return {
        "success": True,
        "provider": provider.name,
        "status": state.status,
        "changed": changed,
    }


def _ours(engine: Engine, data: PaymentCheck) -> dict[str, Any]:
    wanted = select(payments).where(payments.c.id == data.payment_id)
    if data.firm_id is not None:
        wanted = wanted.where(payments.c.firm_id == data.firm_id)
    with reading(engine) as connection:
        found = connection.execute(wanted).mappings().one_or_none()
    if found is None:
        raise PermanentError("there is no such payment")
    if found["provider"] != data.payment_provider or not found["external_id"]:
        raise PermanentError(
            f"the payment is not {data.payment_provider}'s, or has no id there; it was not asked"
        )
    return dict(found)


def _same(ours: dict[str, Any], state: PaymentState) -> None:
    """Refuse to believe what is said of another payment, or of another amount."""
    wrong = [
        name
        for name, mine, theirs in (
            ("id", ours["external_id"], state.external_id),
            ("amount", ours["amount"], state.amount_minor),
            ("currency", str(ours["currency"]).upper(), state.currency),
        )
        if mine != theirs
    ]
    if wrong:
        log.error("payment %s differs at its provider in: %s", ours["id"], ", ".join(wrong))
        raise PermanentError(
            f"the payment at its provider is not ours: another {', another '.join(wrong)};"
            " nothing was changed"
        )
