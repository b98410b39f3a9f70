"""Providers of one's own: which factory makes the adapter of a need.

``JOBDESK_PROVIDERS=sms=acme_sms:sender,payment.tap=tap:provider`` names for each need a module and
a function in it, which is called with the settings and returns the adapter. Needs are ``mail``,
``sms``, ``push``, ``bank``, ``tax``, ``registry``, ``rates`` and ``payment.<name>``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from jobdesk.errors import NotConfigured

if TYPE_CHECKING:
    from jobdesk.settings import Settings

_PAYMENT = "payment."


def own(settings: Settings, need: str) -> Any:
    """The adapter that the settings name for a need; None where they name none."""
    place = dict(entry.split("=", 1) for entry in settings.providers).get(need)
    if place is None:
        return None
    module, _, factory = place.partition(":")
    try:
        make = getattr(import_module(module), factory)
    except (ImportError, AttributeError) as exc:
        raise NotConfigured(
            f"set JOBDESK_PROVIDERS so that {need} can be found: {place}: {exc}"
        ) from exc
    return make(settings)


def payment_names(settings: Settings) -> tuple[str, ...]:
    """The payment providers that the settings name."""
    needs = (entry.partition("=")[0] for entry in settings.providers)
    return tuple(need.removeprefix(_PAYMENT) for need in needs if need.startswith(_PAYMENT))
