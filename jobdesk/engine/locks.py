"""Huey's locks and rate limits, made safe for jobs that run twice.

Huey's lock is released by whoever leaves it, even when it had expired and is another's by then;
its rate limit counts in several steps. These keep Huey's interface.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from huey.api import RateLimit, TaskLock
from huey.exceptions import RateLimitExceeded, TaskLockedException

from jobdesk.broker.ids import new_id

if TYPE_CHECKING:
    from jobdesk.engine.queue import Queue


class OwnedLock(TaskLock):  # type: ignore[misc]  # huey has no types
    """A lock with a token of its owner: only the owner's release frees it."""

    def __init__(self, huey: Queue, name: str, ttl: float | None = None) -> None:
        super().__init__(huey, name, ttl)
        self._held = threading.local()

    def acquire(self) -> bool:
        """Take the lock, or raise Huey's ``TaskLockedException``."""
        token = new_id()
        if not self._huey.take_lock(self._name, token, self._ttl):
            raise TaskLockedException(f"unable to acquire lock {self._name}")
        self._held.token = token
        return True

    def __exit__(self, *exc: object) -> None:
        token = getattr(self._held, "token", None)
        if token is not None:
            self._held.token = None
            self._huey.transitions.release_lock(self._name, token)

    def clear(self) -> bool:
        """Free the lock, whoever has it."""
        freed: bool = self._huey.transitions.release_lock(self._name, "")
        return freed

    release = clear

    def is_locked(self) -> bool:
        """Whether anybody has it."""
        held: bool = self._huey.has_lock(self._name)
        return held

    locked = is_locked


class WindowLimit(RateLimit):  # type: ignore[misc]  # huey has no types
    """At most ``limit`` uses in ``per`` seconds, counted in one step."""

    def acquire(self) -> None:
        """Count one use, or raise Huey's ``RateLimitExceeded``."""
        used, left_ms = self._huey.transitions.count_in_window(
            self._counter_key, round(self._per * 1000)
        )
        if used > self._limit:
            raise RateLimitExceeded(self._name, max(left_ms, 0) / 1000, retry=self._retry)

    def reset(self) -> None:
        """Start a new window now."""
        self._huey.storage.delete_counter(self._counter_key)

    def current_usage(self) -> Any:
        """Uses in the current window, refused ones too."""
        return self._huey.storage.incr(self._counter_key, 0)
