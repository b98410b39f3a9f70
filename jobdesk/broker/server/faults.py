"""What redis-py and the server can raise, turned into jobdesk's own errors.

The host and the reason are named, a password never: redis-py's texts carry neither, and the
address is shown without its secrets.
"""

from __future__ import annotations

import re
import ssl
from typing import TYPE_CHECKING

from jobdesk.errors import (
    BrokerError,
    JobdeskError,
    QueueFull,
    RedisAuthFailed,
    RedisPermission,
    RedisReadOnly,
    RedisTlsError,
    RedisUnavailable,
)

if TYPE_CHECKING:
    from jobdesk.broker.server.address import Address

#: Replies of a server that runs and refuses for now; nothing of the request was carried out.
_BUSY_CODES = frozenset(
    {"LOADING", "BUSY", "MASTERDOWN", "MISCONF", "CLUSTERDOWN", "TRYAGAIN", "NOREPLICAS"}
)
#: A code at the start of a reply, or where an older server quotes it out of a script.
_CODE = re.compile(r"(?:^|-)([A-Z]{2,})\b")
#: redis-py keeps the text of a failed handshake, and not always its exception.
_TLS_MARKS = ("SSL:", "[SSL", "CERTIFICATE_VERIFY_FAILED", "TLSV1_ALERT", "WRONG_VERSION_NUMBER")
_COMMAND = re.compile(r"'([A-Za-z]+(?:\|[A-Za-z-]+)?)' command")


def translate(
    exc: BaseException, address: Address, *, sent: bool = True, doing: str = ""
) -> JobdeskError:
    """The error that callers see for ``exc``. ``doing`` names the script or command at fault.

    ``sent`` tells whether the request may have been carried out, as far as the caller knows;
    refusals by the server override it.
    """
    from redis import exceptions as redis

    if isinstance(exc, JobdeskError):
        return exc
    text = str(exc)
    where = address.where
    if isinstance(exc, redis.NoPermissionError) or "NOPERM" in text or _denied_in_script(text):
        return _permission(text, address, doing)
    if isinstance(
        exc,
        redis.AuthenticationError
        | redis.AuthorizationError
        | redis.AuthenticationWrongNumberOfArgsError,
    ):
        return RedisAuthFailed(
            f"{where} refused the user or password ({_short(text)}); see REDIS_PASSWORD"
        )
    if _is_tls(exc):
        return RedisTlsError(
            f"no TLS with {where} ({_short(text)}); check the certificate's host name, "
            "and name its authority by ?ssl_ca_certs=PATH in REDIS_URL"
        )
    code = _code(exc, text)
    if isinstance(exc, redis.OutOfMemoryError) or code == "OOM":
        return QueueFull(
            f"Redis at {where} is at maxmemory: nothing can be added until jobs are worked off; "
            "clean ended jobs, or raise maxmemory"
        )
    if isinstance(exc, redis.ReadOnlyError) or code == "READONLY":
        return RedisReadOnly(
            f"{where} is a replica and takes no writes; connect to the master, or use redis+sentinel://"
        )
    if isinstance(exc, redis.MaxConnectionsError):
        return RedisUnavailable(f"too many connections to {where} in this process", sent=False)
    if code in _BUSY_CODES or isinstance(exc, redis.BusyLoadingError | redis.ClusterDownError):
        reason = f"{code} " if code and not text.startswith(code) else ""
        return RedisUnavailable(f"{where} cannot serve now ({reason}{_short(text)})", sent=False)
    if isinstance(exc, redis.TimeoutError | TimeoutError):
        return RedisUnavailable(f"no answer from {where} ({_short(text)})", sent=sent)
    if isinstance(
        exc,
        redis.ConnectionError
        | redis.RedisClusterException
        | redis.ClusterError
        | redis.InvalidResponse
        | OSError,
    ):
        return RedisUnavailable(f"cannot reach {where} ({_short(text)})", sent=sent)
    what = f"{doing}: " if doing else ""
    return BrokerError(f"Redis at {where} refused {what}{_short(text, 300)}")


def is_foreign(exc: BaseException) -> bool:
    """Whether ``exc`` comes from redis-py or the network, so that :func:`translate` is meant."""
    from redis import exceptions as redis

    return isinstance(
        exc,
        redis.RedisError | redis.RedisClusterException | redis.ChildDeadlockedError | OSError,
    ) and not isinstance(exc, JobdeskError)


def _permission(text: str, address: Address, doing: str) -> RedisPermission:
    named = _COMMAND.search(text)
    user = address.username or "default"
    needed = f" (needed by {doing})" if doing else ""
    if "key" in text and not named:
        return RedisPermission(
            f"user {user!r} may not touch a key{needed} at {address.where}; grant ~<namespace>:*"
        )
    command = named[1].upper() if named else "a command"
    return RedisPermission(f"user {user!r} may not run {command}{needed} at {address.where}")


def _denied_in_script(text: str) -> bool:
    return "user executing the script can't" in text


def _is_tls(exc: BaseException) -> bool:
    seen: BaseException | None = exc
    while seen is not None:
        if isinstance(seen, ssl.SSLError):
            return True
        seen = seen.__cause__ or seen.__context__
    return any(mark in str(exc) for mark in _TLS_MARKS)


def _code(exc: BaseException, text: str) -> str:
    status = getattr(exc, "status_code", None)
    if status and status != "ERR":
        return str(status)
    for found in _CODE.finditer(text):
        if found[1] in _BUSY_CODES or found[1] in ("OOM", "READONLY"):
            return found[1]
    return ""


def _short(text: str, limit: int = 160) -> str:
    line = " ".join(text.split()) or "no reason given"
    return line if len(line) <= limit else line[: limit - 1] + "…"
