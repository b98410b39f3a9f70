"""Reading what Redis holds of a job: its record, payload, attempts and progress, as values.

Pure: bytes in, :mod:`jobdesk.models` out. Anything may have been written by another release, or by
hand, so nothing here fails on a field that does not read; a payload's signature is not checked
(the engine does that before it runs a job).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from jobdesk.broker import stored
from jobdesk.broker.keys import STATE_NAMES, Field, QueueKeys, record_fields
from jobdesk.models import (
    NO_PRIORITY,
    Attempt,
    Backoff,
    Job,
    JobOptions,
    JobRow,
    JobState,
    QueueStats,
    Retention,
    when,
)

#: A record as it is read, see :func:`record`.
Fields = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Payload:
    """A stored payload, parsed; its signature, if any, was not looked at."""

    data: Any
    extras: Mapping[str, Any]
    signed: bool
    #: why it could not be parsed; ``data`` is then the raw text
    broken: str = ""


def payload(raw: bytes | None) -> Payload:
    """Parse ``{…}``, ``[{data},{extras}]`` or ``s1.<kid>.<signature>.<either>``."""
    if raw is None:
        return Payload(None, {}, False, "missing")
    body, signed = raw, False
    if raw.startswith(b"s1."):
        parts = raw.split(b".", 3)
        if len(parts) == 4:
            body, signed = parts[3], True
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as exc:
        return Payload(text(raw), {}, signed, f"not JSON: {exc}")
    if isinstance(value, list):
        if len(value) == 2 and isinstance(value[1], dict):
            return Payload(value[0], value[1], signed)
        return Payload(value, {}, signed, "neither an object nor data and extras")
    return Payload(value, {}, signed)


def ask(pipe: Any, keys: QueueKeys, job_id: str) -> None:
    """Ask a pipeline for a record: one command, its answer for :func:`record` and :func:`row`."""
    pipe.hmget(keys.record(job_id), record_fields(job_id))


def ask_aside(pipe: Any, keys: QueueKeys, job_id: str) -> None:
    """Ask for what is too large for the record, with :func:`ask`: for :func:`raw_values`."""
    pipe.hmget(keys.aside(job_id), record_fields(job_id))


def record(values: Sequence[bytes | None]) -> Fields | None:
    """The fields of a job from its spec and status (``keys.record_fields``); None without one."""
    spec, status = values
    return stored.fields(spec, status)


def row(
    queue: str, job_id: str, values: Sequence[bytes | None], lease_ms: int | None = None
) -> JobRow | None:
    """A row from spec and status; None where there is no such record."""
    found = record(values)
    shown = None if found is None else _row_values(queue, job_id, found, lease_ms)
    return None if shown is None else JobRow(**shown)


def job(
    queue: str,
    job_id: str,
    values: Sequence[bytes | None],
    *,
    lease_ms: int | None,
    aside: Sequence[bytes | None],
    attempts: Sequence[bytes],
    log: Sequence[bytes],
) -> Job | None:
    """A whole job from spec and status, and from what is kept beside them."""
    found = record(values)
    shown = None if found is None else _row_values(queue, job_id, found, lease_ms)
    if found is None or shown is None:
        return None
    past = tuple(attempt(raw) for raw in attempts)
    state: JobState = shown["state"]
    raw, raw_result = raw_values(values, aside)
    data = payload(raw)
    return Job(
        **shown,
        data=data.data,
        followers=_followers(data.extras),
        origin=found.get(Field.ORIGIN, ""),
        options=_options(job_id, shown, found),
        return_value=json_value(raw_result) if state is JobState.COMPLETED else None,
        failed_reason=reason(state, shown["error"], past),
        stacktrace=tuple(a.traceback for a in past if a.traceback),
        history=past + _current_attempt(shown),
        log=tuple(text(line) for line in log),
    )


def raw_values(
    values: Sequence[bytes | None], aside: Sequence[bytes | None]
) -> tuple[bytes | None, bytes | None]:
    """Payload and result: in spec and status, or aside; None for what is in neither."""
    payload_, result = (
        large if (small := stored.inline(text_)) is None else small
        for text_, large in zip(values, aside, strict=True)
    )
    return payload_, result


def _followers(extras: Mapping[str, Any]) -> tuple[tuple[str, str, str, str], ...]:
    """What is added when the job ends: (when, queue, type, id) of each continuation."""
    found: list[tuple[str, str, str, str]] = []
    for name in ("then", "error"):
        one = extras.get(name)
        if isinstance(one, dict):
            queue, kind, job_id = (str(one.get(key) or "") for key in ("q", "t", "id"))
            found.append((name, queue, kind, job_id))
    return tuple(found)


def attempt(raw: bytes) -> Attempt:
    """One entry of the attempts list."""
    value = json_value(raw)
    entry: Mapping[str, Any] = value if isinstance(value, dict) else {}

    def whole(name: str) -> int | None:
        number = entry.get(name)
        return int(number) if isinstance(number, int | float) else None

    return Attempt(
        number=whole("n") or 0,
        started_ms=whole("s"),
        ended_ms=whole("e"),
        worker=str(entry.get("w") or ""),
        error=str(entry.get("err") or ""),
        traceback=str(entry.get("tb") or ""),
        outcome=str(entry.get("o") or "failed"),
        generation=whole("g") or 0,
    )


def reason(state: JobState, short: str, past: Sequence[Attempt]) -> str:
    """Why a job failed, in full where its last attempt kept that; the record's text is cut.

    A job that completed in the end has no reason, whatever went wrong before.
    """
    if state is JobState.COMPLETED:
        return ""
    if state is JobState.FAILED and past and past[-1].error:
        return past[-1].error
    return short


def stats(queue: str, answers: Sequence[Any]) -> QueueStats:
    """The counts of a queue from its five ZCARDs and the limits in its ``meta``."""
    waiting, active, delayed, completed, failed, meta = answers
    paused, max_active, limit_jobs, limit_ms = meta
    jobs, span = number(limit_jobs), number(limit_ms)
    return QueueStats(
        name=queue,
        waiting=waiting,
        active=active,
        completed=completed,
        failed=failed,
        delayed=delayed,
        paused=paused == b"1",
        max_active=number(max_active),
        rate_limit=(jobs, span / 1000) if jobs is not None and span is not None else None,
    )


def stream_place(entry_id: str) -> tuple[int, int]:
    """Where an entry of a stream stands among those of all streams: Redis's ms, then its number."""
    ms, _, number = entry_id.partition("-")
    return int(ms), int(number or 0)


