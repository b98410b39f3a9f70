"""Payments at Stripe: a payment intent, and its latest charge, which alone tells of refunds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from jobdesk.errors import JobFailure, NotConfigured, PermanentError, TransientError
from jobdesk.providers.http import Answer, Service, retry_after
from jobdesk.providers.payments import PaymentState, PaymentStatus, path_id, refund_status

API_VERSION = "2026-10-28.endive"

_STATUS: dict[str, PaymentStatus] = {
    "requires_payment_method": "pending",
    "requires_confirmation": "pending",
    "requires_action": "pending",
    "processing": "pending",
    "requires_capture": "authorized",
    "succeeded": "paid",
    "canceled": "cancelled",
}


class Stripe:
    """A :class:`~jobdesk.providers.payments.PaymentProvider`."""

    name = "stripe"

    def __init__(self, *, secret_key: str, base_url: str, timeout_s: float = 30.0) -> None:
        secret_key = secret_key.strip()
        if not secret_key.isascii() or not secret_key.isprintable() or " " in secret_key:
            raise NotConfigured("set STRIPE_SECRET_KEY: what it holds now cannot be a key")
        self._service = Service(
            "Stripe",
            base_url,
            headers={
                "Authorization": f"Bearer {secret_key}",
                "Stripe-Version": API_VERSION,
                "User-Agent": "jobdesk",
            },
            secrets=(secret_key,),
            read_timeout_s=timeout_s,
        )

    def close(self) -> None:
        """Close the connections."""
        self._service.close()

    def payment(self, external_id: str) -> PaymentState:
        """The payment intent ``pi_…``."""
        answer = self._service.read(
            f"/v1/payment_intents/{path_id(external_id)}",
            params={"expand[]": "latest_charge"},
            verdict=_verdict,
        )
        body = answer.body if isinstance(answer.body, dict) else {}
        try:
            return _state(body)
        except (KeyError, TypeError, ValueError):
            raise TransientError(f"Stripe's answer cannot be read: {answer.text}") from None


def _state(intent: dict[str, Any]) -> PaymentState:
    own = str(intent["status"])
    amount = int(intent["amount"])
    status = _STATUS.get(own, "unknown")
    charge = intent.get("latest_charge")
    refunded, paid_at = 0, None
    if status == "paid":
        received = int(intent.get("amount_received") or amount)
        if isinstance(charge, dict):
            refunded = int(charge.get("amount_refunded") or 0)
            paid_at = datetime.fromtimestamp(int(charge["created"]), UTC)
        amount, status = received, refund_status(refunded, received)
    return PaymentState(
        external_id=str(intent["id"]),
        provider_status=own,
        status=status,
        amount_minor=amount,
        currency=str(intent["currency"]).upper(),
        refunded_minor=refunded,
        paid_at=paid_at,
    )


def _verdict(answer: Answer) -> JobFailure | None:
    """Stripe says itself whether to ask again; a 409 is a lock that somebody else holds."""
    said = f"Stripe answered {answer.status}: {answer.text}"
    again = answer.headers.get("stripe-should-retry")
    if again == "true" or (again is None and answer.status == 409):
        return TransientError(said, retry_after(answer.headers))
    return PermanentError(said) if again == "false" else None
