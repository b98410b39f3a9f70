"""The cleanup queue: ``temp-files``, ``old-logs`` and ``failed-jobs``, each also every night.

What may be deleted is decided here and in the settings, never by a job: a job says how old, not
where. ``dryRun`` counts and deletes nothing.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from jobdesk import settings as settings_module
from jobdesk.engine.crontab import crontab
from jobdesk.engine.queue import Queue
from jobdesk.errors import JobCancelled
from jobdesk.jobdata import JobData
from jobdesk.models import JobOptions
from jobdesk.sweep import Swept, check_folder, sweep

if TYPE_CHECKING:
    from jobdesk.engine.context import JobContext

HOUR_S, DAY_S = 3600.0, 86_400.0

queue = huey = Queue("cleanup", concurrency=1, defaults=JobOptions(timeout=3600, priority=9))

#: What a log file is called, rotated and compressed ones too.
_LOG_NAME = re.compile(r"[^.].*\.log(?:[.-][\w.-]+)?", re.IGNORECASE)


class CleanupData(JobData):
    """What every cleanup can be told."""

    dry_run: bool = False


class TempFiles(CleanupData):
    """Files untouched for at least an hour."""

    max_age_hours: Annotated[float, Field(ge=1, le=876_000, allow_inf_nan=False)] = 24


class OldLogs(CleanupData):
    """Logs untouched for at least a day."""

    retention_days: Annotated[float, Field(ge=1, le=36_500, allow_inf_nan=False)] = 30


class FailedJobs(CleanupData):
    """Jobs that failed at least a day ago."""

    older_than_days: Annotated[float, Field(ge=1, le=3_650, allow_inf_nan=False)] = 7


def delete_files(
    folders: Sequence[Path],
    *,
    older_than_s: float,
    logs_only: bool,
    dry_run: bool,
    keep: Path,
    job: JobContext,
) -> dict[str, Any]:
    """Delete old files under the folders; all folders are checked before any is touched."""
    swept = Swept()
    before_s = time.time() - older_than_s
    for folder in [check_folder(folder, keep=keep) for folder in folders]:
        sweep(
            folder,
            before_s=before_s,
            wanted=_is_log if logs_only else _is_any,
            dry_run=dry_run,
            swept=swept,
            go_on=lambda: not job.cancelled,
        )
        if job.cancelled:
            raise JobCancelled(f"stopped after {swept.files} files ({swept.bytes:,} bytes)")
    if swept.failed:
        job.log(f"{swept.failed} files or folders could not be read or deleted")
    return {
        "success": True,
        "files": swept.files,
        "bytes": swept.bytes,
        "open": swept.open,
        "failed": swept.failed,
        "dryRun": dry_run,
    }


def _is_log(name: str) -> bool:
    return _LOG_NAME.fullmatch(name) is not None


def _is_any(_name: str) -> bool:
    return True


@queue.periodic_task(crontab(minute="10", hour="2"))
def temp_files(options: TempFiles, *, job: JobContext) -> dict[str, Any]:
    """Delete old files from the temporary folders."""
    settings = settings_module.current()
    return delete_files(
        settings.temp_folders or (settings.data_folder / "tmp",),
        older_than_s=options.max_age_hours * HOUR_S,
        logs_only=False,
        dry_run=options.dry_run,
        keep=settings.data_folder,
        job=job,
    )


@queue.periodic_task(crontab(minute="20", hour="2"))
def old_logs(options: OldLogs, *, job: JobContext) -> dict[str, Any]:
    """Delete old log files from the log folder."""
    settings = settings_module.current()
    return delete_files(
        (settings.log_folder or settings.data_folder / "logs",),
        older_than_s=options.retention_days * DAY_S,
        logs_only=True,
        dry_run=options.dry_run,
        keep=settings.data_folder,
        job=job,
    )


@queue.periodic_task(crontab(minute="30", hour="2"))
def failed_jobs(options: FailedJobs, *, job: JobContext) -> dict[str, Any]:
    """Remove the jobs of all queues that failed long ago."""
    from jobdesk.engine.housekeeping import clean_failed

    cleaned = clean_failed(
        options.older_than_days * DAY_S, options.dry_run, go_on=lambda: not job.cancelled
    )
    return {"success": True, **cleaned, "dryRun": options.dry_run}
