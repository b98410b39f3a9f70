"""The one JSON codec: how data, results and payloads become bytes and come back.

*Data* is what a client of any language may send: plain JSON, checked strictly. *Values* (results,
Huey's key/value store, arguments of continuations) are JSON with tags for what Huey needs:

* ``{"$dt": "2026-03-08T02:30:00+00:00"}``: a ``datetime``, aware or naive
* ``{"$error": {…}}``: Huey's ``Error`` with its metadata; with ``"$raised": true`` beside it, an
  exception, which comes back as Huey's ``TaskException`` with class, message, traceback, job id
* ``{"$skipped": true}``: Huey's ``SKIPPED``

A key of a value that starts with ``$`` is written with a second ``$``, so it is never taken for a
tag. Tuples come back as lists. Pickle is never read.

A *payload* is what Redis keeps for a job: ``{data}``, or ``[{data}, {extras}]`` when something
hangs on the job, and ``s1.<kid>.<signature>.<json>`` where payloads are signed. The extras:

* ``args``: raw positional arguments of a continuation that could not be bound by name
* ``then``, ``error``: the continuation to add after success, after failure
* ``chord``: the chord that this job is a member of

A continuation is an object ``{"q": queue, "t": type, "id": id, "a": [args], "d": {kwargs}, "o":
{options}, "then": …, "error": …, "chord": …}``; this module carries it and does not look inside.
The signature covers queue, id, type and the JSON, so a payload is good for its own job only.
"""

from __future__ import annotations

import hmac
import json
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, NoReturn

import msgspec
from huey.exceptions import TaskException
from huey.utils import SKIPPED, Error

from jobdesk.broker import signing
from jobdesk.engine.plainjson import MAX_DEPTH, MAX_INT, a_, explain, look, unusual
from jobdesk.errors import BadPayload, DataTooLarge, InvalidJobData

#: Room for ``s1.<kid>.<signature>.`` before the JSON.
_SIGNATURE_BYTES = 3 + 9 + 23
_EXTRAS = ("args", "then", "error", "chord")


#: Plain JSON types only, and finite numbers: msgspec writes a NaN as null, and a date as text.
_encode_plain = msgspec.json.Encoder().encode
#: What takes subclasses of those, too.
_encode_any = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":")
).encode


# --- data: strict JSON ------------------------------------------------------------------------


def encode_data(data: Mapping[str, Any], limit: int) -> bytes:
    """A job's data as compact JSON, at most ``limit`` bytes.

    Raises :class:`InvalidJobData`, which names the path of what JSON cannot carry faithfully, or
    :class:`DataTooLarge`.
    """
    if type(data) is not dict and not isinstance(data, Mapping):
        raise InvalidJobData(f"data is {a_(data)}; pass an object with named fields")
    raw = _strict(data if isinstance(data, dict) else dict(data))
    if len(raw) > limit:
        raise DataTooLarge(
            f"data is {len(raw):,} bytes, limit {limit:,}; store it and pass a reference"
        )
    return raw


def _strict(data: dict[str, Any]) -> bytes:
    try:
        if not unusual(data, MAX_INT):
            return _encode_plain(data)
        look(data, "data")
        return _encode_any(data).encode()
    except (TypeError, ValueError, RecursionError):
        explain(data, "data")


# --- values: JSON with tags -------------------------------------------------------------------


def encode_value(value: object, what: str = "result") -> bytes:
    """A result, or a value of Huey's store, as JSON with tags; ``what`` names it in errors."""
    try:
        if not unusual(value, None):
            return _encode_plain(value)
        return _encode_any(_tagged(value, 0)).encode()
    except (TypeError, ValueError, RecursionError):
        explain(value, what, _inner)


def decode_value(raw: bytes | bytearray | memoryview | str) -> Any:
    """The opposite of :func:`encode_value`; :class:`BadPayload` for what is no such value."""
    return _parse(raw.encode(errors="surrogatepass") if isinstance(raw, str) else bytes(raw))


class JsonSerializer:
    """What ``Huey(serializer=…)`` wants, on this codec."""

    def serialize(self, data: object) -> bytes:
        """Bytes of a value."""
        return encode_value(data, "value")

    def deserialize(self, data: bytes) -> Any:
        """The value of bytes."""
        return decode_value(data)


