"""What the jobs store they store on PostgreSQL as on SQLite, and once when they run again."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, insert, select

from jobdesk.db import connection as db
from jobdesk.db import tables
from jobdesk.tasks import notification, sync
from tests.databases import database, postgres
from tests.fake_providers.base import Scripted, running
from tests.fake_providers.lean_bank import (
    ACCOUNT,
    APP_TOKEN,
    CLIENT_SECRET,
    ENTITY,
    FakeLean,
    transaction,
)
from tests.fake_providers.registries import API_KEY, FakeRates, FakeWathq
from tests.fake_providers.webhook_target import SECRET, FakeTarget
from tests.fake_providers.zatca_service import BINARY_TOKEN, FakeZatca, invoice
from tests.integration.providers.conftest import Here

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Engine

    from jobdesk.broker.connection import Broker

__all__ = ["database", "postgres"]

UUID = "8d487816-70b8-4ade-a618-9d620b73814a"


@pytest.fixture
def on(live: Callable[..., Any], database: str | None) -> Iterator[Callable[..., Engine]]:
    """Settings that send, on this test's database; its engine."""

    def use(**values: object) -> Engine:
        engine = db.connect(live(database_url=database, **values))
        db.create_tables(engine)
        return engine

    yield use
    db.close_all()


@pytest.fixture
def run(broker: Broker) -> Here:
    return Here(broker)


def count(engine: Engine, table: Any) -> int:
    with db.reading(engine) as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def test_bank_transactions(on, run):
    with running(FakeLean()) as server:
        server.transactions = [transaction(n) for n in range(120)]
        engine = on(
            lean_app_token=APP_TOKEN,
            lean_client_secret=CLIENT_SECRET,
            lean_base_url=server.url,
            lean_token_url=server.url,
        )
        with db.writing(engine) as connection:
            connection.execute(
                insert(tables.bank_accounts).values(
                    id="b1", firm_id="f1", provider="lean", entity_id=ENTITY, account_id=ACCOUNT
                )
            )
        done = [
            run.attempt(sync.queue, sync.bank_transactions(firmId="f1", bankAccountId="b1"))
            for _ in range(2)
        ]

    assert [one.return_value["new"] for one in done] == [120, 0]
    assert count(engine, tables.bank_transactions) == 120


def test_an_e_invoice(on, run):
    xml = base64.b64encode(invoice(UUID)).decode()
    with running(FakeZatca()) as server:
        engine = on(
            zatca_binary_token=BINARY_TOKEN,
            zatca_secret="zatca-secret-0123",
            zatca_base_url=server.url,
        )
        done = [run.attempt(sync.queue, sync.zatca_invoice(firmId="f1", xml=xml)) for _ in range(2)]

    assert [one.return_value["status"] for one in done] == ["cleared", "cleared"]
    assert (count(engine, tables.zatca_submissions), len(server.requests)) == (1, 1)


def test_registrations_and_rates(on, run):
    with running(FakeWathq()) as wathq, running(FakeRates()) as rates:
        engine = on(wathq_api_key=API_KEY, wathq_base_url=wathq.url, rates_base_url=rates.url)
        for _ in range(2):
            looked = run.attempt(
                sync.queue,
                sync.wathq_registration(firmId="f1", registrationNumber="7001272124"),
            )
            fetched = run.attempt(sync.queue, sync.currency_rates())

    assert (looked.return_value["cached"], fetched.return_value["stored"]) == (True, 2)
    assert count(engine, tables.commercial_registrations) == 1
    assert count(engine, tables.currency_rates) == 2


def test_whatsapp(on, run):
    from tests.integration.providers.test_whatsapp import JOB, SECRET, post, receive, status, text

    engine = on(whatsapp_app_secret=SECRET)
    for body in (post(text("w1")), post(text("w1")), post(statuses=[status("w2", "read")])):
        receive(body)

    done = run.attempt(sync.queue, sync.whatsapp_messages(**JOB))

    assert (done.return_value["new"], done.return_value["statuses"]) == (1, 1)
    assert count(engine, tables.whatsapp_messages) == 2


def test_notices_and_messages(on, run, mute, settings):
    from jobdesk.providers.notes import SmsOutbox
    from jobdesk.tasks.notifying.data import Sms
    from jobdesk.tasks.notifying.texting import send_sms

    engine = on()
    told = Sms(phone_number="0501234567", message="x")
    job = mute("notification", "sms")
    sender = SmsOutbox(settings.data_folder)
    sent = [send_sms(told, job=job, sender=sender, engine=engine) for _ in range(2)]
    run.attempt(
        notification.queue,
        notification.in_app(userId="u1", title="t", message="m", metadata={"a": [1, "ب"]}),
    )
    notification.subscribe("u1", {"endpoint": "https://a.example", "keys": KEYS})
    notification.subscribe("u1", {"endpoint": "https://a.example", "keys": KEYS})

    assert sent[0] == sent[1]
    assert notification.notices("u1")[0]["metadata"] == {"a": [1, "ب"]}
    assert (notification.mark_read("u1"), notification.unread_count("u1")) == (1, 0)
    assert count(engine, tables.push_subscriptions) == 1


KEYS = {"p256dh": "AAAA", "auth": "AAAA"}


def test_a_webhook_that_answered_410(on, run):
    with running(FakeTarget()) as target:
        target.script = [Scripted(410)]
        engine = on(webhook_secret=SECRET, webhook_hosts=(target.place,))
        for _ in range(2):
            done = run.attempt(
                notification.queue, notification.webhook(webhookUrl=target.url, payload={})
            )

    assert (done.state, len(target.requests)) == ("failed", 1)
    assert count(engine, tables.webhook_endpoints) == 1
