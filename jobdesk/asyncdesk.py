"""A desk for asyncio: the same methods, awaited, on a small thread pool. No second client."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar

from jobdesk.desk import Desk
from jobdesk.errors import InvalidTimeout, WaitTimeout
from jobdesk.models import seconds

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker
    from jobdesk.broker.events import Gap
    from jobdesk.models import Event
    from jobdesk.settings import Settings

P = ParamSpec("P")
R = TypeVar("R")

#: Threads for calls that Redis answers at once.
CALLERS = 4
#: Threads for what waits: jobs waited for, events followed.
WAITERS = 32
#: A thread waits this long at a time, so that what is cancelled soon lets go of it.
SLICE_S = 1.0


def _awaited(
    method: Callable[Concatenate[Desk, P], R],
) -> Callable[Concatenate[AsyncDesk, P], Coroutine[Any, Any, R]]:
    @functools.wraps(method)
    async def call(self: AsyncDesk, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._run(self._callers, functools.partial(method, self.desk, *args, **kwargs))

    return call


class AsyncDesk:
    """What :class:`~jobdesk.desk.Desk` does, for coroutines.

    A handle that it returns is the same as a desk's: its ``wait`` blocks, so
    ``await desk.wait(handle.queue, handle.id)`` instead.
    """

    def __init__(
        self, settings: Settings | None = None, *, broker: Broker | None = None, who: str = ""
    ) -> None:
        #: the desk that does it
        self.desk = Desk(settings, broker=broker, who=who)
        # Threads are started when they are needed.
        self._callers = ThreadPoolExecutor(CALLERS, "jobdesk-call")
        self._waiters = ThreadPoolExecutor(WAITERS, "jobdesk-wait")

    add_job = _awaited(Desk.add_job)
    add_bulk_jobs = _awaited(Desk.add_bulk_jobs)
    get_job = _awaited(Desk.get_job)
    get_job_status = _awaited(Desk.get_job_status)
    retry_job = _awaited(Desk.retry_job)
    remove_job = _awaited(Desk.remove_job)
    promote_job = _awaited(Desk.promote_job)
    cancel_job = _awaited(Desk.cancel_job)
    change_priority = _awaited(Desk.change_priority)
    update_job_data = _awaited(Desk.update_job_data)
    get_jobs = _awaited(Desk.get_jobs)
    get_queue_stats = _awaited(Desk.get_queue_stats)
    get_all_queue_stats = _awaited(Desk.get_all_queue_stats)
    retry_all = _awaited(Desk.retry_all)
    pause_queue = _awaited(Desk.pause_queue)
    resume_queue = _awaited(Desk.resume_queue)
    clean_jobs = _awaited(Desk.clean_jobs)
    empty_queue = _awaited(Desk.empty_queue)
    obliterate_queue = _awaited(Desk.obliterate_queue)
    set_max_active = _awaited(Desk.set_max_active)
    set_rate_limit = _awaited(Desk.set_rate_limit)
    get_workers = _awaited(Desk.get_workers)
    get_schedules = _awaited(Desk.get_schedules)
    run_schedule = _awaited(Desk.run_schedule)
    pause_schedule = _awaited(Desk.pause_schedule)
    resume_schedule = _awaited(Desk.resume_schedule)

    async def wait(
        self,
        queue: str,
        job_id: str,
        timeout: float | timedelta | None = None,  # noqa: ASYNC109  # as Desk.wait
    ) -> Any:
        """Wait for a job's end and return its result, as :meth:`Desk.wait`."""
        if timeout is not None:
            timeout = seconds(timeout, "timeout", InvalidTimeout)
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = SLICE_S if deadline is None else deadline - time.monotonic()
            try:
                return await self._run(
                    self._waiters,
                    functools.partial(self.desk.wait, queue, job_id, max(0.0, min(SLICE_S, left))),
                )
            except WaitTimeout:
                if deadline is not None and time.monotonic() >= deadline:
                    raise WaitTimeout(
                        f"job {job_id} of queue {queue} has not ended after {timeout:g} s"
                    ) from None

    async def events(
        self,
        *queues: str,
        since: str | datetime | Mapping[str, str] | None = None,
        follow: bool = True,
    ) -> AsyncIterator[Event | Gap]:
        """The events of some queues, or of all, as :meth:`Desk.events`; it begins when iterated."""
        reader = await self._run(
            self._callers, functools.partial(self.desk.event_reader, queues, since)
        )
        found = await self._run(self._callers, functools.partial(reader.read, 0))
        while found or follow:
            for event in found:
                yield event
            found = await self._run(
                self._waiters, functools.partial(reader.read, SLICE_S if follow else 0)
            )

    async def close(self) -> None:
        """End the threads, and give back the connection where it is this desk's own."""
        loop = asyncio.get_running_loop()
        for pool in (self._callers, self._waiters):
            await loop.run_in_executor(None, functools.partial(pool.shutdown, cancel_futures=True))
        self.desk.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def _run(self, pool: ThreadPoolExecutor, call: Callable[[], R]) -> R:
        # The caller's context comes along: tracers keep the current span in it.
        inside = functools.partial(contextvars.copy_context().run, call)
        found: R = await asyncio.get_running_loop().run_in_executor(pool, inside)
        return found
