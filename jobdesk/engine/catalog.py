"""Finding a queue by its name: by its functions where they can be imported, else as published.

Importing is lazy: for one of the six queues its own module alone, for any other name first the
module of ``JOBDESK_IMPORTS`` (or the entry point) that is called like it. A queue found by its
functions is given on the catalog's Redis, also where the process has another one of its own.
"""

from __future__ import annotations

import difflib
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

from jobdesk.broker import keys as key_names
from jobdesk.broker.inspector import Inspector
from jobdesk.engine import published
from jobdesk.engine.queue import Queue, known_queue
from jobdesk.errors import UnknownQueue, UnknownType
from jobdesk.models import STORED_STATES, check_queue_name

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker
    from jobdesk.engine.task import JobTask
    from jobdesk.settings import Settings

logger = logging.getLogger("jobdesk.queue")

#: The package of the six queues, imported by name: the engine knows none of them.
TASKS = "jobdesk.tasks"
ENTRY_POINTS = "jobdesk.queues"
#: How long published types are taken as still being so.
PUBLISHED_S = 30.0


class Catalog:
    """The queues that can be reached from here."""

    def __init__(self, broker: Broker, settings: Settings) -> None:
        self._broker = broker
        self._settings = settings
        #: modules and entry points that were imported -> why not, where that failed
        self._tried: dict[str, Exception | None] = {}
        self._moved: dict[str, tuple[Queue, Queue]] = {}
        self._classes: dict[tuple[Queue, str], type[JobTask]] = {}
        self._published: dict[str, tuple[float, published.PublishedQueue]] = {}
        self._seen: set[str] = set()
        #: queues that no module or entry point has
        self._codeless: set[str] = set()
        #: the settings last compared with our own, and whether they are the same
        self._compared: tuple[Settings, bool] = (settings, True)

    # --- names

    def names(self) -> tuple[str, ...]:
        """The six queues, then those that workers and producers have registered."""
        own = built_in()
        others = [name for name in Inspector(self._broker).queues() if name not in own]
        return (*own, *others)

    def check(self, name: str) -> str:
        """``name``, if there is such a queue, in code or in Redis; else ``UnknownQueue``."""
        if check_queue_name(name) in self._seen or name in built_in() or known_queue(name):
            return name
        keys = self._broker.keys(name)
        with self._broker.errors("EXISTS"):
            pipe = self._broker.pipeline()
            pipe.sismember(key_names.queues(self._broker.namespace), name)
            pipe.exists(keys.meta)
            for state in STORED_STATES:
                pipe.exists(keys.state(state))
            there = any(pipe.execute())
        if not there and self._by_functions(name) is None:
            raise self._unknown(name)
        self._seen.add(name)
        return name

    def forget(self, name: str) -> None:
        """Look anew for a queue that was obliterated."""
        self._seen.discard(name)
        self._published.pop(name, None)

    # --- queues and types

    def queue(self, name: str) -> Queue:
        """The queue of that name; ``UnknownQueue`` when neither code nor Redis has it."""
        found = self._by_functions(check_queue_name(name))
        return self._here(found) if found is not None else self._as_published(name)

    def task_class(self, name: str, kind: str) -> type[JobTask]:
        """The class of a type's jobs on this Redis; ``UnknownType`` when the queue has none."""
        queue = self.queue(name)
        if not isinstance(kind, str):
            raise UnknownType(f"a type is named by a string, got {kind!r:.60}")
        try:
            own = queue.own_class(kind)
        except UnknownType:
            own = self._looked_again(queue, kind)
        if own.queue is queue or isinstance(queue, published.PublishedQueue):
            return own
        made = self._classes.get((queue, kind))
        if made is None or not issubclass(made, own):
            attributes = {"queue": queue, "__module__": own.__module__, "__doc__": own.__doc__}
            made = self._classes[queue, kind] = type(own.__name__, (own,), attributes)
        return made

    def _looked_again(self, queue: Queue, kind: str) -> type[JobTask]:
        """A type that was not there a moment ago."""
        if isinstance(queue, published.PublishedQueue):
            # A worker may have brought it since.
            self._published.pop(queue.name, None)
            return self._as_published(queue.name).own_class(kind)
        # Another thread may be importing the queue's module right now, and be half through.
        for module in self._modules(queue.name):
            if module in sys.modules:
                with suppress(Exception):
                    import_module(module)  # waits for that thread
        return queue.own_class(kind)

    # --- by functions

    def _by_functions(self, name: str) -> Queue | None:
        found = known_queue(name)
        if found is not None or name in self._codeless:
            return found
        for place, load in self._places(name):
            if place in self._tried:
                continue
            try:
                load()
                self._tried[place] = None
            except Exception as exc:  # noqa: BLE001 - an application's module fails in any way
                logger.warning("%s cannot be imported: %s: %s", place, type(exc).__name__, exc)
                self._tried[place] = exc
            found = known_queue(name)
            if found is not None:
                return found
        self._codeless.add(name)
        return None

    def _modules(self, name: str) -> list[str]:
        """The modules that may have a queue, the likely ones first."""
        if name in built_in():
            return [f"{TASKS}.{name}"]
        modules = [place.partition(":")[0] for place in self._settings.imports]
        return sorted(modules, key=lambda module: module.rpartition(".")[2] != name)

    def _places(self, name: str) -> Iterator[tuple[str, Any]]:
        """Where the functions of a queue may be, and what imports them."""
        for module in self._modules(name):
            yield module, lambda module=module: import_module(module)
        if name in built_in():
            return
        from importlib.metadata import entry_points

        points = entry_points(group=ENTRY_POINTS)
        for point in sorted(points, key=lambda point: point.name != name):
            yield f"entry point {point.name}", point.load

    def _here(self, queue: Queue) -> Queue:
        """``queue``, or a copy of it on this Redis, where it is bound to another."""
        own = queue.settings
        compared, same = self._compared
        if own is not compared:
            same = own == self._settings
            self._compared = (own, same)
        if queue.immediate or (same and queue.broker is self._broker):
            return queue
        before = self._moved.get(queue.name)
        if before is not None and before[0] is queue:
            return before[1]
        moved = queue.on(self._broker)
        self._moved[queue.name] = (queue, moved)
        return moved

    # --- as published

    def _as_published(self, name: str) -> published.PublishedQueue:
        now = time.monotonic()
        until, found = self._published.get(name, (0.0, None))
        if found is None or now >= until:
            found = published.read(self._broker, name)
            if found is None:
                raise self._unknown(name)
            self._published[name] = (now + PUBLISHED_S, found)
        return found

    def _unknown(self, name: str) -> UnknownQueue:
        near = difflib.get_close_matches(name, self.names(), 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        broken = [
            f"; {place} cannot be imported ({type(exc).__name__}: {exc})"
            for place, exc in self._tried.items()
            if exc is not None
        ]
        return UnknownQueue(
            f"queue {name!r}: no worker has published it and JOBDESK_IMPORTS names no module with"
            f" it; start its worker, or name its module there{hint}{''.join(broken)}"
        )


def built_in() -> tuple[str, ...]:
    """The names of the six queues."""
    names: tuple[str, ...] = import_module(TASKS).QUEUES
    return names
