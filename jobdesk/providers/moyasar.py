"""Payments at Moyasar: mada, cards, Apple Pay, stc pay, and SADAD bills."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

from jobdesk.errors import NotConfigured, TransientError
from jobdesk.providers.http import Service
from jobdesk.providers.payments import PaymentState, PaymentStatus, path_id, refund_status

_STATUS: dict[str, PaymentStatus] = {
    "initiated": "pending",
    "authorized": "authorized",
    "paid": "paid",
    "captured": "paid",
    "refunded": "paid",  # and how much of it went back says what it is
    "failed": "failed",
    "voided": "cancelled",
    "expired": "expired",
    "verified": "unknown",  # a card was checked, nothing was paid
}


class Moyasar:
    """A :class:`~jobdesk.providers.payments.PaymentProvider`."""

    name = "moyasar"

    def __init__(self, *, secret_key: str, base_url: str, timeout_s: float = 30.0) -> None:
        secret_key = secret_key.strip()
        if not secret_key.isascii() or ":" in secret_key or not secret_key:
            raise NotConfigured("set MOYASAR_SECRET_KEY: what it holds now cannot be a key")
        basic = base64.b64encode(f"{secret_key}:".encode()).decode()
        self._service = Service(
            "Moyasar",
            base_url,
            headers={"Authorization": f"Basic {basic}", "User-Agent": "jobdesk"},
            secrets=(secret_key, basic),
            read_timeout_s=timeout_s,
        )

    def close(self) -> None:
        """Close the connections."""
        self._service.close()

    def payment(self, external_id: str) -> PaymentState:
        """The payment of that id, a SADAD bill too."""
        answer = self._service.read(f"/payments/{path_id(external_id)}")
        body = answer.body if isinstance(answer.body, dict) else {}
        try:
            return _state(body)
        except (KeyError, TypeError, ValueError):
            raise TransientError(f"Moyasar's answer cannot be read: {answer.text}") from None


def _state(payment: dict[str, Any]) -> PaymentState:
    own = str(payment["status"])
    amount = int(payment["amount"])
    status = _STATUS.get(own, "unknown")
    refunded, paid_at = 0, None
    if status == "paid":
        refunded = int(payment.get("refunded") or 0)
        if own == "captured":
            amount = int(payment.get("captured") or amount)
        status = refund_status(refunded, amount)
        when = payment.get("captured_at") or payment.get("updated_at") or payment["created_at"]
        paid_at = datetime.fromisoformat(str(when))
        paid_at = paid_at if paid_at.tzinfo else paid_at.replace(tzinfo=UTC)
    return PaymentState(
        external_id=str(payment["id"]),
        provider_status=own,
        status=status,
        amount_minor=amount,
        currency=str(payment["currency"]).upper(),
        refunded_minor=refunded,
        paid_at=paid_at,
    )
