"""A job of a type as its workers have published it: what an operator adds without its code.

It is what the engine makes of the same data where no option is given; who runs it checks the data
again, by the function. Signed where payloads are signed (``JOBDESK_SECRET``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from jobdesk.broker import signing
from jobdesk.broker.ids import new_id
from jobdesk.broker.keys import Field, Meta
from jobdesk.errors import BadInput, DataTooLarge, UnknownType
from jobdesk.models import (
    DEFAULT_OPTIONS,
    NO_PRIORITY,
    Backoff,
    NewJob,
    Retention,
    TypeInfo,
    check_attempts,
    check_delay_ms,
    check_job_id,
    check_priority,
    check_timeout_ms,
)

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker

_DEFAULT_BACKOFF = cast("Backoff", DEFAULT_OPTIONS.backoff).encode()


def payload(broker: Broker, queue: str, job_id: str, type_: str, data: Mapping[str, Any]) -> bytes:
    """The payload of a job with that data; ``DataTooLarge`` beyond the limit of the settings."""
    settings = broker.settings
    body = json.dumps(
        dict(data), ensure_ascii=False, allow_nan=False, separators=(",", ":")
    ).encode()
    if len(body) > settings.max_data_bytes:
        raise DataTooLarge(
            f"data is {len(body):,} bytes, limit {settings.max_data_bytes:,};"
            " store it and pass a reference"
        )
    secret = settings.secret
    key = None if secret is None else secret.get_secret_value().encode()
    return signing.sealed(key, body, queue, job_id, type_)


def of_type(
    broker: Broker, info: TypeInfo, data: Mapping[str, Any], *,
    job_id: str = "", origin: str = "", **given: Any,
) -> NewJob:  # fmt: skip
    """A job of the type with its published defaults; it is not added yet.

    ``given``: ``priority``, ``attempts``, ``timeout`` or ``delay`` of its own. ``origin`` is the
    job that it was made from.
    """
    delay_ms = check_delay_ms(given.pop("delay", 0))
    told = {**info.defaults, **given}
    made = check_job_id(job_id) if job_id else new_id()
    try:
        priority = check_priority(told.get("priority"))
        fields = _fields(broker, replace(info, defaults=told))
    except BadInput as exc:
        if given:
            raise
        # another release may have written it
        raise UnknownType(
            f"{info.queue}:{info.name} is published with options that do not read: {exc}"
        ) from exc
    if origin:
        fields[Field.ORIGIN] = origin
    return NewJob(
        id=made,
        delay_ms=delay_ms,
        type=info.name,
        payload=payload(broker, info.queue, made, info.name, data),
        priority=NO_PRIORITY if priority is None else priority,
        lifo=told.get("lifo") is True,
        fields=tuple(fields.items()),
    )


def _fields(broker: Broker, info: TypeInfo) -> dict[str, str | int]:
    """What the record says beside type and place: only what is not the queue's own."""
    told = info.defaults
    fields: dict[str, str | int] = {
        "at": check_attempts(told.get("attempts") or DEFAULT_OPTIONS.attempts)
    }
    backoff = _backoff(told.get("backoff"))
    if backoff not in ("", _DEFAULT_BACKOFF):
        fields["bk"] = backoff
    if (timeout_ms := check_timeout_ms(told.get("timeout"))) is not None:
        fields["to"] = timeout_ms
    client: Any = broker.client
    with broker.errors("HMGET"):
        kept = client.hmget(broker.keys(info.queue).meta, [Meta.KEEP_COMPLETED, Meta.KEEP_FAILED])
    for (name, field), raw in zip(
        (("remove_on_complete", "rc"), ("remove_on_fail", "rf")), kept, strict=True
    ):
        if told.get(name) is not None:
            own = Retention.parse(told[name], name).encode()
            if raw is None or own != raw.decode():
                fields[field] = own
    return fields


def _backoff(told: object) -> str:
    """A backoff as records have it; "" where it is a function, which the workers ask."""
    try:
        return Backoff.decode(str(told or "")).encode()
    except (ValueError, KeyError):
        return ""
