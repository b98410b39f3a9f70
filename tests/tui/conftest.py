"""What the tests of the dashboard share."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.queue_builder import QueueBuilder
from tests.tui import driving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from jobdesk.broker.connection import Broker
    from jobdesk.settings import Settings


@pytest.fixture
def run_desk(settings: Settings, tmp_path: Path) -> Callable[..., object]:
    """``run_desk(act, size=…, read_only=…)``: the dashboard on this test's Redis."""
    return partial(driving.drive, settings, tmp_path / "state" / "tui.json")


@pytest.fixture
def run_quickly(settings: Settings, tmp_path: Path) -> Callable[..., object]:
    """The same with a picture four times a second: there is less to wait for."""
    fast = settings.model_copy(update={"tui_refresh": 0.25})
    return partial(driving.drive, fast, tmp_path / "state" / "tui.json")


@pytest.fixture
def thumbs(broker: Broker) -> QueueBuilder:
    """A registered queue to fill."""
    return registered(broker, "thumbs")


def registered(broker: Broker, name: str) -> QueueBuilder:
    broker.client.sadd(f"{broker.namespace}:queues", name)
    return QueueBuilder(broker, name)


@pytest.fixture
def snapshot_update(request: pytest.FixtureRequest) -> bool:
    """Whether pictures are to be written instead of compared."""
    return bool(request.config.getoption("--snapshot-update"))
