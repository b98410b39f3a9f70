"""Stripe and Moyasar, as far as they are asked what became of a payment."""

from __future__ import annotations

import base64
from typing import Any

from tests.fake_providers.base import FakeService, Request

STRIPE_KEY, MOYASAR_KEY = "sk_test_stripe0123456789", "sk_test_moyasar0123456789"


class FakeStripe(FakeService):
    def __init__(self) -> None:
        super().__init__()
        self.intents: dict[str, dict[str, Any]] = {}

    def accept(self, request: Request) -> tuple[int, Any]:
        if request.headers.get("authorization") != f"Bearer {STRIPE_KEY}":
            said = f"Invalid API Key: {request.headers.get('authorization')}"
            return 401, {"error": {"type": "invalid_request_error", "message": said}}
        if not request.headers.get("stripe-version"):
            return 400, {"error": {"type": "invalid_request_error", "message": "version"}}
        intent = self.intents.get(request.path.rpartition("/")[2])
        if intent is None or not request.path.startswith("/v1/payment_intents/pi_"):
            return 404, {"error": {"type": "invalid_request_error", "code": "resource_missing"}}
        expanded = request.query.get("expand[]") == "latest_charge"
        return 200, intent if expanded else {**intent, "latest_charge": "ch_1"}


def intent(id_: str, status: str, amount: int = 115_000, refunded: int = 0) -> dict[str, Any]:
    charge = {
        "id": "ch_1",
        "created": 1_750_857_384,
        "amount_refunded": refunded,
        "refunded": refunded == amount,
    }
    return {
        "id": id_,
        "object": "payment_intent",
        "status": status,
        "amount": amount,
        "amount_received": amount if status == "succeeded" else 0,
        "currency": "sar",
        "latest_charge": charge if status == "succeeded" else None,
    }


class FakeMoyasar(FakeService):
    def __init__(self) -> None:
        super().__init__()
        self.payments: dict[str, dict[str, Any]] = {}

    def accept(self, request: Request) -> tuple[int, Any]:
        basic = base64.b64encode(f"{MOYASAR_KEY}:".encode()).decode()
        if request.headers.get("authorization") != f"Basic {basic}":
            return 401, {"type": "authentication_error", "message": "Invalid credentials"}
        found = self.payments.get(request.path.removeprefix("/v1/payments/"))
        if found is None:
            return 404, {"type": "invalid_request_error", "message": "Object not found"}
        return 200, found


def payment(id_: str, status: str, amount: int = 115_000, **changes: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "status": status,
        "amount": amount,
        "fee": 1580,
        "currency": "SAR",
        "refunded": 0,
        "refunded_at": None,
        "captured": 0,
        "captured_at": None,
        "voided_at": None,
        "created_at": "2026-05-11T17:04:17.000Z",
        "updated_at": "2026-05-11T17:05:00.000Z",
        "source": {"type": "creditcard", "company": "mada", "message": "APPROVED"},
        **changes,
    }
