"""The cleanup queue: files, logs, failed jobs, and rows whose time is over; each also every night.

What may be deleted is decided here and in the settings, never by a job: a job says how old, not
where. ``dryRun`` counts and deletes nothing.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from jobdesk import files
from jobdesk import settings as settings_module
from jobdesk.cron import crontab
from jobdesk.engine.queue import Queue
from jobdesk.errors import JobCancelled
from jobdesk.jobdata import JobData
from jobdesk.models import JobOptions
from jobdesk.sweep import Swept, check_folder, sweep

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Table

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


class Sessions(CleanupData):
    """Sessions that have expired."""


class Tokens(CleanupData):
    """Tokens that have expired."""


class Notifications(CleanupData):
    """Notifications that were read, and are at least a day old; the others only if told so."""

    retention_days: Annotated[float, Field(ge=1, le=3_650, allow_inf_nan=False)] = 90
    include_unread: bool = False


class AuditLogs(CleanupData):
    """Audit logs that are at least a day old: to the archive, then deleted."""

    archive_after_days: Annotated[float, Field(ge=1, le=36_500, allow_inf_nan=False)] = 180


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


def delete_expired(
    which: tuple[Table, ColumnElement[bool]], what: str, *, dry_run: bool, job: JobContext
) -> dict[str, Any]:
    """Delete the rows from the database, batch by batch."""
    from jobdesk.db.connection import connect
    from jobdesk.db.expiry import delete_rows

    rows = delete_rows(connect(), which, dry_run=dry_run, told=_going_on(job))
    job.log(f"{rows:,} {what} {'would be' if dry_run else 'were'} deleted")
    return {"success": True, "rows": rows, "dryRun": dry_run}


def archive_audit_logs(before: datetime, *, dry_run: bool, job: JobContext) -> dict[str, Any]:
    """Write audit logs to a file in the data folder; delete those that are proven to be in it.

    A job that runs again finds its own file, and goes on with deleting.
    """
    from jobdesk.db.archive import delete_archived, read_archive, write_archive
    from jobdesk.db.connection import connect, reading
    from jobdesk.db.expiry import count
    from jobdesk.db.tables import audit_logs

    engine, folder = connect(), settings_module.current().data_folder
    if dry_run:
        with reading(engine) as connection:
            rows = count(connection, audit_logs, audit_logs.c.at < before)
        job.log(f"{rows:,} audit logs would be archived and deleted")
        return {"success": True, "rows": rows, "dryRun": True}
    path = folder / "archives" / files.file_name(f"audit-logs-{job.id}", ".jsonl.gz")
    if path.exists():
        job.log("the archive is there from an earlier attempt")
        archive = read_archive(path)
    else:
        written = write_archive(engine, path, root=folder, before=before)
        if written is None:
            job.log("no audit logs are that old")
            return {"success": True, "rows": 0, "dryRun": False}
        archive = written
    job.log(f"{archive.rows:,} audit logs archived and verified, SHA-256 {archive.sha256}")
    job.progress(50)
    deleted = delete_archived(engine, path, told=_going_on(job))
    job.log(f"{deleted:,} audit logs deleted")
    return {
        "success": True,
        "rows": archive.rows,
        "deleted": deleted,
        "path": str(path),
        "bytes": path.stat().st_size,
        "sha256": archive.sha256,
        "dryRun": False,
    }


def _going_on(job: JobContext) -> Callable[[int], None]:
    def told(deleted: int) -> None:
        if job.cancelled:
            raise JobCancelled(f"stopped after {deleted:,} rows")

    return told


def _days_ago(days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


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


@queue.periodic_task(crontab(minute="40", hour="2"))
def sessions(options: Sessions, *, job: JobContext) -> dict[str, Any]:
    """Delete expired sessions."""
    from jobdesk.db.expiry import expired_sessions

    which = expired_sessions(datetime.now(UTC))
    return delete_expired(which, "sessions", dry_run=options.dry_run, job=job)


@queue.periodic_task(crontab(minute="45", hour="2"))
def tokens(options: Tokens, *, job: JobContext) -> dict[str, Any]:
    """Delete expired tokens."""
    from jobdesk.db.expiry import expired_tokens

    which = expired_tokens(datetime.now(UTC))
    return delete_expired(which, "tokens", dry_run=options.dry_run, job=job)


@queue.periodic_task(crontab(minute="50", hour="2"))
def notifications(options: Notifications, *, job: JobContext) -> dict[str, Any]:
    """Delete old notifications that were read."""
    from jobdesk.db.expiry import old_notifications

    which = old_notifications(_days_ago(options.retention_days), unread=options.include_unread)
    return delete_expired(which, "notifications", dry_run=options.dry_run, job=job)


@queue.periodic_task(crontab(minute="0", hour="3"))
def audit_logs(options: AuditLogs, *, job: JobContext) -> dict[str, Any]:
    """Move old audit logs to an archive, which is verified before anything is deleted."""
    before = _days_ago(options.archive_after_days)
    return archive_audit_logs(before, dry_run=options.dry_run, job=job)
