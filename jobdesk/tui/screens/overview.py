"""How all is going, on one screen: states of all queues, and the rates of the last hour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.content import Content
from textual.widgets import Static

from jobdesk.models import STORED_STATES
from jobdesk.tui import spans
from jobdesk.tui.glyphs import TONES
from jobdesk.tui.reads import Minutes, Stats, Workers
from jobdesk.tui.screens.base import DeskScreen
from jobdesk.tui.widgets.panel import Panel
from jobdesk.tui.widgets.sparkline import sparkline
from jobdesk.tui.widgets.statebar import VARIABLES

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from jobdesk.tui.interest import Read, Snapshot

MINUTES = 60


class OverviewScreen(DeskScreen):
    """The totals."""

    TITLE_WORD = "overview"

    def body(self) -> ComposeResult:
        with Panel(title="States", id="states-panel"):
            yield Static(id="states")
        with Panel(title="Last 60 minutes", id="rates-panel"):
            yield Static(id="rates")

    def reads(self) -> tuple[Read[Any], ...]:
        return (Stats(), Minutes(MINUTES), Workers())

    def show(self, snapshot: Snapshot) -> None:
        stats = snapshot.of(Stats)
        if stats is not None:
            self.query_one("#states", Static).update(self._states(stats))
        figures = snapshot.of(Minutes)
        if figures:
            self.query_one("#rates", Static).update(self._rates(figures))

    def _states(self, stats: Any) -> Content:
        parts: list[tuple[str, str]] = []
        most = max((getattr(one, s.value) for one in stats for s in STORED_STATES), default=0)
        for state in STORED_STATES:
            number = sum(getattr(one, state.value) for one in stats)
            width = max(10, self.size.width - 36)
            full = round(min(1.0, number / most) * width) if most else 0
            tone = VARIABLES[TONES[state.value]]
            parts += [(f" {self.desk.glyphs.states[state.value]} {state.value:<10}", tone),
                      (f"{number:>12,}  ", ""),
                      (f"{self.desk.glyphs.block * full}\n", tone)]  # fmt: skip
        paused = [one.name for one in stats if one.paused]
        if paused:
            parts.append((f"\n paused: {', '.join(paused)}", "$warning"))
        return Content.assemble(*parts)

    def _rates(self, figures: Any) -> Content:
        from jobdesk.broker.figures import total

        parts: list[tuple[str, str]] = []
        columns = list(zip(*figures.values(), strict=False))
        width = max(10, min(MINUTES, self.size.width - 30))
        for name, tone in (("added", ""), ("completed", "$success"), ("failed", "$error"),
                           ("retried", "$warning")):  # fmt: skip
            values = [sum(getattr(one, name) for one in minute) for minute in columns]
            over = values[-4:-1]
            rate = spans.rate(sum(over) / (60 * len(over))) if over else "0"
            parts += [(f" {name:<10}", "$quiet"),
                      (f"{rate:>7}/s  ", ""),
                      (f"{sparkline(values, width, self.desk.glyphs.bars)}\n", tone)]  # fmt: skip
        every = total(tuple(one for queue in figures.values() for one in queue))
        for label, times in (("ran", every.run), ("waited", every.wait)):
            if times is not None:
                parts += [(f"\n {label:<10}", "$quiet"),
                          ((f"p50 {spans.span(times.p50)}   p95 {spans.span(times.p95)}"
                           f"   p99 {spans.span(times.p99)}"), "")]  # fmt: skip
        return Content.assemble(*parts)
