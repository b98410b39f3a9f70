"""A push service: it verifies the VAPID token, decrypts with the browser's key, and shows."""

from __future__ import annotations

import base64
import json
import os
import time
from typing import Any

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid

from tests.fake_providers.base import FakeService, Request


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class FakePushService(FakeService):
    def __init__(self) -> None:
        super().__init__()
        self.key = ec.generate_private_key(ec.SECP256R1())  # the browser's
        self.auth = os.urandom(16)
        self.vapid_public: str | None = None
        self.gone: dict[str, int] = {}
        self.received: list[tuple[str, dict[str, Any]]] = []
        #: by browser and tag: what its user sees
        self.shown: dict[tuple[str, str], dict[str, Any]] = {}
        self.claims: list[dict[str, Any]] = []

    def subscription(self, browser: str = "a") -> dict[str, Any]:
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {
            "endpoint": f"{self.url}/send/{browser}",
            "expirationTime": None,
            "keys": {"p256dh": b64(point), "auth": b64(self.auth)},
        }

    def accept(self, request: Request) -> tuple[int, Any]:
        headers = request.headers
        if not headers.get("ttl", "").isdigit():
            return 400, {"reason": "BadTTL"}
        if headers.get("content-encoding") != "aes128gcm":
            return 400, {"reason": "BadEncoding"}
        if len(headers.get("topic", "")) > 32:
            return 400, {"reason": "BadTopic"}
        if (why := self._bad_token(headers.get("authorization", ""))) is not None:
            return 403, {"reason": why}
        if len(request.raw) > 4096:
            return 413, {"reason": "PayloadTooLarge"}
        browser = request.path.rpartition("/")[2]
        if browser in self.gone:
            return self.gone[browser], {"reason": "Unregistered"}
        plain = http_ece.decrypt(
            request.raw, private_key=self.key, auth_secret=self.auth, version="aes128gcm"
        )
        note = json.loads(plain)
        self.received.append((browser, note))
        self.shown[browser, note["tag"]] = note
        return 201, None

    def _bad_token(self, authorization: str) -> str | None:
        try:
            assert Vapid.verify(authorization)
            parts = dict(
                part.split("=", 1) for part in authorization.removeprefix("vapid ").split(",")
            )
            claims = json.loads(unb64(parts["t"].split(".")[1]))
        except Exception:  # noqa: BLE001  # whatever is wrong with it
            return "BadJwtToken"
        self.claims.append(claims)
        if self.vapid_public is not None and parts["k"] != self.vapid_public:
            return "VapidPkHashMismatch"
        if claims["aud"] != self.url or not claims["sub"].startswith("mailto:"):
            return "BadJwtToken"
        if not time.time() < claims["exp"] <= time.time() + 86_400:
            return "ExpiredJwtToken"
        return None


def vapid_keys() -> tuple[str, str]:
    """A private and a public key, as the settings have them."""
    key = Vapid()
    key.generate_keys()
    private = key.private_key.private_numbers().private_value.to_bytes(32, "big")
    public = key.public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return b64(private), b64(public)
