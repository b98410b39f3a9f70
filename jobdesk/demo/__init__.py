"""``jobdesk demo``: the six queues at real work on generated input, on a Redis of its own.

:func:`run` is the demo from end to end; ``traffic`` says what is added, ``tasks`` is a queue of
the demo's own, ``report`` prints what came of it.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from jobdesk import settings as settings_module

if TYPE_CHECKING:
    from jobdesk.settings import Settings

#: Where runs are kept, below the current folder.
FOLDER = Path(".demo")
#: Only folders with this file in them are ever deleted.
MARK = "made-by-jobdesk-demo"
RUNS_KEPT = 3
LIMIT_S = 60.0


def run(*, headless: bool = True, redis_url: str | None = None) -> int:
    """Run the demo: 0 when every job ended as it should, else 1.

    The embedded Redis and all files are in a folder of this run's own, below ``.demo``; the
    ``REDIS_URL`` of the environment is not looked at.
    """
    from jobdesk.broker import connection
    from jobdesk.demo.report import Report
    from jobdesk.demo.traffic import Traffic
    from jobdesk.service import QueueService

    del headless  # both ways end in the report until there is a dashboard to end in
    settings = _own_settings(redis_url)
    print(f"jobdesk demo: everything it makes is in {settings.data_folder}", flush=True)
    worker = _start_worker()
    try:
        service = QueueService(settings)
        traffic = Traffic(service, settings.data_folder)
        traffic.add()
        traffic.wait(LIMIT_S, lambda: worker.poll() is None)
        report = Report(service, traffic)
        report.print()
        return 0 if report.as_expected else 1
    finally:
        worker.terminate()
        try:
            worker.wait(timeout=30)
        except subprocess.TimeoutExpired:
            worker.kill()
        connection.close_all()


def _own_settings(redis_url: str | None) -> Settings:
    """A folder, a Redis and a secret of this run's own; also in the environment of its workers."""
    folder = _new_folder()
    values = {
        "REDIS_URL": redis_url or "embedded://",
        "JOBDESK_NAMESPACE": "demo",
        "JOBDESK_DATA": str(folder),
        "JOBDESK_DELIVERY": "outbox",
        "JOBDESK_IMPORTS": "jobdesk.demo.tasks",
        "JOBDESK_SECRET": secrets.token_hex(16),
        "FROM_EMAIL": "billing@example.com",
        "FROM_NAME": "Najd Legal Consultants",
    }
    os.environ.pop("REDIS_PASSWORD", None)
    os.environ.update(values)
    settings = settings_module.load()
    settings_module.use(settings)
    return settings


def _new_folder() -> Path:
    base = FOLDER.absolute()
    base.mkdir(exist_ok=True)
    made = sorted(path for path in base.iterdir() if (path / MARK).is_file())
    for old in made[: max(0, len(made) - RUNS_KEPT + 1)]:
        shutil.rmtree(old, ignore_errors=True)
    name = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    folder = base / name
    while folder.exists():
        time.sleep(0.2)
        folder = base / datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    folder.mkdir()
    (folder / MARK).touch()
    return folder


def _start_worker() -> subprocess.Popen[bytes]:
    log = settings_module.current().data_folder / "worker.log"
    with log.open("wb") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "jobdesk", "worker"],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
