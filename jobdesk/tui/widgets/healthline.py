"""Redis in a line: version, memory, what it does when full, clients, what it keeps on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from jobdesk.counting import counted
from jobdesk.safetext import cells, safe_line
from jobdesk.tui.text import spans

if TYPE_CHECKING:
    from jobdesk.broker.reading.serverhealth import ServerBrief

Part = tuple[str, str]


class HealthLine(Widget):
    """As much as fits, what matters most first; the doctor says more."""

    health: reactive[ServerBrief | None] = reactive(None)

    def render(self) -> Content:
        health = self.health
        if health is None:
            return Content("")
        room = self.size.width - 1
        shown: list[Part] = [(" ", "")]
        for text, tone in _parts(health):
            gap = 3 if len(shown) > 1 else 0
            if cells(text) + gap > room:
                break
            room -= cells(text) + gap
            shown += [(" " * gap, ""), (text, tone)]
        return Content.assemble(*shown)


def _parts(health: ServerBrief) -> list[Part]:
    masters = f" x {health.masters}" if health.masters > 1 else ""
    used, share = _size(health.used_bytes), health.share
    memory = f"{used}, no limit"
    if share is not None:
        memory = f"{used} of {_size(health.most_bytes)} ({share:.0%})"
    full = "$error" if (share or 0) >= 0.95 else "$warning" if (share or 0) >= 0.8 else "$quiet"
    policy = safe_line(health.policy, 40)
    keeps = health.policy == "noeviction"
    return [
        (f"Redis {safe_line(health.version, 20)}{masters}", "bold"),
        (memory, full),
        (policy if keeps else f"{policy}: throws jobs away", "$quiet" if keeps else "bold $error"),
        (counted(health.clients, "client"), "$quiet"),
        ("append-only file", "$quiet") if health.appends else ("no append-only file", "$warning"),
        (f"up {spans.age(health.up_s * 1000)}", "$quiet"),
    ]


def _size(size: int) -> str:
    for limit, unit in ((2**30, "GiB"), (2**20, "MiB")):
        if size >= limit:
            return f"{size / limit:.1f} {unit}"
    return f"{size / 1024:.0f} KiB"
