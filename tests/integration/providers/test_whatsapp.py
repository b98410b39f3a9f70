"""WhatsApp: signed posts kept, and worked in once, in whatever order they come."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
from sqlalchemy import select

from jobdesk.db.tables import webhook_inbox, whatsapp_messages
from jobdesk.errors import InvalidJobData, NotConfigured
from jobdesk.providers.whatsapp import NotWhatsApp
from jobdesk.tasks import sync

SECRET, NUMBER = "app-secret", "123456123"
JOB = {"firmId": "507f1f77bcf86cd799439014", "phoneNumberId": NUMBER}


def text(id_: str, body: str = "مرحبا", **more: Any) -> dict[str, Any]:
    return {
        "from": "966501234567",
        "id": id_,
        "timestamp": "1750857384",
        "type": "text",
        "text": {"body": body},
        **more,
    }


def status(id_: str, word: str, **more: Any) -> dict[str, Any]:
    return {
        "id": id_, "status": word, "timestamp": "1750857400", "recipient_id": "966501234567", **more
    }  # fmt: skip


def post(*messages: dict[str, Any], statuses: Any = (), number: str = NUMBER) -> bytes:
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "966112345678", "phone_number_id": number},
        "contacts": [{"profile": {"name": "سارة"}, "wa_id": "966501234567"}],
        "messages": list(messages),
        "statuses": list(statuses),
    }
    change = {"field": "messages", "value": value}
    entry = {"id": "WABA", "changes": [change, {"field": "account_update", "value": {}}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def signature(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def receive(body: bytes) -> int:
    return sync.receive_whatsapp(body, signature(body))


@pytest.fixture(autouse=True)
def configured(live, engine) -> None:
    live(whatsapp_app_secret=SECRET, whatsapp_verify_token="verify-me")


def rows(engine) -> dict[str, dict[str, Any]]:
    with engine.connect() as connection:
        found = connection.execute(select(whatsapp_messages)).mappings()
        return {row["wa_message_id"]: dict(row) for row in found}


# --- done


def test_what_was_posted_is_worked_in_once(here, engine):
    body = post(text("wamid.1"), text("wamid.2", context={"id": "wamid.1"}))
    kept = [receive(body), receive(body)]  # as WhatsApp does when our 200 was lost
    receive(post(text("wamid.2", context={"id": "wamid.1"})))  # the same message in another post
    handle = sync.whatsapp_messages(**JOB)

    first = here.attempt(sync.queue, handle)
    second = here.attempt(sync.queue, sync.whatsapp_messages(**JOB))

    assert kept == [1, 0]
    assert first.return_value == {
        "success": True, "source": "webhook-inbox",
        "received": 3, "new": 2, "duplicates": 1, "statuses": 0,
    }  # fmt: skip
    assert second.return_value["received"] == 0  # an empty inbox is a success
    stored = rows(engine)["wamid.2"]
    assert (stored["contact_name"], stored["body"], stored["reply_to"], stored["direction"]) == (
        "سارة", "مرحبا", "wamid.1", "in",
    )  # fmt: skip
    assert "966501234567" not in here.log(handle) + str(first.return_value)
    with engine.connect() as connection:
        left = connection.execute(select(webhook_inbox.c.body)).scalars().all()
    assert set(left) == {""}


def test_statuses_in_any_order_end_at_the_furthest(here, engine):
    receive(post(statuses=[status("wamid.9", "read")]))
    receive(post(statuses=[status("wamid.9", "delivered"), status("wamid.9", "sent")]))

    done = here.attempt(sync.queue, sync.whatsapp_messages(**JOB))

    assert done.return_value["statuses"] == 1
    assert (rows(engine)["wamid.9"]["status"], rows(engine)["wamid.9"]["direction"]) == (
        "read", "out",
    )  # fmt: skip


def test_a_failure_keeps_its_code(here, engine):
    receive(post(statuses=[status("wamid.9", "sent")]))
    receive(post(statuses=[status("wamid.9", "failed", errors=[{"code": 131047}])]))

    here.attempt(sync.queue, sync.whatsapp_messages(**JOB))

    stored = rows(engine)["wamid.9"]
    assert (stored["status"], stored["error_code"]) == ("failed", 131047)


def test_a_message_of_the_customer_is_not_turned_by_a_status(here, engine):
    receive(post(text("wamid.1"), statuses=[status("wamid.1", "read")]))

    here.attempt(sync.queue, sync.whatsapp_messages(**JOB))

    assert (rows(engine)["wamid.1"]["direction"], rows(engine)["wamid.1"]["status"]) == (
        "in", "received",
    )  # fmt: skip


def test_other_kinds_of_messages_are_kept_as_far_as_they_speak(here, engine):
    image = {"id": "m1", "mime_type": "image/jpeg", "sha256": "abc", "caption": "العقد"}
    reply = {"type": "button_reply", "button_reply": {"id": "yes", "title": "نعم"}}
    receive(
        post(
            text("wamid.i", type="image", image=image),
            text("wamid.b", type="interactive", interactive=reply),
            text("wamid.l", type="location", location={"latitude": 24.7, "longitude": 46.7}),
            {"id": "wamid.u", "user_id": "SA.1", "timestamp": "1750857384", "type": "unsupported"},
            {"id": "wamid.bad", "timestamp": "soon", "type": "text"},
            {"timestamp": "1750857384"},
        )
    )

    done = here.attempt(sync.queue, sync.whatsapp_messages(**JOB))

    stored = rows(engine)
    assert done.return_value["new"] == 4
    assert (stored["wamid.i"]["body"], stored["wamid.i"]["media_id"]) == ("العقد", "m1")
    assert stored["wamid.b"]["body"] == "نعم"
    assert stored["wamid.l"]["raw"]["location"] == {"latitude": 24.7, "longitude": 46.7}
    assert stored["wamid.u"]["contact"] == "SA.1"


def test_a_number_s_posts_are_that_number_s_and_a_firm_s_posts_that_firm_s(here, engine):
    receive(post(text("wamid.other"), number="999"))
    body = post(text("wamid.theirs"))
    sync.receive_whatsapp(body, signature(body), firm_id="another")

    done = here.attempt(sync.queue, sync.whatsapp_messages(**JOB))

    assert (done.return_value["received"], rows(engine)) == (0, {})


def test_many_posts_are_worked_in_by_batches(here, engine):
    for n in range(230):
        receive(post(text(f"wamid.{n}")))
    handle = sync.whatsapp_messages(**JOB)

    done = here.attempt(sync.queue, handle)

    assert (done.return_value["new"], done.progress["done"]) == (230, 230)


# --- whose post it is


@pytest.mark.parametrize("told", [None, "", "sha256=", "sha256=00", signature(b"x"), "é"])
def test_a_post_that_is_not_signed_by_whatsapp_is_not_kept(told, engine):
    with pytest.raises(NotWhatsApp):
        sync.receive_whatsapp(post(text("wamid.1")), told)

    with engine.connect() as connection:
        assert connection.execute(select(webhook_inbox)).all() == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"null", b'{"entry": 5}', b"{" * 100_000])
def test_a_signed_post_that_is_no_event_is_refused_or_holds_nothing(body):
    try:
        kept = receive(body)
    except NotWhatsApp:
        kept = 0

    assert kept == 0


def test_the_challenge_is_answered_to_who_knows_the_token():
    query = {"hub.mode": "subscribe", "hub.verify_token": "verify-me", "hub.challenge": "123"}

    assert sync.whatsapp_challenge(query) == "123"
    with pytest.raises(NotWhatsApp):
        sync.whatsapp_challenge(query | {"hub.verify_token": "guess"})


def test_what_is_not_configured_is_named(live):
    live()

    with pytest.raises(NotConfigured, match="WHATSAPP_APP_SECRET"):
        receive(post(text("wamid.1")))
    with pytest.raises(NotConfigured, match="WHATSAPP_VERIFY_TOKEN"):
        sync.whatsapp_challenge({})


def test_what_does_not_fit_is_refused():
    with pytest.raises(InvalidJobData, match="phoneNumberId"):
        sync.whatsapp_messages(firmId="f1")
    with pytest.raises(InvalidJobData, match="since"):
        sync.whatsapp_messages(**JOB, since="2026-01-01")
