"""Why a job, or a queue, does not run: the reasons, the one that decides first, kept up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from jobdesk.safetext import safe_line, safe_text
from jobdesk.tui.screens.dialog import Dialog
from jobdesk.tui.standing import stands
from jobdesk.tui.widgets.panel import Framed
from jobdesk.tui.widgets.queuedetail import priorities_said

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.app import ComposeResult

    from jobdesk.broker.reading.why import Why
    from jobdesk.tui.link.interest import Source

    #: with how many wait in each priority, where the question is of a queue
    Answer = tuple[Why, Mapping[int | None, int]]

#: Codes that say that something is in the way, that all is well, and that it is over.
_BLOCKS = frozenset({
    "paused", "no-worker", "unknown-type", "revoked", "expired", "worker-gone", "stalled", "failed",
})  # fmt: skip
_FINE = frozenset({"next", "active", "working", "completed"})


class WhyScreen(Dialog[None]):
    """A calm answer; without ``job_id`` of the queue."""

    BINDINGS: ClassVar = [
        Binding("escape,w,q,enter", "leave", "close", show=False, id="why.close"),
    ]

    def __init__(self, queue: str, job_id: str = "") -> None:
        super().__init__()
        self._queue = queue
        self._job_id = job_id
        self.found: Why | None = None
        self._line: Mapping[int | None, int] = {}

    def compose(self) -> ComposeResult:
        with Framed(classes="dialog") as box:
            what = f"job {safe_line(self._job_id, 30)}" if self._job_id else f"queue {self._queue}"
            box.border_title = f"Why  {what}"
            box.border_subtitle = "esc closes"
            with VerticalScroll(id="why-body"):
                yield Static(Content.styled("…", "$quiet"), id="why")
            names = " ".join(filter(None, (self._queue, self._job_id)))
            line = self.in_shell(f"jobdesk why {names}")
            yield Static(Content(f"$ {safe_line(line, 200)}"), classes="command")

    def on_mount(self) -> None:
        self._ask()
        self.set_interval(1.0, self._ask)

    def _ask(self) -> None:
        queue, job_id = self._queue, self._job_id

        def call(source: Source) -> Answer:
            from jobdesk.broker.reading import why

            if job_id:
                return why.why(source.broker, queue, job_id), {}
            return why.why_queue(source.broker, queue), source.inspector.priorities(queue)

        self.desk.link.ask(call, self._show)

    def _show(self, answer: Answer | None, error: Exception | None) -> None:
        if not stands(self):
            return
        text = self.query_one("#why", Static)
        if answer is None:
            if self.found is None:
                text.update(Content.styled(safe_text(error), "$error"))
            return
        found, line = answer
        if self.found is not None and (found.reasons, line) == (self.found.reasons, self._line):
            return
        self.found, self._line = found, line
        parts: list[tuple[str, str]] = []
        for at, reason in enumerate(found.reasons):
            if at:
                parts.append(("\n\n", ""))
            tone = "$error" if reason.code in _BLOCKS else "$accent"
            tone = "$success" if reason.code in _FINE else tone
            parts.append((f"{reason.code}\n", f"bold {tone}"))
            message = safe_text(reason.message)
            parts.append((f"{message[:1].upper()}{message[1:]}.", "" if at == 0 else "$quiet"))
        if line:
            parts += [("\n\nwaiting by priority\n", "bold $quiet"), (priorities_said(line), "")]
        text.update(Content.assemble(*parts))

    def action_leave(self) -> None:
        self.dismiss(None)
