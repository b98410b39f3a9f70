"""What a queue's commands ask before they are given: what to clean, and which limits to set.

Each checks what was typed as it is typed, and shows the command line that would do the same.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Input, Static

from jobdesk.broker.operators.commands import seconds_of, span
from jobdesk.errors import BadInput
from jobdesk.safetext import safe_line, safe_text
from jobdesk.tui.commands.queues import CLEANED, CleanJobs, SetLimits
from jobdesk.tui.screens.dialog import Dialog
from jobdesk.tui.screens.dialogs import Choice
from jobdesk.tui.standing import stands
from jobdesk.tui.widgets.panel import Framed

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.timer import Timer

    from jobdesk.broker.reading.ages import Older
    from jobdesk.models import JobState, QueueStats
    from jobdesk.tui.commands.base import Command
    from jobdesk.tui.link.interest import Source

#: How long one rests before what was typed is counted.
COUNT_S = 0.15
_LABEL = 12
#: Longer numbers are slips of the finger.
_DIGITS = 9


class Switch(Widget, can_focus=True):
    """One of a few words, chosen by the arrows or its first letter."""

    BINDINGS: ClassVar = [
        Binding("left,h", "turn(-1)", "before", show=False),
        Binding("right,l,space", "turn(1)", "next", show=False),
    ]
    chosen: reactive[int] = reactive(0)

    def __init__(self, words: tuple[str, ...], chosen: int, *, id: str) -> None:  # noqa: A002  # Textual's name
        super().__init__(id=id)
        self._words = words
        self.set_reactive(Switch.chosen, chosen)

    def render(self) -> Content:
        on = "reverse bold" if self.has_focus else "bold $accent"
        return Content.assemble(*(
            (f" {word} ", on if at == self.chosen else "$quiet")
            for at, word in enumerate(self._words)
        ))  # fmt: skip

    def action_turn(self, by: int) -> None:
        self.chosen = (self.chosen + by) % len(self._words)

    def on_key(self, event: Any) -> None:
        for at, word in enumerate(self._words):
            if event.character == word[0]:
                event.stop()
                self.chosen = at

    def on_click(self, event: Any) -> None:
        at = 0
        for number, word in enumerate(self._words):
            at += len(word) + 2
            if event.x < at:
                self.chosen = number
                return

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()


class AskScreen(Dialog["Command | None"]):
    """A few fields, what is wrong with them, the command line. Answers with a command."""

    BINDINGS: ClassVar = [
        Binding("escape", "leave", "leave it", show=False, id="ask.leave"),
        Binding("ctrl+s", "give", "go on", show=False, priority=True, id="ask.give"),
        Binding("tab,down", "app.focus_next", "next", show=False, id="ask.next"),
        Binding("shift+tab,up", "app.focus_previous", "previous", show=False, id="ask.previous"),
    ]
    VERB: ClassVar[str] = ""

    def __init__(self, queue: str) -> None:
        super().__init__()
        self.queue = queue

    # --- for the subclasses

    def heading(self) -> str:
        """What the border says."""
        raise NotImplementedError

    def fields(self) -> ComposeResult:
        """Where one types."""
        yield from ()

    def made(self) -> Command | None:
        """The command as it was typed; None where it would change nothing. Raises ``BadInput``."""
        raise NotImplementedError

    def changed(self, command: Command | None) -> None:
        """Something else was typed."""

    # --- as it is drawn

    def compose(self) -> ComposeResult:
        with Framed(classes="dialog -ask") as box:
            box.border_title = safe_line(self.heading(), 60)
            box.border_subtitle = "enter goes on   esc leaves it"
            yield from self.fields()
            yield Static(id="said")
            yield Static(id="line", classes="command")
            with Horizontal(classes="buttons"):
                yield Choice("esc  Leave it", id="no")
                yield Choice(f"enter  {self.VERB}", id="yes")

    def on_mount(self) -> None:
        self.check()

    def check(self) -> Command | None:
        """Say what is wrong, or which command does the same; the command where there is one."""
        wrong, command = "", None
        try:
            command = self.made()
        except ValueError as exc:
            wrong = str(exc)
        self.query_one("#yes").disabled = command is None
        line = self.query_one("#line", Static)
        line.display = command is not None
        if command is not None:
            line.update(Content(f"$ {safe_line(self.in_shell(command.line), 300)}"))
        if wrong:
            self.say(wrong, "$error")
        else:
            self.changed(command)
        return command

    def say(self, text: str, tone: str = "") -> None:
        """A sentence below the fields."""
        self.query_one("#said", Static).update(Content.styled(safe_text(text), tone))

    def text(self, name: str) -> str:
        """What was typed there."""
        return self.query_one(f"#{name}", Input).value.strip()

    def on_input_changed(self) -> None:
        self.check()

    def on_input_submitted(self) -> None:
        self.action_give()

    def on_choice_pressed(self, event: Choice.Pressed) -> None:
        if event.choice.id == "no":
            self.dismiss(None)
        else:
            self.action_give()

    def action_give(self) -> None:
        command = self.check()
        if command is not None:
            self.dismiss(command)

    def action_leave(self) -> None:
        self.dismiss(None)


class CleanScreen(AskScreen):
    """Which jobs of a queue are to go: their state, their age, how many. Counted as one types."""

    AUTO_FOCUS = "#state"
    VERB = "Remove …"

    def __init__(self, queue: str, state: JobState) -> None:
        super().__init__(queue)
        self._first = CLEANED.index(state) if state in CLEANED else 0
        self._timer: Timer | None = None
        self.older: Older | None = None

    def heading(self) -> str:
        return f"Clean {self.queue}"

    def fields(self) -> ComposeResult:
        switch = Switch(tuple(state.value for state in CLEANED), self._first, id="state")
        yield Horizontal(_label("state"), switch, classes="form-row")
        yield _row("older than", "grace", "24h", "as 30m, 24h or 7d; 0: any age")
        yield _row("at most", "limit", "", "the oldest first; empty: all")

    def on_mount(self) -> None:
        self.watch(self.query_one(Switch), "chosen", self._switched, init=False)
        super().on_mount()

    def _switched(self) -> None:
        self.check()

    def made(self) -> CleanJobs | None:
        from jobdesk.broker.reading.ages import check_clean

        limit = self.text("limit") or "0"
        if not limit.isdecimal() or not limit.isascii() or len(limit) > _DIGITS:
            raise BadInput(f"at most is a number, or empty, got {limit!r:.20}")
        state = CLEANED[self.query_one(Switch).chosen]
        _, grace = check_clean(state, seconds_of(self.text("grace") or "0"), int(limit))
        return CleanJobs(self.queue, 0, state, grace, int(limit))

    def changed(self, command: Command | None) -> None:
        self.older = None
        self.say("…", "$quiet")
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(COUNT_S, lambda: self._count(cast("CleanJobs", command)))

    def _count(self, wanted: CleanJobs) -> None:
        def counted(found: Older | None, error: Exception | None) -> None:
            try:
                still = stands(self) and self.made() == wanted
            except ValueError:
                still = False
            if not still:
                return  # something else has been typed since
            self.older = found
            if found is None:
                self.say(str(error), "$error")
                return
            self.say(*said_of(wanted, found))
            self.query_one("#yes").disabled = found.count == 0

        self.desk.link.ask(lambda source: count(source, wanted), counted)

    def action_give(self) -> None:
        if self.older is not None and self.older.count == 0:
            return
        super().action_give()


class LimitsScreen(AskScreen):
    """How many jobs of a queue run at once, and how many may start in a span."""

    AUTO_FOCUS = "#most"
    VERB = "Set"

    def __init__(self, stats: QueueStats) -> None:
        super().__init__(stats.name)
        self._stats = stats

    def heading(self) -> str:
        return f"Limits of {self.queue}"

    def fields(self) -> ComposeResult:
        most, rate = self._stats.max_active, self._stats.rate_limit
        jobs, per = ("", "") if rate is None else (str(rate[0]), span(rate[1]))
        yield _row("at once", "most", "" if most is None else str(most),
                   "over all workers; empty: no limit")  # fmt: skip
        yield _row("starts", "jobs", jobs, "so many jobs; empty: no limit")
        yield _row("in a span of", "per", per, "as 1s, 60s or 1h")

    def made(self) -> SetLimits | None:
        from jobdesk.models import check_rate_limit

        most = _whole(self.text("most"), "at once")
        jobs, per = _whole(self.text("jobs"), "starts"), self.text("per")
        rate: tuple[int, float] | None = None
        if jobs is not None and not per:
            raise BadInput("so many starts in which span? Write it as 60s or 1h")
        if jobs is not None:
            rate = jobs, seconds_of(per)
            check_rate_limit(rate)
        elif per:
            raise BadInput("how many may start in that span?")
        made = SetLimits(self.queue, most, rate, was=(self._stats.max_active, self._was()))
        return made if made.changes else None

    def _was(self) -> tuple[int, float] | None:
        rate = self._stats.rate_limit
        return None if rate is None else (rate[0], rate[1])

    def changed(self, command: Command | None) -> None:
        if command is None:
            self.say("As they are now.", "$quiet")
        else:
            self.say("Takes effect at once, on all workers.", "$quiet")


def count(source: Source, wanted: CleanJobs) -> Older:
    """How many jobs it would remove; in the link's thread."""
    from jobdesk.broker.reading.ages import older

    return older(source.broker, wanted.queue, wanted.state, grace=wanted.grace, limit=wanted.limit)


