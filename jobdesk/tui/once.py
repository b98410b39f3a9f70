"""`jobdesk tui --once`: what the board shows, once, without a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobdesk.tui.contexts import choose
from jobdesk.tui.text import spans

if TYPE_CHECKING:
    from jobdesk.settings import Settings


def picture(settings: Settings, context: str | None) -> dict[str, Any]:
    """Queues and workers at this moment; raises ``BrokerError``."""
    from jobdesk.broker.connection import Broker
    from jobdesk.broker.inspector import Inspector

    with Broker(choose(settings, context).settings) as broker:
        inspector = Inspector(broker)
        now_ms = inspector.now_ms()
        workers = inspector.workers(200)
        return {
            "at": now_ms,
            "redis": broker.describe(),
            "queues": [
                {
                    "name": one.name, "waiting": one.waiting, "active": one.active,
                    "delayed": one.delayed, "failed": one.failed, "completed": one.completed,
                    "paused": one.paused,
                    "workers": sum(one.name in worker.queues for worker in workers),
                }
                for one in inspector.all_stats()
            ],
            "workers": [
                {
                    "id": worker.id, "slots": worker.slots, "beat": worker.beat_ms,
                    "queues": list(worker.queues),
                    "inHand": sum(len(ids) for ids in worker.in_hand.values()),
                }
                for worker in workers
            ],
        }  # fmt: skip


def text(found: dict[str, Any]) -> str:
    """The same for people."""
    names = ("waiting", "active", "delayed", "failed", "completed")
    wide = max((len(one["name"]) for one in found["queues"]), default=5)
    lines = [f"{found['redis']}  {spans.clock(found['at'])}", ""]
    lines.append(f"{'QUEUE':<{wide}}  " + "  ".join(f"{n.upper():>9}" for n in names) + "  STATE")
    for one in found["queues"]:
        state = "paused" if one["paused"] else ("up" if one["workers"] else "no worker")
        counts = "  ".join(f"{one[name]:>9,}" for name in names)
        lines.append(f"{one['name']:<{wide}}  {counts}  {state}")
    busy = sum(worker["inHand"] for worker in found["workers"])
    slots = sum(worker["slots"] for worker in found["workers"])
    count = len(found["workers"])
    workers = f"{count} worker{'' if count == 1 else 's'}"
    lines.append(f"\n{workers}, {busy} of {slots} slots busy")
    return "\n".join(lines)
