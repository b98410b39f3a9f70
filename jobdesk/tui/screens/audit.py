"""Who changed what: the last commands of all operators, each with its command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from jobdesk.broker import audit
from jobdesk.broker.audit import DESTRUCTIVE, AuditEntry
from jobdesk.broker.records import stream_place
from jobdesk.safetext import safe_line
from jobdesk.tui import spans
from jobdesk.tui.actions import Action, Scope
from jobdesk.tui.interest import Asked, Read, Source
from jobdesk.tui.screens.base import DeskScreen
from jobdesk.tui.widgets.columns import Cell, Column
from jobdesk.tui.widgets.listing import Listing
from jobdesk.tui.widgets.panel import Panel

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from jobdesk.broker.rounds import Asking
    from jobdesk.tui.interest import Snapshot

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


class AuditScreen(DeskScreen):
    """Pushed over whatever one looked at."""

    SCOPES: ClassVar[tuple[Scope, ...]] = (Scope.AUDIT,)
    TITLE_WORD = "audit"

    def body(self) -> ComposeResult:
        listing = AuditList(self._columns(), id="audit")
        listing.glyphs = self.desk.glyphs
        listing.empty = "…"
        with Panel(title="Who did what  newest first", id="audit-panel"):
            yield listing
        scroll = VerticalScroll(id="entry-scroll", can_focus=False)
        with Panel(title="Command", id="entry-panel"), scroll:
            yield Static(id="entry")

    @property
    def listing(self) -> AuditList:
        """The commands."""
        return self.query_one("#audit", AuditList)

    def reads(self) -> tuple[Read[Any], ...]:
        return (Audit(),)

    def show(self, snapshot: Snapshot) -> None:
        found = snapshot.of(Audit)
        if found is None:
            return
        listing = self.listing
        listing.empty = "Nobody has changed anything yet."
        listing.show(found, snapshot.now_ms)
        people = len({one.who for one in found})
        panel = self.query_one("#audit-panel", Panel)
        panel.border_subtitle = ""
        if found:
            newest = "the newest " if len(found) == MOST else ""
            operators = "1 operator" if people == 1 else f"{people} operators"
            panel.border_subtitle = f"{newest}{len(found):,} commands   {operators}"
        self._tell()

    def on_listing_moved(self, _: Listing.Moved) -> None:
        self._tell()
        self.refresh_bindings()

    def _tell(self) -> None:
        """The entry under the cursor, in full."""
        one = self.listing.current
        if one is None:
            self.query_one("#entry", Static).update("")
            return
        text = self.query_one("#entry", Static)
        width = max(40, text.size.width)
        if one.command:
            parts = [(f"$ {safe_line(one.command, 2 * width - 8)}", "$accent")]
        else:
            parts = [("No command line does the same.", "$quiet")]
        says = "  as the operator's machine says, no proof"
        parts += [(f"\n{safe_line(one.who, width - len(says))}", "bold"), (says, "$quiet")]
        if one.user:
            user = safe_line(one.user, width - 20)
            parts += [("\nRedis knows them as ", "$quiet"), (user, "bold")]
        text.update(Content.assemble(*parts))
        at = f"{spans.local(one.at_ms):%Y-%m-%d %H:%M:%S}"
        self.query_one("#entry-panel", Panel).border_subtitle = at

    def _columns(self) -> list[Column[AuditEntry]]:
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
