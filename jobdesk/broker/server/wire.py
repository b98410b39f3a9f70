"""One script over one pooled connection, and what is tried again: the script, or connecting.

This is the hot path of a worker, and it needs to know what redis-py's own ``evalsha`` does not
tell: whether anything went out. It imports redis, so the broker imports it at first use.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from hiredis import pack_command
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    NoScriptError,
    ReadOnlyError,
    RedisError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from jobdesk.broker.server import faults
from jobdesk.errors import RedisUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from redis.backoff import AbstractBackoff

    from jobdesk.broker.connection import Broker
    from jobdesk.broker.scripts import Script


class Broken(Exception):
    """The exchange broke off. ``sent``: the request may have gone out; ``slow``: no answer came."""

    def __init__(self, cause: Exception, *, sent: bool) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.sent = sent
        self.slow = isinstance(cause, RedisTimeoutError)


class Connections:
    """Connections for scripts, of the kind that ``pool`` makes, at most one per thread at work.

    redis-py's own pool costs as much per request as Redis does: it counts for exporters that
    nobody has set up. Taking from a list and putting back is all that is needed.
    """

    def __init__(self, pool: Any) -> None:
        self._make = pool.make_connection
        self._idle: list[Any] = []
        #: so many were never needed since the last look
        self._spare = 0

    def take(self) -> Any:
        """A connection on which nothing is under way; connects where that is needed."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._make()
        self._spare = min(self._spare, len(self._idle))
        try:
            if not connection.is_connected:
                connection.connect()
            elif not _is_quiet(connection):
                connection.disconnect()
                connection.connect()
        except BaseException:
            connection.disconnect()
            self.give(connection)
            raise
        return connection

    def give(self, connection: Any) -> None:
        """Put a connection back; a broken one connects again when it is taken."""
        self._idle.append(connection)

    def send(self, script: Script, prefix: str, args: tuple[object, ...]) -> Call:
        """Send ``script`` on one of them, see :class:`Call`."""
        return Call(self, script, (prefix,), args)

    def trim(self) -> None:
        """Disconnect all but one of those that nobody has needed since the last call."""
        for _ in range(self._spare):
            if len(self._idle) > 1:
                with suppress(IndexError):  # others take, too
                    # from the far end: what is taken next is taken from the other
                    self._idle.pop(0).disconnect()
        self._spare = len(self._idle)

    def close(self) -> None:
        """Disconnect what is idle."""
        while self._idle:
            self._idle.pop().disconnect()


def _is_quiet(connection: Any) -> bool:
    """False when the server hung up, or an answer is left that nobody waits for."""
    try:
        return not connection.can_read()
    except (RedisError, OSError):
        return False


def packed(script: Script, keys: tuple[str, ...], args: Sequence[object]) -> bytes:
    """The call of a script as it goes over the wire."""
    call: Any = ("EVALSHA", script.sha, len(keys), *keys, *args)
    whole: bytes = pack_command(call)
    return whole


class Call:
    """A script under way: sent when this is made, its answer still to be read."""

    __slots__ = ("_connection", "_connections", "_request")

    def __init__(
        self,
        connections: Connections,
        script: Script,
        keys: tuple[str, ...],
        args: tuple[object, ...],
    ) -> None:
        """Send it; raises Broken."""
        self._connections = connections
        self._request = (script, keys, args)
        try:
            self._connection = connections.take()
        except (RedisError, OSError) as exc:
            raise Broken(exc, sent=False) from exc
        try:
            self._connection.send_packed_command(
                [packed(script, keys, args)],
                check_health=False,
            )
        except BaseException as exc:
            self._connection.disconnect()
            connections.give(self._connection)
            if isinstance(exc, RedisError | OSError):
                raise Broken(exc, sent=True) from exc
            raise

    def answer(self) -> Any:
        """Wait for the answer; raises Broken, or the redis-py error that the server gave."""
        connection = self._connection
        try:
            try:
                return connection.read_response()
            except NoScriptError:
                script, keys, args = self._request
                connection.send_command("EVAL", script.text, len(keys), *keys, *args)
                return connection.read_response()
        except (RedisConnectionError, RedisTimeoutError, OSError) as exc:
            connection.disconnect()
            raise Broken(exc, sent=True) from exc
        except RedisError as exc:
            if isinstance(exc, ReadOnlyError) or "READONLY" in str(exc):
                # A failover left this pool on the old master: the next call looks it up again.
                connection.disconnect()
                self._connections.close()
            raise
        except BaseException:
            # Half an exchange leaves an answer that the next caller would take for its own.
            connection.disconnect()
            raise
        finally:
            self._connections.give(connection)


class Sent:
    """A script on its way, see :meth:`jobdesk.broker.connection.Broker.send`."""

    __slots__ = ("_args", "_broker", "_call", "_prefix", "_script")

    def __init__(
        self, broker: Broker, script: Script, prefix: str, args: tuple[object, ...]
    ) -> None:
        self._broker = broker
        self._script = script
        self._prefix = prefix
        self._args = args
        self._call = self._send()

    def _send(self) -> Any:
        """What is under way, or why it could not be sent: the answer's time to say so."""
        connections = self._broker.connections()
        try:
            return connections.send(self._script, self._prefix, self._args)
        except Broken as broken:
            return broken

    def answer(self) -> Any:
        """Wait for the answer; a script whose connection broke is sent once more. Ask once."""
        retried = False
        while True:
            cause: Exception
            sent = True
            try:
                if isinstance(self._call, Broken):
                    raise self._call
                return self._call.answer()
            except Broken as broken:
                if broken.sent and not broken.slow and not retried:
                    retried = True
                    self._call = self._send()
                    continue
                cause, sent = broken.cause, broken.sent
            except Exception as exc:
                if not faults.is_foreign(exc):
                    raise
                cause = exc
            error = self._broker.translate(cause, sent=sent, doing=self._script.name)
            if retried and isinstance(error, RedisUnavailable):
                # Whatever the second try was told, the first may have been carried out.
                error.sent = True
            raise error from cause


def settle(connection: Any) -> None:
    """Finish a TLS connection by a round trip.

    A TLS 1.3 server sends session tickets after the handshake; redis-py takes what is there to read
    on a new connection for a stray answer, and refuses the connection.
    """
    connection.send_command("PING", check_health=False)
    connection.read_response()


def connect_and_settle(connection: Any) -> None:
    """What redis-py does on a new connection, then :func:`settle`."""
    connection.on_connect()
    settle(connection)


class ConnectRetry(Retry):
    """Tries refused connections again: not time-outs, refused users or failed handshakes."""

    def __init__(self, backoff: AbstractBackoff, retries: int) -> None:
        super().__init__(backoff, retries, (RedisConnectionError,))

    def call_with_retry(
        self,
        do: Callable[[], Any],
        fail: Callable[..., Any],
        is_retryable: Callable[[Exception], bool] | None = None,
        with_failure_count: bool = False,
    ) -> Any:
        """As redis-py's, with its own idea of what is worth another try."""

        def worth_it(exc: Exception) -> bool:
            if isinstance(exc, AuthenticationError | AuthorizationError) or "SSL" in str(exc):
                return False
            return is_retryable is None or is_retryable(exc)

        return super().call_with_retry(do, fail, worth_it, with_failure_count)
