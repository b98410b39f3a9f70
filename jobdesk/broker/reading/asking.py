"""What the dashboard reads again and again, as reads that share their round trips.

See :mod:`~jobdesk.broker.server.rounds`. The :class:`~jobdesk.broker.inspector.Inspector` carries
out the same ones one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jobdesk.broker import keys as key_names
from jobdesk.broker import published, records
from jobdesk.broker.keys import Meta
from jobdesk.broker.reading import figures as figures_module
from jobdesk.broker.reading import timetable
from jobdesk.models import STORED_STATES, TERMINAL_STATES, is_queue_name

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker
    from jobdesk.broker.reading.figures import Figures
    from jobdesk.broker.server.rounds import Ask, Asking
    from jobdesk.models import Job, JobRow, JobState, QueueStats, ScheduleInfo, WorkerInfo

#: Of a queue's `meta`, what its counts come with.
STATS_FIELDS = (Meta.PAUSED, Meta.MAX_ACTIVE, Meta.LIMIT_JOBS, Meta.LIMIT_MS)


def clock(_broker: Broker) -> Asking[int]:
    """The Redis server's clock, in milliseconds."""
    ((seconds, micros),) = yield lambda pipe: pipe.time()
    return int(seconds) * 1000 + int(micros) // 1000


def names(broker: Broker) -> Asking[tuple[str, ...]]:
    """All that is registered as a queue, sorted: also what another program wrote there."""
    (found,) = yield lambda pipe: pipe.smembers(key_names.queues(broker.namespace))
    return tuple(sorted(records.text(name) for name in found))


def queues(broker: Broker) -> Asking[tuple[str, ...]]:
    """The names of the queues that a worker has registered, sorted."""
    found = yield from names(broker)
    # what cannot name a queue has no jobs that could be read, and might steer a terminal
    return tuple(name for name in found if is_queue_name(name))


def stats(broker: Broker, names: Sequence[str]) -> Asking[tuple[QueueStats, ...]]:
    """The counts of these queues."""

    def ask(pipe: Any) -> None:
        for name in names:
            keys = broker.keys(name)
            for state in STORED_STATES:
                pipe.zcard(keys.state(state))
            pipe.hmget(keys.meta, STATS_FIELDS)

    answers = yield ask
    width = len(STORED_STATES) + 1
    return tuple(
        records.stats(name, answers[i * width : (i + 1) * width]) for i, name in enumerate(names)
    )


def ask_heads(broker: Broker, lists: Iterable[tuple[str, JobState]], depths: Iterable[int]) -> Ask:
    """Ids and scores of the first jobs of several lists."""

    def ask(pipe: Any) -> None:
        for (queue, state), depth in zip(lists, depths, strict=True):
            pipe.zrange(
                broker.keys(queue).state(state), 0, depth - 1,
                desc=state in TERMINAL_STATES, withscores=True,
            )  # fmt: skip

    return ask


def ask_rows(broker: Broker, wanted: Iterable[tuple[str, str]]) -> Ask:
    """What is stored of these jobs, (queue, id) each, that a row is made of."""

    def ask(pipe: Any) -> None:
        for queue, job_id in wanted:
            records.ask(pipe, broker.keys(queue), job_id)

    return ask


def heads(
    broker: Broker, lists: Sequence[tuple[str, JobState]], depths: Sequence[int]
) -> Asking[tuple[JobRow, ...]]:
    """The first rows of several lists, of each as many as its depth says."""
    answers = yield ask_heads(broker, lists, depths)
    found = [
        (queue, records.text(raw), int(score))
        for (queue, _), entries in zip(lists, answers, strict=True)
        for raw, score in entries
    ]

    stored = yield ask_rows(broker, [(queue, job_id) for queue, job_id, _ in found])
    made = (
        records.row(queue, job_id, values, score)
        for (queue, job_id, score), values in zip(found, stored, strict=True)
    )
    return tuple(row for row in made if row is not None)


def rows(
    broker: Broker, wanted: Sequence[tuple[str, str]]
) -> Asking[dict[tuple[str, str], JobRow | None]]:
    """These jobs, (queue, id) each, as they are now; None for one that is gone."""
    stored = yield ask_rows(broker, wanted)
    return {key: records.row(*key, values) for key, values in zip(wanted, stored, strict=True)}