def counted(wanted: CleanJobs, found: Older) -> CleanJobs:
    """The same command, with how many jobs it is about."""
    return replace(wanted, found=found.count, exact=found.exact)


def said_of(wanted: CleanJobs, found: Older) -> tuple[str, str]:
    """A count in words, and its tone."""
    age = f" over {span(wanted.grace)} old" if wanted.grace else ""
    if not found.count:
        return f"None of {found.total:,} {wanted.state} jobs is{age}.", "$warning"
    if not found.exact:
        total = f"{found.total:,} {wanted.state} jobs"
        return f"Up to {found.count:,} of {total}: too many to look at the age of each.", ""
    return f"{found.count:,} of {found.total:,} {wanted.state} jobs{age} would go.", ""


def _whole(text: str, name: str) -> int | None:
    if not text:
        return None
    digits = text.isdecimal() and text.isascii() and len(text) <= _DIGITS
    if not digits or int(text) < 1:
        raise BadInput(f"{name} is a number of 1 or more, or empty, got {text!r:.20}")
    return int(text)


def _label(text: str) -> Static:
    return Static(Content(f"{text:<{_LABEL}}  "), classes="label")


def _row(label: str, name: str, typed: str, hint: str) -> Horizontal:
    box = Input(typed, placeholder=hint, id=name, compact=True)
    return Horizontal(_label(label), box, classes="form-row")
