"""Audit logs moved to a file: written, read again and compared, and only then deleted.

An archive is gzip of JSON lines, a row each, and a last line that says how many there are, their
SHA-256, and before when they were written. Deleting goes by the archive's own ids, so that exactly
what is in the file goes, and doing it again after a crash is harmless.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select

from jobdesk import files
from jobdesk.db.connection import reading, writing
from jobdesk.db.tables import audit_logs
from jobdesk.errors import PermanentError

if TYPE_CHECKING:
    from sqlalchemy import Engine

BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive that was read to its end and is whole."""

    rows: int
    sha256: str
    before: datetime


def write_archive(engine: Engine, path: Path, *, root: Path, before: datetime) -> Archive | None:
    """Write the rows older than ``before`` and verify the file; None, and no file, without rows."""
    table = audit_logs
    digest, rows = hashlib.sha256(), 0
    query = select(table).where(table.c.at < before).order_by(table.c.id)
    with (
        reading(engine) as connection,
        connection.execute(query, execution_options={"yield_per": BATCH}) as found,
    ):
        portions = found.mappings().partitions()
        first = next(portions, None)
        if first is None:
            return None
        with files.new_file(path, root=root) as temporary:
            # no name and no time inside: the same rows are the same bytes
            with (
                temporary.open("wb") as raw,
                gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as stream,
            ):
                for portion in _with_first(first, portions):
                    for row in portion:
                        line = _line(row)
                        digest.update(line)
                        stream.write(line)
                        rows += 1
                stream.write(_trailer(rows, digest.hexdigest(), before))
            archive = read_archive(temporary)
            if archive != Archive(rows, digest.hexdigest(), before):
                raise PermanentError("the archive does not read as it was written; nothing deleted")
    return archive


def read_archive(path: Path, each: Callable[[int], None] = lambda _id: None) -> Archive:
    """Read an archive whole, telling each row's id; a PermanentError where it is not whole.

    Ids are told before the end is known: a caller that acts on them reads twice.
    """
    digest, rows = hashlib.sha256(), 0
    try:
        with gzip.open(path, "rb") as stream:
            for line in stream:
                content = json.loads(line)
                if "$archive" not in content:
                    digest.update(line)
                    rows += 1
                    each(content["id"])
                    continue
                said = content["$archive"]
                if (said["rows"], said["sha256"]) != (rows, digest.hexdigest()):
                    break
                return Archive(rows, digest.hexdigest(), datetime.fromisoformat(said["before"]))
    except (OSError, EOFError, ValueError, KeyError, TypeError) as exc:
        raise PermanentError(f"the archive {path.name} cannot be read: {exc}") from exc
    raise PermanentError(f"the archive {path.name} is not whole; nothing was deleted")


def delete_archived(
    engine: Engine, path: Path, *, told: Callable[[int], None] = lambda _deleted: None
) -> int:
    """Delete exactly the rows of an archive from the database; returns how many were there."""
    archive = read_archive(path)
    deleted, ids = 0, list[int]()

    def flush() -> None:
        nonlocal deleted
        if not ids:
            return
        with writing(engine) as connection:
            # SQLite may give a deleted row's number to a new one, which is younger
            gone = connection.execute(
                delete(audit_logs).where(audit_logs.c.id.in_(ids), audit_logs.c.at < archive.before)
            )
            deleted += gone.rowcount
        ids.clear()
        told(deleted)

    def take(one: int) -> None:
        ids.append(one)
        if len(ids) >= BATCH:
            flush()

    read_archive(path, take)
    flush()
    return deleted


def _with_first(first: Any, others: Iterator[Any]) -> Iterator[Any]:
    yield first
    yield from others


def _line(row: Any) -> bytes:
    values = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
    }
    return json.dumps(values, ensure_ascii=False, sort_keys=True).encode() + b"\n"


def _trailer(rows: int, sha256: str, before: datetime) -> bytes:
    said = {"rows": rows, "sha256": sha256, "before": before.isoformat()}
    return json.dumps({"$archive": said}).encode() + b"\n"
