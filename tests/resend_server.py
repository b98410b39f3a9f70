"""A Resend on this machine, over real sockets: it checks what the real one checks.

Scripted answers come first, each for one request; ``cut`` accepts the mail and closes the
connection without a word. What it accepted is in ``sent``, once per mail.
"""

from __future__ import annotations

import json
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

API_KEY = "re_test_0123456789abcdef"
REQUIRED = ("from", "to", "subject")
HEADER = re.compile(r"[!-9;-~]+")
TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")


@dataclass
class Scripted:
    """One answer out of turn."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    #: do what was asked, and close the connection instead of answering
    cut: bool = False
    #: send this text instead of JSON
    raw: str | None = None
    #: do what was asked, and answer after this many seconds
    late_s: float = 0


class FakeResend(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: list[Scripted] = []
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        self.sent: list[dict[str, Any]] = []
        self.invalid: set[str] = set()
        #: templates kept here, and the subject of each
        self.templates: dict[str, str] = {}
        self.remaining = 10
        self.lock = threading.Lock()
        self._answers: dict[str, tuple[bytes, Any]] = {}
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that went away is part of the tests

    def accept(self, path: str, headers: dict[str, str], raw: bytes) -> tuple[int, Any]:
        """What the real one answers."""
        if headers.get("authorization") != f"Bearer {API_KEY}":
            return 401, error(401, "missing_api_key", f"bad key {headers.get('authorization')}")
        if not headers.get("user-agent"):
            return 403, error(403, "validation_error", "a User-Agent is required")
        if headers.get("content-type") != "application/json":
            return 422, error(422, "invalid_parameter", "JSON is required")
        key = headers.get("idempotency-key", "")
        if not 1 <= len(key) <= 256:
            return 400, error(400, "invalid_idempotency_key", "1 to 256 characters")
        with self.lock:
            if key in self._answers:
                known, answer = self._answers[key]
                if known != raw:
                    return 409, error(409, "invalid_idempotent_request", "same key, other body")
                return 200, answer
            status, answer = self._do(path, json.loads(raw), headers)
            if status == 200:
                self._answers[key] = (raw, answer)
            return status, answer

    def _do(self, path: str, body: Any, headers: dict[str, str]) -> tuple[int, Any]:
        if path == "/emails" and isinstance(body, dict):
            if found := self._wrong(body):
                return 422, error(422, *found)
            return 200, {"id": self._send(body)}
        if path == "/emails/batch" and isinstance(body, list):
            if not 1 <= len(body) <= 100:
                return 422, error(422, "invalid_parameter", "1 to 100 mails")
            permissive = headers.get("x-batch-validation") == "permissive"
            wrong = {i: found for i, mail in enumerate(body) if (found := self._wrong(mail, True))}
            if wrong and not permissive:
                return 422, error(422, *next(iter(wrong.values())))
            answer: dict[str, Any] = {
                "data": [{"id": self._send(mail)} for i, mail in enumerate(body) if i not in wrong]
            }
            if permissive:
                answer["errors"] = [{"index": i, "message": m} for i, (_, m) in wrong.items()]
            return 200, answer
        return 404, error(404, "not_found", path)

    def _wrong(self, mail: dict[str, Any], in_batch: bool = False) -> tuple[str, str] | None:
        template = mail.get("template")
        kept = template and self.templates.get(template.get("id"))
        for name in REQUIRED:
            if not mail.get(name) and not (name == "subject" and kept):
                return "missing_required_field", f"Missing `{name}` field."
        if template:
            if "html" in mail or "text" in mail:
                return "invalid_parameter", "no html or text beside a template"
            if not kept:
                return "not_found", "Template not found"
            if any(type(v) not in (str, int, float) for v in template["variables"].values()):
                return "invalid_parameter", "variables are strings and numbers"
        elif "html" not in mail and "text" not in mail:
            return "missing_required_field", "Missing `html` or `text` field."
        if isinstance(mail["to"], list) and len(mail["to"]) > 50:
            return "invalid_parameter", "at most 50 in `to`"
        if in_batch and ("attachments" in mail or "scheduled_at" in mail):
            return "invalid_attachment", "no attachments in a batch"
        if self.invalid & set(mail["to"]):
            return "invalid_parameter", "Invalid `to` field."
        return wrong_header(mail)

    def _send(self, mail: dict[str, Any]) -> str:
        self.sent.append(mail)
        return f"id-{len(self.sent)}"


def wrong_header(mail: dict[str, Any]) -> tuple[str, str] | None:
    for name, value in mail.get("headers", {}).items():
        if not HEADER.fullmatch(name) or not isinstance(value, str) or not value.isprintable():
            return "invalid_parameter", f"Invalid header {name!r}"
    for tag in mail.get("tags", ()):
        if not TAG.fullmatch(tag["name"]) or not TAG.fullmatch(tag["value"]):
            return "invalid_parameter", "Tags are ASCII letters, numbers, _ and -"
    return None


def error(status: int, name: str, message: str) -> dict[str, Any]:
    return {"statusCode": status, "name": name, "message": message}


class Handler(BaseHTTPRequestHandler):
    server: FakeResend
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        with self.server.lock:
            self.server.requests.append((self.path, headers, json.loads(raw)))
            scripted = self.server.script.pop(0) if self.server.script else None
        if scripted is None or scripted.cut or scripted.late_s:
            status, body = self.server.accept(self.path, headers, raw)
            if scripted is not None and scripted.cut:
                self.connection.close()
                self.close_connection = True
                return
            if scripted is not None:
                self.server.released.wait(scripted.late_s)
            self._answer(status, json.dumps(body), {})
            return
        text = scripted.raw if scripted.raw is not None else json.dumps(scripted.body)
        self._answer(scripted.status, text, scripted.headers)

    def _answer(self, status: int, text: str, headers: dict[str, str]) -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ratelimit-limit", "10")
        self.send_header("ratelimit-remaining", str(self.server.remaining))
        self.send_header("ratelimit-reset", "1")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def running() -> Iterator[FakeResend]:
    """The server on a port that the system gives, until the block ends."""
    server = FakeResend()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        thread.join(5)
        server.server_close()
