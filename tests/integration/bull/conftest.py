"""What Bull's tests call `queue`, and a halt for its tasks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests import invariants
from tests.bench import NAME, Bench, Gate

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker


@pytest.fixture
def bench(broker: Broker) -> Iterator[Bench]:
    """A queue; whatever a test does to it, its invariants hold in the end."""
    made = Bench(broker)
    yield made
    invariants.check(broker, NAME)


@pytest.fixture
def gate() -> Gate:
    return Gate()
