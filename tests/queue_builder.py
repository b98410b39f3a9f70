"""Jobs in every state, made by the worker's own scripts."""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING, Any

from jobdesk.broker.exchange import Finish, Outcome, Taken
from jobdesk.broker.transitions import Transitions
from jobdesk.models import NO_PRIORITY, NewJob
from tests import stored

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker

WORKER = "host:1:w"
LEASE_MS = 30_000


class QueueBuilder:
    """One queue, and a worker that does with its jobs what it is told."""

    def __init__(self, broker: Broker, queue: str = "thumbs") -> None:
        self.broker = broker
        self.queue = queue
        self.keys = broker.keys(queue)
        self.moves = Transitions(broker, queue)
        self._requests = count(1)

    def waiting(self, *ids: str, priority: int = NO_PRIORITY, **options: Any) -> None:
        """Jobs that wait."""
        self.moves.add([self._job(job_id, priority, **options) for job_id in ids])

    def delayed(self, *ids: str, delay_ms: int = 60_000, **options: Any) -> None:
        """Jobs that rest."""
        self.moves.add([self._job(i, NO_PRIORITY, delay_ms=delay_ms, **options) for i in ids])

    def active(self, *ids: str, **options: Any) -> list[Taken]:
        """Jobs that run: the line must be empty before."""
        self.waiting(*ids, **options)
        return self.take(len(ids))

    def completed(self, *ids: str, value: Any = "done", **options: Any) -> None:
        """Jobs that have ended well."""
        raw = json.dumps(value).encode()
        self._end(ids, Outcome.COMPLETED, options, value=raw)

    def failed(self, *ids: str, error: str = "ValueError: no", **options: Any) -> None:
        """Jobs that have failed for good."""
        told = {"o": "failed", "w": WORKER, "err": error + ", in full", "tb": "Traceback …"}
        self._end(ids, Outcome.FAILED, options, error=error, attempt=json.dumps(told)[1:])

    def take(self, want: int = 1) -> list[Taken]:
        """The next jobs, running from now on."""
        return self.moves.exchange(WORKER, next(self._requests), want, LEASE_MS).jobs

    def finish(self, job: Taken, outcome: Outcome = Outcome.COMPLETED, **more: Any) -> str:
        """Book the end of a run; OK, ALREADY or STALE."""
        ended = Finish(job.id, job.epoch, outcome, type=job.type, **more)
        return self.moves.exchange(WORKER, next(self._requests), 0, LEASE_MS, [ended]).statuses[0]

    def record(self, job_id: str) -> dict[str, str]:
        """The raw record."""
        return stored.read(self.broker.client, self.keys, job_id)

    def change(self, job_id: str, **fields: Any) -> None:
        """Other values for some of its fields; None takes one away."""
        stored.change(self.broker.client, self.keys, job_id, **fields)

    def payload(self, job_id: str) -> bytes | None:
        """The raw payload."""
        return stored.payload(self.broker.client, self.keys, job_id)

    def order(self, state: str = "waiting") -> list[str]:
        """All ids of a state, in the order of its set."""
        found: Any = self.broker.client.zrange(self.keys.state(state), 0, -1)
        return [raw.decode() for raw in found]

    def events(self) -> list[tuple[str, str, dict[str, str]]]:
        """All events so far: name, job and the rest of their fields."""
        from jobdesk.broker.events import newest

        found = reversed(newest(self.broker, self.queue, 1000))
        return [(event.name, event.job_id, dict(event.fields)) for event in found]

    def end_at(self, state: str, job_id: str, ended_ms: int) -> None:
        """Move an end into the past."""
        self.broker.client.zadd(self.keys.state(state), {job_id: ended_ms})
        self.change(job_id, fon=ended_ms)

    def _end(
        self, ids: tuple[str, ...], outcome: Outcome, options: dict[str, Any], **more: Any
    ) -> None:
        for start in range(0, len(ids), 100):
            part = ids[start : start + 100]
            jobs = self.active(*part, **options)
            ends = [Finish(j.id, j.epoch, outcome, type=j.type, **more) for j in jobs]
            answer = self.moves.exchange(WORKER, next(self._requests), 0, LEASE_MS, ends)
            assert set(answer.statuses) == {"OK"}

    def _job(self, job_id: str, priority: int, **options: Any) -> NewJob:
        fields = dict(at=3, bk="e:2000::0:2", **options.pop("fields", {}))
        payload = options.pop("payload", json.dumps({"path": job_id}).encode())
        return NewJob(
            id=job_id, type="resize", payload=payload, priority=priority,
            fields=tuple(fields.items()), **options,
        )  # fmt: skip
