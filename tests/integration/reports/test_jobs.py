"""Reports as jobs: each type through a real worker, and the page's sample word for word."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from jobdesk import QueueService
from jobdesk.broker.inspector import Inspector
from jobdesk.db import tables
from jobdesk.db.connection import close_all, connect, reading
from jobdesk.engine.context import JobContext
from jobdesk.errors import InvalidJobData, JobCancelled, JobFailed
from jobdesk.tasks import report
from tests.integration.reports.firm import FIRM, write_firm

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from jobdesk.broker.connection import Broker
    from jobdesk.settings import Settings

PAGE = Path(__file__).parents[3] / "docs" / "reports.md"
JANUARY = {"firmId": FIRM, "startDate": "2025-01-01", "endDate": "2025-01-31"}
#: what each type begins its file with, by its format
MAGIC = {"pdf": b"%PDF-", "xlsx": b"PK", "json": b"{", "csv": b"\xef\xbb\xbf"}


@pytest.fixture
def firm(settings: Settings) -> Iterator[Settings]:
    """The small firm, in the data folder's own database."""
    write_firm(connect(settings))
    yield settings
    close_all()


@contextmanager
def worker(environment: dict[str, str], folder: Path, *queues: str) -> Iterator[None]:
    script = Path(sys.executable).with_name("jobdesk")
    log = (folder / "worker.log").open("wb")
    process = subprocess.Popen(
        [script, "worker", *queues], env=environment, stdout=log, stderr=log, cwd=folder
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(40)
        log.close()
        sys.stderr.write((folder / "worker.log").read_text())  # shown where the test fails


def test_every_type_makes_its_file_and_tells_how_far_it_is(
    firm: Settings, environment: dict[str, str], broker: Broker, tmp_path: Path
) -> None:
    service = QueueService(firm)
    jobs = [
        service.generate_report({**JANUARY, "reportType": "financial"}, "financial"),
        service.generate_report({**JANUARY, "format": "xlsx", "language": "ar"}, "analytics"),
        service.generate_report({**JANUARY, "format": "json"}, "time-utilization"),
        service.generate_report({"firmId": FIRM, "format": "xlsx"}, "client-aging"),
        service.generate_report(
            {**JANUARY, "definition": "hours-by-case", "format": "json"}, "custom"
        ),
        service.generate_report({"firmId": FIRM, "dataType": "invoices"}, "data-export"),
    ]
    unknown = service.generate_report({**JANUARY, "firmId": "nobody"}, "financial")

    with worker(environment, tmp_path, "report"):
        results = [job.wait(timeout=60) for job in jobs]
        with pytest.raises(JobFailed, match="no firm 'nobody'"):
            unknown.wait(timeout=60)

    for result in results:
        path = Path(result["path"])
        assert set(result) == {"success", "path", "filename", "rows"}
        assert path.parent == firm.data_folder / "reports"
        assert path.read_bytes().startswith(MAGIC[path.suffix[1:]])
        assert result["rows"] > 0
    assert results[0]["filename"] == "financial-20250101-20250131.pdf"
    assert [job.status().progress for job in jobs] == [100] * 6
    # a firm that is not there is no reason to try again
    assert unknown.status().attempts_made == 1
    log = Inspector(broker).job("report", jobs[0].id).log
    assert "Financial report of Small Firm: figures counted" in str(log)


def test_data_that_does_not_fit_is_refused_before_it_is_queued(settings: Settings) -> None:
    service = QueueService(settings)

    for wrong in ({"query": {"$where": "1"}}, {"endDate": "2024-12-31"}, {"firmId": None}):
        with pytest.raises(InvalidJobData):
            service.generate_report({**JANUARY, **wrong}, "financial")
    assert service.get_queue_stats("report").waiting == 0


class Stopped:
    """The line of a job that an operator has cancelled."""

    def progress(self, _value: str) -> str:
        return "OK"

    def log(self, _line: str) -> str:
        return "OK"

    def cancelled(self) -> bool:
        return True


def test_a_cancelled_export_leaves_no_half_file(firm: Settings) -> None:
    job = JobContext(Stopped(), id="j1", queue="report", type="data-export", attempt=1)
    data = report.DataExport.model_validate({"firmId": FIRM, "dataType": "invoices"})

    with pytest.raises(JobCancelled):
        report.export_rows(data, job=job)

    assert list((firm.data_folder / "reports").iterdir()) == []


# --- the page's sample


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "report_records.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("report_records")
    del sys.modules["report_records"]


def record(settings: Settings, report_id: str) -> Any:
    with reading(connect(settings)) as connection:
        return connection.execute(
            select(tables.reports).where(tables.reports.c.id == report_id)
        ).one()


def ended(settings: Settings, report_id: str) -> Any:
    deadline = time.monotonic() + 60
    while (found := record(settings, report_id)).status == "queued":
        assert time.monotonic() < deadline, "the record was never marked"
        time.sleep(0.05)
    return found


def test_a_report_record_is_queued_then_done_or_failed(
    firm: Settings, environment: dict[str, str], tmp_path: Path, page: ModuleType
) -> None:
    good = page.request_report(FIRM, "2025-01-01", "2025-01-31")
    bad = page.request_report("nobody", "2025-01-01", "2025-01-31")
    before = [record(firm, one).status for one in (good, bad)]
    environment |= {"PYTHONPATH": str(tmp_path), "JOBDESK_IMPORTS": "report_records"}

    with worker(environment, tmp_path, "report", "report-records"):
        done, failed = ended(firm, good), ended(firm, bad)

    assert before == ["queued", "queued"]
    assert (done.status, Path(done.path).read_bytes()[:5]) == ("done", b"%PDF-")
    assert failed.status == "failed"
    assert "no firm 'nobody'" in failed.error
    assert failed.finished_at is not None
