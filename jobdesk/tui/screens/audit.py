"""Who changed what: the last commands of all operators, each with its command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual.content import Content

from jobdesk.broker.operators import audit
from jobdesk.broker.operators.audit import DESTRUCTIVE, AuditEntry
from jobdesk.broker.records import stream_place
from jobdesk.safetext import safe_line
from jobdesk.tui.actions import Action, Scope
from jobdesk.tui.link.interest import Asked, Read, Source
from jobdesk.tui.screens.tables import DetailScreen
from jobdesk.tui.text import spans
from jobdesk.tui.widgets.columns import Cell, Column
from jobdesk.tui.widgets.listing import Listing

if TYPE_CHECKING:
    from jobdesk.broker.server.rounds import Asking
    from jobdesk.tui.link.interest import Snapshot
    from jobdesk.tui.widgets.panel import Panel

#: Commands of one queue, and of all together.
PER_QUEUE, MOST = 100, 500
DAY_MS = 86_400_000


@dataclass(frozen=True)
class Audit(Asked[tuple[AuditEntry, ...]]):
    """The last commands on all queues, the newest first."""

    every: ClassVar[float] = 3.0

    def asking(self, source: Source) -> Asking[tuple[AuditEntry, ...]]:
        found = yield from audit.asking(source.broker, source.queues(), PER_QUEUE)
        return tuple(sorted(found, key=_newest)[:MOST])


def _newest(entry: AuditEntry) -> tuple[int, int, str]:
    ms, number = stream_place(entry.id)
    return -ms, -number, entry.queue


class AuditList(Listing[AuditEntry]):
    """The commands; ids are unique within a queue only."""

    def key_of(self, row: AuditEntry) -> object:
        return row.queue, row.id


class AuditScreen(DetailScreen[AuditEntry]):
    """Pushed over whatever one looked at."""

    SCOPES: ClassVar[tuple[Scope, ...]] = (Scope.AUDIT,)
    TITLE_WORD = "audit"
    HEADING = "Who did what  newest first"
    EMPTY = "Nobody has changed anything yet."
    DETAIL = "Command"
    LISTING = AuditList

    def reads(self) -> tuple[Read[Any], ...]:
        return (Audit(),)

    def show(self, snapshot: Snapshot) -> None:
        found = snapshot.of(Audit)
        if found is None:
            return
        self.show_rows(found, snapshot.now_ms)
        people = len({one.who for one in found})
        newest = "the newest " if len(found) == MOST else ""
        operators = "1 operator" if people == 1 else f"{people} operators"
        self.note(f"{newest}{len(found):,} commands   {operators}" if found else "")

    def tell(self, row: AuditEntry, panel: Panel, width: int) -> Content:
        if row.command:
            parts = [(f"$ {safe_line(row.command, 2 * width - 8)}", "$accent")]
        else:
            parts = [("No command line does the same.", "$quiet")]
        says = "  as the operator's machine says, no proof"
        parts += [(f"\n{safe_line(row.who, width - len(says))}", "bold"), (says, "$quiet")]
        if row.user:
            user = safe_line(row.user, width - 20)
            parts += [("\nRedis knows them as ", "$quiet"), (user, "bold")]
        panel.border_subtitle = f"{spans.local(row.at_ms):%Y-%m-%d %H:%M:%S}"
        return Content.assemble(*parts)

    def columns(self) -> Sequence[Column[AuditEntry]]:
        def when(row: AuditEntry, now_ms: int) -> Cell:
            if now_ms - row.at_ms < DAY_MS:
                return spans.clock(row.at_ms), "plain"
            return f"{spans.local(row.at_ms):%b %d}", "muted"

        def count(row: AuditEntry, _: int) -> Cell:
            if row.count is not None:
                return spans.count(row.count), "strong" if row.count else "muted"
            return ("1", "plain") if row.job_id else ("-", "muted")

        return [
            Column(title="WHEN", width=8, cell=when),
            Column(title="AGO", width=7, right=True, rank=4,
                   cell=lambda row, now: (spans.age(now - row.at_ms), "muted")),
            Column(title="WHO", width=12, flex=2, most=30,
                   cell=lambda row, _: (safe_line(row.who, 60), "strong")),
            Column(title="REDIS", width=8, rank=3,
                   cell=lambda row, _: (safe_line(row.user or "-", 20), "muted")),
            Column(title="WHAT", width=12, flex=1, most=20,
                   cell=lambda row, _: (safe_line(row.action, 40), what_tone(row))),
            Column(title="JOBS", width=5, right=True, cell=count),
            Column(title="QUEUE", width=10, flex=1, most=20, rank=1,
                   cell=lambda row, _: (safe_line(row.queue, 40), "plain")),
            Column(title="COMMAND", width=20, flex=4, most=200, rank=2,
                   cell=lambda row, _: (safe_line(row.command, 200), "accent")),
        ]  # fmt: skip

    # --- actions

    def label_of(self, id_: str) -> str | None:
        return "copy" if id_ == "list.open" else None

    def reason_against(self, action: Action) -> str | None:
        one = self.listing.current
        if action.id == "audit.copy" and (one is None or not one.command):
            return "There is no command line for this."
        return None

    def on_listing_opened(self, _: Listing.Opened) -> None:
        self.action_audit_copy()

    def action_audit_copy(self) -> None:
        one = self.listing.current
        if one is None or not one.command:
            self.desk.refuse("There is no command line for this.")
        else:
            self.desk.copy(one.command, "the command")


def what_tone(entry: AuditEntry) -> str:
    """The tone of what was done: red where jobs were taken away."""
    return "error" if entry.action.partition(" ")[0] in DESTRUCTIVE else "plain"