def text(raw: bytes | str | None) -> str:
    """Stored text; what is not UTF-8 is replaced."""
    if raw is None:
        return ""
    return raw if isinstance(raw, str) else raw.decode("utf-8", "replace")


def json_value(raw: bytes | str | None) -> Any:
    """Parsed JSON, or the text itself where it is none."""
    if raw is None:
        return None
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return text(raw)


def state_of(letter: bytes | str | None) -> JobState | None:
    """The state that a record names."""
    name = STATE_NAMES.get(text(letter))
    return None if name is None else JobState(name)


def number(raw: bytes | str | None, default: int | None = None) -> int | None:
    """A stored number, or ``default`` where there is none."""
    if raw is None:
        return default
    try:
        return int(raw)
    except ValueError:
        try:
            return int(float(raw))
        except (ValueError, OverflowError):
            return default


def _row_values(
    queue: str, job_id: str, found: Fields, lease_ms: int | None
) -> dict[str, Any] | None:
    state = state_of(found.get(Field.STATE))
    if state is None:
        return None
    urgency = number(found.get(Field.PRIORITY), NO_PRIORITY)
    succeeded = state is JobState.COMPLETED
    return {
        "id": job_id,
        "queue": queue,
        "type": found.get(Field.TYPE, ""),
        "state": state,
        "priority": None if urgency == NO_PRIORITY else urgency,
        "added_ms": number(found.get(Field.ADDED), 0),
        "run_at_ms": number(found.get(Field.RUN_AT)),
        "started_ms": number(found.get(Field.STARTED)),
        "finished_ms": number(found.get(Field.FINISHED)) if state in _ENDED else None,
        "attempts_made": number(found.get(Field.ATTEMPTS_MADE), 0),
        "attempts": number(found.get(Field.ATTEMPTS), stored.USUAL_ATTEMPTS),
        "stalled": number(found.get(Field.STALLED), 0),
        "generation": number(found.get(Field.GENERATION), 0),
        "worker": found.get(Field.WORKER, ""),
        "progress": json_value(found.get(Field.PROGRESS)),
        "error": "" if succeeded else found.get(Field.ERROR, ""),
        "lease_ms": lease_ms if state is JobState.ACTIVE else None,
        "cancelling": state is JobState.ACTIVE and Field.CANCEL in found,
        "fingerprint": "" if succeeded else found.get(Field.FINGERPRINT, ""),
    }


_ENDED = frozenset({JobState.COMPLETED, JobState.FAILED})


def _options(job_id: str, shown: Mapping[str, Any], found: Fields) -> JobOptions:
    backoff = found.get(Field.BACKOFF)
    given: dict[str, Any] = {"job_id": job_id, "attempts": shown["attempts"]}
    given["priority"] = shown["priority"]
    if shown["state"] is JobState.DELAYED:
        given["run_at"] = when(shown["run_at_ms"])
    if backoff:
        with suppress(ValueError, KeyError):
            given["backoff"] = Backoff.decode(backoff)
    limit = number(found.get(Field.TIMEOUT))
    if limit:
        given["timeout"] = limit / 1000
    given["expires"] = when(number(found.get(Field.EXPIRES)))
    for name, field in (
        ("remove_on_complete", Field.KEEP_COMPLETED), ("remove_on_fail", Field.KEEP_FAILED),
    ):  # fmt: skip
        if field in found:
            with suppress(ValueError):
                given[name] = Retention.decode(found[field])
    try:
        return JobOptions(**given)
    except ValueError:
        # Written by hand, or by a release with other limits: show the job all the same.
        return JobOptions()


def _current_attempt(shown: Mapping[str, Any]) -> tuple[Attempt, ...]:
    """The run that the attempts list does not hold: the one going on, or the one that succeeded."""
    state: JobState = shown["state"]
    if state not in (JobState.ACTIVE, JobState.COMPLETED):
        return ()
    running = state is JobState.ACTIVE
    return (
        Attempt(
            number=shown["attempts_made"] + 1 if running else shown["attempts_made"],
            started_ms=shown["started_ms"],
            ended_ms=shown["finished_ms"],
            worker=shown["worker"],
            outcome=state.value,
            generation=shown["generation"],
        ),
    )
