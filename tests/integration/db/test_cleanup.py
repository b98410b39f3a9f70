"""Cleanup of rows: what goes, what stays, and that nothing goes unarchived."""

from __future__ import annotations

import gzip
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError
from sqlalchemy import func, insert, select

from jobdesk.db import archive, expiry, tables
from jobdesk.db.connection import reading, writing
from jobdesk.engine.context import JobContext
from jobdesk.errors import JobCancelled, PermanentError
from jobdesk.tasks import cleanup

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine, Table

    from jobdesk.settings import Settings

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


class Line:
    """A job context's line that remembers, and that may be told to stop."""

    def __init__(self) -> None:
        self.logged: list[str] = []
        self.stopped = False

    def progress(self, _value: str) -> str:
        return "OK"

    def log(self, line: str) -> str:
        self.logged.append(line)
        return "OK"

    def cancelled(self) -> bool:
        return self.stopped


def context(job_id: str = "job1") -> tuple[JobContext, Line]:
    line = Line()
    made = JobContext(line, id=job_id, queue="cleanup", type="x", attempt=1)
    return made, line


def count(engine: Engine, table: Table) -> int:
    with reading(engine) as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def write(engine: Engine, table: Table, rows: list[dict[str, Any]]) -> None:
    with writing(engine) as connection:
        connection.execute(insert(table), rows)


def session(number: int, expires: datetime) -> dict[str, Any]:
    return {"id": f"s{number}", "user_id": "u", "created_at": NOW - DAY, "expires_at": expires}


def audit(number: int, at: datetime) -> dict[str, Any]:
    return {"firm_id": "f", "user_id": "u", "action": "login", "entity": "محضر",
            "details": {"n": number}, "at": at}  # fmt: skip


@pytest.fixture
def audited(engine: Engine) -> Engine:
    old = [audit(n, NOW - (181 + n % 3) * DAY) for n in range(2_500)]
    write(engine, tables.audit_logs, old + [audit(9_000 + n, NOW - 5 * DAY) for n in range(3)])
    return engine


def test_sessions_go_when_they_have_expired_and_not_before(engine: Engine) -> None:
    rows = [session(n, NOW - DAY) for n in range(2_345)] + [session(9_999, NOW + DAY)]
    write(engine, tables.sessions, rows)
    job, line = context()
    told: list[int] = []

    dry = expiry.delete_rows(engine, expiry.expired_sessions(NOW), dry_run=True)
    gone = expiry.delete_rows(engine, expiry.expired_sessions(NOW), dry_run=False, told=told.append)
    again = cleanup.sessions.func(cleanup.Sessions(), job=job)

    assert (dry, gone) == (2_345, 2_345)
    assert told == [1_000, 2_000, 2_345]
    assert again == {"success": True, "rows": 0, "dryRun": False}
    assert count(engine, tables.sessions) == 1
    assert line.logged == ["0 sessions were deleted"]


def test_a_dry_run_counts_and_leaves_everything(audited: Engine) -> None:
    write(audited, tables.sessions, [session(1, NOW - DAY)])
    token = {"id": "t", "user_id": "u", "kind": "refresh", "token_hash": "h",
             "created_at": NOW - DAY, "expires_at": NOW - DAY}  # fmt: skip
    write(audited, tables.tokens, [token])
    dry: dict[str, Any] = {"dryRun": True}

    results = [
        cleanup.sessions.func(cleanup.Sessions.model_validate(dry), job=context()[0]),
        cleanup.tokens.func(cleanup.Tokens.model_validate(dry), job=context()[0]),
        cleanup.audit_logs.func(cleanup.AuditLogs.model_validate(dry), job=context()[0]),
    ]

    assert [result["rows"] for result in results] == [1, 1, 2_500]
    assert [count(audited, t) for t in (tables.sessions, tables.tokens)] == [1, 1]
    assert count(audited, tables.audit_logs) == 2_503


def test_tokens_go_when_they_have_expired(engine: Engine) -> None:
    token = {"user_id": "u", "kind": "refresh", "created_at": NOW - DAY}
    write(
        engine,
        tables.tokens,
        [
            {**token, "id": "a", "token_hash": "a", "expires_at": NOW - DAY},
            {**token, "id": "b", "token_hash": "b", "expires_at": NOW + DAY},
        ],
    )

    result = cleanup.tokens.func(cleanup.Tokens(), job=context()[0])

    assert result == {"success": True, "rows": 1, "dryRun": False}
    with reading(engine) as connection:
        assert list(connection.scalars(select(tables.tokens.c.id))) == ["b"]


def test_notifications_go_when_old_and_read_unless_told_otherwise(engine: Engine) -> None:
    note = {"user_id": "u", "title": "t", "message": "m", "kind": "info"}
    old, young = NOW - 91 * DAY, NOW - 89 * DAY
    write(
        engine,
        tables.notifications,
        [
            {**note, "job_id": "old-read", "created_at": old, "read_at": old},
            {**note, "job_id": "old-unread", "created_at": old, "read_at": None},
            {**note, "job_id": "young-read", "created_at": young, "read_at": young},
        ],
    )

    def left() -> list[str]:
        with reading(engine) as connection:
            return sorted(connection.scalars(select(tables.notifications.c.job_id)))

    cleanup.notifications.func(cleanup.Notifications(), job=context()[0])
    assert left() == ["old-unread", "young-read"]
    cleanup.notifications.func(cleanup.Notifications(include_unread=True), job=context()[0])
    assert left() == ["young-read"]


