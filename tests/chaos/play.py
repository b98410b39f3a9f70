"""One game of chaos: a producer that notes what it was told, and the check afterwards."""

from __future__ import annotations

import json
import random
import threading
import time
from pathlib import Path
from typing import Any

from jobdesk.broker.connection import Broker
from jobdesk.broker.transitions import Transitions
from jobdesk.errors import BrokerError, RedisUnavailable
from jobdesk.models import NewJob
from tests import invariants
from tests.acceptance.workers import Watch, until
from tests.chaos.history import History, Recorder, problems

QUEUE = "chaos"
MODULE = "tests.chaos.work"
TYPES = ["nap"] * 8 + ["stumble", "fall"]


class Play:
    """Jobs, what became of them, and what the clients saw."""

    def __init__(self, broker: Broker, folder: Path, *, seed: int = 1) -> None:
        self.broker = broker
        self.history = History(folder / "history.jsonl")
        self.watch = Watch(broker, QUEUE)
        self.random = random.Random(seed)
        self.acked = 0
        self.recorder = Recorder(broker, QUEUE, self.history)
        self._moves = Transitions(broker, QUEUE)
        self._made = 0
        self._producer: threading.Thread | None = None
        self._stop = threading.Event()

    @property
    def environment(self) -> dict[str, str]:
        """What the workers need to know."""
        return {"CHAOS_HISTORY": str(self.history.path)}

    # --- adding

    def add(self, count: int, seconds: float = 0.0) -> None:
        """Jobs of all kinds; each call of up to ten is repeated until it is acknowledged."""
        for start in range(0, count, 10):
            self._add([self._new(seconds) for _ in range(min(10, count - start))])

    def keep_adding(self, every_s: float, seconds: float = 0.0, most: int = 10**9) -> None:
        """Add one after the other in the background, until :meth:`stop_adding`."""

        def produce() -> None:
            while not self._stop.wait(every_s) and self.acked < most:
                self._add([self._new(seconds)])

        self._stop.clear()
        self._producer = threading.Thread(target=produce, daemon=True)
        self._producer.start()

    def stop_adding(self) -> None:
        self._stop.set()
        assert self._producer is not None
        self._producer.join(60)
        assert not self._producer.is_alive()

    def _new(self, seconds: float) -> NewJob:
        self._made += 1
        data = {"seconds": round(self.random.uniform(0, 2 * seconds), 3)}
        delay = self.random.choice([0] * 9 + [300])
        return NewJob(
            id=f"j{self._made}-{self.random.getrandbits(24):06x}",
            type=self.random.choice(TYPES),
            payload=json.dumps(data).encode(),
            priority=self.random.choice([1, 4, 11]),
            delay_ms=delay,
            fields=(("at", 3), ("bk", "f:100::0:0")),
        )

    def _add(self, jobs: list[NewJob]) -> None:
        """As a careful client: what may have been added is added again, under the same id."""
        while True:
            try:
                self._moves.add(jobs)
            except BrokerError as error:
                self.history.note("unsure", sent=getattr(error, "sent", None), why=str(error)[:80])
                time.sleep(0.05 if isinstance(error, RedisUnavailable) else 0.2)
                continue
            for job in jobs:
                self.history.note("acked", id=job.id)
            self.acked += len(jobs)
            return

    # --- the end

    def wait_for_all(self, timeout: float = 60) -> None:
        """Wait until every job has ended."""

        def done() -> bool:
            try:
                counts = self.watch.counts()
            except Exception:  # noqa: BLE001 - Redis may be away just now
                return False
            return not counts["waiting"] and not counts["active"] and not counts["delayed"]

        until(done, timeout, "end of all jobs", self.watch.counts)

    def verdict(self, *, deep: bool = True, **allowed: Any) -> list[str]:
        """What was found wrong; ``deep``: the queue's own invariants included."""
        self.recorder.stop()
        if deep:
            places = invariants.check(self.broker, QUEUE)
        else:
            places = {i: s for s in self.watch.counts() for i in self.watch.order(s)}
        return problems(self.history.notes(), places, **allowed)

    def count(self, kind: str, **fields: Any) -> int:
        """How many notes of a kind there are."""
        return sum(
            note["k"] == kind and all(note.get(name) == value for name, value in fields.items())
            for note in self.history.notes()
        )
