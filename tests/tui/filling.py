"""A list of very many jobs, made in seconds: the set is whole, the records are where one looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobdesk.broker.inspector import CLASS
from jobdesk.broker.keys import queues as queue_names
from tests import stored

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker

#: Adds ARGV[2] jobs from number ARGV[1] on; the score is ARGV[3] + the number.
_FILL = """
for i = ARGV[1], ARGV[1] + ARGV[2] - 1 do redis.call('zadd', KEYS[1], ARGV[3] + i, 'm' .. i) end
"""
_PART = 50_000


def fill(broker: Broker, queue: str, waiting: int, records: int = 1500) -> None:
    """So many waiting jobs, the first of them with their records."""
    client: Any = broker.client
    keys = broker.keys(queue)
    client.sadd(queue_names(broker.namespace), queue)
    place = 10 * CLASS + 2**43
    for first in range(0, waiting, _PART):
        client.eval(_FILL, 1, keys.wait, first, min(_PART, waiting - first), place)
    pipe = broker.pipeline()
    for n in range(min(records, waiting)):
        stored.write(pipe, keys, f"m{n}", t="send", ts=1_800_000_000_000)
    pipe.execute()
