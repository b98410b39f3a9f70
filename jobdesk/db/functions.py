"""SQL functions that SQLite and PostgreSQL spell differently. Days and months are Riyadh's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Date, Integer, String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

if TYPE_CHECKING:
    from sqlalchemy.sql.compiler import SQLCompiler


class day_of(FunctionElement[Any]):  # noqa: N801  # named as SQL's functions are
    """The day in Riyadh of an instant; UTC+3 all year."""

    type = Date()
    inherit_cache = True


class month_of(FunctionElement[Any]):  # noqa: N801  # named as SQL's functions are
    """``2024-01``, of a date."""

    type = String(7)
    inherit_cache = True


class days_between(FunctionElement[Any]):  # noqa: N801  # named as SQL's functions are
    """How many days the second date is after the first."""

    type = Integer()
    inherit_cache = True


@compiles(day_of, "sqlite")
def _day_sqlite(element: day_of, compiler: SQLCompiler, **words: Any) -> str:
    return f"date({compiler.process(element.clauses, **words)}, '+3 hours')"


@compiles(day_of, "postgresql")
def _day_postgresql(element: day_of, compiler: SQLCompiler, **words: Any) -> str:
    instant = compiler.process(element.clauses, **words)
    return f"CAST(({instant}) AT TIME ZONE 'UTC' + interval '3 hours' AS date)"


@compiles(month_of, "sqlite")
def _month_sqlite(element: month_of, compiler: SQLCompiler, **words: Any) -> str:
    return f"strftime('%Y-%m', {compiler.process(element.clauses, **words)})"


@compiles(month_of, "postgresql")
def _month_postgresql(element: month_of, compiler: SQLCompiler, **words: Any) -> str:
    return f"to_char({compiler.process(element.clauses, **words)}, 'YYYY-MM')"


@compiles(days_between, "sqlite")
def _days_sqlite(element: days_between, compiler: SQLCompiler, **words: Any) -> str:
    first, second = (compiler.process(clause, **words) for clause in element.clauses)
    return f"CAST(julianday({second}) - julianday({first}) AS INTEGER)"


@compiles(days_between, "postgresql")
def _days_postgresql(element: days_between, compiler: SQLCompiler, **words: Any) -> str:
    first, second = (compiler.process(clause, **words) for clause in element.clauses)
    return f"({second} - {first})"
