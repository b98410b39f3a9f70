"""Web push: decrypted by the browser's key, signed by ours; gone browsers are forgotten."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from jobdesk.db import subscriptions
from jobdesk.errors import InvalidJobData, OutcomeUnknown, PermanentError, TransientError
from jobdesk.providers.push import MAX_PAYLOAD_BYTES, Subscription, SubscriptionGone, payload
from jobdesk.providers.webpush import WebPush, push_sender
from jobdesk.tasks import notification
from tests.fake_providers.base import Scripted, running
from tests.fake_providers.push_service import FakePushService, vapid_keys

if TYPE_CHECKING:
    from collections.abc import Iterator

PUSH = {"userId": "u1", "title": "New Message", "body": "رسالة جديدة من محاميك"}
PRIVATE, PUBLIC = vapid_keys()


@pytest.fixture
def server() -> Iterator[FakePushService]:
    with running(FakePushService()) as service:
        service.vapid_public = PUBLIC
        yield service


@pytest.fixture
def configured(live, server) -> Any:
    return live(
        vapid_private_key=PRIVATE,
        vapid_public_key=PUBLIC,
        contact_email="support@traf3li.com",
        push_hosts=(server.place,),
        push_timeout=0.5,
    )


@pytest.fixture
def sender(configured) -> WebPush:
    made = push_sender(configured)
    assert isinstance(made, WebPush)
    return made


def at(subscription: dict[str, Any]) -> Subscription:
    return Subscription(endpoint=subscription["endpoint"], **subscription["keys"])


# --- done


def test_a_push_is_decrypted_by_the_browser_and_its_token_verifies(server, configured, here):
    handle = notification.push(
        **PUSH, icon="/icon.png", data={"caseId": 7}, subscription=server.subscription()
    )

    status = here.attempt(notification.queue, handle)

    [(browser, note)] = server.received
    [claims] = server.claims
    assert status.return_value == {
        "success": True, "total": 1, "sent": 1, "gone": 0, "failed": 0,
    }  # fmt: skip
    assert (browser, note["title"], note["body"]) == ("a", PUSH["title"], PUSH["body"])
    assert (note["icon"], note["data"]) == ("/icon.png", {"caseId": 7})
    assert (claims["aud"], claims["sub"]) == (server.url, "mailto:support@traf3li.com")
    headers = server.requests[0].headers
    assert (headers["ttl"], headers["urgency"]) == ("86400", "normal")


def test_two_services_get_tokens_of_their_own(server, live):
    with running(FakePushService()) as other:
        made = push_sender(
            live(
                vapid_private_key=PRIVATE,
                contact_email="support@traf3li.com",
                push_hosts=(server.place, other.place),
            )
        )
        for service in (server, other):
            made.send(at(service.subscription()), payload(PUSH, key="k"), key="k")

        assert [s.claims[0]["aud"] for s in (server, other)] == [server.url, other.url]


def test_without_a_subscription_all_stored_browsers_of_the_user_get_it(server, configured, here):
    for browser in ("a", "b"):
        notification.subscribe("u1", server.subscription(browser))
    notification.subscribe("u2", server.subscription("c"))

    status = here.attempt(notification.queue, notification.push(**PUSH))

    assert (status.return_value["sent"], sorted(b for b, _ in server.received)) == (2, ["a", "b"])


# --- gone


@pytest.mark.parametrize("word", [404, 410])
def test_a_gone_subscription_is_reported_and_forgotten(server, configured, here, engine, word):
    notification.subscribe("u1", server.subscription("a"))
    notification.subscribe("u1", server.subscription("b"))
    server.gone = {"a": word}
    handle = notification.push(**PUSH)

    status = here.attempt(notification.queue, handle)

    assert (status.state, status.return_value["sent"], status.return_value["gone"]) == (
        "completed", 1, 1,
    )  # fmt: skip
    [left] = subscriptions.of_user(engine, "u1")
    assert left["endpoint"].endswith("/b")
    assert "the subscription is gone, and forgotten" in here.log(handle)
    assert server.url not in here.log(handle)


# --- permanent


def test_a_key_that_the_service_refuses_fails_the_job_and_keeps_the_subscription(
    server, configured, here, engine
):
    notification.subscribe("u1", server.subscription())
    server.vapid_public = "another"

    status = here.attempt(notification.queue, notification.push(**PUSH))

    assert (status.state, status.attempts_made) == ("failed", 1)
    assert "VapidPkHashMismatch" in status.failed_reason
    assert len(subscriptions.of_user(engine, "u1")) == 1


@pytest.mark.parametrize("status", [400, 413])
def test_what_will_never_work_is_permanent(server, sender, status):
    server.script = [Scripted(status, {"reason": "no"})]

    with pytest.raises(PermanentError) as caught:
        sender.send(at(server.subscription()), b'{"a":1}', key="k")

    assert not isinstance(caught.value, SubscriptionGone)


@pytest.mark.parametrize("keys", [{"p256dh": "AAAA", "auth": "AAAA"}, {"p256dh": "", "auth": "A"}])
def test_keys_that_are_none_are_permanent_and_nothing_is_sent(server, sender, keys):
    with pytest.raises(PermanentError, match="subscribe again"):
        sender.send(Subscription(endpoint=server.subscription()["endpoint"], **keys), b"{}", key="")

    assert server.requests == []


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://evil.example/send",
        "https://fcm.googleapis.com.evil.example/",
        "https://evil.example/fcm.googleapis.com",
        "http://fcm.googleapis.com/x",
        "https://fcm.googleapis.com:8443/x",
        "https://user@fcm.googleapis.com/x",
        "https://127.0.0.1/x",
        "https://notify.windows.com.evil.example/",
        "https://evilnotify.windows.com/",
        "ftp://fcm.googleapis.com/x",
        "https://a:b/",
        "nothing",
    ],
)
def test_only_push_services_are_spoken_to(sender, endpoint, server):
    keys = server.subscription()["keys"]

    with pytest.raises(PermanentError):
        sender.send(Subscription(endpoint=endpoint, **keys), b"{}", key="k")


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://fcm.googleapis.com/fcm/send/x",
        "https://updates.push.services.mozilla.com/wpush/v2/x",
        "https://wns2-by3p.notify.windows.com/w/?token=x",
        "https://web.push.apple.com/x",
        "https://web.push.apple.com:443/x",
    ],
)
def test_the_browsers_own_services_are(sender, endpoint):
    assert sender._origin(endpoint).startswith("https://")


def test_a_redirect_is_not_followed(server, sender):
    server.script = [Scripted(307, None, {"Location": f"{server.url}/send/b"})]

    with pytest.raises(PermanentError, match="redirect"):
        sender.send(at(server.subscription()), b'{"tag":"x"}', key="k")

    assert server.received == []


# --- transient, and unknown


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_service_that_rests_names_the_delay(server, sender, status):
    server.script = [Scripted(status, {"reason": "slow"}, {"Retry-After": "120"})]

    with pytest.raises(TransientError) as caught:
        sender.send(at(server.subscription()), b'{"tag":"x"}', key="k")

    assert caught.value.delay == 120


@pytest.mark.parametrize("trouble", [Scripted(cut=True), Scripted(late_s=2)])
def test_after_a_lost_answer_the_user_is_shown_one_notification(server, configured, here, trouble):
    """There is no key that a push service knows: the same topic and tag replace the first one."""
    server.script = [trouble]
    handle = notification.push(**PUSH, subscription=server.subscription())

    first = here.attempt(notification.queue, handle)
    second = here.attempt(notification.queue, handle)

    assert (first.state, second.state) == ("delayed", "completed")
    assert (len(server.received), len(server.shown)) == (2, 1)
    assert len({request.headers["topic"] for request in server.requests}) == 1


def test_a_lost_answer_is_unknown(server, sender):
    server.script = [Scripted(cut=True)]

    with pytest.raises(OutcomeUnknown):
        sender.send(at(server.subscription()), b'{"tag":"x"}', key="k")


# --- bulk


def test_a_bulk_push_counts_and_tries_again_only_those_that_are_to_be(server, configured, here):
    users = [{"userId": f"u{n}", "subscription": server.subscription(f"b{n}")} for n in range(5)]
    server.gone = {"b1": 410}
    server.script = [Scripted(503, None, {"Retry-After": "1"})]
    handle = notification.bulk_push(users=users, title="t", body="b")

    first = here.attempt(notification.queue, handle)
    second = here.attempt(notification.queue, handle)

    assert first.state == "delayed"
    assert (first.progress["done"], first.progress["retry"]) == (5, [0])
    assert second.return_value == {
        "success": True, "total": 5, "sent": 4, "gone": 1, "failed": 0,
    }  # fmt: skip
    assert [b for b, _ in server.received] == ["b2", "b3", "b4", "b0"]


def test_a_bulk_push_goes_by_stored_subscriptions_too(server, configured, here):
    notification.subscribe("u1", server.subscription("a"))
    handle = notification.bulk_push(users=["u1", "u2"], title="t", body="b")

    status = here.attempt(notification.queue, handle)

    assert status.return_value["sent"] == 1
    assert "user 2: nowhere to push to" in here.log(handle)


def test_one_bad_subscription_does_not_hold_up_the_others(server, configured, here):
    bad = {"endpoint": server.subscription()["endpoint"], "keys": {"p256dh": "AA", "auth": "AA"}}
    users = [
        {"userId": "u1", "subscription": bad},
        {"userId": "u2", "subscription": server.subscription("b")},
    ]

    status = here.attempt(
        notification.queue, notification.bulk_push(users=users, title="t", body="b")
    )

    assert (status.return_value["sent"], status.return_value["failed"]) == (1, 1)


# --- not configured


@pytest.mark.parametrize(
    ("values", "variable"),
    [
        ({}, "VAPID_PRIVATE_KEY"),
        ({"vapid_private_key": PRIVATE}, "CONTACT_EMAIL"),
        ({"vapid_private_key": "no key at all", "contact_email": "a@b.example"}, "VAPID_PRIVATE"),
        ({"vapid_private_key": PRIVATE, "contact_email": "<a@b.example>"}, "CONTACT_EMAIL"),
        ({"vapid_private_key": PRIVATE, "contact_email": "admin@localhost"}, "CONTACT_EMAIL"),
        (
            {
                "vapid_private_key": PRIVATE,
                "contact_email": "a@b.example",
                "vapid_public_key": vapid_keys()[1],
            },
            "VAPID_PUBLIC_KEY",
        ),
    ],
)
def test_what_is_not_configured_is_named(live, here, values, variable):
    live(**values)
    handle = notification.push(**PUSH)

    status = here.attempt(notification.queue, handle)

    assert (status.state, status.attempts_made) == ("failed", 1)
    assert f"NotConfigured: set {variable}" in status.failed_reason
    assert PRIVATE not in status.failed_reason


# --- size, outbox, data


def test_a_long_text_is_shortened_and_never_the_json():
    raw = payload({**PUSH, "body": "م" * 4000, "data": {"caseId": 7}}, key="k")

    note = json.loads(raw)
    assert len(raw) <= MAX_PAYLOAD_BYTES
    assert note["body"].endswith("م…")
    assert note["data"] == {"caseId": 7}


def test_what_is_too_large_without_its_text_is_refused():
    with pytest.raises(PermanentError, match="put less into data"):
        payload({**PUSH, "data": {"a": "x" * 3000}}, key="k")


def test_the_outbox_gets_what_would_be_encrypted(settings, here, server):
    here.attempt(notification.queue, notification.push(**PUSH, subscription=server.subscription()))

    [file] = (settings.data_folder / "outbox").glob("*push*.json")
    assert json.loads(file.read_text())["payload"]["body"] == PUSH["body"]


def test_unknown_fields_are_refused_at_every_depth(server):
    with pytest.raises(InvalidJobData, match="text"):
        notification.push(**PUSH, text="x")
    with pytest.raises(InvalidJobData, match="subscription"):
        notification.push(**PUSH, subscription={**server.subscription(), "browser": "x"})
