"""Commercial registrations, asked for once a day; currency rates, believed when they can be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from jobdesk.cron import as_schedule
from jobdesk.db.tables import commercial_registrations, currency_rates
from jobdesk.errors import InvalidJobData, TransientError
from jobdesk.providers.rates import Frankfurter
from jobdesk.tasks import sync
from jobdesk.tasks.syncing.rates import rate
from tests.fake_providers.base import Scripted, running
from tests.fake_providers.registries import API_KEY, FakeRates, FakeWathq

if TYPE_CHECKING:
    from collections.abc import Iterator

JOB = {"firmId": "f1", "registrationNumber": "7001272124"}


@pytest.fixture
def wathq(live) -> Iterator[FakeWathq]:
    with running(FakeWathq()) as server:
        live(wathq_api_key=API_KEY, wathq_base_url=server.url, wathq_timeout=0.5)
        yield server


@pytest.fixture
def rates(live) -> Iterator[FakeRates]:
    with running(FakeRates()) as server:
        live(rates_base_url=server.url, rates_timeout=0.5)
        yield server


# --- registrations


def test_a_registration_is_stored_and_not_asked_for_again(wathq, here, engine):
    first = here.attempt(sync.queue, sync.wathq_registration(**JOB))
    second = here.attempt(sync.queue, sync.wathq_registration(**JOB))
    third = here.attempt(sync.queue, sync.wathq_registration(**JOB, maxAgeHours=0))

    with engine.connect() as connection:
        stored = connection.execute(select(commercial_registrations)).mappings().one()
    assert first.return_value == {
        "success": True, "found": True, "status": "نشط", "cached": False,
    }  # fmt: skip
    assert (second.return_value["cached"], third.return_value["cached"]) == (True, False)
    assert len(wathq.requests) == 2  # every call is billed
    assert (stored["name"], stored["status"]) == ("شركة الأفق", "نشط")


def test_that_there_is_none_is_an_answer_and_is_kept(wathq, here):
    job = JOB | {"registrationNumber": "7009999999"}

    first = here.attempt(sync.queue, sync.wathq_registration(**job))
    second = here.attempt(sync.queue, sync.wathq_registration(**job))

    assert (first.return_value["found"], second.return_value["cached"]) == (False, True)
    assert len(wathq.requests) == 1


def test_an_empty_500_is_tried_once_more_and_then_taken_for_none(wathq, here, engine):
    wathq.script = [Scripted(500, raw=""), Scripted(500, raw="")]
    handle = sync.wathq_registration(**JOB)

    first = here.attempt(sync.queue, handle)
    second = here.attempt(sync.queue, handle)

    with engine.connect() as connection:
        kept = connection.execute(
            select(func.count()).select_from(commercial_registrations)
        ).scalar_one()
    assert (first.state, second.return_value["note"]) == ("delayed", "no-data-or-fault")
    assert kept == 0  # it may be a fault: the next job asks again


def test_the_old_name_is_taken_with_a_word(wathq, here):
    handle = sync.wathq_contract(contractId="7001272124", firmId="f1")

    status = here.attempt(sync.queue, handle)

    assert status.return_value["found"] is True
    assert wathq.requests[0].path == "/company-contract/info/7001272124"
    assert "wathq-contract is a deprecated name" in here.log(handle)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"code": "400.1.8", "message": "not a CR number"}),
        (401, {"code": "401", "message": "key"}),
        (403, {"code": "403.1.1", "message": "not subscribed"}),
        (400, {"code": "403.1.1", "message": "not subscribed"}),
    ],
)
def test_what_wathq_will_never_answer_is_permanent(wathq, here, status, body):
    wathq.script = [Scripted(status, body)]

    done = here.attempt(sync.queue, sync.wathq_registration(**JOB))

    assert (done.state, done.attempts_made) == ("failed", 1)


@pytest.mark.parametrize(
    "trouble",
    [
        Scripted(429, {"code": "429"}, {"Retry-After": "5"}),
        Scripted(500, {"code": "500"}),
        Scripted(503, raw="<xml/>"),
        Scripted(200, raw="<xml/>"),
        Scripted(cut=True),
        Scripted(late_s=2),
    ],
)
def test_trouble_is_transient(wathq, here, trouble):
    wathq.script = [trouble]
    handle = sync.wathq_registration(**JOB)

    first = here.attempt(sync.queue, handle)
    second = here.attempt(sync.queue, handle)

    assert (first.state, second.state) == ("delayed", "completed")


def test_the_delay_is_wathq_s(wathq):
    from jobdesk import settings as settings_module
    from jobdesk.providers.wathq import registry

    wathq.script = [Scripted(429, {"code": "429"}, {"Retry-After": "5"})]

    with pytest.raises(TransientError) as caught:
        registry(settings_module.current()).look_up("info", "7001272124", "ar")

    assert caught.value.delay == 5


def test_without_a_key_it_says_so(live, here):
    live()

    done = here.attempt(sync.queue, sync.wathq_registration(**JOB))

    assert "NotConfigured: set WATHQ_API_KEY" in done.failed_reason


@pytest.mark.parametrize(
    "number", ["", "701", "8001272124", "0010272124", "70012721240", "70x1272124"]
)
def test_what_is_no_number_is_refused_before_it_is_billed(number):
    with pytest.raises(InvalidJobData, match="registrationNumber"):
        sync.wathq_registration(firmId="f1", registrationNumber=number)


# --- rates


def test_rates_are_stored_once_a_day(rates, here, engine):
    for _ in range(2):
        status = here.attempt(sync.queue, sync.currency_rates())

    with engine.connect() as connection:
        rows = connection.execute(select(currency_rates)).mappings().all()
    assert status.return_value["stored"] == 2
    assert {row["quote"]: row["rate"] for row in rows} == {
        "USD": Decimal("0.266667"), "EUR": Decimal("0.2305"),
    }  # fmt: skip
    assert rate(engine, "SAR", "USD") == Decimal("0.266667")
    assert abs(rows[0]["inverse"] * rows[0]["rate"] - 1) < Decimal("1e-9")


def test_they_come_every_hour():
    schedule = as_schedule(sync.queue.types["currency-rates"].schedule)
    now = datetime(2026, 1, 1, 12, 20, tzinfo=UTC)

    assert schedule.next_after(now, UTC) == datetime(2026, 1, 1, 13, 15, tzinfo=UTC)


def test_a_dollar_off_its_peg_is_not_stored_and_the_last_good_one_stays(rates, here, engine):
    here.attempt(sync.queue, sync.currency_rates())
    rates.rates["USD"] = 0.30

    status = here.attempt(sync.queue, sync.currency_rates())

    assert (status.state, status.attempts_made) == ("failed", 1)
    assert "pegged" in status.failed_reason
    assert rate(engine, "SAR", "USD") == Decimal("0.266667")


def test_rates_of_long_ago_are_not_stored(rates, here, engine):
    rates.date = (datetime.now(UTC) - timedelta(days=9)).date().isoformat()

    status = here.attempt(sync.queue, sync.currency_rates())

    assert (status.state, rate(engine, "SAR", "USD")) == ("delayed", None)


@pytest.mark.parametrize(
    "trouble",
    [
        Scripted(429, {}, {"Retry-After": "9"}),
        Scripted(500, {}),
        Scripted(200, raw="<html>"),
        Scripted(200, {"message": "x"}),
        Scripted(200, []),
        Scripted(200, [{"date": "2026-01-01", "base": "EUR", "quote": "USD", "rate": 1}]),
        Scripted(200, [{"date": "2026-01-01", "base": "SAR", "quote": "USD", "rate": -1}]),
        Scripted(200, [{"date": "soon", "base": "SAR", "quote": "USD", "rate": 1}]),
        Scripted(cut=True),
        Scripted(late_s=2),
    ],
)
def test_trouble_with_the_source_is_transient(rates, here, trouble):
    rates.script = [trouble]
    handle = sync.currency_rates()

    first = here.attempt(sync.queue, handle)
    second = here.attempt(sync.queue, handle)

    assert (first.state, second.state) == ("delayed", "completed")


def test_the_delay_is_the_source_s(rates):
    rates.script = [Scripted(429, {}, {"Retry-After": "9"})]
    source = Frankfurter(base_url=rates.url)

    with pytest.raises(TransientError) as caught:
        source.latest("SAR", ["USD"])
    source.close()

    assert caught.value.delay == 9


def test_an_unknown_currency_is_permanent(rates, here):
    status = here.attempt(sync.queue, sync.currency_rates(quotes=["XXX"]))

    assert (status.state, status.attempts_made) == ("failed", 1)


@pytest.mark.parametrize("data", [{"base": "riyal"}, {"quotes": []}, {"quotes": ["SAR"]}])
def test_what_is_no_currency_is_refused(data):
    with pytest.raises(InvalidJobData):
        sync.currency_rates(**data)
