"""SMS by Unifonic and Twilio: sent once, also when an answer is lost or the worker dies."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from jobdesk.errors import InvalidJobData, OutcomeUnknown, TransientError
from jobdesk.providers.sms import SmsSender, TextMessage, phone_number, segments
from jobdesk.tasks import notification
from jobdesk.tasks.notifying.data import Sms
from jobdesk.tasks.notifying.texting import send_sms
from tests.fake_providers.base import Scripted, running
from tests.fake_providers.sms_services import (
    ACCOUNT,
    APP_SID,
    TOKEN,
    FakeTwilio,
    FakeUnifonic,
    failure,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

SMS = {"phoneNumber": "0501234567", "message": "موعدك غداً", "senderId": "LAWFIRM"}


@pytest.fixture
def unifonic(live) -> Iterator[FakeUnifonic]:
    with running(FakeUnifonic()) as server:
        live(
            sms_provider="unifonic",
            unifonic_app_sid=APP_SID,
            unifonic_base_url=server.url,
            unifonic_timeout=0.5,
        )
        yield server


@pytest.fixture
def twilio(live) -> Iterator[FakeTwilio]:
    with running(FakeTwilio()) as server:
        live(
            sms_provider="twilio",
            twilio_account_sid=ACCOUNT,
            twilio_auth_token=TOKEN,
            twilio_from="+15005550006",
            twilio_base_url=server.url,
            twilio_timeout=0.5,
        )
        yield server


@pytest.fixture(params=["unifonic", "twilio"])
def server(request) -> Any:
    return request.getfixturevalue(request.param)


# --- done


def test_a_message_goes_out_with_its_sender_and_its_number_in_the_service_s_form(unifonic, here):
    handle = notification.sms(**SMS)

    status = here.attempt(notification.queue, handle)

    assert status.return_value == {
        "success": True, "messageId": "3200017889310", "provider": "unifonic", "segments": 1,
    }  # fmt: skip
    sent = unifonic.sent[0]
    assert (sent["Recipient"], sent["Body"], sent["SenderID"]) == (
        "966501234567", "موعدك غداً", "LAWFIRM",
    )  # fmt: skip
    assert "501234567" not in here.log(handle)


def test_twilio_gets_the_number_with_a_plus_and_the_configured_sender(twilio, here):
    handle = notification.sms(phoneNumber="+966 50 123 4567", message="Hello")

    status = here.attempt(notification.queue, handle)

    assert status.return_value["messageId"] == twilio.sent[0]["sid"]
    assert (twilio.sent[0]["to"], twilio.sent[0]["from"]) == ("+966501234567", "+15005550006")


# --- permanent


@pytest.mark.parametrize("status", [401, 402, 403, 406, 410, 412, 449, 450, 456, 480, 482])
def test_what_unifonic_will_never_take_fails_at_once(unifonic, here, status):
    unifonic.script = [Scripted(status, failure(f"ER-{status}", "no"))]

    done = here.attempt(notification.queue, notification.sms(**SMS))

    assert (done.state, done.attempts_made) == ("failed", 1)
    assert "PermanentError" in done.failed_reason


def test_a_200_that_says_no_is_a_no(unifonic, here):
    unifonic.script = [Scripted(200, failure("ER-15", "blocked content"))]

    done = here.attempt(notification.queue, notification.sms(**SMS))

    assert done.state == "failed"
    assert "ER-15" in done.failed_reason


def test_a_number_twilio_does_not_know_fails_at_once(twilio, here):
    twilio.script = [Scripted(400, {"code": 21211, "message": "The 'To' number +96655 is bad"})]

    done = here.attempt(notification.queue, notification.sms(**SMS))

    assert done.state == "failed"
    assert "21211" in done.failed_reason


def test_a_wrong_key_shows_nowhere(live, here):
    with running(FakeUnifonic()) as server:
        live(
            sms_provider="unifonic",
            unifonic_app_sid="wrongsid987654321",
            unifonic_base_url=server.url,
        )
        handle = notification.sms(**SMS)
        done = here.attempt(notification.queue, handle)

    assert done.state == "failed"
    assert "wrongsid" not in str(done) + here.log(handle)


# --- transient


def test_a_service_that_rests_is_asked_again_after_the_time_it_names(server, here):
    server.script = [Scripted(429, {"message": "slow"}, {"Retry-After": "90"})]
    handle = notification.sms(**SMS)

    first = here.attempt(notification.queue, handle)
    second = here.attempt(notification.queue, handle)

    assert (first.state, second.state, len(server.sent)) == ("delayed", "completed", 1)


def test_the_delay_is_the_service_s(server, engine):
    from jobdesk import settings as settings_module
    from jobdesk.providers.sms_senders import sms_sender

    server.script = [Scripted(503, {"message": "slow"}, {"Retry-After": "90"})]
    sender = sms_sender(settings_module.current())

    with pytest.raises(TransientError) as caught:
        sender.send(TextMessage(to="966501234567", text="x", sender="A"), key="k")

    assert (caught.value.delay, type(caught.value)) == (90.0, TransientError)


# --- unknown


@pytest.mark.parametrize("trouble", [Scripted(cut=True), Scripted(late_s=2)])
def test_after_a_lost_answer_the_message_is_looked_up_and_not_sent_again(server, here, trouble):
    server.script = [trouble]
    handle = notification.sms(**SMS)

    first = here.attempt(notification.queue, handle)
    second = here.attempt(notification.queue, handle)

    assert (first.state, second.state, len(server.sent)) == ("delayed", "completed", 1)
    assert "an earlier attempt sent it" in here.log(handle)


def test_a_message_that_did_not_go_out_is_sent_after_all(server, here):
    server.script = [Scripted(200, raw="<html>gateway</html>")]
    handle = notification.sms(**SMS)

    here.attempt(notification.queue, handle)
    second = here.attempt(notification.queue, handle)

    assert (second.state, len(server.sent)) == ("completed", 1)
    assert "did not send it: sending now" in here.log(handle)


def test_a_worker_killed_behind_the_answer_sends_no_second_message(server, here, engine, mute):
    """The provider took it, and nothing of that was written: as after kill -9."""
    from jobdesk import settings as settings_module
    from jobdesk.providers.sms_senders import sms_sender

    job = mute("notification", "sms")
    sender = sms_sender(settings_module.current())

    class Killed(BaseException):
        pass

    class Dying:
        name, can_find, find = sender.name, True, sender.find

        def send(self, message: TextMessage, *, key: str) -> str:
            sender.send(message, key=key)
            raise Killed

    with pytest.raises(Killed):
        send_sms(Sms.model_validate(SMS), job=job, sender=Dying(), engine=engine)
    result = send_sms(Sms.model_validate(SMS), job=job, sender=sender, engine=engine)

    assert (result["success"], len(server.sent)) == (True, 1)


def test_a_message_that_unifonic_has_already_counts_as_sent(unifonic, here):
    here.attempt(notification.queue, notification.sms(**SMS))
    unifonic.duplicates_refused = True

    again = here.attempt(notification.queue, notification.sms(**SMS))

    assert (again.state, len(unifonic.sent)) == ("completed", 1)


def test_without_a_look_up_an_unknown_outcome_is_not_sent_again(engine, mute):
    class Blind:
        name, can_find = "blind", False
        calls = 0

        def send(self, message: TextMessage, *, key: str) -> str:
            self.calls += 1
            raise OutcomeUnknown("no answer")

        def find(self, *args: Any, **words: Any) -> str | None:
            raise AssertionError

    sender: Any = Blind()
    job = mute("notification", "sms")
    for _ in range(2):
        with pytest.raises(Exception, match="may have been sent"):
            send_sms(Sms.model_validate(SMS), job=job, sender=sender, engine=engine)

    assert sender.calls == 1


def test_without_a_look_up_a_plain_refusal_may_be_tried_again(engine, mute):
    class Blind:
        name, can_find = "blind", False

        def __init__(self) -> None:
            self.answers = [TransientError("busy"), None]

        def send(self, message: TextMessage, *, key: str) -> str:
            if (answer := self.answers.pop(0)) is not None:
                raise answer
            return "m1"

    sender: Any = Blind()
    job = mute("notification", "sms")
    with pytest.raises(TransientError):
        send_sms(Sms.model_validate(SMS), job=job, sender=sender, engine=engine)

    result = send_sms(Sms.model_validate(SMS), job=job, sender=sender, engine=engine)

    assert result["messageId"] == "m1"


# --- not configured


@pytest.mark.parametrize(
    ("values", "variable"),
    [
        ({}, "SMS_PROVIDER"),
        ({"sms_provider": "unifonic"}, "UNIFONIC_APP_SID"),
        ({"sms_provider": "twilio"}, "TWILIO_ACCOUNT_SID"),
        ({"sms_provider": "twilio", "twilio_account_sid": ACCOUNT}, "TWILIO_AUTH_TOKEN"),
        (
            {"sms_provider": "twilio", "twilio_account_sid": ACCOUNT, "twilio_auth_token": "x"},
            "TWILIO_FROM",
        ),
    ],
)
def test_what_is_not_configured_is_named(live, here, values, variable):
    live(**values)

    done = here.attempt(notification.queue, notification.sms(phoneNumber="0501234567", message="x"))

    assert (done.state, done.attempts_made) == ("failed", 1)
    assert f"NotConfigured: set {variable}" in done.failed_reason


# --- the outbox, and data


def test_the_outbox_gets_a_file_per_message(settings, here):
    for _ in range(2):
        here.attempt(notification.queue, notification.sms(**SMS))

    files = sorted((settings.data_folder / "outbox").glob("*sms*.json"))
    assert len(files) == 2
    assert json.loads(files[0].read_text())["to"] == "+966501234567"


@pytest.mark.parametrize(
    ("given", "digits"),
    [
        ("0501234567", "966501234567"),
        ("501234567", "966501234567"),
        ("٠٥٠١٢٣٤٥٦٧", "966501234567"),
        ("+966 (50) 123-4567", "966501234567"),
        ("00966501234567", "966501234567"),
        ("966501234567", "966501234567"),
        ("+15005550006", "15005550006"),
        ("+20 100 123 4567", "201001234567"),
    ],
)
def test_a_number_is_read_as_people_write_it(given, digits):
    assert phone_number(given) == digits


@pytest.mark.parametrize("given", ["", "abc", "123", "0112345678", "+0501234567", "9" * 16, "5٫5"])
def test_what_is_no_number_is_refused_where_it_is_added(given):
    with pytest.raises(InvalidJobData, match="phoneNumber"):
        notification.sms(phoneNumber=given, message="x")


@pytest.mark.parametrize(
    ("text", "parts"),
    [("a" * 160, 1), ("a" * 161, 2), ("€" * 80, 1), ("م" * 70, 1), ("م" * 71, 2), ("😀" * 35, 1)],
)
def test_segments_are_counted_as_they_are_billed(text, parts):
    assert segments(text) == parts


def test_unknown_fields_and_bad_senders_are_refused():
    with pytest.raises(InvalidJobData, match="phone"):
        notification.sms(phone="0501234567", message="x")
    with pytest.raises(InvalidJobData, match="senderId"):
        notification.sms(phoneNumber="0501234567", message="x", senderId="far too long a name")


def test_the_adapters_are_senders():
    from jobdesk.providers.notes import SmsOutbox
    from jobdesk.providers.twilio import Twilio
    from jobdesk.providers.unifonic import Unifonic

    kinds: list[type[SmsSender]] = [SmsOutbox, Twilio, Unifonic]

    assert all(kind.can_find for kind in kinds)
