"""Firing schedules: which slot of which periodic task is due, and its job, added once.

Any number of workers ask for the same slot; a script compares it with the last one fired. A slot
missed while no worker ran is caught up with once (the latest of them).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from jobdesk.broker.reading import timetable
from jobdesk.cron import Schedule, as_schedule
from jobdesk.errors import BrokerError

if TYPE_CHECKING:
    from jobdesk.engine.queue import Queue
    from jobdesk.engine.task import JobTask

logger = logging.getLogger("jobdesk.schedules")

#: How far back a missed slot is looked for when a worker starts.
LOOK_BACK = timedelta(days=370)
#: Before every slot there is.
NO_SLOT = datetime.fromtimestamp(0, UTC)


class Entry:
    """One schedule of one queue."""

    __slots__ = ("due", "name", "queue", "schedule", "seen", "task_class")

    def __init__(self, queue: Queue, task_class: type[JobTask]) -> None:
        self.queue = queue
        self.task_class = task_class
        self.name = task_class.type_name
        self.schedule: Schedule = as_schedule(task_class.schedule)
        #: the slot to fire next; None: look for the latest one
        self.due: datetime | None = None
        self.seen = False


class Ticker:
    """Fires the schedules of some queues; asked again and again by a worker's scheduler."""

    def __init__(self, queues: Sequence[Queue]) -> None:
        self._queues = queues
        self._entries: dict[tuple[str, str], Entry] = {}

    def tick(self, now: datetime) -> datetime | None:
        """Fire what is due at ``now`` (aware); the instant of the next slot, or None."""
        self._refresh()
        soonest: datetime | None = None
        for entry in self._entries.values():
            try:
                self._fire_due(entry, now)
            except BrokerError as exc:
                logger.debug("%s:%s waits for Redis: %s", entry.queue.name, entry.name, exc)
            except Exception:
                # One schedule that cannot be read must not keep the others from firing.
                logger.exception("schedule %s:%s", entry.queue.name, entry.name)
                entry.due = now + timedelta(minutes=1)
            if entry.due is not None and (soonest is None or entry.due < soonest):
                soonest = entry.due
        return soonest

    def _refresh(self) -> None:
        """Tasks may be registered and unregistered while a worker runs."""
        there = {}
        for queue in self._queues:
            for task_class in queue._registry._periodic_tasks:
                key = (queue.name, task_class.type_name)
                there[key] = self._entries.get(key) or Entry(queue, task_class)
        self._entries = there

    def _fire_due(self, entry: Entry, now: datetime) -> None:
        zone = entry.queue.settings.zone
        if entry.due is None:
            slot = entry.schedule.latest_at(now, zone, now - LOOK_BACK)
            if slot is None and not entry.seen:
                # a schedule never seen does not run its latest slot, but is to run its first one
                slot = NO_SLOT
        elif entry.due <= now:
            # after a stall of this process, the latest slot is the one to catch up with
            slot = entry.schedule.latest_at(now, zone, entry.due - timedelta(seconds=1))
            slot = slot or entry.due
        else:
            return
        if slot is not None and fire(entry.queue, entry.task_class, slot) == "AHEAD":
            # This clock runs before the server's: the slot comes again.
            entry.due = slot
            return
        entry.seen = True
        entry.due = entry.schedule.next_after(now, zone)


def fire(queue: Queue, task_class: type[JobTask], slot: datetime) -> str:
    """Add the job of one slot: the script's answer (FIRED, LATE, PAUSED, AHEAD, FIRST)."""
    slot_ms = round(slot.timestamp() * 1000)
    task = task_class((), {}, id=timetable.job_id(task_class.type_name, slot_ms))
    with queue.batch() as batch:
        queue.enqueue(task)
    answer = queue.transitions.fire(task_class.type_name, slot_ms, batch[0])
    if answer == "FIRED":
        logger.info("%s:%s fired for %s", queue.name, task_class.type_name, slot.isoformat())
    return answer


def run_now(queue: Queue, task_class: type[JobTask]) -> Any:
    """Add a schedule's job now, whatever its slots say."""
    return queue.enqueue(task_class((), {}))


def described(queue: Queue) -> dict[str, dict[str, Any]]:
    """What is published of a queue's schedules: type, crontab, next slot (ms)."""
    now = datetime.now(UTC)
    found = {}
    for task_class in queue._registry._periodic_tasks:
        schedule = as_schedule(task_class.schedule)
        following = schedule.next_after(now, queue.settings.zone)
        found[task_class.type_name] = {
            "type": task_class.type_name,
            "crontab": str(schedule),
            "timezone": queue.settings.timezone,
            "next": None if following is None else round(following.timestamp() * 1000),
        }
    return found
