"""Giving a stored job other data without its code: packed again, with what hangs on it.

The engine does the same where it is at hand (``engine.editing``). What is checked here is the
schema that the type's workers have published; who runs the job checks again.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobdesk.broker import records, signing
from jobdesk.broker.inspector import Inspector
from jobdesk.broker.keys import Field
from jobdesk.errors import BadPayload, DataTooLarge, JobNotFound
from jobdesk.redaction import is_secret

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker
    from jobdesk.models import TypeInfo

#: What hangs on a job and outlives its data; ``args`` were the arguments, as the data is.
_KEPT = ("then", "error", "chord")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that does not fit."""

    #: ``to``, ``items.0.price``; "" for the whole
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


def type_of(broker: Broker, queue: str, name: str) -> TypeInfo | None:
    """A type as it is published; None where it is not."""
    return next((one for one in Inspector(broker).types(queue) if one.name == name), None)


def faults(schema: Mapping[str, Any], data: Any, most: int = 20) -> tuple[Fault, ...]:
    """What of ``data`` does not fit a published schema; nothing where the schema does not read."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    if not isinstance(data, dict):
        return (Fault("", 'the data is a JSON object, as {"to": "a@example.com"}'),)
    try:
        Draft202012Validator.check_schema(schema)
        # a registry of our own: the default one fetches what a $ref names
        found = list(Draft202012Validator(schema, registry=Registry()).iter_errors(data))
    except (SchemaError, Unresolvable, RecursionError, re.error):
        return ()
    told = sorted((_fault(error) for error in found), key=lambda fault: fault.path)
    return tuple(told[:most])


def packed(broker: Broker, queue: str, job_id: str, data: Mapping[str, Any]) -> bytes:
    """The payload of a job with ``data`` in the place of its own; what hangs on the job stays.

    A signed payload is verified first, so that nothing in it is signed on somebody's behalf.
    """
    keys = broker.keys(queue)
    pipe = broker.pipeline()
    records.ask(pipe, keys, job_id)
    records.ask_aside(pipe, keys, job_id)
    with broker.errors("HMGET"):
        values, aside = pipe.execute()
    found = records.record(values)
    if found is None:
        raise JobNotFound(f"no job {job_id} in queue {queue}")
    kind = found[Field.TYPE]
    raw, _ = records.raw_values(values, aside)
    stored = _verified(broker, raw or b"{}", queue, job_id, kind)
    extras = {name: stored.extras[name] for name in _KEPT if name in stored.extras}
    body = _json(dict(data))
    if extras:
        body = b"[%b,%b]" % (body, _json(extras))
    most = broker.settings.max_data_bytes
    if len(body) > most:
        raise DataTooLarge(
            f"data is {len(body):,} bytes, limit {most:,}; store it and pass a reference"
        )
    secret = broker.settings.secret
    key = None if secret is None else secret.get_secret_value().encode()
    return signing.sealed(key, body, queue, job_id, kind)


def _verified(broker: Broker, raw: bytes, queue: str, job_id: str, kind: str) -> records.Payload:
    keys = [
        signing.key(one.get_secret_value().encode())
        for one in (broker.settings.secret, broker.settings.previous_secret)
        if one is not None
    ]
    if keys:
        parts = raw.split(b".", 3)
        good = len(parts) == 4 and any(
            parts[1] == key.id
            and hmac.compare_digest(parts[2], key.signature(parts[3], queue, job_id, kind))
            for key in keys
        )
        if not good:
            raise BadPayload(
                f"the data of job {job_id} is not signed by JOBDESK_SECRET: it is not signed anew"
            )
    return records.payload(raw)


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )


def _fault(error: Any) -> Fault:
    path = ".".join(str(part) for part in error.absolute_path)
    if error.validator == "required" and isinstance(error.instance, dict):
        missing = [name for name in error.validator_value if name not in error.instance]
        return Fault(".".join(filter(None, (path, missing[0] if missing else ""))), "is required")
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = error.schema.get("properties", {})
        strange = next((name for name in error.instance if name not in known), "")
        return Fault(".".join(filter(None, (path, str(strange)))), "is no field of this type")
    wanted = _wanted(error)
    if wanted:
        return Fault(path, wanted)
    if is_secret(path) or isinstance(error.instance, dict | list) or len(error.message) > 120:
        return Fault(path, f"does not fit {error.validator}")
    return Fault(path, error.message)


def _wanted(error: Any) -> str:
    """The most common refusals in words, without the value: it may be a secret."""
    value = error.validator_value
    match error.validator:
        case "type":
            kinds = value if isinstance(value, list) else [value]
            return f"must be {' or '.join(_article(str(kind)) for kind in kinds)}"
        case "enum":
            return "must be one of " + ", ".join(json.dumps(one) for one in value)
        case "anyOf":
            kinds = [one.get("type") for one in value if isinstance(one, dict)]
            if all(isinstance(kind, str) for kind in kinds):
                return f"must be {' or '.join(_article(kind) for kind in kinds)}"
            return "fits none of the forms it may have"
        case "minLength":
            return "must not be empty" if value == 1 else f"has fewer than {value} characters"
        case "maxLength":
            return f"has more than {value} characters"
        case "minimum":
            return f"must be {value} or more"
        case "maximum":
            return f"must be {value} or less"
        case "pattern":
            return f"must match {value}"
    return ""


def _article(kind: str) -> str:
    names = {"object": "an object", "array": "a list", "integer": "a whole number",
             "string": "a text", "number": "a number", "boolean": "true or false",
             "null": "null"}  # fmt: skip
    return names.get(kind, kind)
