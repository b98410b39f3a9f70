"""A worker killed between the provider's answer and its own commit: the next run does no harm.

The adapter acts and then raises what nothing catches, as far as the work can tell it is the end.
Reads and writes under unique keys are in the tests of each sync.
"""

from __future__ import annotations

import base64
from typing import Any

import pytest

from jobdesk import settings as settings_module
from jobdesk.providers.webhook import webhook_sender
from jobdesk.providers.webpush import push_sender
from jobdesk.providers.zatca import tax_authority
from jobdesk.tasks.notifying.data import BulkPush, Webhook
from jobdesk.tasks.notifying.hooks import send_webhook
from jobdesk.tasks.notifying.pushing import send_bulk_push
from jobdesk.tasks.syncing.data import ZatcaInvoice
from jobdesk.tasks.syncing.einvoice import hand_in
from tests.fake_providers.base import running
from tests.fake_providers.push_service import FakePushService, vapid_keys
from tests.fake_providers.webhook_target import SECRET, FakeTarget
from tests.fake_providers.zatca_service import BINARY_TOKEN, FakeZatca, invoice


class Killed(BaseException):
    """The process ends here."""


class Dying:
    """An adapter whose process is killed behind the answer of call number ``at``."""

    def __init__(self, adapter: Any, method: str, at: int = 1) -> None:
        self._adapter, self._method, self._left = adapter, method, at

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._adapter, name)
        if name != self._method:
            return real

        def call(*args: Any, **words: Any) -> Any:
            answer = real(*args, **words)
            self._left -= 1
            if not self._left:
                raise Killed
            return answer

        return call


def test_a_webhook_is_acted_on_once(live, engine, mute):
    with running(FakeTarget()) as target:
        live(webhook_secret=SECRET, webhook_hosts=(target.place,))
        sender = webhook_sender(settings_module.current())
        data = Webhook(webhook_url=target.url, payload={"a": 1})
        job = mute("notification", "webhook")
        dying: Any = Dying(sender, "send")
        with pytest.raises(Killed):
            send_webhook(data, job=job, sender=dying, engine=engine)

        send_webhook(data, job=job, sender=sender, engine=engine)

    assert (len(target.requests), len(target.acted)) == (2, 1)


def test_a_bulk_push_goes_on_and_each_user_is_shown_one(live, engine, mute):
    private, _ = vapid_keys()
    with running(FakePushService()) as service:
        live(
            vapid_private_key=private,
            contact_email="support@traf3li.com",
            push_hosts=(service.place,),
        )
        sender = push_sender(settings_module.current())
        users = [
            {"userId": f"u{n}", "subscription": service.subscription(f"b{n}")} for n in range(5)
        ]
        data = BulkPush.model_validate({"users": users, "title": "t", "body": "b"})
        first = mute("notification", "bulk-push")
        with pytest.raises(Killed):
            send_bulk_push(data, job=first, sender=Dying(sender, "send", at=3), engine=engine)

        second = mute("notification", "bulk-push", last_progress=first.last_progress)
        result = send_bulk_push(data, job=second, sender=sender, engine=engine)

    assert (result["sent"], len(service.received), len(service.shown)) == (5, 6, 5)


def test_an_e_invoice_is_accepted_once(live, engine, mute):
    with running(FakeZatca()) as service:
        live(
            zatca_binary_token=BINARY_TOKEN,
            zatca_secret="zatca-secret-0123",
            zatca_base_url=service.url,
        )
        settings = settings_module.current()
        authority = tax_authority(settings)
        xml = base64.b64encode(invoice("8d487816-70b8-4ade-a618-9d620b73814a")).decode()
        data = ZatcaInvoice(firm_id="f1", xml=xml)
        job = mute("sync", "zatca-invoice")
        dying: Any = Dying(authority, "submit")
        with pytest.raises(Killed):
            hand_in(data, job=job, authority=dying, engine=engine, settings=settings)

        result = hand_in(data, job=job, authority=authority, engine=engine, settings=settings)

    assert (result["status"], len(service.accepted), len(service.requests)) == ("cleared", 1, 2)
    # the stamped invoice came with the answer that was lost: ZATCA does not give it twice
    assert result["clearedPath"] is None
