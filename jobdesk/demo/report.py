"""What the demo prints at its end: the queues, what was shown, and what was made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jobdesk import settings as settings_module

if TYPE_CHECKING:
    from jobdesk.demo.traffic import Shown, Traffic
    from jobdesk.service import QueueService


class Report:
    """The end of one run of the demo."""

    def __init__(self, service: QueueService, traffic: Traffic) -> None:
        self._service = service
        self._traffic = traffic

    @property
    def as_expected(self) -> bool:
        """Whether every job ended as it should."""
        return all(shown.as_expected for shown in self._traffic.jobs)

    def print(self) -> None:
        """Print it all."""
        print("\nQueues")
        rows = [
            (s.name, s.waiting, s.active, s.completed, s.failed, s.delayed)
            for s in self._service.get_all_queue_stats()
        ]
        _table(("queue", "waiting", "active", "completed", "failed", "delayed"), rows)
        print("\nShown")
        _table(("what", "job", "state", "attempts", ""), [_row(s) for s in self._traffic.jobs])
        print("\nMade")
        for path in self._traffic.documents():
            print(f"  {path}")
        mails = sorted((settings_module.current().data_folder / "outbox").rglob("*.eml"))
        single = [mail for mail in mails if "-batch-" not in mail.name]
        for mail in single:
            print(f"  {mail}")
        if len(mails) > len(single):
            print(f"  and {len(mails) - len(single)} mails of the newsletter, in the same folder")
        wrong = [shown for shown in self._traffic.jobs if not shown.as_expected]
        if wrong:
            log = settings_module.current().data_folder / "worker.log"
            print(f"\n{len(wrong)} jobs did not end as they should; the worker's log: {log}")
        else:
            print("\nEvery job ended as it should.")


def _row(shown: Shown) -> tuple[object, ...]:
    status = shown.status
    job = f"{shown.handle.queue}:{status.type if status else '?'}"
    if status is None:
        return (shown.what, job, "not there", "", "!")
    note = status.failed_reason or ""
    if not shown.as_expected:
        note = f"! should be {shown.expected}. {note}"
    return (shown.what, job, status.state, status.attempts_made, note)


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    cells = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    for row in cells:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  " + "  ".join(padded).rstrip())