def test_audit_logs_are_in_the_archive_and_then_gone(
    audited: Engine, db_settings: Settings
) -> None:
    job, line = context()

    result = cleanup.audit_logs.func(cleanup.AuditLogs(), job=job)

    assert (result["rows"], result["deleted"]) == (2_500, 2_500)
    assert count(audited, tables.audit_logs) == 3
    path = db_settings.data_folder / "archives" / "audit-logs-job1.jsonl.gz"
    assert result["path"] == str(path)
    assert path.stat().st_mode & 0o077 == 0
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    assert hashlib.sha256(b"".join(lines[:-1])).hexdigest() == result["sha256"]
    rows = [json.loads(one) for one in lines[:-1]]
    assert sorted(row["details"]["n"] for row in rows) == list(range(2_500))
    assert rows[0]["entity"] == "محضر"
    assert line.logged[-1] == "2,500 audit logs deleted"


def test_nothing_that_is_old_makes_no_archive(engine: Engine, db_settings: Settings) -> None:
    result = cleanup.audit_logs.func(cleanup.AuditLogs(), job=context()[0])

    assert result == {"success": True, "rows": 0, "dryRun": False}
    assert not (db_settings.data_folder / "archives").exists()


def test_a_job_that_died_before_deleting_goes_on_with_its_own_archive(
    audited: Engine, db_settings: Settings
) -> None:
    folder = db_settings.data_folder
    path = folder / "archives" / "audit-logs-job1.jsonl.gz"
    archive.write_archive(audited, path, root=folder, before=NOW - 180 * DAY)
    before = path.read_bytes()
    write(audited, tables.audit_logs, [audit(7_777, NOW - 500 * DAY)])  # not in the archive

    result = cleanup.audit_logs.func(cleanup.AuditLogs(), job=context()[0])
    again = cleanup.audit_logs.func(cleanup.AuditLogs(), job=context()[0])

    assert (result["deleted"], again["deleted"]) == (2_500, 0)
    assert path.read_bytes() == before
    assert count(audited, tables.audit_logs) == 4


def test_a_cancelled_deletion_stops_between_batches_and_can_be_finished(audited: Engine) -> None:
    job, line = context()
    line.stopped = True

    with pytest.raises(JobCancelled, match="1,000 rows"):
        cleanup.audit_logs.func(cleanup.AuditLogs(), job=job)
    assert count(audited, tables.audit_logs) == 1_503

    result = cleanup.audit_logs.func(cleanup.AuditLogs(), job=context()[0])
    assert result["deleted"] == 1_500


@pytest.mark.parametrize("damage", ["cut", "changed", "no end"])
def test_an_archive_that_is_not_whole_deletes_nothing(
    audited: Engine, db_settings: Settings, damage: str
) -> None:
    folder = db_settings.data_folder
    path = folder / "archives" / "audit-logs-job1.jsonl.gz"
    archive.write_archive(audited, path, root=folder, before=NOW - 180 * DAY)
    whole = path.read_bytes()
    lines = gzip.decompress(whole).splitlines(keepends=True)
    path.write_bytes(
        {
            "cut": whole[:-200],
            "changed": gzip.compress(b"".join([lines[0].replace(b"login", b"logon"), *lines[1:]])),
            "no end": gzip.compress(b"".join(lines[:-1])),
        }[damage]
    )

    with pytest.raises(PermanentError, match="archive"):
        cleanup.audit_logs.func(cleanup.AuditLogs(), job=context()[0])

    assert count(audited, tables.audit_logs) == 2_503


def test_a_young_row_with_an_archived_number_stays(audited: Engine, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    archive.write_archive(audited, path, root=tmp_path, before=NOW - 180 * DAY)
    with writing(audited) as connection:
        connection.execute(tables.audit_logs.delete())
    write(audited, tables.audit_logs, [{"id": 1, **audit(1, NOW)}])

    deleted = archive.delete_archived(audited, path)

    assert deleted == 0
    assert count(audited, tables.audit_logs) == 1


def test_an_archive_that_cannot_be_written_deletes_nothing(
    audited: Engine, db_settings: Settings
) -> None:
    folder = db_settings.data_folder / "archives"
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("a file where the folder should be")

    with pytest.raises((OSError, PermanentError)):
        cleanup.audit_logs.func(cleanup.AuditLogs(), job=context()[0])

    assert count(audited, tables.audit_logs) == 2_503


@pytest.mark.parametrize(
    ("model", "data"),
    [
        (cleanup.Notifications, {"retentionDays": 0.5}),
        (cleanup.AuditLogs, {"archiveAfterDays": 0}),
        (cleanup.Sessions, {"where": "1=1"}),
    ],
)
def test_less_than_a_day_and_unknown_names_are_refused(
    model: type[Any], data: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        model.model_validate(data)
