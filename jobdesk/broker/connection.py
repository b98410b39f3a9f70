"""The connection to Redis: one :class:`Broker` per process, server and namespace.

It owns the clients, their time-outs and retries, and runs the scripts. redis-py's defaults are not
taken: they repeat any command ten times, and wait for ever longer than a lease lasts. Here only the
*connecting* is repeated, and a script, once, when the connection broke after it was sent: every
script may be run twice (a test per script shows it). redis is imported at first use.
"""

from __future__ import annotations

import logging
import os
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self
from weakref import WeakSet

from jobdesk.broker import embedded, scripts
from jobdesk.broker.keys import QueueKeys
from jobdesk.broker.server import address as addresses
from jobdesk.broker.server import faults
from jobdesk.errors import JobdeskError, RedisTooOld, RedisUnavailable, UnsafeEviction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from redis import Redis
    from redis.retry import Retry

    from jobdesk.broker.server import slots, wire
    from jobdesk.settings import Settings

#: Seconds to connect, and to wait for an answer. A blocking read must ask for less than this.
TIMEOUT_S: Final = 5.0
#: What BZPOPMIN may wait on :meth:`Broker.blocking`.
BLOCK_S: Final = 2.0
OLDEST: Final = (6, 2)

_log = logging.getLogger("jobdesk.broker")


