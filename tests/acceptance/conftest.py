"""What the tests with real workers share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.acceptance import trouble
from tests.acceptance.workers import Starter, Watch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobdesk.broker.connection import Broker


@pytest.fixture
def start(environment: dict[str, str], tmp_path: Path) -> Iterator[Starter]:
    """Starts workers: ``start.huey_consumer("-w", "4")``, ``start.jobdesk_worker("trouble")``."""
    starter = Starter(environment, tmp_path)
    yield starter
    starter.clear_away()


@pytest.fixture
def watched(broker: Broker) -> Watch:
    """The queue ``trouble``."""
    return Watch(broker, trouble.queue.name)
