"""Whether the Redis user may write what the commands write.

Asked by trying: one script that does to a key of the namespace what the commands do, and leaves
nothing behind. ``ACL DRYRUN`` would need a right that a watching user lacks, and so would reading
the user's rules; what the server would refuse then, it refuses here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from jobdesk.broker.keys import pattern
from jobdesk.broker.operators import audit
from jobdesk.errors import QueueFull, RedisPermission, RedisReadOnly

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker

#: A watching user, beside ``~<namespace>:*``: reads, and asks the server how it is.
WATCHER: Final = (
    "-@all",
    "+@read",
    "+@connection",
    "+@transaction",
    "+info",
    "+time",
    "+acl|whoami",
)
#: What commands need beyond that.
OPERATOR: Final = ("+@write", "+@scripting")

#: Each kind of write that the scripts do, one a line; together they leave nothing.
_TRY = """\
redis.call('zrem', KEYS[1], '')
redis.call('hset', KEYS[1], 'f', '1')
redis.call('hdel', KEYS[1], 'f')
redis.call('xtrim', KEYS[1], 'MAXLEN', 0)
redis.call('unlink', KEYS[1])
return 1
"""
_LINE = re.compile(r"@user_script: ?(\d+)")


def refusal(broker: Broker) -> str:
    """Why this connection cannot change anything; "" when it can.

    The sentence names the user, and the rule that is missing.
    """
    client: Any = broker.client
    try:
        with broker.errors("the commands"):
            client.eval(_TRY, 1, broker.keys("rights").lock("try"))
    except RedisReadOnly:
        return "This Redis is a replica, which takes no writes: connect to the master."
    except QueueFull:  # it may; there is only no room now
        return ""
    except RedisPermission as exc:
        user = audit.redis_user(broker) or broker.address.username or "default"
        return f"The Redis user '{user}' may not write: it lacks {_missing(broker, exc)}."
    return ""


def _missing(broker: Broker, exc: RedisPermission) -> str:
    """The rule, as it is written in an ACL."""
    told = str(exc.__cause__)
    at = _LINE.search(told)
    if at is not None:
        line = _TRY.splitlines()[int(at[1]) - 1]
        return f"+@write ({line.split(chr(39))[1].upper()} was refused)"
    if "'eval'" in told.lower():
        return "+@scripting and +@write"
    return f"{pattern(broker.namespace)} (the keys to write to)"
