"""Who did what to a queue: the last thousand commands of its operators.

``who`` is what the operator's machine says of itself (``user@host``) and proves nothing; ``user``
is whom Redis knows the connection by. Writing never fails a command: what was done is done.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from jobdesk.broker import records
from jobdesk.broker.reading import paging
from jobdesk.broker.server.rounds import Asking, Rounds
from jobdesk.errors import BrokerError
from jobdesk.models import check_queue_name

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker

LENGTH = 1000
#: What takes jobs away or ends them: the first words of such actions.
DESTRUCTIVE = frozenset({"remove", "cancel", "clean", "empty", "obliterate"})

_log = logging.getLogger("jobdesk.broker")
#: What Redis calls this process, per connection: asked once.
_users: WeakKeyDictionary[Broker, str] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One command of an operator."""

    id: str
    queue: str
    at_ms: int
    who: str
    #: the Redis user; "" where Redis does not say
    user: str
    action: str
    job_id: str = ""
    #: the shell command that does the same; "" where there is none
    command: str = ""
    #: how many jobs it changed; None for one job, or none
    count: int | None = None
    #: by which it can be undone, for 15 minutes
    operation: str = ""


def write(broker: Broker, queue: str, who: str, action: str, **more: object) -> None:
    """Note a command; a failure to do so is logged and goes no further."""
    fields: dict[str, str] = {"who": who, "user": redis_user(broker), "action": action}
    fields |= {name: str(value) for name, value in more.items() if value not in (None, "")}
    try:
        with broker.errors("XADD"):
            client: Any = broker.client
            client.xadd(broker.keys(queue).audit, fields, maxlen=LENGTH, approximate=True)
    except BrokerError as exc:
        _log.warning("%s on queue %s is not in its audit: %s", action, queue, exc)


def read(broker: Broker, queue: str, count: int = 50) -> tuple[AuditEntry, ...]:
    """The last ``count`` commands on a queue, the newest first."""
    check_queue_name(queue)
    paging.check_limit(count, LENGTH)
    return Rounds(broker).one(asking(broker, (queue,), count)) if count > 0 else ()


def asking(broker: Broker, queues: Sequence[str], count: int) -> Asking[tuple[AuditEntry, ...]]:
    """The last ``count`` commands on each of these queues, queue by queue."""

    def ask(pipe: Any) -> None:
        for queue in queues:
            pipe.xrevrange(broker.keys(queue).audit, count=count)

    answers = yield ask
    return tuple(
        _entry(queue, raw_id, fields)
        for queue, found in zip(queues, answers, strict=True)
        for raw_id, fields in found
    )


def redis_user(broker: Broker) -> str:
    """Whom Redis knows this process by; "" where it does not say."""
    known = _users.get(broker)
    if known is None:
        try:
            with broker.errors("ACL WHOAMI"):
                client: Any = broker.client
                known = records.text(client.acl_whoami())
        except BrokerError:
            known = ""
        _users[broker] = known
    return known


def _entry(queue: str, raw_id: bytes, fields: dict[bytes, bytes]) -> AuditEntry:
    told = {records.text(name): records.text(value) for name, value in fields.items()}
    entry_id = records.text(raw_id)
    return AuditEntry(
        id=entry_id,
        queue=queue,
        at_ms=records.stream_place(entry_id)[0],
        who=told.get("who", ""),
        user=told.get("user", ""),
        action=told.get("action", ""),
        job_id=told.get("job", ""),
        command=told.get("command", ""),
        count=records.number(fields.get(b"count")),
        operation=told.get("operation", ""),
    )
