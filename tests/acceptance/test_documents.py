"""The pdf queue under a real worker: hostile HTML is ended by its limits, renders stay cheap."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from jobdesk.broker.inspector import Inspector
from jobdesk.documents.invoice import InvoiceData
from jobdesk.documents.rendering import Printing, render_invoice
from jobdesk.errors import JobFailed
from jobdesk.tasks import pdf
from tests import papers

#: Sixteen flex boxes in one another take minutes to lay out.
LOOP = '<div style="display:flex">' * 16 + "x"
#: A list of so many columns is made before any is laid out.
EATER = '<div style="display:grid;grid-template-columns:repeat(100000000,1px)">x</div>'
TYPES: dict[str, tuple[Any, dict[str, Any]]] = {
    "receipt": (pdf.receipt, {"receiptData": papers.RECEIPT}),
    "statement": (pdf.statement, {"statementData": papers.STATEMENT}),
    "contract": (pdf.contract, {"contractData": papers.CONTRACT, "options": {"format": "Letter"}}),
    "report": (pdf.report, {"reportId": "r1", "reportData": papers.REPORT}),
    "custom": (pdf.custom, {"html": "<h1>Hello</h1>", "fileName": "Hello world.pdf"}),
    "invoice": (pdf.invoice, {"invoiceData": papers.TAX_INVOICE}),
}


@contextmanager
def worker(environment: dict[str, str], folder: Path) -> Iterator[None]:
    """A worker of the pdf queue, one job at a time."""
    script = Path(sys.executable).with_name("huey_consumer")
    with (folder / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [script, "jobdesk.tasks.pdf.huey", "-w", "1", "-q"],
            env=environment, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        process.wait(40)


def test_every_type_makes_its_document(environment, settings, tmp_path):
    handles = {name: task(**data) for name, (task, data) in TYPES.items()}

    with worker(environment, tmp_path):
        made = {name: handle.wait(90)["document"] for name, handle in handles.items()}

    for document in made.values():
        path = Path(document["path"])
        assert path.read_bytes().startswith(b"%PDF-")
        assert path.stat().st_size == document["bytes"]
        assert path.is_relative_to(settings.data_folder / "pdf")
    assert {name: document["filename"] for name, document in made.items()} == {
        "receipt": "RCP-2026-0077.pdf",
        "statement": "STM-2026-11.pdf",
        "contract": "CON-2026-0031.pdf",
        "report": "Third-quarter-2026.pdf",
        "custom": "Hello-world.pdf",
        "invoice": "INV-2026-0142.pdf",
    }
    assert Inspector(pdf.queue.broker).job("pdf", handles["report"].id).progress == 100


def test_html_that_loops_or_eats_memory_is_ended_and_the_next_job_completes(
    environment, broker, settings, tmp_path
):
    secret = tmp_path / "secret.svg"
    secret.write_text('<svg xmlns="http://www.w3.org/2000/svg"><text>canary</text></svg>')
    environment |= {"JOBDESK_CHILD_MEMORY_BYTES": str(600 << 20)}
    loop = pdf.custom.options(attempts=1, timeout=2)(html=LOOP)
    eater = pdf.custom.options(attempts=1, timeout=60)(html=EATER)
    reader = pdf.custom(html=f'<img src="{secret.as_uri()}">')
    good = pdf.custom(html="<p>Hello")

    with worker(environment, tmp_path):
        ends = []
        for handle in (loop, eater, reader):
            with pytest.raises(JobFailed) as failed:
                handle.wait(60)
            ends.append(failed.value.error)
        done = good.wait(60)

    assert ends[0].startswith("JobTimeout")
    assert ends[1].startswith(("MemoryError", "WorkerDied"))
    assert "may not load file:" in ends[2]
    assert Inspector(broker).status("pdf", reader.id).attempts_made == 1  # it will never do
    assert done["document"]["pages"] == 1
    left = [path.name for path in (settings.data_folder / "pdf").iterdir()]
    assert left == [Path(done["document"]["path"]).name]


@pytest.mark.quiet
def test_a_warm_render_costs_little_more_than_the_same_in_process(environment, broker, tmp_path):
    data, how = InvoiceData.model_validate(papers.TAX_INVOICE), Printing(today=date(2026, 11, 24))

    def in_process() -> float:
        began = time.perf_counter()
        render_invoice(data, tmp_path / "i.pdf", how, root=tmp_path)
        return time.perf_counter() - began

    with worker(environment, tmp_path):
        pdf.invoice(invoiceData=papers.TAX_INVOICE).wait(60)  # the child is warm from now on
        in_process()
        here, there, whole = [], [], []
        for _ in range(5):
            here.append(in_process())
            began = time.perf_counter()
            handle = pdf.invoice(invoiceData=papers.TAX_INVOICE)
            handle.wait(60)
            whole.append(time.perf_counter() - began)
            job = Inspector(broker).job("pdf", handle.id)
            assert job.started_ms is not None
            assert job.finished_ms is not None
            there.append((job.finished_ms - job.started_ms) / 1000)

    told = {
        name: round(1000 * statistics.median(times))
        for name, times in (("in process", here), ("job", there), ("added to ended", whole))
    }
    print("warm render, ms:", told)
    assert told["added to ended"] - told["in process"] <= 150, told
