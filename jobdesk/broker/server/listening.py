"""Waiting for the markers that queues leave when they have jobs: BZPOPMIN, on its own connection.

A worker that listens to one queue sends its take along: Redis carries it out as soon as the marker
is there, which spares the round trip between hearing of a job and having it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from hiredis import pack_command
from redis.exceptions import NoScriptError

from jobdesk.broker import scripts
from jobdesk.broker.connection import BLOCK_S
from jobdesk.broker.server.wire import packed

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker

#: A call that nobody hears, since its worker has gone, is forgotten after this.
_CALL_KEPT_S = 60


class Listener:
    """One thread at a time waits here; others may call it back."""

    def __init__(self, broker: Broker, call_key: str) -> None:
        """``call_key``: a key of this listener's own, by which :meth:`call` ends its wait."""
        self._broker = broker
        self._call_key = call_key
        self._connection: Any = None
        self._failed = False

    @property
    def takes_along(self) -> bool:
        """Whether a script may be sent along.

        Not in a cluster, where the queue's slot may move meanwhile, and not after an error before a
        wait has succeeded: a server that refuses the wait would run the script every time.
        """
        return not self._failed and self._broker.address.kind != "cluster"

    def wait(self, markers: Sequence[str], given_up: Callable[[], bool]) -> bytes | None:
        """Wait for one of ``markers``, :data:`BLOCK_S` at most; which it was, or None.

        In a cluster it waits for one after the other, until ``given_up()``.
        """
        if self._broker.address.kind == "cluster":
            return self._wait_in_cluster(markers, given_up)
        connection = self._connected()
        try:
            connection.send_command("BZPOPMIN", *markers, self._call_key, BLOCK_S)
            heard = _which(connection.read_response())
        except BaseException:
            connection.disconnect()
            raise
        self._failed = False
        return heard

    def wait_and_run(
        self, marker: str, wait_s: float, script: str, prefix: str, args: Sequence[object]
    ) -> tuple[bytes | None, Any]:
        """Wait for ``wait_s`` at most, then run ``script``, whether or not the marker came.

        Returns the marker and the script's answer, which is None where the server does not have
        the script yet: it was not run then. After any error it may have been.
        """
        connection = self._connected()
        wait = pack_command(("BZPOPMIN", marker, self._call_key, wait_s))  # type: ignore[arg-type]  # text and a number
        run = packed(scripts.load(script), (prefix,), args)
        try:
            connection.send_packed_command([wait + run], check_health=False)
            heard = _which(connection.read_response())
            try:
                return heard, connection.read_response()
            except NoScriptError:
                return heard, None
        except BaseException:
            self._failed = True
            connection.disconnect()
            raise

    def call(self) -> None:
        """End the wait that is under way, or the next one."""
        with self._broker.errors("ZADD"):
            pipe = self._broker.pipeline()
            pipe.zadd(self._call_key, {"1": 0})
            pipe.expire(self._call_key, _CALL_KEPT_S)
            pipe.execute()

    def hang_up(self) -> None:
        """End the wait that is under way by an error: what was sent along may be lost."""
        if self._connection is not None:
            self._connection.disconnect()

    def _connected(self) -> Any:
        if self._connection is None:
            pool: Any = self._broker.blocking().connection_pool
            self._connection = pool.get_connection()
        return self._connection

    def _wait_in_cluster(
        self, markers: Sequence[str], given_up: Callable[[], bool]
    ) -> bytes | None:
        """One queue after the other: a blocking read cannot span slots."""
        client: Any = self._broker.blocking()
        each = max(0.05, BLOCK_S / (4 * len(markers)))
        for key in markers:
            heard = _which(client.execute_command("BZPOPMIN", key, each))
            if heard is not None or given_up():
                return heard
        return None


def _which(answer: Any) -> bytes | None:
    return answer[0] if answer else None
