"""Scripts in a Redis Cluster: each goes to the node that owns its queue's slot.

redis-py's own way hides whether a request went out, and costs more per request. It is used for what
is rare: a slot that is on its way from one node to another. As long as it is, some of the queue's
keys are here and some there, and a script would see one half and write into it. So each call names
two keys that are never there: while a slot moves, Redis then answers TRYAGAIN (a request for
several keys, of which some are missing), and nothing is done until it has moved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redis.exceptions import (
    AskError,
    ClusterError,
    MovedError,
    NoScriptError,
    RedisClusterException,
    RedisError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from jobdesk.broker.keys import never_there
from jobdesk.broker.server.wire import Broken, Call, Connections

if TYPE_CHECKING:
    from jobdesk.broker.scripts import Script

#: How often a request follows its slot before it is given up.
_HOPS = 4


class ClusterConnections:
    """Connections for scripts, by node."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._by_node: dict[str, tuple[Any, Connections]] = {}

    def call(self, script: Script, prefix: str, args: tuple[object, ...]) -> Any:
        """As :class:`jobdesk.broker.server.wire.Call`, at whichever node owns the slot by now."""
        asked_around = False
        for _ in range(_HOPS):
            try:
                return Call(self._of_owner(prefix), script, never_there(prefix), args).answer()
            except MovedError:
                self._ask_around()
            except (AskError, TryAgainError):
                return self._call_in_migration(script, prefix, args)
            except Broken as broken:
                # Nobody there: another node may have taken the slot over.
                if broken.sent or asked_around:
                    raise
                self._ask_around()
                asked_around = True
        raise Broken(RedisClusterException("the slot moves faster than it is found"), sent=False)

    def send(self, script: Script, prefix: str, args: tuple[object, ...]) -> Postponed:
        """As :meth:`call`, when its answer is asked for: until then the slot may move."""
        return Postponed(self, script, prefix, args)

    def trim(self) -> None:
        """As :meth:`jobdesk.broker.server.wire.Connections.trim`, of every node."""
        for _, connections in list(self._by_node.values()):
            connections.trim()

    def close(self) -> None:
        """Disconnect what is idle."""
        while self._by_node:
            self._by_node.popitem()[1][1].close()

    def _of_owner(self, prefix: str) -> Connections:
        try:
            node = self._client.get_node_from_key(prefix)
            pool = self._client.get_redis_connection(node).connection_pool
        except (RedisError, RedisClusterException, OSError) as exc:
            raise Broken(exc, sent=False) from exc
        known = self._by_node.get(node.name)
        if known is None or known[0] is not pool:
            known = self._by_node[node.name] = (pool, Connections(pool))
        return known[1]

    def _ask_around(self) -> None:
        """Learn from any node who owns what."""
        try:
            self._client.nodes_manager.initialize()
        except (RedisError, RedisClusterException, OSError) as exc:
            raise Broken(exc, sent=False) from exc

    def _call_in_migration(self, script: Script, prefix: str, args: tuple[object, ...]) -> Any:
        keys = never_there(prefix)
        try:
            try:
                return self._client.execute_command("EVALSHA", script.sha, len(keys), *keys, *args)
            except NoScriptError:
                return self._client.execute_command("EVAL", script.text, len(keys), *keys, *args)
        except (TryAgainError, ClusterError) as exc:
            # tried a dozen times over half a second: the slot is still on its way
            raise Broken(exc, sent=False) from exc
        except (RedisConnectionError, RedisTimeoutError, OSError) as exc:
            raise Broken(exc, sent=True) from exc


class Postponed:
    """A script that runs when its answer is asked for."""

    __slots__ = ("_call",)

    def __init__(self, *call: Any) -> None:
        self._call = call

    def answer(self) -> Any:
        """Run it."""
        connections, *call = self._call
        return connections.call(*call)
