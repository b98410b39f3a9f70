"""Bank transactions by Lean: every page once, in halalas, under the bank's own ids."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert, select

from jobdesk.db.tables import bank_accounts, bank_transactions
from jobdesk.errors import InvalidJobData, PermanentError, TransientError
from jobdesk.providers.bank import ConsentExpired
from jobdesk.providers.lean import Lean
from jobdesk.tasks import sync
from tests.fake_providers.base import Scripted, running
from tests.fake_providers.lean_bank import (
    ACCOUNT,
    APP_TOKEN,
    CLIENT_SECRET,
    ENTITY,
    FakeLean,
    transaction,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

JOB = {
    "firmId": "507f1f77bcf86cd799439014",
    "bankAccountId": "507f1f77bcf86cd799439015",
    "startDate": "2024-01-01",
    "endDate": "2024-01-31",
}


@pytest.fixture
def server(live, engine) -> Iterator[FakeLean]:
    with running(FakeLean()) as service:
        live(
            lean_app_token=APP_TOKEN,
            lean_client_secret=CLIENT_SECRET,
            lean_base_url=service.url,
            lean_token_url=service.url,
            lean_timeout=0.5,
        )
        with engine.begin() as connection:
            connection.execute(
                insert(bank_accounts).values(
                    id=JOB["bankAccountId"],
                    firm_id=JOB["firmId"],
                    provider="lean",
                    entity_id=ENTITY,
                    account_id=ACCOUNT,
                )
            )
        yield service


@pytest.fixture
def lean(server) -> Iterator[Lean]:
    made = Lean(
        app_token=APP_TOKEN,
        client_secret=CLIENT_SECRET,
        base_url=server.url,
        token_url=server.url,
        timeout_s=0.5,
        pause=lambda _seconds: None,
    )
    yield made
    made.close()


def rows(engine) -> list[Any]:
    with engine.connect() as connection:
        found = connection.execute(select(bank_transactions).order_by(bank_transactions.c.id))
        return [dict(row) for row in found.mappings()]


def ask(lean: Lean) -> list[Any]:
    pages = lean.movements(
        entity_id=ENTITY, account_id=ACCOUNT, start=date(2024, 1, 1), end=date(2024, 1, 31)
    )
    return [movement for page in pages for movement in page.movements]


# --- done


def test_all_pages_are_stored_with_signs_and_in_halalas(server, here, engine):
    server.transactions = [transaction(n) for n in range(250)]
    handle = sync.bank_transactions(**JOB)

    status = here.attempt(sync.queue, handle)

    assert status.return_value == {
        "success": True, "fetched": 250, "new": 250, "known": 0,
        "startDate": "2024-01-01", "endDate": "2024-01-31",
    }  # fmt: skip
    stored = rows(engine)
    assert len(stored) == 250
    assert [row["amount"] for row in stored[:2]] == [50_911, -51_011]
    assert (stored[0]["balance"], stored[0]["merchant"]) == (100_050, "Shop")
    assert stored[0]["booked_at"] == datetime(2025, 2, 25, 15, 25, 28, tzinfo=UTC)
    assert status.progress == {"done": 3, "total": 3, "fetched": 250}
    asked = [request.query for request in server.requests if "page" in request.query]
    assert [query["page"] for query in asked] == ["0", "1", "2"]
    assert len(server.tokens) == 1


def test_again_changes_nothing_but_what_the_bank_has_changed(server, here, engine):
    server.transactions[0] = transaction(0, status="PENDING", transaction_mutability="MUTABLE")
    here.attempt(sync.queue, sync.bank_transactions(**JOB))
    before = rows(engine)
    server.transactions[0] = transaction(0, amount={"amount": 7, "currency": "SAR"})

    status = here.attempt(sync.queue, sync.bank_transactions(**JOB))

    after = rows(engine)
    assert (status.return_value["new"], status.return_value["known"]) == (0, 3)
    assert [row["id"] for row in after] == [row["id"] for row in before]
    assert (before[0]["mutable"], after[0]["mutable"], after[0]["amount"]) == (True, False, 700)


def test_without_dates_the_last_week_is_read_again(server, here):
    here.attempt(sync.queue, sync.bank_transactions(**JOB))
    today = datetime.now(UTC).date()

    short = {name: JOB[name] for name in ("firmId", "bankAccountId")}
    status = here.attempt(sync.queue, sync.bank_transactions(**short))

    start = date.fromisoformat(status.return_value["startDate"])
    assert (today - start).days in {7, 8}


def test_a_slow_bank_is_waited_for(server, lean):
    server.statuses = ["PENDING", "PENDING"]

    assert len(ask(lean)) == 3
    assert [r.path for r in server.requests][-2:] == ["/data/v2/results/r1"] * 2


def test_a_token_that_ends_early_is_fetched_anew_once(server, lean):
    ask(lean)
    server.ended = set(server.tokens)

    assert len(ask(lean)) == 3
    assert len(server.tokens) == 2


# --- permanent


@pytest.mark.parametrize("word", ["CONSENT_EXPIRED", "RECONNECT_REQUIRED"])
def test_an_expired_consent_fails_and_marks_the_account(server, here, engine, word):
    server.statuses = [word]

    status = here.attempt(sync.queue, sync.bank_transactions(**JOB))

    with engine.connect() as connection:
        marked = connection.execute(select(bank_accounts.c.status)).scalar_one()
    assert (status.state, status.attempts_made, marked) == ("failed", 1, "consent_expired")


def test_a_firm_reads_its_own_accounts_only(server, here):
    status = here.attempt(sync.queue, sync.bank_transactions(**JOB | {"firmId": "another"}))

    assert "no such bank account" in status.failed_reason
    assert server.requests == []


def test_refused_credentials_are_permanent_and_show_nowhere(server):
    wrong = Lean(
        app_token=APP_TOKEN,
        client_secret="wrong-secret-0123",
        base_url=server.url,
        token_url=server.url,
    )

    with pytest.raises(PermanentError) as caught:
        ask(wrong)
    wrong.close()

    assert "wrong-secret" not in str(caught.value)


def test_a_token_that_is_always_refused_is_permanent(server, lean):
    server.script = [
        Scripted(200, {"access_token": "t", "expires_in": 3599}),
        Scripted(401, {"code": "UNAUTHORIZED"}),
        Scripted(200, {"access_token": "t", "expires_in": 3599}),
        Scripted(401, {"code": "UNAUTHORIZED"}),
    ]

    with pytest.raises(PermanentError, match="LEAN_CLIENT_SECRET"):
        ask(lean)


@pytest.mark.parametrize("status", [400, 403, 404])
def test_what_lean_will_never_answer_is_permanent(server, lean, status):
    ask(lean)
    server.script = [Scripted(status, {"code": "X", "message": "no"})]

    with pytest.raises(PermanentError):
        ask(lean)


# --- transient; a read whose answer is lost is asked again


@pytest.mark.parametrize(
    "trouble",
    [
        Scripted(429, {"code": "X"}, {"Retry-After": "60"}),
        Scripted(503, {"code": "X"}, {"Retry-After": "60"}),
        Scripted(cut=True),
        Scripted(late_s=2),
        Scripted(200, raw="<html>"),
    ],
)
def test_trouble_is_transient_and_the_retry_has_every_row_once(server, here, engine, trouble):
    server.transactions = [transaction(n) for n in range(150)]
    handle = sync.bank_transactions(**JOB)
    server.script = [Scripted(late_s=0.01), Scripted(late_s=0.01), trouble]  # token, page 0

    first = here.attempt(sync.queue, handle)
    second = here.attempt(sync.queue, handle)

    assert (first.state, second.state, len(rows(engine))) == ("delayed", "completed", 150)


def test_a_full_rate_names_the_delay(server, lean):
    ask(lean)
    server.script = [Scripted(429, {"code": "X"}, {"Retry-After": "60"})]

    with pytest.raises(TransientError) as caught:
        ask(lean)

    assert caught.value.delay == 60


@pytest.mark.parametrize("statuses", [["FAILED"], ["PENDING"] * 9])
def test_a_bank_without_an_answer_is_transient(server, lean, statuses):
    server.statuses = statuses

    with pytest.raises(TransientError) as caught:
        ask(lean)

    assert not isinstance(caught.value, ConsentExpired)


# --- not configured, and data


@pytest.mark.parametrize(
    ("values", "variable"),
    [({}, "LEAN_APP_TOKEN"), ({"lean_app_token": "x"}, "LEAN_CLIENT_SECRET")],
)
def test_what_is_not_configured_is_named(live, here, values, variable):
    live(**values)

    status = here.attempt(sync.queue, sync.bank_transactions(**JOB))

    assert (status.state, status.attempts_made) == ("failed", 1)
    assert f"NotConfigured: set {variable}" in status.failed_reason


@pytest.mark.parametrize(
    "change",
    [
        {"startDate": "2024-02-01"},
        {"startDate": "2010-01-01"},
        {"startDate": "1/1/2024"},
        {"accountId": "x"},
        {"firmId": ""},
        {"firmId": None},
    ],
)
def test_what_does_not_fit_is_refused(change):
    with pytest.raises(InvalidJobData):
        sync.bank_transactions(**JOB | change)
