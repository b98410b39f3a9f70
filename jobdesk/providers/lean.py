"""Bank accounts by Lean Technologies (Saudi Arabia): the ``status`` in the body decides.

An access token is kept until a minute before its end, and fetched anew once where it is refused. A
bank that takes long has its answer polled for by the id of the result.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote

from jobdesk.errors import JobFailure, NotConfigured, PermanentError, TransientError
from jobdesk.providers.bank import ConsentExpired, Movement, MovementPage
from jobdesk.providers.http import Answer, Service
from jobdesk.providers.money import minor

PAGE_SIZE = 100
#: 40,000 pages of a hundred are four million movements: no account has them.
MAX_PAGES = 40_000
#: How long a result that is not ready is waited for, look by look.
POLLS_S = (1.0, 2.0, 4.0, 8.0)
_RECONNECT = frozenset({"CONSENT_EXPIRED", "RECONNECT_REQUIRED"})


class _TokenRefused(PermanentError):
    """401: the access token has ended before its time."""


class Lean:
    """A :class:`~jobdesk.providers.bank.BankFeed`."""

    def __init__(
        self,
        *,
        app_token: str,
        client_secret: str,
        base_url: str,
        token_url: str,
        timeout_s: float = 60.0,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        app_token = app_token.strip()
        if not app_token.isascii() or not app_token.isprintable() or not app_token:
            raise NotConfigured("set LEAN_APP_TOKEN: what it holds now cannot be one")
        self._app_token = app_token
        self._client_secret = client_secret
        self._pause = pause
        self._lock = threading.Lock()
        self._token = ""
        self._good_until_s = 0.0
        self._service = Service(
            "Lean",
            base_url,
            headers={"lean-app-token": app_token, "User-Agent": "jobdesk"},
            secrets=(client_secret,),
            read_timeout_s=timeout_s,
        )
        self._auth = Service(
            "Lean",
            token_url,
            headers={"User-Agent": "jobdesk"},
            secrets=(client_secret,),
            read_timeout_s=timeout_s,
        )

    def close(self) -> None:
        """Close the connections."""
        self._service.close()
        self._auth.close()

    def movements(
        self, *, entity_id: str, account_id: str, start: date, end: date
    ) -> Iterator[MovementPage]:
        """The account's transactions of these days, both included."""
        number = pages = 0
        while number == 0 or number < pages:
            params = {
                "entity_id": entity_id,
                "start_date": start.isoformat(),
                "end_date": end.isoformat(),
                "page": str(number),
                "size": str(PAGE_SIZE),
            }
            path = f"/data/v2/accounts/{quote(account_id, safe='')}/transactions"
            data = self._ready(self._read(path, params))
            page = data.get("page")
            total = page.get("total_pages") if isinstance(page, dict) else None
            pages = min(total if isinstance(total, int) else 1, MAX_PAGES)
            rows = data.get("transactions")
            try:
                found = tuple(_movement(row) for row in rows) if isinstance(rows, list) else ()
            except (KeyError, TypeError, ValueError, AttributeError) as exc:
                raise PermanentError(f"Lean sent a transaction that cannot be read: {exc}") from exc
            number += 1
            yield MovementPage(movements=found, number=number, pages=max(pages, 1))

    def _ready(self, answer: Answer) -> dict[str, Any]:
        """The ``data`` of an answer, waited for where the bank is slow."""
        for rest in (*POLLS_S, None):
            body = answer.body if isinstance(answer.body, dict) else {}
            status = body.get("status")
            detail = (
                f"{status}: {str(body.get('status_detail') or body.get('message') or '')[:150]}"
            )
            if status == "OK":
                data = body.get("data")
                return data if isinstance(data, dict) else {}
            if status in _RECONNECT:
                raise ConsentExpired(
                    f"the bank wants its customer's consent again ({status}):"
                    " the account has to be connected anew"
                )
            result = body.get("results_id")
            if status != "PENDING" or not isinstance(result, str) or rest is None:
                break
            self._pause(rest)
            answer = self._read(f"/data/v2/results/{quote(result, safe='')}", {})
        raise TransientError(f"Lean has no answer of the bank ({self._service.redact(detail)})")

    def _read(self, path: str, params: dict[str, str]) -> Answer:
        try:
            return self._with_token(path, params)
        except _TokenRefused:
            self._good_until_s = 0.0
        try:
            return self._with_token(path, params)
        except _TokenRefused as exc:
            raise PermanentError(f"{exc}; look at LEAN_APP_TOKEN and LEAN_CLIENT_SECRET") from None

    def _with_token(self, path: str, params: dict[str, str]) -> Answer:
        headers = {"Authorization": f"Bearer {self._access_token()}"}
        return self._service.read(path, params=params, headers=headers, verdict=_verdict)

    def _access_token(self) -> str:
        with self._lock:
            if time.monotonic() >= self._good_until_s:
                fields = {
                    "client_id": self._app_token,
                    "client_secret": self._client_secret,
                    "grant_type": "client_credentials",
                    "scope": "api",
                }
                answer = self._auth.read_form("/oauth2/token", fields)
                body = answer.body if isinstance(answer.body, dict) else {}
                token, lives_s = body.get("access_token"), body.get("expires_in")
                if not isinstance(token, str) or not token.isascii() or not token.isprintable():
                    raise TransientError("Lean gave out no access token")
                self._token = token
                lives_s = lives_s if isinstance(lives_s, int) else 300
                self._good_until_s = time.monotonic() + max(lives_s - 60, 10)
            return self._token


def _movement(row: dict[str, Any]) -> Movement:
    money = row["amount"]
    currency = str(money["currency"]).upper()
    amount = abs(minor(money["amount"], currency))
    if str(row["credit_debit_indicator"]).upper() == "DEBIT":
        amount = -amount
    status = str(row.get("status") or "BOOKED").upper()
    balance = row.get("balance")
    left = balance.get("amount") if isinstance(balance, dict) else None
    merchant, insights = row.get("merchant_details") or {}, row.get("insights") or {}
    return Movement(
        external_id=str(row["transaction_id"]),
        booked_at=_instant(row["booking_date_time"]),
        value_at=_instant(row["value_date_time"]) if row.get("value_date_time") else None,
        amount_minor=amount,
        currency=currency,
        balance_minor=minor(left["amount"], str(left["currency"])) if left else None,
        description=row.get("transaction_information"),
        reference=row.get("transaction_reference"),
        merchant=merchant.get("merchant_name"),
        category=insights.get("category"),
        status=status,
        mutable=row.get("transaction_mutability") == "MUTABLE" or status == "PENDING",
        raw=row,
    )


def _instant(text: Any) -> datetime:
    moment = datetime.fromisoformat(str(text))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _verdict(answer: Answer) -> JobFailure | None:
    if answer.status == 401:
        return _TokenRefused(f"Lean refuses our credentials (401): {answer.text}")
    return None
