"""The demo's other side of webhooks: a small server on loopback that keeps what it is sent.

``/down`` answers 503, as a service does that is away; everything else is taken.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

#: Files that are kept; a demo may run for hours.
MOST_KEPT = 500


class Receiver:
    """Listens from the start; :meth:`keep_in` says where what comes is put."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._count = 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # http.server's name
                body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), 1 << 20))
                down = self.path.startswith("/down")
                if not down:
                    receiver.take(self.headers.get("webhook-id", "none"), body)
                self.send_response(503 if down else 204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as above
                """The screen is the dashboard's."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.host = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(
            target=self._server.serve_forever, name="jobdesk-receiver", daemon=True
        ).start()

    def keep_in(self, folder: Path) -> None:
        """Put what comes into ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def take(self, message_id: str, body: bytes) -> None:
        """Keep one post, named by its id: one that comes twice is one file."""
        if self._folder is None or self._count >= MOST_KEPT:
            return
        self._count += 1
        name = "".join(char for char in message_id if char.isalnum() or char == "_")[:60]
        text = json.dumps(json.loads(body), ensure_ascii=False, indent=2)
        (self._folder / f"{name}.json").write_text(text, encoding="utf-8")

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