def jobs(broker: Broker, queue: str, ids: Sequence[str], log_lines: int) -> Asking[tuple[Job, ...]]:
    """Whole jobs with the newest lines of their logs; those that are gone are left out."""
    keys = broker.keys(queue)
    # a list has no end at which nothing is read
    first = -log_lines if log_lines else 1 << 30

    def ask(pipe: Any) -> None:
        for job_id in ids:
            records.ask(pipe, keys, job_id)
            pipe.zscore(keys.active, job_id)
            records.ask_aside(pipe, keys, job_id)
            pipe.lrange(keys.attempts(job_id), -10, -1)
            pipe.lrange(keys.log(job_id), first, -1)

    answers = yield ask
    made: list[Job | None] = []
    for i, job_id in enumerate(ids):
        values, lease, aside, attempts, log = answers[5 * i : 5 * i + 5]
        made.append(records.job(
            queue, job_id, values, lease_ms=None if lease is None else int(lease),
            aside=aside, attempts=attempts, log=log,
        ))  # fmt: skip
    return tuple(job for job in made if job is not None)


def workers(broker: Broker, limit: int, *, lost: bool = False) -> Asking[tuple[WorkerInfo, ...]]:
    """The workers that have reported themselves lately, the latest first.

    ``lost``: also those of the last ten minutes that vanished without a word.
    """
    ids = yield from worker_ids(broker, limit)
    return (yield from told_by(broker, ids, lost=lost))


def worker_ids(broker: Broker, limit: int) -> Asking[tuple[str, ...]]:
    """Who has reported as a worker, the latest first; some may be gone."""
    name = key_names.workers(broker.namespace)
    (found,) = yield lambda pipe: pipe.zrange(name, 0, limit - 1, desc=True)
    return tuple(records.text(raw) for raw in found)


def told_by(
    broker: Broker, ids: Sequence[str], *, lost: bool = False
) -> Asking[tuple[WorkerInfo, ...]]:
    """What these workers say of themselves; ``lost`` as for :func:`workers`."""
    namespace = broker.namespace
    told: dict[str, bytes | None] = {}
    for name in (key_names.worker_info, key_names.worker_last)[: 1 + lost]:
        missing = [worker for worker in ids if told.get(worker) is None]

        def ask(pipe: Any, name: Any = name, missing: list[str] = missing) -> None:
            for worker in missing:
                pipe.get(name(namespace, worker))

        told.update(zip(missing, (yield ask), strict=True))
    return tuple(
        published.worker(worker, raw) for worker in ids if (raw := told[worker]) is not None
    )


def schedules(broker: Broker, names: Sequence[str]) -> Asking[tuple[ScheduleInfo, ...]]:
    """The schedules that the workers of these queues have published, by name."""

    def ask(pipe: Any) -> None:
        pipe.time()
        for name in names:
            pipe.hgetall(broker.keys(name).sched)

    (seconds, _), *answers = yield ask
    made: list[ScheduleInfo] = []
    for queue, stored in zip(names, answers, strict=True):
        found: Mapping[str, bytes] = {records.text(name): raw for name, raw in stored.items()}
        specs = sorted(n.removesuffix(":spec") for n in found if n.endswith(":spec"))
        made += [published.schedule(queue, spec, found) for spec in specs]
    now_ms = int(seconds) * 1000
    return tuple(replace(one, next_ms=timetable.next_ms(one, now_ms)) for one in made)


def figures(
    broker: Broker, wanted: Iterable[tuple[str, int]], unit: str = "m"
) -> Asking[dict[tuple[str, int], Figures]]:
    """(queue, number of the minute) -> its figures; ``unit`` ``h``: of the hour."""
    spans = list(wanted)
    span_ms = 60_000 if unit == "m" else 3_600_000

    def ask(pipe: Any) -> None:
        for queue, number in spans:
            pipe.hgetall(broker.keys(queue).figures(unit, number))

    stored = yield ask
    return {
        (queue, number): figures_module.parse(number * span_ms, told)
        for (queue, number), told in zip(spans, stored, strict=True)
    }
