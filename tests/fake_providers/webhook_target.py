"""Somebody's webhook: it recomputes the signature, and acts on each id once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import Any

from tests.fake_providers.base import FakeService, Request

KEY = b"0123456789abcdef0123456789abcdef"
SECRET = "whsec_" + base64.b64encode(KEY).decode()


class FakeTarget(FakeService):
    def __init__(self) -> None:
        super().__init__()
        self.acted: dict[str, Any] = {}

    def accept(self, request: Request) -> tuple[int, Any]:
        headers = request.headers
        id_, moment = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "0")
        right = base64.b64encode(
            hmac.new(KEY, f"{id_}.{moment}.".encode() + request.raw, hashlib.sha256).digest()
        ).decode()
        if headers.get("webhook-signature") != f"v1,{right}":
            return 401, {"error": "signature"}
        if (
            abs(time.time() - int(moment)) > 300
            or headers.get("content-type") != "application/json"
        ):
            return 400, {"error": "stale"}
        self.acted.setdefault(id_, request.json())
        return 204, None
