"""Webhooks: signed, the same id at every attempt, and never into a network that is not public."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

from jobdesk import settings as settings_module
from jobdesk.errors import InvalidJobData, OutcomeUnknown, PermanentError, TransientError
from jobdesk.providers import guard
from jobdesk.providers.webhook import WebhookSender, webhook_sender
from jobdesk.tasks import notification
from tests.fake_providers.base import Scripted, running
from tests.fake_providers.webhook_target import SECRET, FakeTarget

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def target() -> Iterator[FakeTarget]:
    with running(FakeTarget()) as server:
        yield server


@pytest.fixture
def configured(live, target) -> Any:
    return live(webhook_secret=SECRET, webhook_hosts=(target.place,), webhook_timeout=0.5)


@pytest.fixture
def sender(configured) -> WebhookSender:
    return webhook_sender(configured)


def hook(target: FakeTarget, **more: Any) -> Any:
    return notification.webhook(
        webhookUrl=f"{target.url}/hook?x=1", payload={"event": "invoice.paid", "id": 7}, **more
    )


# --- done


def test_an_event_arrives_signed_and_with_the_caller_s_headers(target, configured, here):
    status = here.attempt(notification.queue, hook(target, headers={"X-Source": "traf3li"}))

    [request] = target.requests
    assert status.return_value == {"success": True, "status": 204}
    assert list(target.acted.values()) == [{"event": "invoice.paid", "id": 7}]
    assert (request.path, request.query) == ("/hook", {"x": "1"})
    assert (request.headers["host"], request.headers["x-source"]) == (target.place, "traf3li")


# --- permanent


@pytest.mark.parametrize("status", [400, 401, 404, 422, 301, 307])
def test_what_the_receiver_refuses_is_not_sent_again(target, configured, here, status):
    target.script = [Scripted(status, {"secret": "echo"}, {"Location": f"{target.url}/other"})]

    done = here.attempt(notification.queue, hook(target))

    assert (done.state, done.attempts_made, len(target.requests)) == ("failed", 1, 1)
    assert "echo" not in done.failed_reason  # nothing of the answer is shown


def test_an_address_that_answers_410_gets_nothing_any_more(target, configured, here):
    target.script = [Scripted(410)]
    url = f"{target.url}/hook?x=1"

    first = here.attempt(notification.queue, hook(target))
    second = here.attempt(notification.queue, hook(target))
    requests = len(target.requests)
    notification.enable_webhook(url)
    third = here.attempt(notification.queue, hook(target))

    assert (first.state, second.state, requests) == ("failed", "failed", 1)
    assert "answered 410" in second.failed_reason
    assert third.state == "completed"


# --- transient, and unknown


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
def test_trouble_over_there_is_transient_and_names_the_delay(target, sender, status):
    target.script = [Scripted(status, None, {"Retry-After": "30"})]

    with pytest.raises(TransientError) as caught:
        sender.send(target.url, {}, key="k", headers={})

    assert caught.value.delay == 30


@pytest.mark.parametrize("trouble", [Scripted(cut=True), Scripted(late_s=2)])
def test_after_a_lost_answer_the_receiver_knows_the_event_by_its_id(
    target, configured, here, trouble
):
    target.script = [trouble]
    handle = hook(target)

    first = here.attempt(notification.queue, handle)
    second = here.attempt(notification.queue, handle)

    assert (first.state, second.state) == ("delayed", "completed")
    assert (len(target.requests), len(target.acted)) == (2, 1)


def test_a_lost_answer_is_unknown(target, sender):
    target.script = [Scripted(cut=True)]

    with pytest.raises(OutcomeUnknown):
        sender.send(target.url, {}, key="k", headers={})


def test_a_huge_answer_is_not_read(target, sender):
    target.script = [Scripted(200, raw="x" * 30_000_000)]

    assert sender.send(target.url, {}, key="k", headers={}) == 200


# --- not configured


@pytest.mark.parametrize("values", [{}, {"webhook_secret": "whsec_short"}])
def test_without_a_secret_nothing_is_sent(target, live, here, values):
    live(webhook_hosts=(target.place,), **values)

    done = here.attempt(notification.queue, hook(target))

    assert "NotConfigured: set WEBHOOK_SECRET" in done.failed_reason
    assert target.requests == []


# --- nowhere inside


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://127.1.2.3/",
        "https://0.0.0.0/",
        "https://10.0.0.1/",
        "https://172.16.0.1/",
        "https://192.168.1.1/",
        "https://100.64.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://224.0.0.1/",
        "https://255.255.255.255/",
        "https://240.0.0.1/",
        "https://[::1]/",
        "https://[::]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[::127.0.0.1]/",
        "https://[fc00::1]/",
        "https://[fe80::1]/",
        "https://[fec0::1]/",
        "https://[ff02::1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[2001:0:1::]/",
        "http://example.com/",
        "https://example.com:22/",
        "https://user:pass@example.com/",
        "https://user@example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "https:///x",
        "https://exa mple.com/",
        "https://example.com/\r\nX: y",
        "gopher://127.0.0.1:6379/_FLUSHALL",
    ],
)
def test_an_address_inside_is_refused_where_it_is_added(configured, url):
    with pytest.raises(InvalidJobData, match="webhookUrl"):
        notification.webhook(webhookUrl=url, payload={})


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost"])
def test_an_address_written_otherwise_is_refused_where_it_is_sent(sender, host):
    """The system reads these as 127.0.0.1."""
    with pytest.raises((PermanentError, TransientError)) as caught:
        sender.send(f"https://{host}/", {}, key="k", headers={})

    assert "not public" in str(caught.value) or "resolved" in str(caught.value)


@pytest.mark.parametrize(
    "found",
    [["127.0.0.1"], ["93.184.216.34", "10.0.0.1"], ["::1"], ["fe80::1%eth0"], ["::ffff:10.0.0.1"]],
)
def test_a_name_that_leads_inside_is_refused(found):
    made = WebhookSender(secret=SECRET, resolver=lambda _host, _port: found)

    with pytest.raises(PermanentError, match="not public"):
        made.send("https://innocent.example/", {}, key="k", headers={})


def test_the_connection_goes_to_the_address_that_was_checked(target):
    """A name that leads elsewhere a moment later gains nothing: it is not asked again."""
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["192.0.2.1"]

    port = target.server_address[1]
    made = WebhookSender(secret=SECRET, allowed=(f"innocent.example:{port}",), resolver=rebinding)

    status = made.send(f"http://innocent.example:{port}/", {"a": 1}, key="k", headers={})

    assert (status, asked) == (204, ["innocent.example"])
    assert target.requests[0].headers["host"] == f"innocent.example:{port}"


def test_the_name_is_kept_for_tls():
    checked = guard.resolve(
        "https://Example.COM./a?b#c", resolver=lambda _host, _port: ["93.184.216.34"]
    )

    assert (checked.url, checked.host, checked.authority) == (
        "https://93.184.216.34:443/a?b", "example.com", "example.com",
    )  # fmt: skip


def test_a_name_that_does_not_resolve_is_transient():
    def unknown(_host: str, _port: int) -> list[str]:
        raise socket.gaierror("no such name")

    with pytest.raises(TransientError, match="cannot be resolved"):
        guard.resolve("https://nowhere.example/", resolver=unknown)


def test_a_redirect_inside_is_not_followed(target, sender):
    target.script = [Scripted(302, None, {"Location": "http://169.254.169.254/"})]

    with pytest.raises(PermanentError, match="redirect"):
        sender.send(target.url, {}, key="k", headers={})


@pytest.mark.parametrize(
    "header",
    [
        {"Host": "x"},
        {"content-length": "5"},
        {"Transfer-Encoding": "chunked"},
        {"webhook-signature": "v1,x"},
        {"Connection": "close"},
        {"X-A": "a\r\nX-B: b"},
        {"X A": "a"},
        {"X-A": "غ"},
    ],
)
def test_headers_that_are_not_the_caller_s_are_refused(configured, target, header):
    with pytest.raises(InvalidJobData, match="headers"):
        hook(target, headers=header)


def test_the_secret_is_in_no_job_and_in_no_error(target, configured, here):
    target.script = [Scripted(401, {"secret": SECRET})]

    done = here.attempt(notification.queue, hook(target))

    assert SECRET not in str(done)
    assert SECRET not in repr(settings_module.current())
