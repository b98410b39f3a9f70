"""``jobdesk demo --headless``: runs, says what it made, and what it names is there."""

from __future__ import annotations

import email
import email.policy
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from pypdf import PdfReader

from jobdesk.tasks import QUEUES

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        [sys.executable, "-m", "jobdesk", "demo", "--headless"],
        cwd=folder,
        # nothing listens there: what the demo asks the internet is not asked in a test
        env={**os.environ, "RATES_BASE_URL": "http://127.0.0.1:9"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    return done, folder


def made(output: str, suffix: str) -> list[Path]:
    return [
        Path(name) for name in re.findall(rf"^  (/.*{re.escape(suffix)})$", output, re.MULTILINE)
    ]


def test_the_demo_ends_well_and_shows_its_points_by_name(
    demo: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    done, _ = demo

    assert done.returncode == 0, done.stdout + done.stderr
    for point in ("a retry", "a delayed mail", "a failure on purpose", "a schedule run now"):
        assert point in done.stdout
    assert "totalAmount is 5,400.00, but the items make 5,800.00" in done.stdout
    for queue in ("email", "pdf", "notification", "report", "cleanup", "sync"):
        assert re.search(rf"^  {queue} ", done.stdout, re.MULTILINE)


def test_every_type_is_named_with_what_came_of_it(
    demo: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    done, folder = demo
    table = done.stdout.partition("\nTypes\n")[2].partition("\nMade\n")[0]
    rows = dict(re.findall(r"^  ([a-z-]+:[a-z-]+) +(.*)$", table, re.MULTILINE))

    there = {
        f"{name}:{type_}"
        for name in QUEUES
        for type_ in import_module(f"jobdesk.tasks.{name}").queue.types
    }
    assert set(rows) == there
    assert {name for name, told in rows.items() if not told.startswith("completed ")} == {
        "sync:bank-transactions", "sync:currency-rates", "sync:mudad-payment",
        "sync:payment-status", "sync:wathq-contract", "sync:wathq-registration",
        "sync:zatca-invoice",
    }  # fmt: skip
    assert rows["sync:payment-status"].startswith("not run")
    assert rows["sync:currency-rates"].startswith("skipped")
    (run,) = [path for path in (folder / ".demo").iterdir() if path.is_dir()]
    for name in ("pdf:contract", "report:analytics", "email:campaign", "notification:webhook"):
        assert (run / rows[name].split()[-1]).is_file()


def test_the_invoice_holds_its_number_and_total(
    demo: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    done, _ = demo

    texts = [
        "".join(page.extract_text() for page in PdfReader(path).pages)
        for path in made(done.stdout, ".pdf")
    ]

    assert any("INV-2026-001" in text and "5,000.00" in text for text in texts)
    assert any("INV-2026-002" in text and "11,500.00" in text for text in texts)


def test_the_mails_open_and_the_pipelines_mail_brings_the_invoice(
    demo: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    done, _ = demo

    mails = [
        email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        for path in made(done.stdout, ".eml")
    ]

    subjects = {mail["Subject"] for mail in mails}
    assert {"Invoice #12345", "فاتورتك جاهزة", "A reminder"} <= subjects
    (with_invoice,) = [mail for mail in mails if mail["Subject"] == "Invoice INV-2026-003"]
    (attached,) = list(with_invoice.iter_attachments())
    assert attached.get_filename() == "INV-2026-003.pdf"
    assert attached.get_content().startswith(b"%PDF")


def test_the_demo_leaves_nothing_running(
    demo: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    import time

    import psutil

    _, folder = demo

    deadline = time.monotonic() + 20
    while True:
        left = [
            process.info["cmdline"]
            for process in psutil.process_iter(["cmdline"])
            if any(str(folder) in part for part in process.info["cmdline"] or ())
        ]
        if not left or time.monotonic() > deadline:
            break
        time.sleep(0.2)

    assert left == []