class ErrorElsewhere(TaskException):  # type: ignore[misc]  # huey has no types
    """An error of another job, as its handler gets it: it has the original's name and looks."""

    def __repr__(self) -> str:
        return str(self.metadata.get("error") or "TaskException()")


@lru_cache(maxsize=256)
def _elsewhere(name: str) -> type[ErrorElsewhere]:
    if not name.isidentifier() or len(name) > 100:
        return ErrorElsewhere
    return type(name, (ErrorElsewhere,), {})


def task_exception(exc: BaseException, job_id: str | None = None) -> TaskException:
    """``exc`` as an error handler gets it: class, message, traceback and job id as metadata."""
    metadata = _metadata(exc)
    if job_id is not None:
        metadata["task_id"] = job_id
    return TaskException(metadata)


def _metadata(exc: BaseException) -> dict[str, Any]:
    if isinstance(exc, TaskException):
        return dict(exc.metadata)
    return {
        "error": repr(exc),
        "class": type(exc).__name__,
        "message": str(exc),
        "traceback": "".join(traceback.format_exception(exc)),
        "task_id": None,
    }


def _tagged(value: Any, depth: int) -> Any:
    """``value`` with tags for what JSON has no form for; what has no tag either stays as it is."""
    kind = type(value)
    if kind is str or kind is int or kind is float or kind is bool or value is None:
        return value
    if depth >= MAX_DEPTH:
        raise ValueError("too deep")
    if isinstance(value, dict):
        made = {}
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError("key")
            made["$" + key if key.startswith("$") else key] = _tagged(item, depth + 1)
        return made
    if isinstance(value, Error):
        return {"$error": _tagged(value.metadata, depth + 1)}
    if isinstance(value, list | tuple):
        return [_tagged(item, depth + 1) for item in value]
    if isinstance(value, datetime):
        return {"$dt": value.isoformat()}
    if value is SKIPPED:
        return {"$skipped": True}
    if isinstance(value, BaseException):
        return {"$error": _tagged(_metadata(value), depth + 1), "$raised": True}
    return value


def _inner(value: Any) -> Any:
    """What :func:`_tagged` looks into, for messages about it."""
    if isinstance(value, Error):
        return value.metadata
    if isinstance(value, BaseException):
        return _metadata(value)
    return None if isinstance(value, datetime) or value is SKIPPED else value


def _untag(found: dict[str, Any]) -> Any:
    """An object read from JSON, or what its tag stands for. Called for inner objects first."""
    if len(found) == 1:
        if "$dt" in found:
            return datetime.fromisoformat(found["$dt"])
        if "$error" in found:
            return Error(found["$error"])
        if "$skipped" in found:
            return SKIPPED
    elif len(found) == 2 and "$raised" in found and "$error" in found:
        return _elsewhere(str(found["$error"].get("class")))(found["$error"])
    if any(key.startswith("$$") for key in found):
        return {key[1:] if key.startswith("$$") else key: item for key, item in found.items()}
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_decode_plain = msgspec.json.Decoder().decode
_decode_any = json.JSONDecoder(parse_constant=_no_constant, object_hook=_untag).decode


