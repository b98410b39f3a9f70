"""How a command gets from a key to Redis: policy, confirmation by its tier, the link's writer."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from jobdesk.safetext import safe_line, safe_text
from jobdesk.tui import messages, policy
from jobdesk.tui.linked import LinkedApp
from jobdesk.tui.screens.base import DeskScreen

if TYPE_CHECKING:
    from jobdesk.models import JobRow, JobState
    from jobdesk.tui.commands import Command
    from jobdesk.tui.interest import Source


class OrderingApp(LinkedApp):
    """An app that commands are given to."""

    def __init__(self, *words: Any, **options: Any) -> None:
        self._undo: Command | None = None
        self._at_work: Command | None = None
        super().__init__(*words, **options)

    def refusal(self) -> str | None:
        """Why nothing can be changed now; None when it can."""
        return policy.refusal(self.link.status, read_only=self.read_only, now=time.monotonic())

    def order(
        self,
        command: Command,
        *,
        tier: int | None = None,
        examples: Sequence[JobRow] = (),
        kept: str = "",
    ) -> None:
        """Carry out a command, asking first what its tier asks.

        ``kept`` says why it cannot be taken back though others of its kind can.
        """
        if (refusal := self.refusal()) is not None:
            self.refuse(refusal)
            return
        asked = command.tier if tier is None else tier
        if asked == 0 and not self.production:
            self._run(command)
            return

        def answer(yes: bool | None) -> None:
            if yes:
                self._run(command)

        from jobdesk.tui.screens.dialogs import ConfirmScreen

        self.push_screen(
            ConfirmScreen(
                command, tier=asked, undoable=command.undoable and not kept,
                undo=_undo_text(command, kept), examples=examples,
                where=self.context_name or self.address, production=self.production,
            ),
            answer,
        )  # fmt: skip

    def order_many(
        self, queue: str, states: Sequence[JobState], make: Callable[[int], Command]
    ) -> None:
        """Order a command over all jobs of these states, counted at this moment."""
        if (refusal := self.refusal()) is not None:
            self.refuse(refusal)
            return

        def count(source: Source) -> tuple[int, tuple[JobRow, ...], str]:
            from jobdesk.broker import undo

            stats = source.inspector.stats(queue)
            rows = [row for state in states
                    for row in source.inspector.rows(queue, state, 0, 2).rows]  # fmt: skip
            number = sum(getattr(stats, state.value) for state in states)
            kept = undo.refusal(source.broker, queue, number) if number else ""
            return number, tuple(rows[:3]), kept

        def ask(found: tuple[int, tuple[JobRow, ...], str] | None, error: Exception | None) -> None:
            if error is not None or found is None:
                self.refuse(str(error))
            elif found[0] == 0:
                self.refuse(f"There is nothing to do in {queue} any more.")
            else:
                self.order(make(found[0]), examples=found[1], kept=found[2])

        self.link.ask(count, ask)

    def _run(self, command: Command) -> None:
        self._at_work = command
        self.link.run(command)

    def on_command_progress(self, message: messages.CommandProgress) -> None:
        if not self.is_running:
            return
        self._note(
            f"{message.command.title}:  {message.done:,} of {message.total:,}   esc stops it"
        )

    def on_command_done(self, message: messages.CommandDone) -> None:
        if not self.is_running:
            return
        self._at_work = None
        self._note("")
        outcome = message.outcome
        if outcome is None:
            self.refuse(str(message.error), title=f"{message.command.verb} was not done")
            return
        self._undo = outcome.undo if outcome.undo is not None else self._undo
        hint = "  u takes it back." if outcome.undo is not None else ""
        # what was done without a question shows its command here
        lines = message.command.lines if message.command.tier == 0 else ()
        line = f"\n$ {safe_line(lines[0], 300)}" if len(lines) == 1 else ""
        self.notify(
            safe_text(f"{outcome.text}.{hint}") + line, markup=False,
            severity="information" if outcome.whole else "warning",
        )  # fmt: skip
        for screen in self.screen_stack:
            if isinstance(screen, DeskScreen) and screen.is_mounted:
                screen.command_done(message.command, outcome)
                screen.refresh_bindings()

    def action_undo(self) -> None:
        if self._undo is not None:
            command, self._undo = self._undo, None
            self.order(command)


def _undo_text(command: Command, kept: str) -> str:
    if not command.undoable:
        return "This cannot be undone."
    return f"This cannot be undone: {kept}." if kept else command.undo_text
