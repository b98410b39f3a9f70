"""What a caller gives for a job, options and data, in any of its forms; and for a type."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypedDict

from jobdesk.errors import BadInput, InvalidJobData, InvalidTask
from jobdesk.models import NO_OPTIONS, Backoff, JobOptions

NAMES = tuple(JobOptions.__slots__)
#: Options in the words of Bull, whose times are milliseconds: never taken for ours.
_BULL = frozenset({"jobId", "removeOnComplete", "removeOnFail"})

#: What can be given where job options go.
Options = JobOptions | Mapping[str, Any] | None


class JobWords(TypedDict, total=False):
    """The fields of :class:`~jobdesk.models.JobOptions` as keywords of a call."""

    priority: int | None
    delay: float | timedelta | None
    run_at: datetime | None
    attempts: int | None
    backoff: Any
    timeout: float | timedelta | None
    job_id: str | None
    expires: float | timedelta | datetime | None
    remove_on_complete: Any
    remove_on_fail: Any
    lifo: bool | None


def options_of(options: Options, words: Mapping[str, Any] | None = None) -> JobOptions:
    """Checked options; what ``words`` say goes before what ``options`` say."""
    if options is None:
        given: Any = NO_OPTIONS
    else:
        given = _checked(options) if isinstance(options, Mapping) else options
    if not isinstance(given, JobOptions):
        raise BadInput(f"options are JobOptions or a mapping of them, got {given!r:.60}")
    return _checked(words).over(given) if words else given


def as_data(data: Mapping[str, Any] | None, queue: str, kind: str) -> dict[str, Any]:
    """A job's data as keyword arguments; a model gives its fields."""
    if data is None:
        return {}
    if type(data) is not dict:
        if hasattr(data, "model_dump"):
            return dict(data.model_dump(mode="json", by_alias=True))
        if not isinstance(data, Mapping):
            raise InvalidJobData(
                f"data of {queue}:{kind} is an object with named fields, got {data!r:.60}"
            )
    for key in data:
        if not isinstance(key, str):
            raise InvalidJobData(f"data has the key {key!r:.60}; keys are strings")
    return dict(data)


def type_settings(
    defaults: JobOptions,
    *,
    as_huey: bool,
    retries: int | None,
    retry_delay: float | None,
    retry_backoff: float | None,
    priority: int | None,
    timeout: float | None,
    attempts: int | None,
    backoff: Any,
    remove_on_complete: Any,
    remove_on_fail: Any,
    lifo: bool | None,
) -> dict[str, Any]:
    """What Huey's decorators are told of a type: its options over the queue's ``defaults``.

    ``as_huey``: a higher priority runs first, and any number will do.
    """
    if retries is not None and attempts is not None:
        raise InvalidTask("give attempts or retries, not both (retries=n is attempts=n + 1)")
    if backoff is not None and (retry_delay is not None or retry_backoff is not None):
        raise InvalidTask("give backoff or retry_delay, not both")
    if retries is not None:
        attempts = retries + 1
    if backoff is None and (
        retries is not None or retry_delay is not None or retry_backoff is not None
    ):
        backoff = Backoff.geometric(retry_delay or 0, retry_backoff or 1)
    options = JobOptions(
        priority=None if as_huey else priority,
        timeout=timeout,
        attempts=attempts,
        backoff=backoff,
        remove_on_complete=remove_on_complete,
        remove_on_fail=remove_on_fail,
        lifo=lifo,
    ).over(defaults)
    assert options.attempts is not None
    return {
        "retries": options.attempts - 1,
        "retry_delay": retry_delay or 0,
        "retry_backoff": retry_backoff or 0,
        "priority": priority if as_huey else options.priority,
        "timeout": options.timeout,
        "job_defaults": options,
    }


def _checked(words: Mapping[str, Any]) -> JobOptions:
    for name in words:
        if name in _BULL:
            raise BadInput(
                f"{name!r} is an option of Bull, whose times are milliseconds: pass"
                " JobOptions.from_bull({…})"
            )
        if name not in NAMES:
            raise BadInput(f"no job option {name!r:.60}; there are {', '.join(NAMES)}")
    return JobOptions(**words)