def _parse(raw: bytes) -> Any:
    # A '$' in a key may also be written as an escape, which our own encoder never does. One byte
    # is looked for first: that takes no time.
    if not ((b"$" in raw and b'"$' in raw) or (b"\\" in raw and b"\\u0024" in raw)):
        try:
            return _decode_plain(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass  # what it is too strict for, as half a surrogate pair, or what is no JSON at all
    try:
        return _decode_any(raw.decode())
    except UnicodeDecodeError:
        raise BadPayload("not JSON text (pickle and other binary forms are never read)") from None
    except (ValueError, TypeError, RecursionError) as exc:
        raise BadPayload(f"not JSON as jobdesk writes it: {exc}") from None


# --- payloads ---------------------------------------------------------------------------------


@dataclass(slots=True)
class Payload:
    """What Redis keeps for a job beside its record."""

    data: dict[str, Any] = field(default_factory=dict)
    args: list[Any] | None = None
    then: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    chord: dict[str, Any] | None = None

    @property
    def plain(self) -> bool:
        """Whether there is nothing but data."""
        return self.args is None and self.then is None and self.error is None and self.chord is None


class Codec:
    """Packs and unpacks payloads, within limits and under the secrets given."""

    def __init__(
        self,
        secret: bytes | None = None,
        previous: bytes | None = None,
        max_data: int = 262_144,
        max_result: int = 262_144,
    ) -> None:
        self.max_data = max_data
        self.max_result = max_result
        self._key = signing.key(secret) if secret else None
        self._keys = {key.id: key for key in map(signing.key, filter(None, (previous, secret)))}

    @property
    def signs(self) -> bool:
        """Whether payloads are signed, and unsigned ones refused."""
        return self._key is not None

    def pack(
        self, payload: Payload, queue: str, job_id: str, type_: str, *, strict: bool = True
    ) -> bytes:
        """The bytes kept for a job.

        ``strict=False`` lets tags into the data: for continuations, whose arguments are results
        and errors of other jobs.
        """
        if strict:
            raw = encode_data(payload.data, self.max_data)
        else:
            raw = encode_value(payload.data, "data")
        if not payload.plain:
            extras = {
                name: value for name in _EXTRAS if (value := getattr(payload, name)) is not None
            }
            raw = b"[%b,%b]" % (raw, encode_value(extras, "extras"))
        if len(raw) > self.max_data:
            raise DataTooLarge(
                f"data and continuations are {len(raw):,} bytes, limit {self.max_data:,};"
                " store it and pass a reference"
            )
        return self.seal(raw, queue, job_id, type_)

    def body(self, data: dict[str, Any]) -> bytes:
        """Plain data as JSON, checked: what :meth:`seal` makes a payload of."""
        return encode_data(data, self.max_data)

    def seal(self, body: bytes, queue: str, job_id: str, type_: str) -> bytes:
        """The payload of one job with that JSON: signed where there is a secret."""
        key = self._key
        return body if key is None else key.sealed(body, queue, job_id, type_)

    def unpack(self, raw: bytes, queue: str, job_id: str, type_: str) -> Payload:
        """The payload of a job; :class:`BadPayload` for any other bytes than :meth:`pack` made."""
        limit = self.max_data + _SIGNATURE_BYTES
        if len(raw) > limit:
            raise BadPayload(
                f"payload is {len(raw):,} bytes, limit {self.max_data:,} (JOBDESK_MAX_DATA_BYTES)"
            )
        found = _parse(self._verified(raw, queue, job_id, type_))
        if type(found) is dict:
            return Payload(found)
        if isinstance(found, list) and len(found) == 2:
            data, extras = found
            if type(data) is dict and type(extras) is dict and _well_formed(extras):
                return Payload(data, **extras)
        raise BadPayload("payload is neither {data} nor [{data}, {extras}]")

    def encode_result(self, value: object) -> tuple[bytes, bool]:
        """A result as JSON, and whether it was over the limit and is but the head of its text."""
        raw = encode_value(value)
        if len(raw) <= self.max_result:
            return raw, False
        note = f"… (cut, {len(raw):,} bytes)"
        head = raw[: self.max_result // 2].decode(errors="ignore")
        while len(cut := encode_value(head + note)) > self.max_result:
            head = head[: len(head) * 3 // 4]
        return cut, True

    def _verified(self, raw: bytes, queue: str, job_id: str, type_: str) -> bytes:
        if not raw.startswith(signing.SIGNED):
            if self._key is None:
                return raw
            raise BadPayload("payload is not signed, and JOBDESK_SECRET is set: add the job again")
        if not self._keys:
            raise BadPayload("payload is signed: set JOBDESK_SECRET to its producer's secret")
        parts = raw.split(b".", 3)
        if len(parts) != 4:
            raise BadPayload("payload is signed, but has no signature")
        _, kid, signature, body = parts
        key = self._keys.get(kid)
        if key is None:
            raise BadPayload(
                "payload is signed with a secret that is neither JOBDESK_SECRET nor"
                " JOBDESK_PREVIOUS_SECRET"
            )
        if not hmac.compare_digest(signature, key.signature(body, queue, job_id, type_)):
            raise BadPayload("payload does not fit its signature: it was changed or moved here")
        return body


def _well_formed(extras: dict[str, Any]) -> bool:
    return all(
        name in _EXTRAS and (value is None or isinstance(value, list if name == "args" else dict))
        for name, value in extras.items()
    )
