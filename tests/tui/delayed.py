"""A way to Redis that is as long as one through half of the world."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path


class Delayed:
    """A loopback port that leads to a socket; what goes through it arrives later."""

    def __init__(self, target: Path, round_trip: float) -> None:
        self._target = str(target)
        self._one_way = round_trip / 2
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        server = asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._server = self._loop.run_until_complete(server)
        self.url = f"redis://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/0"
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        there, back = await asyncio.open_unix_connection(self._target)
        try:
            await asyncio.gather(self._carry(reader, back), self._carry(there, writer))
        except (asyncio.CancelledError, OSError):
            pass
        finally:
            writer.close()
            back.close()
            self._tasks.discard(task)

    async def _carry(self, here: asyncio.StreamReader, away: asyncio.StreamWriter) -> None:
        while part := await here.read(65536):
            self._loop.call_later(self._one_way, away.write, part)
        self._loop.call_later(self._one_way, away.close)
