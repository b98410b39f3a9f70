"""Removing what has been kept long enough, over all queues: what the cleanup queue asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jobdesk.broker.connection import Broker, connect
from jobdesk.broker.control import Control
from jobdesk.broker.inspector import Inspector
from jobdesk.models import JobState


def clean_failed(
    older_than_s: float,
    dry_run: bool = False,
    *,
    go_on: Callable[[], bool] = lambda: True,
    broker: Broker | None = None,
) -> dict[str, Any]:
    """Remove the failed jobs of all queues that ended over ``older_than_s`` seconds ago.

    Returns ``removed`` and, where there were any, the count by queue. With ``dry_run`` it counts.
    """
    broker = broker or connect()
    inspector, control = Inspector(broker), Control(broker, who="cleanup", undo=False)
    before_ms = inspector.now_ms() - round(older_than_s * 1000)
    counts: dict[str, int] = {}
    for queue in inspector.queues():
        if not go_on():
            break
        if dry_run:
            with broker.errors("ZCOUNT"):
                count = int(
                    broker.client.zcount(broker.keys(queue).state(JobState.FAILED), 0, before_ms)
                )
        else:
            count = control.clean_jobs(
                queue, JobState.FAILED, grace=older_than_s, progress=lambda *_: go_on()
            ).count
        if count:
            counts[queue] = count
    return {"removed": sum(counts.values()), "queues": counts}
