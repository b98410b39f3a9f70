"""Who tells the movements of a bank account, by the settings."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, cast

from jobdesk.errors import NotConfigured
from jobdesk.providers.lean import Lean
from jobdesk.providers.own import own

if TYPE_CHECKING:
    from jobdesk.providers.bank import BankFeed
    from jobdesk.settings import Settings


@lru_cache(maxsize=4)
def bank_feed(settings: Settings) -> BankFeed:
    """The feed that the settings ask for; NotConfigured says which variable is missing."""
    if (made := own(settings, "bank")) is not None:
        return cast("BankFeed", made)
    if settings.lean_app_token is None:
        raise NotConfigured("set LEAN_APP_TOKEN: bank accounts are read by Lean")
    if settings.lean_client_secret is None:
        raise NotConfigured("set LEAN_CLIENT_SECRET: bank accounts are read by Lean")
    return Lean(
        app_token=settings.lean_app_token,
        client_secret=settings.lean_client_secret.get_secret_value(),
        base_url=settings.lean_base_url,
        token_url=settings.lean_token_url,
        timeout_s=settings.lean_timeout,
    )
