"""One script over one pooled connection, and when connecting is tried again.

This is the hot path of a worker, and it needs to know what redis-py's own ``evalsha`` does not
tell: whether anything went out. It imports redis, so the broker imports it at first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis.backoff import AbstractBackoff

    from jobdesk.broker.scripts import Script


class Broken(Exception):
    """The exchange broke off. ``sent``: the request may have gone out; ``slow``: no answer came."""

    def __init__(self, cause: Exception, *, sent: bool) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.sent = sent
        self.slow = isinstance(cause, RedisTimeoutError)


def call(pool: Any, script: Script, prefix: str, args: tuple[object, ...]) -> Any:
    """Run ``script`` once; raises Broken, or the redis-py error that the server answered with."""
    try:
        connection = pool.get_connection()
    except (RedisError, OSError) as exc:
        raise Broken(exc, sent=False) from exc
    try:
        connection.send_command("EVALSHA", script.sha, 1, prefix, *args)
        try:
            return connection.read_response()
        except NoScriptError:
            connection.send_command("EVAL", script.text, 1, prefix, *args)
            return connection.read_response()
    except (RedisConnectionError, RedisTimeoutError, OSError) as exc:
        connection.disconnect()
        raise Broken(exc, sent=True) from exc
    except RedisError as exc:
        if isinstance(exc, ReadOnlyError) or "READONLY" in str(exc):
            # A failover left this pool on the old master: the next call looks it up again.
            connection.disconnect()
            pool.disconnect(inuse_connections=False)
        raise
    except BaseException:
        # Half an exchange leaves an answer that the next caller would take for its own.
        connection.disconnect()
        raise
    finally:
        pool.release(connection)


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
