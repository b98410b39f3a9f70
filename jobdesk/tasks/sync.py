"""The sync queue: what outside services know, brought into our tables.

``whatsapp-messages``, ``bank-transactions``, ``payment-status``, ``zatca-invoice``,
``wathq-registration`` and ``currency-rates`` (also every hour); ``mudad-payment`` and
``wathq-contract`` are the original's names of things that are called otherwise. What each does is
in :mod:`jobdesk.tasks.syncing`. All rows have a unique key, so that a job may be run again.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jobdesk import settings as settings_module
from jobdesk.cron import crontab
from jobdesk.engine.queue import Queue
from jobdesk.errors import NotConfigured
from jobdesk.models import Backoff, JobOptions
from jobdesk.tasks.syncing.data import (
    BankTransactions,
    CurrencyRates,
    PaymentCheck,
    SadadPayment,
    WathqContract,
    WathqRegistration,
    WhatsAppMessages,
    ZatcaInvoice,
)

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from jobdesk.engine.context import JobContext

log = logging.getLogger(__name__)

queue = huey = Queue(
    "sync",
    concurrency=3,
    defaults=JobOptions(timeout=600, priority=5, backoff=Backoff.exponential(5)),
)


@queue.task()
def whatsapp_messages(data: WhatsAppMessages, *, job: JobContext) -> dict[str, Any]:
    """Work in what WhatsApp has posted about a number."""
    from jobdesk.tasks.syncing.whatsapp import sync_messages

    return sync_messages(data, job=job, engine=_engine())


@queue.task()
def bank_transactions(data: BankTransactions, *, job: JobContext) -> dict[str, Any]:
    """Fetch the transactions of a bank account."""
    from jobdesk.providers.banks import bank_feed
    from jobdesk.tasks.syncing.bank import sync_transactions

    feed = bank_feed(settings_module.current())
    return sync_transactions(data, job=job, feed=feed, engine=_engine())


@queue.task()
def payment_status(data: PaymentCheck, *, job: JobContext) -> dict[str, Any]:
    """Ask what became of a payment."""
    from jobdesk.providers.payment_services import payment_provider
    from jobdesk.tasks.syncing.payment import check_payment

    provider = payment_provider(settings_module.current(), data.payment_provider)
    return check_payment(data, job=job, provider=provider, engine=_engine())


@queue.task()
def zatca_invoice(data: ZatcaInvoice, *, job: JobContext) -> dict[str, Any]:
    """Hand a signed invoice in to the tax authority."""
    from jobdesk.providers.zatca import tax_authority
    from jobdesk.tasks.syncing.einvoice import hand_in

    settings = settings_module.current()
    return hand_in(
        data, job=job, authority=tax_authority(settings), engine=_engine(), settings=settings
    )


@queue.task()
def wathq_registration(data: WathqRegistration, *, job: JobContext) -> dict[str, Any]:
    """Look up a commercial registration."""
    from jobdesk.providers.wathq import registry
    from jobdesk.tasks.syncing.registration import look_up

    return look_up(data, job=job, registry=registry(settings_module.current()), engine=_engine())


@queue.periodic_task(crontab(minute="15"))
def currency_rates(data: CurrencyRates, *, job: JobContext) -> dict[str, Any]:
    """Fetch the newest currency rates."""
    from jobdesk.providers.rates import rates_source
    from jobdesk.tasks.syncing.rates import sync_rates

    source = rates_source(settings_module.current())
    return sync_rates(data, job=job, source=source, engine=_engine())


# --- old names ----------------------------------------------------------------------------------


@queue.task()
def mudad_payment(data: SadadPayment, *, job: JobContext) -> dict[str, Any]:
    """Deprecated: the old name of payment-status for a SADAD bill, paid by way of Moyasar."""
    _old_name(job, "payment-status with paymentProvider moyasar")
    told = PaymentCheck(
        payment_id=data.payment_id, payment_provider="moyasar", firm_id=data.firm_id
    )
    run: dict[str, Any] = payment_status.func(told, job=job)
    return run


@queue.task()
def wathq_contract(data: WathqContract, *, job: JobContext) -> dict[str, Any]:
    """Deprecated: the old name of wathq-registration with the product contract."""
    _old_name(job, "wathq-registration with product contract")
    told = WathqRegistration(
        firm_id=data.firm_id, registration_number=data.contract_id, product="contract"
    )
    run: dict[str, Any] = wathq_registration.func(told, job=job)
    return run


def _old_name(job: JobContext, now: str) -> None:
    job.log(f"{job.type} is a deprecated name: use {now}")
    log.warning("%s:%s is a deprecated name: use %s", job.queue, job.type, now)


# --- what an application's webhook endpoint calls -----------------------------------------------


def receive_whatsapp(body: bytes, signature: str | None, firm_id: str | None = None) -> int:
    """Check a post's ``X-Hub-Signature-256`` and keep its events; how many were new.

    ``NotWhatsApp``: answer 403. Else answer 200 at once; ``whatsapp-messages`` does the rest.
    """
    from jobdesk.providers.whatsapp import verify
    from jobdesk.tasks.syncing.whatsapp import keep

    secret = settings_module.current().whatsapp_app_secret
    if secret is None:
        raise NotConfigured("set WHATSAPP_APP_SECRET: a post nobody can check is not kept")
    verify(body, signature, secret.get_secret_value())
    return keep(_engine(), body, firm_id)


def whatsapp_challenge(query: Mapping[str, str]) -> str:
    """The plain text to answer WhatsApp's first GET with; ``NotWhatsApp``: answer 403."""
    from jobdesk.providers.whatsapp import challenge

    token = settings_module.current().whatsapp_verify_token
    if token is None:
        raise NotConfigured("set WHATSAPP_VERIFY_TOKEN to what was entered at WhatsApp")
    return challenge(query, token.get_secret_value())


def _engine() -> Engine:
    from jobdesk.db.connection import connect

    return connect(settings_module.current())
