"""What all fake services share: a socket, a log of requests, and answers out of turn."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator


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


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    raw: bytes

    def json(self) -> Any:
        return json.loads(self.raw)

    def form(self) -> dict[str, str]:
        if self.headers.get("content-type") != "application/x-www-form-urlencoded":
            return {}
        return dict(parse_qsl(self.raw.decode(), keep_blank_values=True))


class FakeService(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: list[Scripted] = []
        self.requests: list[Request] = []
        self.lock = threading.Lock()
        self.released = threading.Event()

    def accept(self, request: Request) -> tuple[int, Any]:
        """What the real one does and answers."""
        raise NotImplementedError

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that went away is part of the tests


class Handler(BaseHTTPRequestHandler):
    server: FakeService
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        parts = urlsplit(self.path)
        request = Request(
            self.command,
            parts.path,
            dict(parse_qsl(parts.query)),
            {name.lower(): value for name, value in self.headers.items()},
            raw,
        )
        with self.server.lock:
            self.server.requests.append(request)
            scripted = self.server.script.pop(0) if self.server.script else None
        if scripted is not None and not scripted.cut and not scripted.late_s:
            text = scripted.raw if scripted.raw is not None else json.dumps(scripted.body)
            self._answer(scripted.status, text, scripted.headers)
            return
        with self.server.lock:
            status, body = self.server.accept(request)
        if scripted is not None and scripted.cut:
            self.connection.close()
            self.close_connection = True
            return
        if scripted is not None:
            self.server.released.wait(scripted.late_s)
        self._answer(status, "" if body is None else json.dumps(body), {})

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _answer(self, status: int, text: str, headers: dict[str, str]) -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: Any) -> None:
        pass


Service = TypeVar("Service", bound=FakeService)


@contextmanager
def running(server: Service) -> Iterator[Service]:
    """The server, at work until the block ends."""
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        thread.join(5)
        server.server_close()


class Mute:
    """A job context's line that nobody hears; it remembers."""

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
