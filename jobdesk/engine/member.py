"""One worker process of a fleet: ``python -m jobdesk.engine.member``, started by ``fleet``.

Its parent writes what it is to do as one line of JSON on its stdin, and later ``stop`` or ``now``;
the end of stdin means that the parent is gone, and is a ``stop`` too. On a pipe of their own it
tells the parent that it is ready, and once a second that it is alive.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import random
import sys
import threading
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from jobdesk import settings as settings_module
from jobdesk.errors import JobdeskError, RedisReadOnly, RedisUnavailable, UnknownQueue

if TYPE_CHECKING:
    from jobdesk.engine.consumer import Consumer
    from jobdesk.engine.queue import Queue
    from jobdesk.settings import Settings

logger = logging.getLogger("jobdesk.worker")

BEAT_S = 1.0


class Member:
    """This process."""

    def __init__(self, order: dict[str, Any], parent: BinaryIO, tell: int) -> None:
        self._order = order
        self._parent = parent
        self._tell_fd = tell
        self._consumer: Consumer | None = None
        self._told_to_stop = False

    def run(self) -> int:
        """Work until told to stop, or with ``burst`` until nothing is left; the exit status."""
        order = self._order
        sys.path[:] = order["path"]
        here = str(Path.cwd())
        if not {"", here} & set(sys.path):
            # as huey_consumer: an application's modules are found where it was started
            sys.path.insert(0, here)
        threading.Thread(target=self._listen, name="jobdesk-parent", daemon=True).start()
        try:
            settings = settings_module.load(**order["settings"])
            settings_module.use(settings)
            consumer = self._make_consumer(settings)
            if not self._reach(consumer):
                return 0
            self._consumer = consumer
            if self._told_to_stop:
                return 0
            if order["burst"]:
                consumer.run_until_drained()
            else:
                consumer.run()
        except (RedisUnavailable, RedisReadOnly) as exc:
            # It went away just now, or changes its master: the parent tries again.
            logger.error("%s: %s", type(exc).__name__, exc)  # noqa: TRY400 - it says it all
            return exc.exit_code if order["burst"] else 1
        except JobdeskError as exc:
            logger.error("%s: %s", type(exc).__name__, exc)  # noqa: TRY400 - it says it all
            return exc.exit_code
        return 0

    def _make_consumer(self, settings: Settings) -> Consumer:
        from jobdesk.engine.consumer import Consumer
        from jobdesk.engine.group import QueueGroup

        order, member = self._order, self
        queues = find_queues(order["queues"], order["modules"], settings)
        # One queue alone may have all slots, whatever its own concurrency is.
        served = queues[0] if len(queues) == 1 else QueueGroup(queues)
        slots = order["concurrency"] or sum(queue.concurrency for queue in queues)

        class Beating(Consumer):
            """Tells the parent how it is."""

            _beat_at = 0.0

            def open_station(self, *, slots: int) -> None:
                # Before any job runs: one that holds Python's lock would keep us from telling.
                member.tell(
                    ready={
                        "redis": queues[0].broker.describe(),
                        "queues": [queue.name for queue in queues],
                        "slots": slots,
                        "lease_s": max(queue.lease_ms for queue in queues) / 1000,
                    }
                )
                super().open_station(slots=slots)

            def loop(self, health_check_ts: float | None = None) -> float | None:
                now = time.monotonic()
                if now >= self._beat_at:
                    self._beat_at = now + BEAT_S
                    member.tell()
                return super().loop(health_check_ts)

        return Beating(served, workers=slots, token=order["token"])

    def _reach(self, consumer: Consumer) -> bool:
        """Wait for Redis, as long as it takes; False when told to stop before it came."""
        tries = 0
        while not self._told_to_stop:
            try:
                consumer.queues[0].broker.check_server()
            except RedisUnavailable as exc:
                if self._order["burst"]:
                    raise
                if not tries:
                    logger.warning("%s; waiting for it", exc)
                tries += 1
                jitter = 0.5 + random.random() / 2
                time.sleep(jitter * min(2.0, 0.1 * 2 ** min(tries, 5)))
            else:
                return True
        return False

    def tell(self, **told: Any) -> None:
        """Send the parent a line; one that is frozen, or gone, is no reason to stop."""
        with contextlib.suppress(OSError):
            os.write(self._tell_fd, json.dumps(told).encode() + b"\n")

    def _listen(self) -> None:
        while (line := self._parent.readline()) == b"now\n" or line == b"stop\n":
            self._stop(now=line == b"now\n")
        if not self._told_to_stop:
            logger.warning("the parent is gone: this worker stops")
            self._stop(now=False)

    def _stop(self, *, now: bool) -> None:
        self._told_to_stop = True
        if self._consumer is not None:
            self._consumer.ask_to_stop(now=now)


def find_queues(names: Sequence[str], modules: Sequence[str], settings: Settings) -> list[Queue]:
    """The queues of a worker, by their functions.

    Those of ``names``; else all that ``modules`` make; else all six and those of
    ``JOBDESK_IMPORTS``. Raises ``UnknownQueue`` for a name that no module makes.
    """
    from jobdesk.engine import catalog
    from jobdesk.engine.queue import known_queue, known_queues

    own = catalog.built_in()
    for module in modules:
        import_module(module.partition(":")[0])
    if not names and modules:
        return known_queues()
    missing = [name for name in names if name not in own and known_queue(name) is None]
    if missing or not names:
        for place in settings.imports:
            import_module(place.partition(":")[0])
        _import_entry_points(catalog.ENTRY_POINTS)
    if not names:
        return [
            *filter(None, map(_built_in, own)),
            *(q for q in known_queues() if q.name not in own),
        ]
    for name in names:
        if name in own:
            import_module(f"{catalog.TASKS}.{name}")
    found = [known_queue(name) for name in dict.fromkeys(names)]
    missing = [name for name in names if known_queue(name) is None]
    if missing:
        raise UnknownQueue(
            f"no module makes a queue {missing[0]!r}: there are {', '.join(own)}, and those that"
            " the modules in JOBDESK_IMPORTS make"
        )
    return [queue for queue in found if queue is not None]


def _built_in(name: str) -> Queue | None:
    """One of the six; None, and a line in the log, where it cannot be imported."""
    from jobdesk.engine import catalog
    from jobdesk.engine.queue import known_queue

    try:
        import_module(f"{catalog.TASKS}.{name}")
    except Exception:
        logger.exception("queue %s is not served: its module cannot be imported", name)
    return known_queue(name)


def _import_entry_points(group: str) -> None:
    from importlib.metadata import entry_points

    for point in entry_points(group=group):
        point.load()


def main() -> None:
    """Be a member of a fleet."""
    from jobdesk.engine.consumer import exit_now

    # Tasks, and the programs they start, must not read what the parent writes.
    parent = os.fdopen(os.dup(0), "rb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    order = json.loads(parent.readline() or b"null")
    if order is None:
        return
    tell = int(order["tell"])
    os.set_inheritable(tell, False)
    os.set_blocking(tell, False)
    logging.basicConfig(level=order["log_level"], format=order["log_format"])
    if order["log_level"] > logging.DEBUG:
        logging.getLogger("huey").setLevel(logging.WARNING)
    status = 1
    try:
        status = Member(order, parent, tell).run()
    except Exception:
        logger.exception("the worker ends")
    # Threads that do not end must not keep the process.
    exit_now(status)


if __name__ == "__main__":
    main()
