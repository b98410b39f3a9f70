"""Who runs jobs: slots, what is in hand, and when each was last heard of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jobdesk.models import JobState, WorkerInfo
from jobdesk.safetext import safe_line
from jobdesk.tui import spans
from jobdesk.tui.reads import Workers
from jobdesk.tui.screens.tables import TableScreen
from jobdesk.tui.widgets.columns import Cell, Column

if TYPE_CHECKING:
    from jobdesk.tui.interest import Read, Snapshot
    from jobdesk.tui.widgets.listing import Listing

#: A worker beats every ten seconds; after that it counts as lost.
LOST_MS = 30_000


class WorkersScreen(TableScreen[WorkerInfo]):
    """One line per worker."""

    TITLE_WORD = "workers"
    HEADING = "Workers"
    EMPTY = "No workers are up.\nStart one:  jobdesk worker"

    def reads(self) -> tuple[Read[Any], ...]:
        return (Workers(),)

    def show(self, snapshot: Snapshot) -> None:
        workers = snapshot.of(Workers)
        if workers is None:
            return
        self.listing.show(workers, snapshot.now_ms)
        up = sum(snapshot.now_ms - one.beat_ms < LOST_MS for one in workers)
        busy = sum(in_hand(one) for one in workers)
        slots = sum(one.slots for one in workers)
        lost = f"   {len(workers) - up} lost" if up < len(workers) else ""
        self.note(f"{up} up{lost}   {busy} of {slots} slots busy" if workers else "")

    def on_listing_opened(self, event: Listing.Opened) -> None:
        worker = event.row
        if isinstance(worker, WorkerInfo):
            queue = next((q for q, ids in worker.in_hand.items() if ids), None)
            one = worker.queues[0] if len(worker.queues) == 1 else None
            self.desk.open_jobs(queue or one, JobState.ACTIVE)

    def columns(self) -> Sequence[Column[WorkerInfo]]:
        glyphs = self.desk.glyphs

        def state(row: WorkerInfo, now_ms: int) -> Cell:
            if now_ms - row.beat_ms >= LOST_MS:
                return f"{glyphs.states['failed']} lost", "error"
            return (f"{glyphs.live} up", "success")

        def slots(row: WorkerInfo, _: int) -> Cell:
            busy = in_hand(row)
            return f"{busy}/{row.slots}", "active" if busy else "muted"

        def load(row: WorkerInfo, _: int) -> Cell:
            full = min(10, round(10 * in_hand(row) / row.slots)) if row.slots else 0
            return glyphs.block * full + glyphs.rest * (10 - full), "active" if full else "muted"

        return [
            Column(title="WORKER", width=18, flex=3, most=40,
                   cell=lambda row, _: (safe_line(row.id, 60), "strong")),
            Column(title="STATE", width=6, cell=state),
            Column(title="BUSY", width=5, right=True, cell=slots),
            Column(title="", width=10, cell=load, rank=3),
            Column(title="BEAT", width=7, right=True,
                   cell=lambda row, now: (spans.age(now - row.beat_ms), "muted")),
            Column(title="UP FOR", width=7, right=True, rank=2,
                   cell=lambda row, now: (spans.age(now - row.started_ms), "muted")),
            Column(title="PID", width=7, right=True, rank=4,
                   cell=lambda row, _: (str(row.pid), "muted")),
            Column(title="VERSION", width=8, rank=5,
                   cell=lambda row, _: (safe_line(row.version, 8), "muted")),
            Column(title="QUEUES", width=14, flex=4, most=60, rank=1,
                   cell=lambda row, _: (" ".join(row.queues), "plain")),
        ]  # fmt: skip


def in_hand(worker: WorkerInfo) -> int:
    """How many jobs it runs."""
    return sum(len(ids) for ids in worker.in_hand.values())
