"""What the games of chaos share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.workers import Starter
from tests.chaos.play import Play

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobdesk.broker.connection import Broker


@pytest.fixture
def start(environment: dict[str, str], tmp_path: Path) -> Iterator[Starter]:
    """Starts workers, and clears them away."""
    starter = Starter(environment, tmp_path)
    yield starter
    for worker in starter.started:  # shown where a test fails
        print(f"--- worker, status {worker.process.poll()}\n{worker.log[-2000:]}")
    starter.clear_away()


@pytest.fixture
def play(broker: Broker, tmp_path: Path, start: Starter) -> Play:
    """A game on the session's Redis."""
    made = Play(broker, tmp_path)
    start.environment.update(made.environment)
    return made
