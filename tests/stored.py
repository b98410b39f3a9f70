"""A job as it lies in Redis, read and changed by hand: what no script would do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobdesk.broker import records, stored
from jobdesk.broker.keys import record_fields

if TYPE_CHECKING:
    from jobdesk.broker.keys import QueueKeys


def read(client: Any, keys: QueueKeys, job_id: str) -> dict[str, str]:
    """All fields of a record; none where there is no job."""
    return dict(records.record(_texts(client, keys, job_id)) or {})


def payload(client: Any, keys: QueueKeys, job_id: str) -> bytes | None:
    """A job's payload, wherever it lies."""
    return records.raw_values(_texts(client, keys, job_id), _aside(client, keys, job_id))[0]


def result(client: Any, keys: QueueKeys, job_id: str) -> bytes | None:
    """What a job returned, wherever it lies."""
    return records.raw_values(_texts(client, keys, job_id), _aside(client, keys, job_id))[1]


def write(
    client: Any,
    keys: QueueKeys,
    job_id: str,
    payload: bytes = b"{}",
    result: bytes = b"",
    **fields: Any,
) -> None:
    """A record of these fields, with that payload; ``client`` may be a pipeline."""
    named = {name: str(value) for name, value in fields.items()}
    spec, status = stored.record(named, payload, result)
    at, aside = keys.record(job_id), keys.aside(job_id)
    client.hset(at, job_id, spec)
    if status is None:
        client.hdel(at, f"{job_id}:")
    else:
        client.hset(at, f"{job_id}:", status)
    for text, value, name in ((spec, payload, job_id), (status, result, f"{job_id}:")):
        if value and stored.inline(text) is None:
            client.hset(aside, name, value)
        else:
            client.hdel(aside, name)


def change(client: Any, keys: QueueKeys, job_id: str, **fields: Any) -> None:
    """Give some fields other values; None takes one away."""
    found = read(client, keys, job_id)
    found |= {name: str(value) for name, value in fields.items() if value is not None}
    for name in [name for name, value in fields.items() if value is None]:
        found.pop(name, None)
    raw = payload(client, keys, job_id) or b"", result(client, keys, job_id) or b""
    write(client, keys, job_id, *raw, **found)


def lose_payload(client: Any, keys: QueueKeys, job_id: str) -> None:
    """Take a job's payload away."""
    spec = client.hget(keys.record(job_id), job_id)
    client.hset(keys.record(job_id), job_id, spec.partition(b"\n")[0])
    client.hdel(keys.aside(job_id), job_id)


def _texts(client: Any, keys: QueueKeys, job_id: str) -> list[bytes | None]:
    found: list[bytes | None] = client.hmget(keys.record(job_id), record_fields(job_id))
    return found


def _aside(client: Any, keys: QueueKeys, job_id: str) -> list[bytes | None]:
    found: list[bytes | None] = client.hmget(keys.aside(job_id), record_fields(job_id))
    return found
