"""How a command gets from a key to Redis: policy, confirmation by its tier, the link's writer.

Before a command that takes jobs away, or is about many, it is looked up what other operators have
just done to its queues: then it asks, whatever its tier, and says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from jobdesk.broker.operators.audit import DESTRUCTIVE
from jobdesk.counting import counted
from jobdesk.safetext import safe_line, safe_text
from jobdesk.tui import policy
from jobdesk.tui.linked import LinkedApp
from jobdesk.tui.screens.base import DeskScreen
from jobdesk.tui.standing import stands
from jobdesk.tui.text import spans

if TYPE_CHECKING:
    from jobdesk.broker.operators.others import Others
    from jobdesk.models import JobRow, JobState
    from jobdesk.tui.commands.base import Command
    from jobdesk.tui.link import messages
    from jobdesk.tui.link.interest import Source

#: Below so many lines a question shows one example, and one line of what others did.
LOW = 20


class OrderingApp(LinkedApp):
    """An app that commands are given to."""

    def __init__(self, *words: Any, **options: Any) -> None:
        self._undo: Command | None = None
        self._at_work: Command | None = None
        #: whether it is being looked up what others did
        self._looking = False
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
        others: str | None = None,
    ) -> None:
        """Carry out a command, asking first what its tier asks.

        ``kept`` says why it cannot be taken back though others of its kind can; ``others`` what
        other operators did. That is looked up where it is not given.
        """
        if (refusal := self.refusal()) is not None:
            self.refuse(refusal)
            return
        asked = command.tier if tier is None else tier
        if others is None and (asked >= 2 or takes_away(command)):
            self._look_at_others(command, lambda said: self.order(
                command, tier=tier, examples=examples, kept=kept, others=said,
            ))  # fmt: skip
            return
        asked = max(asked, 1) if others else asked
        if asked == 0 and not self.production:
            self._run(command)
            return

        def answer(yes: bool | None) -> None:
            if not yes:
                return
            # Redis may have gone while one thought about it
            if (refusal := self.refusal()) is None:
                self._run(command)
            else:
                self.refuse(refusal, title=f"{command.verb} was not done")

        from jobdesk.tui.screens.dialogs import ConfirmScreen

        if self.size.height < LOW:  # the buttons need the room
            examples, others = examples[:1], (others or "").partition("\n")[0]
        self.push_screen(
            ConfirmScreen(
                command, tier=asked,
                undoable=(command.undoable and not kept) or command.other_way_back,
                undo=_undo_text(command, kept), examples=examples,
                where=self.context_name or self.address, production=self.production,
                warning=others or "",
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
            from jobdesk.broker.operators import undo

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

    def _look_at_others(self, command: Command, then: Callable[[str], None]) -> None:
        if self._looking:  # the key was held down
            return
        self._looking = True
        me = self._who

        def look(source: Source) -> str:
            from jobdesk.broker.operators import others

            now = source.inspector.now_ms()
            found = others.look(source.broker, command.queue_names, me, now)
            return told(found, now, present=takes_away(command))

        def answer(said: str | None, _: Exception | None) -> None:
            self._looking = False
            # where that cannot be read, the command is refused anyway, or goes without
            then(said or "")

        self.link.ask(look, answer)

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
            title, text = broken_off(message)
            self.refuse(text, title=title)
            return
        self._undo = outcome.undo if outcome.undo is not None else self._undo
        hint = f"  {message.command.undo_text}" if outcome.undo is not None else ""
        # what was done without a question shows its command here
        lines = message.command.lines if message.command.tier == 0 else ()
        line = f"\n$ {safe_line(self.in_shell(lines[0]), 300)}" if len(lines) == 1 else ""
        self.notify(
            safe_text(f"{outcome.text}.{hint}") + line, markup=False,
            severity="information" if outcome.whole else "warning",
        )  # fmt: skip
        for screen in self.screen_stack:
            if isinstance(screen, DeskScreen) and stands(screen):
                screen.command_done(message.command, outcome)
                screen.refresh_bindings()

    def action_undo(self) -> None:
        if self._undo is not None:
            command, self._undo = self._undo, None
            self.order(command)


def broken_off(message: messages.CommandDone) -> tuple[str, str]:
    """What is said of a command that ended with an error: how far it came, as far as is known."""
    verb, text = message.command.verb, str(message.error)
    if message.done:
        more = "  The jobs after them may have been done too." if message.unsure else ""
        return f"{verb} broke off after {message.done:,} of {message.total:,}", text + more
    if message.unsure:
        return f"{verb} may have been done", f"{text}  Look before you do it again."
    return f"{verb} was not done", text


def takes_away(command: Command) -> bool:
    """Whether a command takes jobs away, or ends them."""
    return command.action.rpartition(".")[2] in DESTRUCTIVE


def told(others: Others, now_ms: int, *, present: bool) -> str:
    """What is said of other operators before a command; "" where there is nothing to say."""
    said = []
    for deed in others.deeds[:2]:
        who, what = safe_line(deed.who, 32), safe_line(deed.action, 40)
        jobs = "" if deed.count is None else f", {counted(deed.count, 'job')}"
        when = f"{spans.age(now_ms - deed.at_ms)} ago" if deed.done else "at this moment"
        said.append(f"{who}: {what} on {deed.queue}{jobs}, {when}.")
    if len(others.deeds) > 2:
        said.append(f"… and {len(others.deeds) - 2} more of the last minutes: @ shows them.")
    if present and (there := [who for who in others.present if who not in _named(others)]):
        more = f" and {len(there) - 1} more are" if len(there) > 1 else " is"
        said.append(f"{safe_line(there[0], 32)}{more} at work here too.")
    return "\n".join(said)


def _named(others: Others) -> set[str]:
    return {deed.who for deed in others.deeds[:2]}


def _undo_text(command: Command, kept: str) -> str:
    if not command.undoable:
        return command.final_text
    return f"This cannot be undone: {kept}." if kept else command.undo_text
