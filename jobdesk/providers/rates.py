"""Currency rates, who can tell them, and when they are not to be believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol, cast

from jobdesk.errors import PermanentError, TransientError
from jobdesk.providers.http import Service
from jobdesk.providers.own import own

if TYPE_CHECKING:
    from jobdesk.settings import Settings

#: The riyal is pegged: so many of it are a dollar.
PEG = Decimal("3.75")
PEG_TOLERANCE = Decimal("0.01")
MAX_AGE = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """One set: one of ``base`` is so many of each quote."""

    source: str
    base: str
    published_at: datetime
    rates: Mapping[str, Decimal]
    #: the source asks not to be asked before
    next_at: datetime | None = None


class RatesSource(Protocol):
    """Tells rates; reads only. Raises as ``providers.http`` says."""

    def latest(self, base: str, quotes: Sequence[str]) -> Rates:
        """The newest set."""
        ...


@lru_cache(maxsize=4)
def rates_source(settings: Settings) -> RatesSource:
    """The source that the settings ask for; the usual one needs no key."""
    if (made := own(settings, "rates")) is not None:
        return cast("RatesSource", made)
    return Frankfurter(base_url=settings.rates_base_url, timeout_s=settings.rates_timeout)


class Frankfurter:
    """A :class:`RatesSource`: frankfurter.dev, version 2 (the first one knows no riyal)."""

    def __init__(self, *, base_url: str, timeout_s: float = 30.0) -> None:
        self._service = Service(
            "Rates", base_url, headers={"User-Agent": "jobdesk"}, read_timeout_s=timeout_s
        )

    def close(self) -> None:
        """Close the connections."""
        self._service.close()

    def latest(self, base: str, quotes: Sequence[str]) -> Rates:
        """The newest set; the date of the oldest of its rates is the set's."""
        answer = self._service.read(
            "/v2/rates", params={"base": base, "quotes": ",".join(sorted(quotes))}
        )
        found: dict[str, Decimal] = {}
        days = []
        try:
            for row in answer.body:
                if row["base"] != base:
                    raise ValueError("another base")
                found[str(row["quote"])] = _rate(row["rate"])
                days.append(datetime.fromisoformat(row["date"]).date())
        except (KeyError, TypeError, ValueError):
            raise TransientError(f"the rates cannot be read: {answer.text}") from None
        if not days:
            raise TransientError("the source has no rates")
        return Rates(
            source="frankfurter",
            base=base,
            published_at=datetime.combine(min(days), time(), UTC),
            rates={quote: found[quote] for quote in quotes if quote in found},
        )


def check(rates: Rates, *, now: datetime, max_age: timedelta = MAX_AGE) -> None:
    """Refuse a set that is old, or off the riyal's peg: the last good one stays in use."""
    if now - rates.published_at > max_age:
        raise TransientError(
            f"the rates of {rates.source} are of {rates.published_at:%Y-%m-%d}, too old to use"
        )
    if rates.published_at > now + timedelta(days=2):
        raise PermanentError(f"the rates of {rates.source} are of the future")
    pegged = None
    if rates.base == "SAR" and "USD" in rates.rates:
        pegged = 1 / rates.rates["USD"]
    elif rates.base == "USD" and "SAR" in rates.rates:
        pegged = rates.rates["SAR"]
    if pegged is not None and abs(pegged / PEG - 1) > PEG_TOLERANCE:
        raise PermanentError(
            f"{rates.source} has a dollar at {pegged:.4f} SAR, which is pegged to {PEG}: not stored"
        )


def _rate(value: Any) -> Decimal:
    try:
        rate = Decimal(str(value))
    except InvalidOperation:
        raise ValueError("no rate") from None
    if not rate.is_finite() or rate <= 0:
        raise ValueError("no rate")
    return rate
