"""The first line: where one is, which Redis this is, and how the connection does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from jobdesk.safetext import cells, cut
from jobdesk.tui.actions import BY_ID
from jobdesk.tui.link.status import LinkState, LinkStatus
from jobdesk.tui.text import spans

if TYPE_CHECKING:
    from textual import events

    from jobdesk.tui.app import JobdeskApp
    from jobdesk.tui.text.glyphs import Glyphs

Part = tuple[str, str]


class StatusLine(Widget):
    """``jobdesk  jobs › email › failed        prod redis://cache:6379/0   ● live 1.4ms   ↻ 1s``."""

    crumbs: reactive[tuple[str, ...]] = reactive(())
    status: reactive[LinkStatus] = reactive(LinkStatus())
    held: reactive[bool] = reactive(False)
    data_age: reactive[int] = reactive(0)
    cost: reactive[str] = reactive("")
    operators: reactive[tuple[str, ...]] = reactive(())

    def __init__(
        self, glyphs: Glyphs, *, address: str, context: str, production: bool, read_only: bool
    ) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._address = address
        self._place = context
        self._production = production
        self._read_only = read_only

    def render(self) -> Content:
        """As much as fits: the left end goes first, then the address."""
        width = self.size.width
        right = self._chips()
        left: list[Part] = [(" jobdesk ", "bold $primary")]
        way = f" {self._glyphs.cursor} ".join(self.crumbs)
        left += [(f" {way}", "$foreground")] if way else []
        used = _width(left) + _width(right)
        address = f"{self._address}   "
        context: list[Part] = []
        if self._place:
            tone = "bold $error" if self._production else "bold $accent"
            context = [(f"{self._place} ", tone)]
            used += _width(context)
        if used + len(address) + 2 <= width:
            context.append((address, "$quiet"))
            used += len(address)
        elif used + 26 <= width and self._address:
            context.append((cut(address.strip(), width - used - 5) + "   ", "$quiet"))
            used = _width(left) + _width(right) + _width(context)
        elif context:
            context.append((" ", ""))
            used += 1
        room = width - used
        if room < 0:
            left[-1] = (cut(left[-1][0], max(4, cells(left[-1][0]) + room)), left[-1][1])
            room = 0
        return Content.assemble(*left, " " * room, *context, *right)

    def _chips(self) -> list[Part]:
        status, glyphs = self.status, self._glyphs
        chips: list[Part] = []
        if self.operators:
            chips.append((f"{', '.join(self.operators)}   ", "$quiet"))
        if self.cost:
            chips.append((f"{self.cost}   ", "$quiet"))
        if status.state is LinkState.LIVE:
            chips += [(f"{glyphs.live} ", "$success"),
                      (f"live {spans.span(status.latency_ms)}", "$quiet")]  # fmt: skip
        elif status.state is LinkState.SLOW:
            chips.append((f"{glyphs.slow} slow {spans.span(status.latency_ms)}", "$warning"))
        elif status.state is LinkState.OFFLINE:
            chips.append((f"{glyphs.offline} offline", "bold $error"))
            if self.data_age:
                chips.append((f"   data {spans.age(self.data_age * 1000)} old", "$quiet"))
        else:
            chips.append((f"{glyphs.connecting} connecting", "$quiet"))
        if status.usable:
            chips.append((f"  {glyphs.refresh} {_pace(status.interval)}", "$quiet"))
        if self.held:
            chips.append(("  HELD", "bold $warning"))
        if self._read_only or status.forbidden:
            chips.append(("  READ-ONLY" if self.size.width >= 100 else "  RO", "bold $accent"))
        chips.append((" ", ""))
        return chips

    async def on_click(self, event: events.Click) -> None:
        """The first word goes back; what is said at the right end is looked into."""
        event.stop()
        desk = cast("JobdeskApp", self.app)
        if event.x < cells(" jobdesk "):
            await desk.perform(BY_ID["back"])
        elif event.x >= self.size.width - _width(self._chips()):
            refusal = desk.refusal()
            if self.held:
                await desk.perform(BY_ID["hold"])
            elif refusal is not None and self.status.usable:
                desk.refuse(refusal)
            else:
                await desk.perform(BY_ID["refresh"])


def _pace(seconds: float) -> str:
    return f"{seconds:g}s" if seconds < 60 else f"{seconds / 60:g}m"


def _width(parts: list[Part]) -> int:
    return sum(cells(text) for text, _ in parts)


def until_retry(status: LinkStatus) -> float:
    """Seconds until the next try to connect."""
    return max(0.0, status.retry_at - time.monotonic())
