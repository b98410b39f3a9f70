"""Insert or update by a unique key, on SQLite and PostgreSQL alike: writing again is harmless."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from sqlalchemy import Connection, Insert, Table

#: Both databases bound the parameters of one statement; the fewer allow 32,766.
_MAX_PARAMETERS = 15_000


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    key: Sequence[str],
    keep: Sequence[str] = (),
) -> None:
    """Insert rows; where one with the same ``key`` (a unique constraint) exists, update it.

    All rows have the same columns, and no two the same key. The columns in ``keep`` stay as they
    were first written.
    """
    for some in _portions(rows):
        statement = _insert(connection, table).values(some)
        untouched = {*key, *keep}
        changed = {name: statement.excluded[name] for name in some[0] if name not in untouched}
        if changed:
            ready: Insert = statement.on_conflict_do_update(index_elements=list(key), set_=changed)
        else:
            ready = statement.on_conflict_do_nothing(index_elements=list(key))
        connection.execute(ready)


def insert_new(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, key: Sequence[str]
) -> int:
    """Insert the rows whose ``key`` is new, leave the others alone; returns how many were new."""
    if not rows:
        return 0
    statement = _insert(connection, table).on_conflict_do_nothing(index_elements=list(key))
    # counted by what comes back: drivers do not agree on what rowcount says here. The rows stand
    # beside the statement, in which SQLAlchemy would spend much time on each of their values.
    told = connection.execute(statement.returning(*table.primary_key), [dict(row) for row in rows])
    return len(told.all())


def _insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def _portions(rows: Sequence[Mapping[str, Any]]) -> list[list[dict[str, Any]]]:
    if not rows:
        return []
    step = max(1, _MAX_PARAMETERS // len(rows[0]))
    return [[dict(row) for row in rows[at : at + step]] for at in range(0, len(rows), step)]
