"""The last hour in a few lines: what was added, completed, failed and retried, and how fast."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from textual.content import Content
from textual.widget import Widget

from jobdesk.broker.reading.figures import by_span, per_second, total
from jobdesk.tui.text import spans
from jobdesk.tui.widgets.sparkline import sparkline

if TYPE_CHECKING:
    from jobdesk.broker.reading.figures import Figures
    from jobdesk.tui.text.glyphs import Glyphs

MINUTES = 60
LINES = (
    ("added", "$foreground"), ("completed", "$success"), ("failed", "$error"),
    ("retried", "$warning"),
)  # fmt: skip


class RatesView(Widget, can_focus=True):
    """A trend a line, as wide as the pane; the times below."""

    DEFAULT_CSS = "RatesView { height: 1fr; width: 1fr; text-wrap: nowrap; }"

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:  # noqa: A002  # Textual's name
        super().__init__(id=id)
        self._glyphs = glyphs
        self._figures: Mapping[str, tuple[Figures, ...]] = {}
        #: all queues as one, by minute
        self._minutes: list[Figures] = []
        self._rates: dict[str, str] = {}

    def show(self, figures: Mapping[str, tuple[Figures, ...]], now_ms: int) -> None:
        """Show these, by queue."""
        changed = figures != self._figures
        if changed:
            self._figures = figures
            self._minutes = [total(minute) for minute in by_span(figures.values())]
        rates = {
            name: spans.rate(per_second([getattr(one, name) for one in self._minutes], now_ms))
            for name, _ in LINES
        }
        if changed or rates != self._rates:
            self._rates = rates
            self.refresh()

    def render(self) -> Content:
        if not self._figures:
            return Content.styled(f" {self._glyphs.ellipsis}", "$quiet")
        minutes = self._minutes
        width = max(8, self.size.width - 21)
        # where there is less room than minutes, several share a bar
        step = -(-MINUTES // width)
        parts: list[tuple[str, str]] = []
        for name, tone in LINES:
            values = [getattr(one, name) for one in minutes]
            ends = range(len(values), 0, -step)
            bars = [sum(values[max(0, end - step) : end]) for end in reversed(ends)]
            trend = sparkline(bars, -(-MINUTES // step), self._glyphs.bars)
            parts += [
                (f"{name:<10}", "$quiet"),
                (f"{self._rates[name]:>6}/s  ", ""),
                (f"{trend}\n", tone),
            ]
        every = total(tuple(minutes))
        for label, times in (("ran", every.run), ("waited", every.wait)):
            told = "-" if times is None else (
                f"p50 {spans.span(times.p50)}  p95 {spans.span(times.p95)}"
                f"  p99 {spans.span(times.p99)}"
            )  # fmt: skip
            parts += [(f"\n{label:<10}", "$quiet"), (told, "" if times else "$quiet")]
        return Content.assemble(*parts)
