"""A way to Redis that loses things: a loopback listener in front of a server's socket."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from pathlib import Path

from jobdesk.broker import scripts


class Proxy:
    """Carries bytes both ways, until it is told to lose some.

    ``lose(script)``: the next call of that script is carried out, and its answer lost with the
    link. ``hang()``: links stay open and carry nothing, as when a cable is pulled, until
    ``mend()``. ``cut()``: every link is reset. ``delay_s``: added to every answer.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1000)
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}"
        self.links = 0
        self.lost = 0
        self.delay_s = 0.0
        self._losing: list[bytes] = []
        self._carries = threading.Event()
        self._carries.set()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._serve, daemon=True).start()

    def lose(self, script: str, times: int = 1) -> None:
        """Lose the answers of the next calls of one script."""
        with self._lock:
            self._losing += [scripts.load(script).sha.encode()] * times

    def hang(self) -> None:
        self._carries.clear()

    def mend(self) -> None:
        self._carries.set()

    def cut(self) -> None:
        """End every link at once."""
        with self._lock:
            links = list(self._open)
        for link in links:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.mend()
        self._listener.close()
        self.cut()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.links += 1
                self._open.add(client)
            threading.Thread(target=self._link, args=(client,), daemon=True).start()

    def _link(self, client: socket.socket) -> None:
        try:
            with client, socket.socket(socket.AF_UNIX) as server:
                server.connect(str(self._target))
                with contextlib.suppress(OSError):
                    self._carry(client, server)
        except OSError:
            pass  # the server is away: so is this link
        finally:
            with self._lock:
                self._open.discard(client)

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        with selectors.DefaultSelector() as ready:
            ready.register(client, selectors.EVENT_READ)
            ready.register(server, selectors.EVENT_READ)
            losing = False
            while True:
                for key, _ in ready.select():
                    if not (data := key.fileobj.recv(65536)):  # type: ignore[union-attr]
                        return
                    self._carries.wait()
                    if key.fileobj is client:
                        losing = self._is_lost(data) or losing
                        server.sendall(data)
                    elif losing and not data.startswith(b"-NOSCRIPT"):
                        self.lost += 1
                        return
                    else:
                        if losing:
                            self._say_again(client, data)
                            losing = False
                            continue
                        if self.delay_s:
                            time.sleep(self.delay_s)
                        client.sendall(data)

    def _say_again(self, client: socket.socket, data: bytes) -> None:
        """The server does not know the script yet: its text comes next, and is to be lost too."""
        client.sendall(data)
        with self._lock:
            self._losing.append(b"EVAL")

    def _is_lost(self, data: bytes) -> bool:
        with self._lock:
            for wanted in self._losing:
                if wanted in data:
                    self._losing.remove(wanted)
                    return True
        return False
