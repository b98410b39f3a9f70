"""Packages that watch Huey from outside see every job, since each passes the methods they patch.

Sentry's integration is the real one. For OpenTelemetry no package that instruments Huey is
published, so :class:`Tracing` here does what such packages do for other queues: it replaces the two
methods on the class, with a span around each.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sentry_sdk
from huey.api import Huey, chord, group
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from sentry_sdk.integrations.huey import HueyIntegration
from sentry_sdk.transport import Transport

from jobdesk.engine.consumer import Consumer
from jobdesk.engine.queue import Queue
from jobdesk.models import JobOptions

pytestmark = pytest.mark.usefixtures("redis_server", "settings")

DEADLINE_S = 20.0


class Tracing:
    """Spans of OpenTelemetry around adding and running a job."""

    def __init__(self) -> None:
        self.spans = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self.spans))
        self.tracer = provider.get_tracer("huey")

    def instrument(self, monkeypatch: pytest.MonkeyPatch) -> None:
        enqueue, execute = Huey.enqueue, Huey._execute

        def traced_enqueue(huey: Huey, task: Any) -> Any:
            if isinstance(task, group | chord):
                return enqueue(huey, task)  # comes by again for each of its tasks
            name = f"{huey.name} publish"
            attributes = {"messaging.message.id": task.id, "task": task.name}
            with self.tracer.start_as_current_span(
                name, kind=SpanKind.PRODUCER, attributes=attributes
            ):
                return enqueue(huey, task)

        def traced_execute(huey: Huey, task: Any, timestamp: Any = None) -> Any:
            run = task.execute
            name = f"{huey.name} process"
            attributes = {"messaging.message.id": task.id, "task": task.name}
            with self.tracer.start_as_current_span(
                name, kind=SpanKind.CONSUMER, attributes=attributes
            ) as span:

                def recorded() -> Any:
                    try:
                        return run()
                    except Exception as exc:
                        span.record_exception(exc)
                        span.set_status(StatusCode.ERROR)
                        raise

                task.execute = recorded
                return execute(huey, task, timestamp)

        monkeypatch.setattr(Huey, "enqueue", traced_enqueue)
        monkeypatch.setattr(Huey, "_execute", traced_execute)

    def ids(self, kind: SpanKind) -> list[str]:
        """The jobs of the spans of one kind."""
        spans = self.spans.get_finished_spans()
        return [str(s.attributes["messaging.message.id"]) for s in spans if s.kind is kind]


class Kept(Transport):
    """A transport of Sentry's that keeps what it is given."""

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self.items: list[dict[str, Any]] = []

    def capture_envelope(self, envelope: Any) -> None:
        self.items += [item.payload.json for item in envelope.items]


@pytest.fixture
def sentry() -> Iterator[Kept]:
    """Sentry with its integration for Huey, sending to a list."""
    enqueue, execute = Huey.enqueue, Huey._execute
    kept = Kept()
    sentry_sdk.init(
        dsn="http://key@127.0.0.1/1", transport=kept, traces_sample_rate=1.0,
        default_integrations=False, integrations=[HueyIntegration()],
    )  # fmt: skip
    if Huey.enqueue is enqueue:
        HueyIntegration.setup_once()  # once a process only, by itself
    yield kept
    sentry_sdk.get_client().close()
    sentry_sdk.get_global_scope().set_client(None)
    Huey.enqueue, Huey._execute = enqueue, execute


@contextmanager
def working(queue: Queue) -> Iterator[Consumer]:
    """A worker of two threads."""
    consumer = queue.create_consumer(workers=2, check_worker_health=False)
    consumer.start()
    try:
        yield consumer
    finally:
        consumer.stop(graceful=True)


def until(true: Callable[[], Any]) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + DEADLINE_S
    while not true():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.01)


def a_queue(name: str) -> tuple[Queue, Any, Any]:
    queue = Queue(name, defaults=JobOptions(attempts=1))

    @queue.task()
    def double(n: int) -> int:
        return 2 * n

    @queue.task()
    def total(of: list[int]) -> int:
        return sum(of)

    return queue, double, total


def test_every_job_added_and_run_has_its_span(monkeypatch: pytest.MonkeyPatch) -> None:
    tracing = Tracing()
    tracing.instrument(monkeypatch)
    queue, double, total = a_queue("traced")
    one = double(n=1)
    with queue.batch() as jobs:  # as a bulk add does
        many = [queue.enqueue(double.s(n)) for n in range(3)]
    queue.send(jobs)
    steps = queue.enqueue(double.s(5).then(double).then(double))
    together = queue.enqueue(group([double.s(1), double.s(2)]).then(total))
    every = {one.id, *(h.id for h in [*many, *steps, *together.results]), together.callback.id}

    with working(queue):
        assert list(steps)[-1].wait(DEADLINE_S) == 40
        assert together.callback.wait(DEADLINE_S) == 6
        for handle in (one, *many):
            handle.wait(DEADLINE_S)

    assert sorted(tracing.ids(SpanKind.PRODUCER)) == sorted(every)
    assert sorted(tracing.ids(SpanKind.CONSUMER)) == sorted(every)


def test_a_failed_attempt_is_recorded_in_its_span(monkeypatch: pytest.MonkeyPatch) -> None:
    tracing = Tracing()
    tracing.instrument(monkeypatch)
    queue = Queue("traced-failing", defaults=JobOptions(attempts=2, backoff=0))

    @queue.task()
    def fail() -> None:
        raise ValueError("no")

    handle = fail()
    for _ in range(2):
        queue.execute(queue.dequeue())

    spans = [s for s in tracing.spans.get_finished_spans() if s.kind is SpanKind.CONSUMER]
    assert [s.attributes["messaging.message.id"] for s in spans] == [handle.id] * 2
    assert {s.status.status_code for s in spans} == {StatusCode.ERROR}
    assert [s.events[0].attributes["exception.type"] for s in spans] == ["ValueError"] * 2


def test_sentry_sees_each_job_run_and_the_error_of_one_that_fails(sentry: Kept) -> None:
    queue, double, _ = a_queue("watched")

    @queue.task()
    def fail() -> None:
        raise ValueError("no")

    good = queue.enqueue(double.s(1).then(double))
    bad = fail()
    with working(queue):
        assert list(good)[-1].wait(DEADLINE_S) == 4
        until(lambda: bad.status().state == "failed")
        until(lambda: len(sentry.items) >= 4)

    names = [item["transaction"] for item in sentry.items if item.get("type") == "transaction"]
    errors = [item for item in sentry.items if "exception" in item]
    assert sorted(names) == ["double", "double", "fail"]
    assert [item["exception"]["values"][0]["value"] for item in errors] == ["no"]
    assert errors[0]["tags"]["huey_task_id"] == bad.id


def test_sentry_sees_each_job_added_and_leaves_its_data_alone(sentry: Kept) -> None:
    queue, double, total = a_queue("watched-adding")

    with sentry_sdk.start_transaction(name="page"):
        handle = double(n=4)
        queue.enqueue(chord([double.s(1), double.s(2)], total.s()))
    moved = handle.reschedule(delay=0)

    (page,) = [item for item in sentry.items if item.get("transaction") == "page"]
    added = [s["description"] for s in page["spans"] if s["op"] == "queue.submit.huey"]
    assert sorted(added) == ["Huey Chord", "double", "double", "double"]
    assert moved.task.kwargs == {"n": 4}
    from jobdesk.broker.inspector import Inspector

    assert Inspector(queue.broker).job(queue.name, handle.id).data == {"n": 4}
