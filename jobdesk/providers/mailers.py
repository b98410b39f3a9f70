"""Which mailer the settings ask for: Resend, or the outbox."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from jobdesk.errors import NotConfigured
from jobdesk.providers.own import own

if TYPE_CHECKING:
    from jobdesk.providers.mail import Mailer
    from jobdesk.settings import Settings


def mailer(settings: Settings) -> Mailer:
    """The mailer that the settings ask for; NotConfigured says which variable is missing."""
    return _made(settings)


@lru_cache(maxsize=4)
def _made(settings: Settings) -> Mailer:
    if settings.delivery == "outbox":
        from jobdesk.providers.outbox import Outbox

        address = settings.from_email or "jobdesk@localhost"
        return Outbox(settings.data_folder / "outbox", sender=_sender(address, settings.from_name))
    if (made := own(settings, "mail")) is not None:
        return cast("Mailer", made)
    if settings.resend_api_key is None:
        raise NotConfigured(
            "set RESEND_API_KEY (or JOBDESK_DELIVERY=outbox to write mails to files)"
        )
    if settings.from_email is None:
        raise NotConfigured("set FROM_EMAIL: mail needs an address to come from")
    from jobdesk.providers.resend import Resend

    return Resend(
        api_key=settings.resend_api_key.get_secret_value(),
        base_url=settings.resend_base_url,
        sender=_sender(settings.from_email, settings.from_name),
        timeout_s=settings.resend_timeout,
    )


def _sender(address: str, name: str | None) -> str:
    if not name:
        return address
    plain = re.sub(r'[\r\n"<>\\]+', " ", name).strip()
    quoted = f'"{plain}"' if re.search(r"[^\w .'-]", plain) else plain
    return f"{quoted} <{address}>"
