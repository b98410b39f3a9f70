"""Every exception redis-py can raise, and every refusal of a server, becomes one of ours."""

import inspect
import ssl

import pytest
import redis
import redis.sentinel
from redis import exceptions

from jobdesk.broker.server import faults
from jobdesk.broker.server.address import parse
from jobdesk.errors import (
    BrokerError,
    JobNotFound,
    QueueFull,
    RedisAuthFailed,
    RedisPermission,
    RedisReadOnly,
    RedisTlsError,
    RedisUnavailable,
)

HERE = parse("redis://worker:hush@redis.example:6379")

ALL = sorted(
    {
        found
        for module in (exceptions, redis.sentinel)
        for _, found in inspect.getmembers(module, inspect.isclass)
        if issubclass(found, Exception) and found.__module__.startswith("redis")
    },
    key=lambda found: found.__name__,
)


def made(kind):
    if issubclass(kind, exceptions.AskError):
        return kind("3999 127.0.0.1:6381")
    return kind("something")


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_exception_of_redis_py_becomes_one_of_ours(kind):
    error = faults.translate(made(kind), HERE)

    assert isinstance(error, BrokerError)
    assert "redis.example:6379" in str(error)
    assert "hush" not in str(error)
    assert faults.is_foreign(made(kind)) or not issubclass(kind, redis.RedisError)


@pytest.mark.parametrize(
    ("exc", "expected"),
    [
        (exceptions.AuthenticationError("invalid username-password pair"), RedisAuthFailed),
        (exceptions.AuthorizationError("x"), RedisAuthFailed),
        (exceptions.AuthenticationWrongNumberOfArgsError("x"), RedisAuthFailed),
        (exceptions.NoPermissionError("x"), RedisPermission),
        (exceptions.ReadOnlyError("x"), RedisReadOnly),
        (exceptions.OutOfMemoryError("x"), QueueFull),
        (exceptions.BusyLoadingError("x"), RedisUnavailable),
        (exceptions.MasterDownError("x"), RedisUnavailable),
        (exceptions.ClusterDownError("x"), RedisUnavailable),
        (exceptions.TryAgainError("x", status_code="TRYAGAIN"), RedisUnavailable),
        (exceptions.ConnectionError("x"), RedisUnavailable),
        (exceptions.TimeoutError("x"), RedisUnavailable),
        (exceptions.MaxConnectionsError("x"), RedisUnavailable),
        (exceptions.RedisClusterException("x"), RedisUnavailable),
        (exceptions.SlotNotCoveredError("x"), RedisUnavailable),
        (ConnectionRefusedError("x"), RedisUnavailable),
        (TimeoutError("x"), RedisUnavailable),
        (ssl.SSLCertVerificationError("x"), RedisTlsError),
        (exceptions.ConnectionError("Error 1: [SSL: CERTIFICATE_VERIFY_FAILED] x"), RedisTlsError),
        (exceptions.ResponseError("MISCONF Redis is configured to save"), RedisUnavailable),
        (exceptions.ResponseError("BUSY Redis is busy running a script"), RedisUnavailable),
        (exceptions.ResponseError("NOREPLICAS Not enough good replicas"), RedisUnavailable),
        (exceptions.ResponseError("value is not an integer"), BrokerError),
        # Redis 6.2 wraps what a command inside a script was told.
        (
            exceptions.ResponseError(
                "Error running script (call to f_1): @user_script:3: -OOM command not allowed"
            ),
            QueueFull,
        ),
        (
            exceptions.ResponseError(
                "Error running script (call to f_1): @user_script:3: -READONLY You can't write"
            ),
            RedisReadOnly,
        ),
        (
            exceptions.ResponseError(
                "Error running script (call to f_1): @user_script:3: "
                "The user executing the script can't run this command or subcommand"
            ),
            RedisPermission,
        ),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else str(value)[:30],
)
def test_a_fault_gets_its_own_class(exc, expected):
    assert type(faults.translate(exc, HERE)) is expected


def test_a_missing_permission_names_user_command_and_need():
    denied = exceptions.NoPermissionError(
        "User worker has no permissions to run the 'zpopmin' command"
    )

    error = faults.translate(denied, HERE, doing="exchange_jobs")

    assert str(error) == (
        "user 'worker' may not run ZPOPMIN (needed by exchange_jobs) at redis.example:6379"
    )


def test_a_missing_key_permission_is_told_from_a_missing_command():
    denied = exceptions.NoPermissionError("No permissions to access a key")

    assert "may not touch a key" in str(faults.translate(denied, HERE))


def test_a_refusal_by_the_server_is_never_a_maybe():
    loading = faults.translate(exceptions.BusyLoadingError("Redis is loading"), HERE, sent=True)
    lost = faults.translate(exceptions.ConnectionError("reset"), HERE, sent=True)

    assert isinstance(loading, RedisUnavailable)
    assert isinstance(lost, RedisUnavailable)
    assert loading.sent is False
    assert lost.sent is True


def test_our_own_errors_pass_through():
    ours = JobNotFound("no job x")

    assert faults.translate(ours, HERE) is ours
    assert not faults.is_foreign(ours)


def test_a_name_with_ssl_in_it_is_no_tls_fault():
    error = faults.translate(exceptions.ResponseError("no such key: jd:{SSL}:meta"), HERE)

    assert type(error) is BrokerError
