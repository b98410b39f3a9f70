"""Who can say what became of a payment, by the settings."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, cast

from jobdesk.errors import NotConfigured, PermanentError
from jobdesk.providers.moyasar import Moyasar
from jobdesk.providers.own import own
from jobdesk.providers.stripe import Stripe

if TYPE_CHECKING:
    from jobdesk.providers.payments import PaymentProvider
    from jobdesk.settings import Settings


@lru_cache(maxsize=8)
def payment_provider(settings: Settings, name: str) -> PaymentProvider:
    """The provider of that name; NotConfigured says which variable is missing."""
    if (made := own(settings, f"payment.{name}")) is not None:
        return cast("PaymentProvider", made)
    if name == "stripe":
        if settings.stripe_secret_key is None:
            raise NotConfigured("set STRIPE_SECRET_KEY: the payment is Stripe's")
        return Stripe(
            secret_key=settings.stripe_secret_key.get_secret_value(),
            base_url=settings.stripe_base_url,
            timeout_s=settings.stripe_timeout,
        )
    if name == "moyasar":
        if settings.moyasar_secret_key is None:
            raise NotConfigured("set MOYASAR_SECRET_KEY: the payment is Moyasar's")
        return Moyasar(
            secret_key=settings.moyasar_secret_key.get_secret_value(),
            base_url=settings.moyasar_base_url,
            timeout_s=settings.moyasar_timeout,
        )
    raise PermanentError(f"no payment provider {name!r:.40}; there are stripe and moyasar")
