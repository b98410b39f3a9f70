"""One queue does not bring the others, nor what only its jobs need."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "weasyprint", "httpx", "matplotlib", "pywebpush", "segno", "jinja2", "lxml", "sqlalchemy",
)  # fmt: skip
QUEUES = ("email", "pdf", "notification", "report", "cleanup", "sync")


@pytest.mark.parametrize("queue", QUEUES)
def test_importing_a_queue_imports_no_other_and_nothing_heavy(queue: str) -> None:
    others = {f"jobdesk.tasks.{other}" for other in QUEUES if other != queue}
    code = f"import sys, jobdesk.tasks.{queue}; print(*sys.modules)"

    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert not set(out.stdout.split()) & {*others, *HEAVY}


def test_all_queues_together_are_made_once_and_on_first_use() -> None:
    code = (
        "import sys, jobdesk.tasks as t;"
        "assert 'jobdesk.tasks.email' not in sys.modules;"
        "assert t.huey is t.huey;"
        "print(*(q.name for q in t.huey.queues))"
    )

    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert out.stdout.split() == list(QUEUES)


def test_there_is_nothing_else_in_the_package() -> None:
    import jobdesk.tasks

    with pytest.raises(AttributeError, match="no attribute 'celery'"):
        _ = jobdesk.tasks.celery
