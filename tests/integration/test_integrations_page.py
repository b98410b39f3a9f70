"""docs/integrations.md does what it says: its code is put into files, and used."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from http.client import HTTPConnection
from pathlib import Path
from types import ModuleType
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from jobdesk import settings as settings_module
from jobdesk.broker import connection
from jobdesk.errors import RedisUnavailable

PAGE = (Path(__file__).parents[2] / "docs/integrations.md").read_text("utf-8")
CODE = dict(re.findall(r"```python\n# (\w+)\.py\n(.*?)```", PAGE, re.DOTALL))
INVOICE = {
    "invoiceId": "507f1f77bcf86cd799439011",
    "invoiceData": {
        "invoiceNumber": "INV-2024-001",
        "clientName": "Client Name",
        "items": [],
        "totalAmount": 5000,
    },
}


def module(name: str, folder: Path) -> ModuleType:
    """The page's code as a module, imported anew."""
    path = folder / f"{name}.py"
    path.write_text(CODE[name])
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@contextmanager
def worker(name: str, environment: dict[str, str], folder: Path) -> Iterator[None]:
    script = Path(sys.executable).with_name("huey_consumer")
    with (folder / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [script, f"jobdesk.tasks.{name}.huey", "-w", "2", "-q"],
            env=environment, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        process.wait(40)


@pytest.fixture
def redis_is_away(settings, tmp_path):
    """Settings by which no Redis can be reached."""
    gone = settings.model_copy(update={"redis_url": f"unix://{tmp_path}/nobody.sock"})
    settings_module.use(gone)
    yield gone
    connection.close_all()


# --- mail


def mails(settings: Any) -> list[Any]:
    found = sorted((settings.data_folder / "outbox").glob("*.eml"))
    return [message_from_bytes(path.read_bytes(), policy=policy.default) for path in found]


def test_mail_goes_by_the_queue_while_there_is_one(settings, environment, tmp_path):
    service = module("mail_service", tmp_path)

    told = [service.send_invoice_mail("client@example.com", "12345") for _ in range(2)]

    assert told == ["queued", "queued"]
    assert mails(settings) == []
    with worker("email", environment, tmp_path):
        service.service.wait("email", "invoice-mail-12345", 60)
    assert [mail["Subject"] for mail in mails(settings)] == ["Invoice 12345"]


def test_mail_is_sent_in_place_once_when_redis_is_down(redis_is_away, tmp_path):
    service = module("mail_service", tmp_path)

    told = [service.send_invoice_mail("client@example.com", "12345") for _ in range(2)]

    assert told == ["sent", "sent"]
    assert [mail["To"] for mail in mails(redis_is_away)] == ["client@example.com"]


def test_the_fallback_can_be_switched_off(redis_is_away, tmp_path):
    settings_module.use(redis_is_away.model_copy(update={"email_fallback": "off"}))
    service = module("mail_service", tmp_path)

    with pytest.raises(RedisUnavailable):
        service.send_invoice_mail("client@example.com", "12345")

    assert mails(redis_is_away) == []


# --- the endpoint


class Quiet(WSGIRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def served(app: Any) -> Iterator[HTTPConnection]:
    server = make_server("127.0.0.1", 0, app, handler_class=Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    client = HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    try:
        yield client
    finally:
        client.close()
        server.shutdown()
        thread.join(5)
        server.server_close()


def asked(client: HTTPConnection, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    content = body if isinstance(body, str | None) else json.dumps(body)
    client.request(method, path, content)
    response = client.getresponse()
    raw = response.read()
    is_json = response.headers["Content-Type"] == "application/json"
    return response.status, json.loads(raw) if is_json else raw


def test_the_endpoint_answers_with_an_id_and_where_to_ask(settings, environment, tmp_path):
    app = module("invoice_endpoint", tmp_path).app
    with served(app) as client:
        code, told = asked(client, "POST", "/invoices/pdf", INVOICE)
        assert (code, sorted(told)) == (202, ["jobId", "status"])
        _, before = asked(client, "GET", told["status"])
        assert before == {"jobId": told["jobId"], "state": "waiting", "progress": None}
        assert asked(client, "GET", f"{told['status']}/file")[0] == 409

        with worker("pdf", environment, tmp_path):
            deadline = time.monotonic() + 60
            while (now := asked(client, "GET", told["status"])[1])["state"] != "completed":
                assert now["state"] != "failed", now
                assert time.monotonic() < deadline
                time.sleep(0.05)

        assert (now["pages"], now["file"]) == (1, f"/jobs/{told['jobId']}/file")
        code, document = asked(client, "GET", now["file"])
        assert (code, document[:5]) == (200, b"%PDF-")


def test_the_endpoint_says_what_is_wrong(settings, tmp_path):
    app = module("invoice_endpoint", tmp_path).app
    wrong = {**INVOICE, "invoiceData": {**INVOICE["invoiceData"], "totalAmount": "much"}}
    with served(app) as client:
        answers = [
            asked(client, "POST", "/invoices/pdf", wrong),
            asked(client, "POST", "/invoices/pdf", "{"),
            asked(client, "POST", "/invoices/pdf", [1]),
            asked(client, "GET", "/jobs/nothing"),
            asked(client, "GET", "/other"),
        ]

    assert [code for code, _ in answers] == [400, 400, 400, 404, 404]
    assert "data.invoiceData.totalAmount" in answers[0][1]["error"]


def test_the_endpoint_says_when_redis_is_down(redis_is_away, tmp_path):
    app = module("invoice_endpoint", tmp_path).app
    with served(app) as client:
        code, told = asked(client, "POST", "/invoices/pdf", INVOICE)

    assert (code, told) == (503, {"error": "try again in a moment"})
