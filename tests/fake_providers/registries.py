"""Wathq, and a Frankfurter."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.fake_providers.base import FakeService, Request

API_KEY = "wathq-key-0123456789"


class FakeWathq(FakeService):
    def __init__(self) -> None:
        super().__init__()
        self.records: dict[str, dict[str, Any]] = {
            "/commercial-registration/info/7001272124": {
                "crNationalNumber": "7001272124",
                "name": "شركة الأفق",
                "status": {"id": 1, "name": "نشط"},
            },
            "/company-contract/info/7001272124": {"crNationalNumber": "7001272124"},
        }

    def accept(self, request: Request) -> tuple[int, Any]:
        if request.headers.get("apikey") != API_KEY:
            return 401, {"code": "401", "message": "Unauthorized"}
        if request.query.get("language") not in {"ar", "en"}:
            return 400, {"code": "400.1.1", "message": "language"}
        found = self.records.get(request.path)
        if found is None:
            return 400, {"code": "404.2.1", "message": "No Results Found"}
        return 200, found


class FakeRates(FakeService):
    def __init__(self) -> None:
        super().__init__()
        self.rates = {"USD": 0.266667, "EUR": 0.2305}
        self.date = datetime.now(UTC).date().isoformat()

    def accept(self, request: Request) -> tuple[int, Any]:
        if request.path != "/v2/rates" or "base" not in request.query:
            return 404, {"message": "not found"}
        quotes = request.query["quotes"].split(",")
        if "XXX" in quotes:
            return 422, {"message": "unknown currency"}
        return 200, [
            {"date": self.date, "base": request.query["base"], "quote": quote, "rate": rate}
            for quote, rate in self.rates.items()
            if quote in quotes
        ]
