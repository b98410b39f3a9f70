"""The text of a job's record: its spec, as it was added, and its status, what became of it.

Both lie in the hash ``j:<shard>``, the spec under the job's id and the status under ``<id>:``; the
scripts read and write the same texts (``lua/include/record.lua``)::

    spec    <added, ms> TAB <type> { TAB <field>=<value> } NEWLINE <payload>
    status  <letter of the state> TAB <epoch> { TAB <field>=<value> } [ NEWLINE <result> ]

A payload or a result of over 1,024 bytes lies aside, in ``d:<shard>``, and the text that it is
missing from has no NEWLINE. A job that waits for its first run, and to which nothing has happened,
has no status. The fields are
:class:`~jobdesk.broker.keys.Field`; what the status says of one counts before what the spec says,
and an empty one takes the spec's away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from jobdesk.broker.keys import Field
from jobdesk.errors import UnknownType
from jobdesk.models import NO_PRIORITY, NewJob

#: Payloads and results up to this size lie in the record: a row of a list is read with them.
INLINE_BYTES = 1024
#: A spec that says nothing of attempts means so many.
USUAL_ATTEMPTS = 3

_WAITS = {Field.STATE.value: "w", Field.EPOCH.value: "0"}


@lru_cache(maxsize=1024)
def spec(kind: str, fields: tuple[tuple[str, str | int], ...], priority: int, lifo: bool) -> str:
    """Type and fields of a spec: what ``add_jobs.lua`` writes between its time and its payload.

    Raises ``UnknownType`` for a type whose name cannot be stored.
    """
    parts = [kind]
    if priority != NO_PRIORITY:
        parts.append(f"{Field.PRIORITY}={priority}")
    if lifo:
        parts.append(f"{Field.LIFO}=1")
    parts += [
        f"{name}={value}"
        for name, value in fields
        if not (name == Field.ATTEMPTS and int(value) == USUAL_ATTEMPTS)
    ]
    text = "\t".join(parts)
    if not kind or " " in kind or "\n" in text or text.count("\t") >= len(parts):
        raise UnknownType(f"{kind!r} cannot name a type")
    return text


def new_job(job: NewJob) -> tuple[object, ...]:
    """One job as the scripts that add take it, see ``lua/include/add.lua``."""
    return (
        job.id,
        job.payload,
        spec(job.type, job.fields, job.priority, job.lifo),
        job.priority,
        job.delay_ms,
        job.run_at_ms,
        1 if job.lifo else 0,
    )


def fields(spec: bytes | None, status: bytes | None) -> dict[str, str] | None:
    """All fields of a record; None where there is no job.

    What is not as it should be, written by hand, is read as far as it goes.
    """
    if spec is None:
        return None
    head = spec.partition(b"\n")[0].decode("utf-8", "replace")
    added, _, rest = head.partition("\t")
    kind, _, rest = rest.partition("\t")
    found = {Field.ADDED.value: added, Field.TYPE.value: kind, **_WAITS}
    found.update(_pairs(rest.split("\t")))
    if status is not None:
        line = status.partition(b"\n")[0].decode("utf-8", "replace")
        letter, _, rest = line.partition("\t")
        epoch, _, rest = rest.partition("\t")
        found[Field.STATE], found[Field.EPOCH] = letter, epoch
        for name, value in _pairs(rest.split("\t")):
            if value:
                found[name] = value
            else:
                found.pop(name, None)
    return found


def inline(text: bytes | None) -> bytes | None:
    """The payload that lies in a spec, the result in a status; None where there is none in it."""
    if text is None:
        return None
    _, newline, value = text.partition(b"\n")
    return value if newline else None


def record(
    values: Mapping[str, str], payload: bytes, result: bytes = b""
) -> tuple[bytes, bytes | None]:
    """Spec and status of these fields, as the scripts would have written them."""
    given = dict(values)
    added, kind = given.pop(Field.ADDED, "0"), given.pop(Field.TYPE, "")
    letter, epoch = given.pop(Field.STATE, "w"), given.pop(Field.EPOCH, "0")
    of_spec = {name: given.pop(name) for name in OF_SPEC if name in given}
    line = "\t".join((added, kind, *(f"{name}={value}" for name, value in of_spec.items())))
    whole = line.encode() + (b"\n" + payload if len(payload) <= INLINE_BYTES else b"")
    if (letter, epoch) == ("w", "0") and not given:
        return whole, None
    status = "\t".join((letter, epoch, *(f"{name}={value}" for name, value in given.items())))
    return whole, status.encode() + (b"\n" + result if 0 < len(result) <= INLINE_BYTES else b"")


#: The fields that a spec has; all others are of the status.
OF_SPEC = (
    Field.PRIORITY, Field.LIFO, Field.ETA, Field.ATTEMPTS, Field.BACKOFF, Field.TIMEOUT,
    Field.EXPIRES, Field.KEEP_COMPLETED, Field.KEEP_FAILED, Field.ORIGIN,
)  # fmt: skip


def _pairs(parts: Iterable[str]) -> Iterable[tuple[str, str]]:
    for part in parts:
        name, separator, value = part.partition("=")
        if separator:
            yield name, value
