"""What workers publish of themselves, their schedules and types: JSON in, values out.

Another release may have written it, so what does not read counts as not said.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from jobdesk.broker import records
from jobdesk.models import ScheduleInfo, TypeInfo, WorkerInfo


def worker(worker_id: str, raw: bytes) -> WorkerInfo:
    """A worker from its heartbeat."""
    told = _mapping(raw)

    def whole(name: str) -> int:
        value = told.get(name)
        return int(value) if isinstance(value, int | float) else 0

    return WorkerInfo(
        id=worker_id,
        host=str(told.get("host") or ""),
        pid=whole("pid"),
        queues=tuple(str(q) for q in _list(told.get("queues"))),
        slots=whole("slots"),
        in_hand={
            str(q): tuple(str(j) for j in _list(ids)) for q, ids in _member(told, "in_hand").items()
        },
        version=str(told.get("version") or ""),
        started_ms=whole("started_ms"),
        beat_ms=whole("beat_ms"),
        mark=str(told.get("mark") or ""),
        parent=whole("parent"),
        fork=told.get("fork") is True,
        stopping=told.get("stopping") is True,
        ended_ms=whole("ended_ms"),
    )


def schedule(queue: str, name: str, stored: Mapping[str, bytes]) -> ScheduleInfo:
    """The schedule ``name`` from the fields of the queue's ``sched`` hash."""
    spec = _mapping(stored[f"{name}:spec"])
    upcoming = spec.get("next")
    return ScheduleInfo(
        name=name,
        queue=queue,
        type=str(spec.get("type") or ""),
        crontab=str(spec.get("crontab") or ""),
        paused=f"{name}:paused" in stored,
        last_ms=records.number(stored.get(name)) or None,
        next_ms=int(upcoming) if isinstance(upcoming, int | float) else None,
        timezone=str(spec.get("timezone") or "UTC"),
    )


def type_info(queue: str, raw_name: bytes, raw: bytes) -> TypeInfo:
    """A type from its field of the queue's ``types`` hash."""
    told = _mapping(raw)
    return TypeInfo(
        queue=queue,
        name=records.text(raw_name),
        schema=_member(told, "schema"),
        defaults=_member(told, "defaults"),
        doc=str(told.get("doc") or ""),
    )


def _mapping(raw: bytes) -> Mapping[str, Any]:
    """A JSON object that a worker wrote; anything else counts as empty."""
    try:
        value = json.loads(raw)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _member(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = told.get(name)
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
