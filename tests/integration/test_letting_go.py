"""What has ended is let go: nothing of a job stays until the garbage collector comes by."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from jobdesk import current_job
from jobdesk.engine.run import Run
from tests.bench import Bench

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker


def _runs() -> int:
    return sum(isinstance(each, Run) for each in gc.get_objects())


@pytest.fixture(autouse=True)
def _nothing_collects() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_a_job_that_has_ended_holds_its_data_no_more(broker: Broker) -> None:
    bench = Bench(broker)

    @bench.queue.task()
    def brief() -> None: ...

    brief()
    before = _runs()
    assert bench.run_one()

    assert _runs() == before


def test_nor_does_one_that_has_used_its_context(broker: Broker) -> None:
    bench = Bench(broker)

    @bench.queue.task()
    def reports() -> None:
        current_job().progress(50)

    reports()
    before = _runs()
    assert bench.run_one()

    assert _runs() == before
