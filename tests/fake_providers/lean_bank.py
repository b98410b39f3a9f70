"""Lean: tokens that end, accounts of an entity, pages from 0, results that are not ready."""

from __future__ import annotations

from typing import Any

from tests.fake_providers.base import FakeService, Request

APP_TOKEN, CLIENT_SECRET = "app-0123", "client-secret-0123"
ENTITY, ACCOUNT = "entity-1", "account-1"


def transaction(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "account_id": ACCOUNT,
        "transaction_id": f"t{number}",
        "transaction_information": f"POS {number}",
        "transaction_reference": f"ref{number}",
        "credit_debit_indicator": "DEBIT" if number % 2 else "CREDIT",
        "amount": {"amount": 509.11 + number, "currency": "SAR"},
        "status": "BOOKED",
        "transaction_mutability": "IMMUTABLE",
        "booking_date_time": "2025-02-25T15:25:28Z",
        "value_date_time": "2025-02-25T15:25:28Z",
        "balance": {"type": "X", "amount": {"amount": 1000.5, "currency": "SAR"}},
        "merchant_details": {"merchant_name": "Shop"},
        "insights": {"category": "GROCERIES", "category_confidence": 1},
        **changes,
    }


class FakeLean(FakeService):
    def __init__(self) -> None:
        super().__init__()
        self.transactions = [transaction(number) for number in range(3)]
        self.tokens: list[str] = []
        self.ended: set[str] = set()
        #: statuses of the answers to come, before OK
        self.statuses: list[str] = []
        self._kept: dict[str, Any] = {}

    def accept(self, request: Request) -> tuple[int, Any]:
        if request.path == "/oauth2/token":
            return self._token(request.form())
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.tokens or token in self.ended:
            return 401, {"code": "UNAUTHORIZED", "message": f"token {token} has ended"}
        if request.headers.get("lean-app-token") != APP_TOKEN:
            return 403, {"code": "FORBIDDEN", "message": "lean-app-token"}
        if request.path == "/data/v2/results/r1":
            return 200, self._answer(self._kept)
        if request.path != f"/data/v2/accounts/{ACCOUNT}/transactions":
            return 404, {"code": "NOT_FOUND", "message": request.path}
        query = request.query
        size = int(query.get("size", 50))
        if query.get("entity_id") != ENTITY or size > 100 or len(query["start_date"]) != 10:
            return 400, {"code": "BAD_REQUEST", "message": str(query)}
        number = int(query["page"])
        self._kept = {
            "transactions": self.transactions[number * size : (number + 1) * size],
            "page": {
                "number": number,
                "size": size,
                "total_elements": len(self.transactions),
                "total_pages": -(-len(self.transactions) // size),
            },
            "type": "transactions",
        }
        return 200, self._answer(self._kept)

    def _answer(self, data: Any) -> dict[str, Any]:
        status = self.statuses.pop(0) if self.statuses else "OK"
        return {
            "status": status,
            "results_id": "r1",
            "message": "",
            "status_detail": None if status == "OK" else "the bank says so",
            "data": data if status == "OK" else None,
        }

    def _token(self, form: dict[str, str]) -> tuple[int, Any]:
        wanted = {
            "client_id": APP_TOKEN,
            "client_secret": CLIENT_SECRET,
            "grant_type": "client_credentials",
            "scope": "api",
        }
        if form != wanted:
            return 401, {"error": "invalid_client"}
        self.tokens.append(f"token-{len(self.tokens)}")
        return 200, {"access_token": self.tokens[-1], "expires_in": 3599, "token_type": "bearer"}
