"""What workers tell of themselves: the queues and types they serve, and that they are alive.

Everything here may be written again at any time; nothing depends on it but what people see, and
what the command line checks jobs against on a machine without the tasks.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jobdesk.broker import keys, records
from jobdesk.broker.keys import SCHEMA_VERSION, Meta
from jobdesk.broker.processes import mark_of
from jobdesk.errors import SchemaTooNew, SchemaTooOld
from jobdesk.models import STORED_STATES

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker

#: A worker that has not been heard of for this long does not count as up any more.
WORKER_TTL_S = 40
#: For so long it is known what a lost worker held, of so many workers.
LAST_TTL_S = 600
MOST_KNOWN = 1000
#: Running jobs of a queue among which those of one worker are looked for.
MOST_RUNNING = 500


@dataclass(slots=True)
class WorkerBeat:
    """The heartbeat of one worker process."""

    broker: Broker
    worker: str
    host: str
    pid: int
    queues: Sequence[str]
    slots: int
    version: str
    #: the process that starts another in its place; 0: none does
    parent: int = 0
    #: whether it is a process of ``-k process``
    fork: bool = False
    started_ms: int = field(default_factory=lambda: round(time.time() * 1000))

    mark: str = field(init=False)
    #: whether it has been told to stop
    stopping: bool = False

    def __post_init__(self) -> None:
        self.mark = mark_of(self.pid)

    def beat(self, in_hand: Mapping[str, Sequence[str]] | None = None) -> None:
        """Say that it is alive, and what it has in hand (the first 100 of each queue)."""
        namespace = self.broker.namespace
        now = round(time.time() * 1000)
        told = json.dumps(
            {
                "id": self.worker,
                "host": self.host,
                "pid": self.pid,
                "queues": list(self.queues),
                "slots": self.slots,
                "in_hand": {name: list(ids)[:100] for name, ids in (in_hand or {}).items() if ids},
                "version": self.version,
                "started_ms": self.started_ms,
                "beat_ms": now,
                "mark": self.mark,
                "parent": self.parent,
                "fork": self.fork,
                "stopping": self.stopping,
            }
        )
        with self.broker.errors("heartbeat"):
            pipe = self.broker.pipeline()
            pipe.set(keys.worker_info(namespace, self.worker), told, ex=WORKER_TTL_S)
            pipe.set(keys.worker_last(namespace, self.worker), told, ex=LAST_TTL_S)
            pipe.zadd(keys.workers(namespace), {self.worker: now})
            pipe.zremrangebyscore(keys.workers(namespace), "-inf", now - LAST_TTL_S * 1000)
            pipe.zremrangebyrank(keys.workers(namespace), 0, -MOST_KNOWN - 1)
            pipe.execute()

    def retire(self) -> None:
        """Sign off."""
        namespace = self.broker.namespace
        with self.broker.errors("heartbeat"):
            pipe = self.broker.pipeline()
            pipe.unlink(keys.worker_info(namespace, self.worker))
            pipe.unlink(keys.worker_last(namespace, self.worker))
            pipe.zrem(keys.workers(namespace), self.worker)
            pipe.execute()


def leaving(broker: Broker, worker: str) -> None:
    """Say of a worker that it was told to stop; it says so itself with its next heartbeat."""
    name = keys.worker_info(broker.namespace, worker)
    with broker.errors("heartbeat"):
        client: Any = broker.client
        try:
            told = json.loads(client.get(name) or b"null")
        except ValueError:
            return
        if isinstance(told, dict):
            told["stopping"] = True
            client.set(name, json.dumps(told), xx=True, keepttl=True)


def held(broker: Broker, worker: str, queues: Sequence[str]) -> dict[str, list[str]]:
    """What a worker has in hand at this moment, by queue; its heartbeat may be ten seconds old.

    Of each queue at most the 500 running jobs whose leases end first are looked at.
    """
    names = [broker.keys(queue) for queue in queues]
    with broker.errors("held"):
        pipe = broker.pipeline()
        for name in names:
            pipe.zrange(name.active, 0, MOST_RUNNING - 1)
        running = [
            (name, records.text(raw))
            for name, found in zip(names, pipe.execute() if names else (), strict=True)
            for raw in found
        ]
        pipe = broker.pipeline()
        for name, job_id in running:
            records.ask(pipe, name, job_id)
        whose = pipe.execute() if running else []
    found: dict[str, list[str]] = {}
    for (name, job_id), values in zip(running, whose, strict=True):
        if (records.record(values) or {}).get(keys.Field.WORKER) == worker:
            found.setdefault(name.queue, []).append(job_id)
    return found


def bury(broker: Broker, worker: str, in_hand: Mapping[str, Sequence[str]] | None = None) -> None:
    """Say of a worker that its process is known to be dead; nothing, when it has signed off.

    To be said before what it held is given back, or with that as ``in_hand``.
    """
    name = keys.worker_last(broker.namespace, worker)
    with broker.errors("heartbeat"):
        client: Any = broker.client
        try:
            told = json.loads(client.get(name) or b"null")
        except ValueError:
            told = None
        if not isinstance(told, dict):
            return
        told.setdefault("ended_ms", round(time.time() * 1000))
        queues = [one for one in told.get("queues") or () if isinstance(one, str)]
        if now_held := in_hand or held(broker, worker, queues):
            told["in_hand"] = {queue: list(ids)[:100] for queue, ids in now_held.items()}
        pipe = broker.pipeline()
        pipe.set(name, json.dumps(told), ex=LAST_TTL_S)
        pipe.unlink(keys.worker_info(broker.namespace, worker))
        pipe.execute()


def publish_queue(
    broker: Broker,
    queue: str,
    *,
    types: Mapping[str, Mapping[str, Any]],
    schedules: Mapping[str, Mapping[str, Any]],
    keep_completed: str,
    keep_failed: str,
    max_stalled: int,
    max_active: int | None,
    rate_limit: tuple[int, int] | None,
) -> None:
    """Write what a queue is: its types with their schemas, its schedules, its policies.

    Limits are written where none is set yet: an operator's choice outlives a restart. Raises
    ``SchemaTooNew`` when a newer release has written this queue, ``SchemaTooOld`` when jobs are in
    it that an older one has written.
    """
    names = broker.keys(queue)
    with broker.errors("publish"):
        client: Any = broker.client
        found = client.hget(names.meta, Meta.SCHEMA)
        if found is not None and int(found) > SCHEMA_VERSION:
            raise SchemaTooNew(
                f"queue {queue} uses schema {int(found)}, this jobdesk knows {SCHEMA_VERSION};"
                " upgrade this one"
            )
        if found is not None and int(found) < SCHEMA_VERSION and _has_jobs(broker, names):
            raise SchemaTooOld(
                f"queue {queue} has jobs of schema {int(found)}, this jobdesk knows"
                f" {SCHEMA_VERSION}; let the jobdesk that wrote them run them, and empty the queue"
            )
        pipe = broker.pipeline()
        pipe.hset(
            names.meta,
            mapping={
                Meta.SCHEMA: SCHEMA_VERSION,
                Meta.KEEP_COMPLETED: keep_completed,
                Meta.KEEP_FAILED: keep_failed,
                Meta.MAX_STALLED: max_stalled,
            },
        )
        if max_active is not None:
            pipe.hsetnx(names.meta, Meta.MAX_ACTIVE, max_active)
        if rate_limit is not None:
            pipe.hsetnx(names.meta, Meta.LIMIT_JOBS, rate_limit[0])
            pipe.hsetnx(names.meta, Meta.LIMIT_MS, rate_limit[1])
        if types:
            pipe.hset(
                names.types,
                mapping={
                    name: json.dumps(told, ensure_ascii=False) for name, told in types.items()
                },
            )
        for name, told in schedules.items():
            pipe.hset(names.sched, f"{name}:spec", json.dumps(told, ensure_ascii=False))
        pipe.execute()
        # In a slot of its own, so not in the same pipeline where Redis is a cluster.
        client.sadd(keys.queues(broker.namespace), queue)


def _has_jobs(broker: Broker, names: keys.QueueKeys) -> bool:
    pipe = broker.pipeline()
    for state in STORED_STATES:
        pipe.zcard(names.state(state))
    return any(pipe.execute())
