"""A word to whoever listens now: that something is new, never what.

Redis keeps none of it, so a listener looks at the data itself, when it begins and when it is
called; a call that is lost costs it a moment, and no data.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from jobdesk.errors import BrokerError

if TYPE_CHECKING:
    from jobdesk.engine.queue import Queue

logger = logging.getLogger("jobdesk.queue")


def call(queue: Queue, name: str, word: str = "") -> None:
    """Call all who listen to ``name``. Best effort: no job fails of it."""
    try:
        with queue.broker.errors("PUBLISH"):
            queue.broker.client.publish(queue.broker.keys(queue.name).channel(name), word)
    except BrokerError as exc:
        logger.info("%s: nobody could be called: %s", queue.name, exc)


@contextmanager
def listening(queue: Queue, name: str) -> Iterator[Listener]:
    """Listen to ``name`` until the block ends, on a connection of its own."""
    broker = queue.broker
    with broker.errors("SUBSCRIBE"):
        client: Any = broker.client  # whose pubsub has no types
        subscription = client.pubsub(ignore_subscribe_messages=True)
    try:
        with broker.errors("SUBSCRIBE"):
            subscription.subscribe(broker.keys(queue.name).channel(name))
        yield Listener(queue, subscription)
    finally:
        subscription.close()


class Listener:
    """One that listens; see :func:`listening`."""

    def __init__(self, queue: Queue, subscription: Any) -> None:
        self._queue = queue
        self._subscription = subscription

    def wait(self, seconds: float) -> bool:
        """Wait to be called, for so long at most; whether it was."""
        with self._queue.broker.errors("SUBSCRIBE"):
            return self._subscription.get_message(timeout=seconds) is not None
