"""Instants on their way between Huey and Redis."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from jobdesk.engine.packing import exact_ms, from_ms, to_ms


@pytest.mark.parametrize("utc", [True, False])
@pytest.mark.parametrize("micros", [0, 1, 499, 500, 999, 1000, 252_999, 253_500, 999_999])
def test_an_instant_is_cut_to_the_millisecond(utc: bool, micros: int) -> None:
    given = datetime(2026, 11, 30, 22, 42, 14, micros)  # noqa: DTZ001 - as Huey keeps them

    back = from_ms(to_ms(given, utc), utc)

    assert timedelta(0) <= given - back < timedelta(milliseconds=1)
    assert to_ms(back, utc) == to_ms(given, utc)


def test_an_aware_instant_is_the_same_however_huey_keeps_its_own() -> None:
    given = datetime(2026, 11, 30, 22, 42, 14, 253_999, tzinfo=UTC)

    assert to_ms(given, True) == to_ms(given, False) == 1_796_078_534_253
    assert exact_ms(given.replace(tzinfo=None), True) == "1796078534253.999"
