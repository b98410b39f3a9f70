"""What clients saw while things broke, and whether it fits together: in the manner of Jepsen.

Producers note what was acknowledged, tasks note their runs, a :class:`Recorder` notes every event
of the stream; one line each, so that a process may be killed at any moment. Afterwards
:func:`problems` reads it all, and tells what must not be:

* an acknowledged job that is neither there, nor ended, nor removed;
* a second terminal event of one generation of a job;
* two runs of a job with the same epoch, or a completed job that nobody ran;
* when all should be done: a job that has not ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from jobdesk.broker.connection import Broker
from jobdesk.broker.events import EventReader
from jobdesk.errors import JobdeskError
from jobdesk.models import Event

TERMINAL = {"completed", "failed"}


class History:
    """A file of notes, written by many processes at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def note(self, kind: str, **told: Any) -> None:
        """One line, at once: a single write to a file opened for appending is never torn."""
        line = json.dumps({"k": kind, "at": time.time(), **told})
        os.write(self._file, line.encode() + b"\n")

    def notes(self) -> Iterator[dict[str, Any]]:
        """All of them, in order."""
        with self.path.open("rb") as lines:
            for line in lines:
                yield json.loads(line)


class Recorder:
    """Notes every event of a queue, from the first; a gap in their numbers is noted too."""

    def __init__(self, broker: Broker, queue: str, history: History) -> None:
        self._reader = EventReader(broker, [queue], since="0-0")
        self._history = history
        #: the number of the last event noted
        self.seen = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._read(0.2)
            except JobdeskError:
                time.sleep(0.1)  # Redis is away: the stream is still there afterwards

    def _read(self, wait: float) -> int:
        found = self._reader.read(wait)
        for event in found:
            if isinstance(event, Event):
                told = {name: str(value) for name, value in dict(event.fields).items()}
                self.seen = event.n
                self._history.note("event", e=event.name, id=event.job_id, n=event.n, f=told)
            else:
                self._history.note("gap", missing=event.missed)
        return len(found)

    def stop(self) -> None:
        """Read what is left, and end."""
        self._stop.set()
        self._thread.join(10)
        for _ in range(100):
            with contextlib.suppress(JobdeskError):
                if not self._read(0):
                    return


def problems(
    notes: Iterable[Mapping[str, Any]],
    places: Mapping[str, str],
    *,
    all_done: bool = True,
    may_lose_between: tuple[float, float] | None = None,
) -> list[str]:
    """What must not be; ``places``: job -> state, in the end.

    ``may_lose_between``: where a replica was promoted that had not heard everything, what was
    acknowledged in that span may be gone.
    """
    acked: dict[str, float] = {}
    runs: Counter[tuple[str, int]] = Counter()
    events: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    found: list[str] = []
    for note in notes:
        if note["k"] == "acked":
            acked[note["id"]] = note["at"]
        elif note["k"] == "run":
            runs[note["id"], note["epoch"]] += 1
        elif note["k"] == "event" and note["id"]:
            events[note["id"]].append(note)
        elif note["k"] == "gap":
            found.append(f"{note['missing']} events were not seen: nothing can be told of them")
    for job_id, at in acked.items():
        gone = TERMINAL | {"removed"}
        if job_id in places or any(event["e"] in gone for event in events[job_id]):
            continue
        if may_lose_between is None or not may_lose_between[0] <= at <= may_lose_between[1]:
            found.append(f"{job_id} was acknowledged, and is lost")
    for job_id, told in events.items():
        found += _twice(job_id, told, lossy=may_lose_between is not None)
    found += [
        f"{job_id} ran {count} times with epoch {epoch}"
        for (job_id, epoch), count in runs.items()
        if count > 1
    ]
    ran = {job_id for job_id, _ in runs}
    found += [
        f"{job_id} is completed, and nobody ran it"
        for job_id, told in events.items()
        if job_id not in ran and any(event["e"] == "completed" for event in told)
    ]
    if all_done:
        found += [
            f"{job_id} is {state} in the end"
            for job_id, state in places.items()
            if state not in TERMINAL
        ]
    return found


def _twice(job_id: str, events: Iterable[Mapping[str, Any]], *, lossy: bool) -> list[str]:
    """Second ends within one generation; a retry by hand, or adding the id again, begins one."""
    ends, found = 0, []
    seen: set[int] = set()
    for event in events:
        # a failover that lost events numbers some anew; a reader sees no event twice otherwise
        if event["n"] in seen and not lossy:
            found.append(f"{job_id}: event {event['n']} was told twice")
        seen.add(event["n"])
        if event["e"] in TERMINAL:
            ends += 1
            if ends > 1 and not lossy:
                found.append(f"{job_id} ended {ends} times in one generation")
        elif event["e"] == "removed" or (
            event["e"] == "waiting" and event["f"].get("prev") == "failed"
        ):
            ends = 0
    return found
