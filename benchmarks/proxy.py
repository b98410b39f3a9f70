"""A TCP proxy that puts time into every round trip: what comes from Redis is held back so long.

``python -m benchmarks.proxy PORT SECONDS`` prints the port it listens on. Chunks keep their order,
and many may be under way at once, as on a long cable.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

CHUNK = 1 << 18


@contextmanager
def delayed(
    server_port: int, seconds: float, place: Callable[[], None] | None = None
) -> Iterator[int]:
    """The port of a proxy process before that server."""
    command = [sys.executable, "-m", "benchmarks.proxy", str(server_port), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, preexec_fn=place) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def serve(server_port: int, seconds: float) -> None:
    """Pass everything on, until killed."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=200)
    print(listener.getsockname()[1], flush=True)
    # select() and not epoll: its time-out has microseconds
    other: dict[socket.socket, socket.socket] = {}
    from_server: set[socket.socket] = set()
    due: list[tuple[float, int, socket.socket, bytes]] = []
    order = itertools.count()
    while True:
        rest = max(0.0, due[0][0] - time.monotonic()) if due else None
        readable, _, _ = select.select([listener, *other], [], [], rest)
        now = time.monotonic()
        for side in readable:
            if side is listener:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", server_port))
                for end in (client, server):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                other[client], other[server] = server, client
                from_server.add(server)
                continue
            if side not in other:
                continue
            try:
                data = side.recv(CHUNK)
            except OSError:
                data = b""
            if not data:
                _close(side, other, from_server)
            elif side in from_server:
                heapq.heappush(due, (now + seconds, next(order), other[side], data))
            else:
                _send(other[side], data)
        now = time.monotonic()
        while due and due[0][0] <= now:
            _, _, target, data = heapq.heappop(due)
            _send(target, data)


def _send(target: socket.socket, data: bytes) -> None:
    with contextlib.suppress(OSError):  # it has gone; the other side is closed when it is read
        target.sendall(data)


def _close(
    side: socket.socket,
    other: dict[socket.socket, socket.socket],
    from_server: set[socket.socket],
) -> None:
    for end in (side, other.pop(side)):
        other.pop(end, None)
        from_server.discard(end)
        end.close()


if __name__ == "__main__":
    serve(int(sys.argv[1]), float(sys.argv[2]))