class Broker:
    """Redis as one process sees it. Safe to use from many threads, and after a fork."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is connected, and no embedded server started, before the first request."""
        self.settings = settings
        self.namespace = settings.namespace
        self.address = addresses.from_settings(settings)
        self._lock = threading.RLock()
        self._client: Redis | None = None
        self._blocking: Redis | None = None
        self._connections: wire.Connections | slots.ClusterConnections | None = None
        self._send: type[wire.Sent] | None = None
        self._lease: embedded.Lease | None = None
        _brokers.add(self)

    # --- clients

    @property
    def client(self) -> Redis:
        """The client for everything that does not block; replies are bytes."""
        client = self._client
        if client is None:
            with self._lock:
                client = self._client
                if client is None:
                    client = self._client = self._make(connect_tries=3)
        return client

    def blocking(self) -> Redis:
        """The client for reads that wait, at most :data:`BLOCK_S`; it never tries twice."""
        client = self._blocking
        if client is None:
            with self._lock:
                client = self._blocking
                if client is None:
                    client = self._blocking = self._make(connect_tries=1)
        return client

    def pipeline(self) -> Any:
        """Commands sent together, without a transaction; use inside :meth:`errors`."""
        return self.client.pipeline(transaction=False)

    def keys(self, queue: str) -> QueueKeys:
        """The keys of ``queue``."""
        return QueueKeys(self.namespace, queue)

    def close(self) -> None:
        """Give the connections back, and the hold on an embedded server. Use opens them again."""
        with self._lock:
            for closing in (self._connections, self._client, self._blocking):
                if closing is not None:
                    closing.close()
            self._connections = self._client = self._blocking = None
            if self._lease is not None:
                self._lease.close()
                self._lease = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # --- scripts

    def run(self, name: str, prefix: str, *args: object) -> Any:
        """Run ``lua/<name>.lua`` on the queue whose keys begin with ``prefix``.

        Arguments are str, bytes, int or float. :class:`~jobdesk.errors.RedisUnavailable` tells by
        ``sent`` whether the script may have been carried out.
        """
        return self.send(name, prefix, *args).answer()

    def send(self, name: str, prefix: str, *args: object) -> wire.Sent:
        """Send a script, and go on: the result's ``answer()`` is what :meth:`run` returns."""
        send = self._send
        if send is None:
            from jobdesk.broker.server.wire import Sent

            # kept, since an import costs a busy worker as much as a lookup of ten names
            send = self._send = Sent
        return send(self, scripts.load(name), prefix, args)

    def trim(self) -> None:
        """Give back connections that a burst has left: a worker calls this now and then."""
        if self._connections is not None:
            self._connections.trim()

    def connections(self) -> wire.Connections | slots.ClusterConnections:
        """Those that scripts use, made at first use."""
        if self._connections is not None:
            return self._connections
        from jobdesk.broker.server import slots, wire

        with self._lock:
            if self._connections is None:
                if self.address.kind == "cluster":
                    self._connections = slots.ClusterConnections(self.client)
                else:
                    self._connections = wire.Connections(self.client.connection_pool)
            return self._connections

    # --- errors

    @contextmanager
    def errors(self, doing: str = "") -> Iterator[None]:
        """Turn what redis-py raises inside into jobdesk's errors; ``doing`` names the request."""
        try:
            yield
        except Exception as exc:
            if not faults.is_foreign(exc):
                raise
            raise self.translate(exc, doing=doing) from exc

    def translate(self, exc: BaseException, *, sent: bool = True, doing: str = "") -> JobdeskError:
        """jobdesk's error for ``exc``, naming this server."""
        error = faults.translate(exc, self.address, sent=sent, doing=doing)
        if self._lease is not None and isinstance(error, RedisUnavailable):
            self._lease.revive()
        return error

    # --- the server

    def describe(self) -> str:
        """Which Redis this is, without user and password."""
        if self.address.kind == "embedded":
            return f"embedded Redis in {self._folder()}"
        return str(self.address)

    def check_server(self) -> None:
        """Refuse a server that is too old or that may throw jobs away; warn where it won't say."""
        try:
            with self.errors("INFO"):
                told = self._info()
        except JobdeskError as exc:
            from jobdesk.errors import RedisPermission

            if not isinstance(exc, RedisPermission):
                raise
            _log.warning(
                "cannot check the version and maxmemory-policy of %s: %s", self.describe(), exc
            )
            return
        for where, info in told.items():
            version = str(info.get("redis_version", ""))
            if version and tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
                raise RedisTooOld(f"{where} is Redis {version}; jobdesk needs 6.2 or later")
            policy = str(info.get("maxmemory_policy", "noeviction"))
            if policy != "noeviction" and not self.settings.allow_eviction:
                raise UnsafeEviction(
                    f"maxmemory-policy of {where} is {policy}, which throws jobs away; set "
                    "noeviction, or JOBDESK_ALLOW_EVICTION=1 to go on regardless"
                )

    def _info(self) -> dict[str, dict[str, Any]]:
        client: Any = self.client
        if self.address.kind != "cluster":
            return {self.address.where: {**client.info("server"), **client.info("memory")}}
        told: dict[str, dict[str, Any]] = {}
        for section in ("server", "memory"):
            for node in client.get_primaries():
                told.setdefault(node.name, {}).update(client.info(section, target_nodes=node))
        return told

    # --- making clients

    def _make(self, connect_tries: int) -> Redis:
        import redis
        from redis.backoff import ExponentialWithJitterBackoff, NoBackoff

        from jobdesk.broker.server.wire import ConnectRetry, connect_and_settle, settle

        address = self.address
        retry = ConnectRetry(
            ExponentialWithJitterBackoff(base=0.05, cap=1.0) if connect_tries > 1 else NoBackoff(),
            connect_tries - 1,
        )
        common: dict[str, Any] = {
            "username": address.username or None,
            "password": address.password or None,
            "socket_timeout": TIMEOUT_S,
            "socket_connect_timeout": TIMEOUT_S,
            "socket_keepalive": True,
            # A thread that finds none free must not fail for it; redis-py stops at 100.
            "max_connections": 10_000,
            # RESP2 spares a HELLO per connection, and answers the same to old and new servers.
            "protocol": 2,
            "driver_info": None,
        }
        if address.kind in ("unix", "embedded"):
            path = address.path if address.kind == "unix" else str(self._hold())
            return redis.Redis(unix_socket_path=path, db=address.db, retry=retry, **common)
        if address.tls:
            common |= {
                "ssl": True,
                "redis_connect_func": settle
                if address.kind == "cluster"  # its client does the rest itself
                else connect_and_settle,
                "ssl_cert_reqs": address.options.get("ssl_cert_reqs", "required"),
                "ssl_check_hostname": address.verified,
                **{
                    name: address.options[name]
                    for name in ("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile")
                    if name in address.options
                },
            }
        if address.kind == "single":
            host, port = address.hosts[0]
            return redis.Redis(host=host, port=port, db=address.db, retry=retry, **common)
        if address.kind == "sentinel":
            return self._make_sentinel(redis, common, retry)
        try:
            return self._make_cluster(redis, common, connect_tries)
        except Exception as exc:
            if not faults.is_foreign(exc):
                raise
            # Only the cluster's client asks the server while it is made.
            raise self.translate(exc, sent=False) from exc

    def _make_cluster(self, redis: Any, common: dict[str, Any], tries: int) -> Redis:
        from redis.backoff import ExponentialWithJitterBackoff
        from redis.cluster import ClusterNode
        from redis.retry import Retry

        node: Any = ClusterNode
        client: Redis = redis.RedisCluster(
            startup_nodes=[node(host, port) for host, port in self.address.hosts],
            retry=Retry(ExponentialWithJitterBackoff(base=0.05, cap=1.0), tries - 1),
            **common,
        )
        for found in client.get_nodes():  # type: ignore[attr-defined]  # of the cluster's client
            addresses.check_host(self.settings, self.address, str(found.host))
        return client

    def _make_sentinel(self, redis: Any, common: dict[str, Any], retry: Retry) -> Redis:
        address = self.address
        asking = {
            **common,
            "username": address.options.get("sentinel_username"),
            "password": address.options.get("sentinel_password"),
            "retry": retry,
        }
        settings = self.settings

        class Sentinel(redis.Sentinel):  # type: ignore[misc]  # redis is imported at first use
            def discover_master(self, service_name: str) -> tuple[str, int]:
                host, port = super().discover_master(service_name)
                addresses.check_host(settings, address, host)
                return host, port

        sentinel = Sentinel(address.hosts, sentinel_kwargs=asking)
        client: Redis = sentinel.master_for(address.service, db=address.db, retry=retry, **common)
        return client

    def _folder(self) -> Path:
        if self.address.path:
            return Path(self.address.path)
        return self.settings.data_folder / "redis"

    def _hold(self) -> Path:
        if self._lease is None:
            self._lease = embedded.hold(self._folder())
        return self._lease.socket

    def after_fork(self) -> None:
        """Start over in a forked child; called for every broker."""
        # The parent's sockets and locks are its own; its hold on an embedded server is shared.
        self._lock = threading.RLock()
        self._connections = self._client = self._blocking = None


_brokers: WeakSet[Broker] = WeakSet()
_shared: dict[tuple[object, ...], Broker] = {}
_shared_lock = threading.Lock()


def connect(settings: Settings | None = None) -> Broker:
    """This process's broker for ``settings`` (the current ones): made once, then shared."""
    if settings is None:
        from jobdesk import settings as module

        settings = module.current()
    key = (
        settings.redis_url,
        settings.redis_password,
        settings.namespace,
        settings.data_folder,
        settings.allow_insecure_redis,
        settings.allow_eviction,
    )
    with _shared_lock:
        broker = _shared.get(key)
        if broker is None:
            broker = _shared[key] = Broker(settings)
        return broker


def close_all() -> None:
    """Close the shared brokers and forget them."""
    with _shared_lock:
        for broker in _shared.values():
            broker.close()
        _shared.clear()


def _after_fork() -> None:
    global _shared_lock
    _shared_lock = threading.Lock()
    for broker in list(_brokers):
        broker.after_fork()


os.register_at_fork(after_in_child=_after_fork)
