"""Which SMS sender the settings ask for: Unifonic, Twilio, or the outbox."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, cast

from jobdesk.errors import NotConfigured
from jobdesk.providers.own import own

if TYPE_CHECKING:
    from jobdesk.providers.sms import SmsSender
    from jobdesk.settings import Settings


@lru_cache(maxsize=4)
def sms_sender(settings: Settings) -> SmsSender:
    """The sender that the settings ask for; NotConfigured says which variable is missing."""
    if settings.delivery == "outbox":
        from jobdesk.providers.notes import SmsOutbox

        return SmsOutbox(settings.data_folder / "outbox")
    if (made := own(settings, "sms")) is not None:
        return cast("SmsSender", made)
    if settings.sms_provider is None:
        raise NotConfigured(
            "set SMS_PROVIDER to unifonic or twilio"
            " (or JOBDESK_DELIVERY=outbox to write messages to files)"
        )
    if settings.sms_provider == "unifonic":
        return _unifonic(settings)
    return _twilio(settings)


def _unifonic(settings: Settings) -> SmsSender:
    if settings.unifonic_app_sid is None:
        raise NotConfigured("set UNIFONIC_APP_SID: SMS_PROVIDER is unifonic")
    from jobdesk.providers.unifonic import Unifonic

    return Unifonic(
        app_sid=settings.unifonic_app_sid.get_secret_value(),
        sender_id=settings.unifonic_sender_id,
        base_url=settings.unifonic_base_url,
        timeout_s=settings.unifonic_timeout,
    )


def _twilio(settings: Settings) -> SmsSender:
    if settings.twilio_account_sid is None:
        raise NotConfigured("set TWILIO_ACCOUNT_SID: SMS_PROVIDER is twilio")
    if settings.twilio_auth_token is None:
        raise NotConfigured("set TWILIO_AUTH_TOKEN: SMS_PROVIDER is twilio")
    from jobdesk.providers.twilio import Twilio

    return Twilio(
        account_sid=settings.twilio_account_sid,
        auth_token=settings.twilio_auth_token.get_secret_value(),
        sender=settings.twilio_from,
        base_url=settings.twilio_base_url,
        timeout_s=settings.twilio_timeout,
    )
