"""What the demo prints at its end: the queues, what was shown, every type, and what was made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobdesk import settings as settings_module
from jobdesk.demo.traffic import NEEDS

if TYPE_CHECKING:
    from jobdesk.demo.traffic import Shown, Traffic
    from jobdesk.service import QueueService


class Report:
    """The end of one run of the demo."""

    def __init__(self, service: QueueService, traffic: Traffic) -> None:
        self._service = service
        self._traffic = traffic
        self._folder = settings_module.current().data_folder

    @property
    def as_expected(self) -> bool:
        """Whether every job ended as it should."""
        return all(shown.as_expected for shown in self._traffic.jobs)

    def print(self, log: Path) -> None:
        """Print it all; ``log`` is the workers'."""
        jobs = self._traffic.jobs
        print("\nQueues")
        rows = [
            (s.name, s.waiting, s.active, s.completed, s.failed, s.delayed)
            for s in self._service.get_all_queue_stats()
        ]
        _table(("queue", "waiting", "active", "completed", "failed", "delayed"), rows)
        print("\nShown")
        _table(("what", "job", "state", "attempts", ""), [_row(shown) for shown in jobs])
        print("\nTypes")
        _table(("type", "state", "what came of it"), list(self._types()))
        print("\nMade")
        for path in self._documents():
            print(f"  {path}")
        mails = sorted((self._folder / "outbox").rglob("*.eml"))
        single = [mail for mail in mails if "-batch-" not in mail.name]
        for mail in single:
            print(f"  {mail}")
        if len(mails) > len(single):
            print(f"  and {len(mails) - len(single)} mails of the newsletter, in the same folder")
        wrong = [shown for shown in jobs if not shown.as_expected]
        for shown in jobs:
            if shown.skipped and shown.status is not None:
                print(f"\n{shown.queue}:{shown.type} does not count: it needs the internet.")
        if wrong:
            print(f"\n{len(wrong)} jobs did not end as they should; the worker's log: {log}")
        else:
            print("\nEvery job ended as it should.")

    def _types(self) -> Iterator[tuple[str, str, str]]:
        """Each type of the six queues, by the first job of it."""
        first: dict[tuple[str, str], Shown] = {}
        for shown in self._traffic.jobs:
            first.setdefault((shown.queue, shown.type), shown)
        for (queue, type_), shown in sorted(first.items()):
            if queue == "demo":
                continue
            state = "not there" if shown.status is None else str(shown.status.state)
            yield f"{queue}:{type_}", "skipped" if shown.skipped else state, self._outcome(shown)
        for (queue, type_), needed in sorted(NEEDS.items()):
            yield f"{queue}:{type_}", "not run", f"needs {needed}: not configured"

    def _outcome(self, shown: Shown) -> str:
        status = shown.status
        if status is None:
            return ""
        if shown.skipped:
            return f"needs the internet: {_short(status.failed_reason)}"
        if not isinstance(status.return_value, dict):
            return _short(status.failed_reason)
        found = self._file(shown, status.return_value)
        if found is not None:
            return self._relative(found)
        told = {name: value for name, value in status.return_value.items() if name != "success"}
        return _short(", ".join(f"{name} {value}" for name, value in told.items()))

    def _file(self, shown: Shown, result: dict[str, Any]) -> Path | None:
        """The file that a job made, or one of them."""
        document = result.get("document")
        if isinstance(document, dict):
            return Path(document["path"])
        if isinstance(result.get("path"), str):
            return Path(result["path"])
        if shown.type == "webhook":
            return next(iter(sorted((self._folder / "webhooks").glob("*.json"))), None)
        return next(iter(sorted((self._folder / "outbox").glob(f"*{shown.id}*"))), None)

    def _relative(self, path: Path) -> str:
        return str(path.relative_to(self._folder) if path.is_relative_to(self._folder) else path)

    def _documents(self) -> list[str]:
        """Paths of the PDFs and reports that were made."""
        found: list[str] = []
        for shown in self._traffic.jobs:
            value: Any = shown.status.return_value if shown.status else None
            if shown.queue in ("pdf", "report", "cleanup") and isinstance(value, dict):
                path = self._file(shown, value)
                found += [] if path is None else [str(path)]
        return found


def _row(shown: Shown) -> tuple[object, ...]:
    status = shown.status
    job = f"{shown.queue}:{shown.type}"
    if status is None:
        return (shown.what, job, "not there", "", "!")
    note = status.failed_reason or ""
    if not shown.as_expected:
        note = f"! should be {' or '.join(shown.expected)}. {note}"
    return (shown.what, job, status.state, status.attempts_made, _short(note, 160))


def _short(text: str | None, most: int = 90) -> str:
    line = " ".join((text or "").split())
    return line if len(line) <= most else line[: most - 1] + "…"


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    cells = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    for row in cells:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  " + "  ".join(padded).rstrip())
