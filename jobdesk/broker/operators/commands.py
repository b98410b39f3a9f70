"""The shell command of an operator's action: shown before it is done, and kept in the audit.

What is rendered here can be pasted into a shell or a runbook and does the same. Actions without a
command render as "". Pure: nothing is run, read or looked up.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

#: Words and options of one command line.
_Parts = tuple[tuple[str, ...], Sequence[str], Sequence[str]]
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])", re.ASCII)
_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)


def command_line(action: str, queue: str, subject: str = "", /, **options: Any) -> str:
    """The ``jobdesk …`` line of an action.

    ``action`` is one of ``add retry retry-all retry-group remove remove-group cancel promote
    priority edit undo pause resume clean empty obliterate limits run-schedule
    pause-schedule resume-schedule stop``. ``subject`` is what the action is on besides its queue: a
    job, a group's fingerprint, an operation, a schedule's name, a type (``add``) or a worker
    (``stop``, on no queue). Options are named as in :class:`~jobdesk.broker.control.Control`; spans
    are in seconds.
    """
    make = _ACTIONS.get(action)
    if make is None:
        return ""
    words, names, given = make(queue, subject, options)
    named = [shlex.quote(name) for name in names]
    extra = [shlex.quote(option) for option in given]
    if any(name.startswith("-") for name in names):
        # click would read such a name as an option
        return " ".join(("jobdesk", *words, *extra, "--", *named))
    return " ".join(("jobdesk", *words, *named, *extra))


def span(seconds: float) -> str:
    """A span as the command line takes it: ``24h``, ``10m``, ``1.5s``."""
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        # a day is written as 24h: so the defaults are
        if seconds >= (2 * size if unit == "d" else size) and seconds % size == 0:
            return f"{int(seconds // size)}{unit}"
    return f"{seconds:.15g}s"


def seconds_of(text: str) -> float:
    """A span as the command line takes it, in seconds: ``90``, ``30s``, ``24h``, ``1h30m``.

    Raises ``ValueError`` in words.
    """
    plain = text.strip().lower()
    if _NUMBER.fullmatch(plain):
        return float(plain)
    if not plain or _PART.sub("", plain):
        raise ValueError(
            f"{text!r:.40} is no span of time: write seconds, or 30s, 10m, 24h, 2d, 1h30m"
        )
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(plain))


def _one(word: str) -> Callable[[str, str, Mapping[str, Any]], _Parts]:
    def made(queue: str, job_id: str, _options: Mapping[str, Any]) -> _Parts:
        return (word,), (queue, job_id), ()

    return made


def _queue(word: str, *extra: str) -> Callable[[str, str, Mapping[str, Any]], _Parts]:
    def made(queue: str, _job_id: str, options: Mapping[str, Any]) -> _Parts:
        force = ("--force",) if options.get("force") else ()
        names = (queue, *options.get("others", ())) if queue else ()
        return (word,), names, (*(() if names else ("--all",)), *force, *extra)

    return made


def _schedule(word: str) -> Callable[[str, str, Mapping[str, Any]], _Parts]:
    def made(queue: str, name: str, _options: Mapping[str, Any]) -> _Parts:
        return ("schedule", word), (name,), (f"--queue={queue}",)

    return made


def _stop(_queue: str, worker: str, options: Mapping[str, Any]) -> _Parts:
    return ("stop",), (worker,), ("--kill", "--yes") if options.get("kill") else ()


def _group(word: str) -> Callable[[str, str, Mapping[str, Any]], _Parts]:
    def made(queue: str, fingerprint: str, options: Mapping[str, Any]) -> _Parts:
        limit = options.get("limit") or 0
        return ("group", word), (queue, fingerprint), (*_limit(limit), "--yes")

    return made


def _remove(queue: str, job_id: str, options: Mapping[str, Any]) -> _Parts:
    return ("remove",), (queue, job_id), ("--force",) if options.get("force") else ()


def _priority(queue: str, job_id: str, options: Mapping[str, Any]) -> _Parts:
    level = options.get("priority")
    return ("priority",), (queue, job_id, "none" if level is None else str(level)), ()


def _edit(queue: str, job_id: str, options: Mapping[str, Any]) -> _Parts:
    return ("edit",), (queue, job_id), ("--data", _data(options))


def _add(queue: str, kind: str, options: Mapping[str, Any]) -> _Parts:
    given = ["--data", _data(options)]
    for name in ("priority", "delay", "attempts", "backoff", "timeout", "job_id", "origin"):
        value = options.get(name)
        if value is not None:
            told = span(value) if name in ("delay", "timeout") else str(value)
            given += ("--" + name.replace("_", "-"), told)
    return ("add",), (queue, kind), given


def _clean(queue: str, _job_id: str, options: Mapping[str, Any]) -> _Parts:
    status, grace = str(options.get("state", "completed")), options.get("grace", 86_400)
    seconds = grace.total_seconds() if hasattr(grace, "total_seconds") else float(grace)
    given = ("--status", status, "--grace", span(seconds), *_limit(options.get("limit") or 0))
    return ("clean",), (queue,), (*given, "--yes")


def _limits(queue: str, _job_id: str, options: Mapping[str, Any]) -> _Parts:
    given: list[str] = []
    if "max_active" in options:
        most = options["max_active"]
        given += ("--max-active", "none" if most is None else str(most))
    if "rate_limit" in options:
        rate = options["rate_limit"]
        given += ("--rate", "none" if rate is None else f"{rate[0]}/{_seconds(rate[1])}")
    return ("limits",), (queue,), given


def _seconds(given: Any) -> str:
    seconds = given.total_seconds() if hasattr(given, "total_seconds") else float(given)
    return f"{seconds:.15g}"


def _limit(limit: int) -> tuple[str, ...]:
    return ("--limit", str(limit)) if limit else ()


def _data(options: Mapping[str, Any]) -> str:
    """JSON for the shell; ``-`` (to be read from stdin) where the data is not to be shown."""
    if "data" not in options:
        return "-"
    return json.dumps(options["data"], ensure_ascii=False, separators=(",", ":"))


_ACTIONS: dict[str, Callable[[str, str, Mapping[str, Any]], _Parts]] = {
    "add": _add,
    "retry": _one("retry"),
    "retry-all": _queue("retry", "--all", "--yes"),
    "retry-group": _group("retry"),
    "remove": _remove,
    "remove-group": _group("remove"),
    "cancel": _one("cancel"),
    "promote": _one("promote"),
    "priority": _priority,
    "edit": _edit,
    "undo": _one("undo"),
    "pause": _queue("pause"),
    "resume": _queue("resume"),
    "clean": _clean,
    "empty": _queue("empty", "--yes"),
    "obliterate": _queue("obliterate", "--yes"),
    "limits": _limits,
    "run-schedule": _schedule("run"),
    "pause-schedule": _schedule("pause"),
    "resume-schedule": _schedule("resume"),
    "stop": _stop,
}
