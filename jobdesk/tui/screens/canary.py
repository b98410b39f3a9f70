"""Waiting for the one job of a group that was retried first; then the rest, or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from jobdesk.models import TERMINAL_STATES, JobState
from jobdesk.safetext import safe_line, safe_text
from jobdesk.tui.screens.dialog import Dialog
from jobdesk.tui.screens.dialogs import Choice
from jobdesk.tui.standing import stands
from jobdesk.tui.widgets.panel import Framed

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.timer import Timer

    from jobdesk.models import JobStatus
    from jobdesk.tui.link.interest import Source


class CanaryScreen(Dialog[bool]):
    """Answers whether the rest is to be retried; leaving it leaves the canary as it is."""

    BINDINGS: ClassVar = [
        Binding("y", "rest", "the rest", show=False, id="canary.rest"),
        Binding("escape,n,q", "leave", "leave", show=False, id="canary.leave"),
        Binding("w", "why", "why", show=False, id="canary.why"),
    ]

    def __init__(self, queue: str, job_id: str, rest: int, line: str) -> None:
        super().__init__()
        self._queue, self._job_id, self._rest = queue, job_id, rest
        self._line = line
        self._timer: Timer | None = None
        self.status: JobStatus | None = None

    def compose(self) -> ComposeResult:
        with Framed(classes="dialog") as box:
            box.border_title = f"One first  {safe_line(self._job_id, 40)}"
            box.border_subtitle = "esc leaves the rest as it is" if self._rest else "esc closes"
            yield Static(Content.styled("Waiting for a worker to take it …", "$quiet"), id="canary")
            if self._rest:
                yield Static(
                    Content(f"$ {safe_line(self.in_shell(self._line), 200)}"), classes="command"
                )
            with Horizontal(classes="buttons"):
                yield Choice("n  Leave the rest" if self._rest else "n  Close", id="no")
                other = f"y  Retry the other {self._rest:,}" if self._rest else "There is no other"
                yield Choice(other, id="yes", disabled=True)

    def on_mount(self) -> None:
        self._ask()
        self._timer = self.set_interval(0.5, self._ask)

    def _ask(self) -> None:
        queue, job_id = self._queue, self._job_id

        def call(source: Source) -> JobStatus:
            return source.inspector.status(queue, job_id)

        self.desk.link.ask(call, self._show)

    def _show(self, status: JobStatus | None, error: Exception | None) -> None:
        if not stands(self):
            return
        text = self.query_one("#canary", Static)
        if status is None:
            text.update(Content.styled(safe_text(error), "$error"))
            return
        self.status = status
        if status.state is JobState.COMPLETED:
            more = f"Retry the other {self._rest:,} now?" if self._rest else "It was the only one."
            said = Content.assemble(("It completed. ", "bold $success"), more)
        elif status.state is JobState.FAILED:
            said = Content.assemble(
                ("It failed again: ", "bold $error"), safe_line(status.failed_reason or "", 300),
                ("\nThe rest is as it was." if self._rest else "\nIt was the only one.", "$quiet"),
            )  # fmt: skip
        else:
            reason = f": {safe_line(status.failed_reason, 200)}" if status.failed_reason else ""
            said = Content.styled(f"It is {status.state}{reason} …   w says why", "$quiet")
        text.update(said)
        if status.state in TERMINAL_STATES and self._timer is not None:
            self._timer.stop()
            done = status.state is JobState.COMPLETED and self._rest > 0
            self.query_one("#yes").disabled = not done
            (self.query_one("#yes" if done else "#no")).focus()

    def on_choice_pressed(self, event: Choice.Pressed) -> None:
        self.dismiss(event.choice.id == "yes")

    def action_rest(self) -> None:
        if not self.query_one("#yes").disabled:
            self.dismiss(True)

    def action_leave(self) -> None:
        self.dismiss(False)

    def action_why(self) -> None:
        from jobdesk.tui.screens.why import WhyScreen

        self.app.push_screen(WhyScreen(self._queue, self._job_id))
