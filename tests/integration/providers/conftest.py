"""What the tests of outside services share: settings that send, a database, jobs run right here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobdesk import settings as settings_module
from jobdesk.broker.control import Control
from jobdesk.broker.inspector import Inspector
from jobdesk.db import connection as database
from jobdesk.engine.context import JobContext
from jobdesk.providers import http
from tests.fake_providers.base import Mute

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Engine

    from jobdesk.broker.connection import Broker
    from jobdesk.engine.handle import JobHandle
    from jobdesk.engine.queue import Queue
    from jobdesk.models import JobStatus
    from jobdesk.settings import Settings


@pytest.fixture
def live(settings: Settings) -> Iterator[Callable[..., Settings]]:
    """Make the process's settings send for real: ``live(unifonic_base_url=…)``."""

    def use(**values: object) -> Settings:
        made = settings_module.load(
            redis_url=settings.redis_url,
            namespace=settings.namespace,
            data=settings.data_folder,
            delivery="live",
            _env_file=None,
            **values,
        )
        settings_module.use(made)
        return made

    yield use
    http.close_all()


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    """The test's own database."""
    yield database.connect(settings)
    database.close_all()


class Here:
    """Runs jobs in this process, one attempt at a time."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def attempt(self, queue: Queue, handle: JobHandle) -> JobStatus:
        """Run the next attempt of a job, also if it is not due yet."""
        status = handle.status()
        if status.state == "delayed":
            Control(self._broker).promote_job(queue.name, handle.id)
        task = queue.dequeue()
        assert task is not None
        assert task.id == handle.id
        queue.execute(task)
        return handle.status()

    def log(self, handle: JobHandle) -> str:
        """The job's log, as an operator reads it."""
        return "\n".join(map(str, Inspector(self._broker).job(handle.queue, handle.id).log))


@pytest.fixture
def here(broker: Broker, engine: Engine) -> Here:
    return Here(broker)


@pytest.fixture
def mute() -> Callable[..., JobContext]:
    """Contexts for work that is called without a job: ``mute("sync", "currency-rates")``."""

    def make(queue: str, type_: str, *, last_progress: object = None) -> JobContext:
        return JobContext(
            Mute(), id="j1", queue=queue, type=type_, attempt=1, last_progress=last_progress
        )

    return make
