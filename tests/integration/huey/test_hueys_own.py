"""Huey's own tests, as they are shipped with it, on a :class:`~jobdesk.engine.queue.Queue`.

Their classes run as they are, on queues in real Redis instead of Huey's memory. What docs/huey.md
lists must fail, and nothing else may.
"""

from __future__ import annotations

import importlib
import inspect
import itertools
import os
import re
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobdesk.engine.consumer import Consumer, Scheduler
from jobdesk.engine.queue import Queue
from jobdesk.models import Backoff, JobOptions

MODULES = (
    "test_api", "test_signals", "test_priority", "test_wrappers", "test_consumer", "test_registry",
)  # fmt: skip
DOCUMENT = Path(__file__).parents[3] / "docs" / "huey.md"
#: What Huey does when nothing is said; a queue of jobdesk tries three times.
HUEYS_DEFAULTS = JobOptions(attempts=1, backoff=Backoff.fixed(0))

_numbers = itertools.count(1)


class QueueAsHuey(Queue):
    """What the tests get where they ask for a ``MemoryHuey``."""

    def __init__(self, name: str = "huey", **options: Any) -> None:
        super().__init__(
            f"{name}-{next(_numbers)}", defaults=HUEYS_DEFAULTS, as_huey=True, **options
        )


class ConsumerWithoutRest(Consumer):
    """Their ``TestConsumer``, on ours."""

    class _Scheduler(Scheduler):
        def sleep_for_interval(self, current: float, interval: float) -> None:
            pass

    scheduler_class = _Scheduler


def theirs(module: str) -> Any:
    """A module of their tests, with those in it that they call slow."""
    before = os.environ.get("HUEY_SLOW_TESTS")
    os.environ["HUEY_SLOW_TESTS"] = "1"
    try:
        return importlib.import_module(f"huey.tests.{module}")
    finally:
        if before is None:
            del os.environ["HUEY_SLOW_TESTS"]


@pytest.fixture(autouse=True)
def on_redis(
    redis_server: object, settings: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[None]:
    """Their hueys are queues and their consumers are ours; what they made is gone afterwards."""
    monkeypatch.chdir(tmp_path)  # one of them makes a file where it stands
    made: list[Queue] = []

    class Made(QueueAsHuey):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            made.append(self)

    monkeypatch.setattr(theirs("base"), "MemoryHuey", Made)
    monkeypatch.setattr(theirs("test_api"), "MemoryHuey", Made)
    monkeypatch.setattr(theirs("base").BaseTestCase, "consumer_class", Consumer)
    integration = theirs("test_consumer").TestConsumerIntegration
    monkeypatch.setattr(integration, "consumer_class", ConsumerWithoutRest)
    yield
    for queue in made:
        queue.immediate = False
        queue.flush()


def listed() -> dict[str, str]:
    """The tests that docs/huey.md says do not pass: name -> reason."""
    row = r"^\| `(test_\w+\.Test\w+\.test_\w+)` \| (.+) \|$"
    return dict(re.findall(row, DOCUMENT.read_text(), re.MULTILINE))


def cases() -> dict[str, type[unittest.TestCase]]:
    """Every class of tests in their modules, by ``module.Class``."""
    found = {}
    for name in MODULES:
        module = theirs(name)
        for member, case in vars(module).items():
            own = inspect.isclass(case) and case.__module__ == module.__name__
            if own and issubclass(case, unittest.TestCase):
                found[f"{name}.{member}"] = case
    return found


def names_of(case: type[unittest.TestCase]) -> list[str]:
    """The tests of one class."""
    return list(unittest.defaultTestLoader.getTestCaseNames(case))


def on_queue(full_name: str, case: type[unittest.TestCase]) -> type[unittest.TestCase]:
    """A class of theirs, its listed tests expected to fail."""
    members: dict[str, Any] = {"__module__": __name__}
    for test in names_of(case):
        reason = listed().get(f"{full_name}.{test}")
        if reason is not None:
            members[test] = pytest.mark.xfail(reason=reason, strict=True)(_again(case, test))
    return type(full_name.replace(".", "_"), (case,), members)


def _again(case: type[unittest.TestCase], test: str) -> Any:
    def run(self: unittest.TestCase) -> None:
        getattr(case, test)(self)

    run.__name__ = test
    return run


globals().update({name.replace(".", "_"): on_queue(name, case) for name, case in cases().items()})


def test_the_document_lists_tests_that_exist_and_counts_them_right() -> None:
    every = {f"{name}.{test}" for name, case in cases().items() for test in names_of(case)}
    passing = len(every) - len(listed())

    assert set(listed()) <= every
    assert f"{passing} of {len(every)} pass" in " ".join(DOCUMENT.read_text().split())
