"""Amounts as whole minor units: halalas for riyals, fils for dinars."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

#: Decimal places that are not two.
_PLACES = {"KWD": 3, "BHD": 3, "OMR": 3, "JOD": 3, "TND": 3, "IQD": 3, "LYD": 3, "JPY": 0}


def minor(amount: object, currency: str) -> int:
    """An amount in major units as minor ones; ``ValueError`` where it is no such amount.

    Never by way of a float: ``509.11`` has no exact one.
    """
    if isinstance(amount, bool) or not isinstance(amount, int | str | Decimal):
        raise ValueError(f"{amount!r:.40} is no amount")  # noqa: TRY004  # as promised
    try:
        exact = Decimal(amount).scaleb(_PLACES.get(currency.upper(), 2))
        whole = int(exact)
    except (InvalidOperation, OverflowError, ValueError):
        raise ValueError(f"{amount!r:.40} is no amount") from None
    if whole != exact:
        raise ValueError(f"{amount} {currency} has more decimal places than the currency")
    return whole
