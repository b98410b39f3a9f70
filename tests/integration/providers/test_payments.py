"""What became of a payment, by Stripe and Moyasar; believed only of the same payment."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert, select

from jobdesk import settings as settings_module
from jobdesk.db.tables import firms, payments
from jobdesk.errors import InvalidJobData, TransientError
from jobdesk.providers.payment_services import payment_provider
from jobdesk.tasks import sync
from tests.fake_providers.base import Scripted, running
from tests.fake_providers.payment_services import (
    MOYASAR_KEY,
    STRIPE_KEY,
    FakeMoyasar,
    FakeStripe,
    intent,
    payment,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

OURS = "507f1f77bcf86cd799439016"
STRIPE = {"paymentId": OURS, "paymentProvider": "stripe"}
MOYASAR = {"paymentId": OURS, "paymentProvider": "moyasar"}


def ours(engine, provider: str, external_id: str, **changes: Any) -> None:
    now = datetime.now(UTC)
    with engine.begin() as connection:
        connection.execute(insert(firms).values(id="f1", name="Firm", created_at=now))
        connection.execute(
            insert(payments).values(
                id=OURS,
                firm_id="f1",
                amount=115_000,
                method="card",
                status="pending",
                provider=provider,
                external_id=external_id,
                created_at=now,
                **changes,
            )
        )


@pytest.fixture
def stripe(live, engine) -> Iterator[FakeStripe]:
    with running(FakeStripe()) as server:
        live(stripe_secret_key=STRIPE_KEY, stripe_base_url=server.url, stripe_timeout=0.5)
        ours(engine, "stripe", "pi_1")
        yield server


@pytest.fixture
def moyasar(live, engine) -> Iterator[FakeMoyasar]:
    with running(FakeMoyasar()) as server:
        live(
            moyasar_secret_key=MOYASAR_KEY,
            moyasar_base_url=f"{server.url}/v1",
            moyasar_timeout=0.5,
        )
        ours(engine, "moyasar", "760878ec-d1d3-5f72-9056-191683f55872")
        yield server


def row(engine) -> dict[str, Any]:
    with engine.connect() as connection:
        return dict(connection.execute(select(payments)).mappings().one())


# --- done


@pytest.mark.parametrize(
    "case",
    [
        ("requires_payment_method", 0, "pending"),
        ("requires_action", 0, "pending"),
        ("processing", 0, "pending"),
        ("requires_capture", 0, "authorized"),
        ("succeeded", 0, "paid"),
        ("succeeded", 5_000, "partially_refunded"),
        ("succeeded", 115_000, "refunded"),
        ("canceled", 0, "cancelled"),
        ("a_word_of_tomorrow", 0, "unknown"),
    ],
)
def test_stripe_s_words_are_ours(stripe, here, engine, case):
    own, refunded, status = case
    stripe.intents["pi_1"] = intent("pi_1", own, refunded=refunded)

    done = here.attempt(sync.queue, sync.payment_status(**STRIPE))

    stored = row(engine)
    assert done.return_value == {
        "success": True, "provider": "stripe", "status": status, "changed": status != "pending",
    }  # fmt: skip
    assert (stored["status"], stored["refunded"]) == (status, refunded)
    assert (stored["received_at"] is not None) == (own == "succeeded")
    assert (stored["refunded_at"] is not None) == (refunded > 0)


@pytest.mark.parametrize(
    "case",
    [
        ("initiated", {}, "pending"),
        ("authorized", {}, "authorized"),
        ("paid", {}, "paid"),
        ("captured", {"captured": 115_000}, "paid"),
        ("failed", {}, "failed"),
        ("voided", {}, "cancelled"),
        ("expired", {}, "expired"),
        ("refunded", {"refunded": 115_000}, "refunded"),
        ("refunded", {"refunded": 1}, "partially_refunded"),
        ("verified", {}, "unknown"),
    ],
)
def test_moyasar_s_words_are_ours(moyasar, here, engine, case):
    own, changes, status = case
    id_ = row(engine)["external_id"]
    moyasar.payments[id_] = payment(id_, own, **changes)

    done = here.attempt(sync.queue, sync.payment_status(**MOYASAR, firmId="f1"))

    assert (done.return_value["status"], row(engine)["status"]) == (status, status)


def test_the_moment_of_payment_is_the_provider_s_and_stays(stripe, here, engine):
    stripe.intents["pi_1"] = intent("pi_1", "succeeded")
    here.attempt(sync.queue, sync.payment_status(**STRIPE))
    first = row(engine)["received_at"]

    again = here.attempt(sync.queue, sync.payment_status(**STRIPE))

    assert first == datetime(2025, 6, 25, 13, 16, 24, tzinfo=UTC)
    assert row(engine)["received_at"] == first
    assert again.return_value["changed"] is False


def test_the_old_name_of_a_sadad_bill_is_taken_with_a_word(moyasar, here, engine, caplog):
    id_ = row(engine)["external_id"]
    moyasar.payments[id_] = payment(id_, "paid", source={"type": "sadadbill"})
    handle = sync.mudad_payment(paymentId=OURS)

    with caplog.at_level(logging.WARNING):
        done = here.attempt(sync.queue, handle)

    assert done.return_value["status"] == "paid"
    assert "deprecated name: use payment-status" in here.log(handle)
    assert "mudad-payment is a deprecated name" in caplog.text


# --- permanent


@pytest.mark.parametrize(
    ("theirs", "what"),
    [
        (intent("pi_2", "succeeded"), "id"),
        (intent("pi_1", "succeeded", amount=1), "amount"),
        (intent("pi_1", "succeeded") | {"currency": "usd"}, "currency"),
    ],
)
def test_another_payment_is_not_believed(stripe, here, engine, theirs, what):
    stripe.intents["pi_1"] = theirs

    done = here.attempt(sync.queue, sync.payment_status(**STRIPE))

    assert (done.state, done.attempts_made, row(engine)["status"]) == ("failed", 1, "pending")
    assert f"another {what}" in done.failed_reason


@pytest.mark.parametrize("job", [STRIPE | {"paymentId": "x"}, STRIPE | {"firmId": "f2"}, MOYASAR])
def test_a_payment_that_is_not_there_is_not_asked_for(stripe, live, here, job):
    live(stripe_secret_key=STRIPE_KEY, moyasar_secret_key=MOYASAR_KEY, stripe_base_url=stripe.url)

    done = here.attempt(sync.queue, sync.payment_status(**job))

    assert done.state == "failed"
    assert stripe.requests == []


def test_a_wrong_key_is_permanent_and_shows_nowhere(stripe, live, here):
    live(stripe_secret_key="sk_test_wrong987654321", stripe_base_url=stripe.url)

    done = here.attempt(sync.queue, sync.payment_status(**STRIPE))

    assert (done.state, done.attempts_made) == ("failed", 1)
    assert "wrong987654321" not in done.failed_reason


def test_an_unknown_payment_there_is_permanent(stripe, here):
    done = here.attempt(sync.queue, sync.payment_status(**STRIPE))

    assert "404" in done.failed_reason


# --- transient; reads, so a lost answer is asked for again


@pytest.mark.parametrize(
    "trouble",
    [
        Scripted(429, {}, {"Retry-After": "20"}),
        Scripted(409, {"error": {"code": "lock_timeout"}}),
        Scripted(500, {}),
        Scripted(400, {}, {"Stripe-Should-Retry": "true"}),
        Scripted(cut=True),
        Scripted(late_s=2),
        Scripted(200, {"id": "pi_1"}),
        Scripted(200, raw="<html>"),
    ],
)
def test_trouble_is_transient(stripe, here, engine, trouble):
    stripe.intents["pi_1"] = intent("pi_1", "succeeded")
    stripe.script = [trouble]
    handle = sync.payment_status(**STRIPE)

    first = here.attempt(sync.queue, handle)
    second = here.attempt(sync.queue, handle)

    assert (first.state, second.state, row(engine)["status"]) == ("delayed", "completed", "paid")


@pytest.mark.parametrize("name", ["stripe", "moyasar"])
def test_the_delay_is_the_provider_s(request, name):
    server = request.getfixturevalue(name)
    server.script = [Scripted(429, {}, {"Retry-After": "20"})]

    with pytest.raises(TransientError) as caught:
        payment_provider(settings_module.current(), name).payment("pi_1")

    assert caught.value.delay == 20


# --- not configured


@pytest.mark.parametrize("name", ["stripe", "moyasar"])
def test_what_is_not_configured_is_named(live, here, name):
    live()

    done = here.attempt(sync.queue, sync.payment_status(paymentId=OURS, paymentProvider=name))

    assert f"NotConfigured: set {name.upper()}_SECRET_KEY" in done.failed_reason
    assert done.attempts_made == 1


def test_a_provider_that_there_is_not_is_refused():
    with pytest.raises(InvalidJobData, match="paymentProvider"):
        sync.payment_status(paymentId=OURS, paymentProvider="paypal")
