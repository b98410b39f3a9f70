"""The dashboard's app: modes, the connection, and how a command gets from a key to Redis.

    widget → screen → ``order(command)`` → policy → confirmation by its tier → the link's writer
    link's reader → ``SnapshotReady`` → the screen on top → its widgets

No call to Redis is made in this thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import App
from textual.binding import Binding

from jobdesk.safetext import safe_line, safe_text
from jobdesk.tui import actions, messages, policy, preferences, spans, themes
from jobdesk.tui.actions import BY_METHOD, Action, Scope
from jobdesk.tui.bound import bindings_of
from jobdesk.tui.glyphs import ASCII, UNICODE
from jobdesk.tui.link import Link, LinkState, LinkStatus
from jobdesk.tui.palette import ActionProvider
from jobdesk.tui.screens.base import DeskScreen
from jobdesk.tui.screens.connect import ConnectScreen
from jobdesk.tui.screens.dialogs import ConfirmScreen, HelpScreen, TooSmall, keys_of
from jobdesk.tui.screens.events import EventsScreen
from jobdesk.tui.screens.job import JobScreen
from jobdesk.tui.screens.jobs import JobsScreen
from jobdesk.tui.screens.overview import OverviewScreen
from jobdesk.tui.screens.queues import QueuesScreen
from jobdesk.tui.screens.schedules import SchedulesScreen
from jobdesk.tui.screens.workers import WorkersScreen
from jobdesk.tui.widgets.banner import Banner
from jobdesk.tui.widgets.hintbar import HintBar
from jobdesk.tui.widgets.panel import Panel
from jobdesk.tui.widgets.statusline import StatusLine

if TYPE_CHECKING:
    from pathlib import Path

    from textual import events
    from textual.screen import Screen

    from jobdesk.models import JobRow, JobState, QueueStats
    from jobdesk.tui.commands import Command, Undo
    from jobdesk.tui.contexts import Context
    from jobdesk.tui.interest import Source

HOME = "queues"
MODE_SCREENS: dict[str, type[DeskScreen]] = {
    "overview": OverviewScreen,
    "jobs": JobsScreen,
    "queues": QueuesScreen,
    "workers": WorkersScreen,
    "schedules": SchedulesScreen,
    "events": EventsScreen,
}
#: Every screen and dialog with keys of its own, for the cheat-sheet and the tests.
SCREENS: tuple[type[Screen[Any]], ...] = (*MODE_SCREENS.values(), JobScreen, ConfirmScreen)


class JobdeskApp(App[int], inherit_bindings=False):
    """The desk."""

    CSS_PATH = "jobdesk.tcss"
    TITLE = "jobdesk"
    MODES: ClassVar = dict(MODE_SCREENS)
    DEFAULT_MODE = HOME
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-preview"), (160, "-broad")]  # noqa: RUF012  # Textual declares it so
    VERTICAL_BREAKPOINTS = [(0, "-low"), (30, "-tall")]  # noqa: RUF012  # as above
    SCOPES: ClassVar = (Scope.EVERYWHERE,)
    # its key is in the table, as all keys are
    ENABLE_COMMAND_PALETTE = False
    NOTIFICATION_TIMEOUT = 4

    def __init__(
        self, context: Context, *, read_only: bool = False, mode: str = "", who: str = "",
        state_file: Path | None = None,
    ) -> None:  # fmt: skip
        settings = context.settings
        self.glyphs = ASCII if settings.tui_glyphs == "ascii" else UNICODE
        self.settings = settings
        self.context_name, self.production = context.name, context.production
        self.read_only = read_only
        self.address = _address(settings)
        self._who = who
        self._file = state_file or preferences.path()
        self.preferences = preferences.load(self._file)
        self._first_mode = mode or self.preferences.mode or HOME
        interval = self.preferences.interval or settings.tui_refresh
        self.link = Link(
            settings, self.post_message, read_only=read_only, interval=interval, who=who
        )
        #: monotonic: when the newest snapshot was read; 0: none yet
        self.read_at = 0.0
        self.held = False
        self._cost = False
        self._connect: ConnectScreen | None = None
        self._small: TooSmall | None = None
        self._undo: Undo | None = None
        self._at_work: Command | None = None
        self._counts: tuple[QueueStats, ...] = ()
        super().__init__()

    # --- life

    def on_mount(self) -> None:
        self.animation_level = "none"
        self.register_theme(themes.DARK)
        self.register_theme(themes.LIGHT)
        wanted = self.preferences.theme or self.settings.tui_theme
        self.theme = wanted if wanted in self.available_themes else themes.DEFAULT
        self.theme_changed_signal.subscribe(self, self._theme_changed)
        self.set_keymap(actions.keymap(dict(self.settings.tui_keymap)))
        self.link.start()
        self.set_interval(1.0, self._every_second)
        if self._first_mode in MODE_SCREENS and self._first_mode != self.current_mode:
            self.switch_mode(self._first_mode)

    def on_unmount(self) -> None:
        preferences.save(self._file, self.preferences.with_(
            theme=self.theme, mode=self.current_mode if self.current_mode in MODE_SCREENS else "",
        ))  # fmt: skip
        self.link.stop()

    def get_css_variables(self) -> dict[str, str]:
        # Textual's own $text-muted is a share of black or white that widgets cannot draw text in
        self.theme_variables = themes.with_shades(super().get_css_variables())
        return self.theme_variables

    @property
    def desk_screen(self) -> DeskScreen | None:
        """The screen with data on top, below what dialogs there are."""
        for screen in reversed(self.screen_stack):
            if isinstance(screen, DeskScreen):
                return screen
        return None

    # --- what the link tells

    def on_snapshot_ready(self, message: messages.SnapshotReady) -> None:
        snapshot = message.snapshot
        self.read_at = time.monotonic()
        screen = self.desk_screen
        if screen is None or self.held:
            return
        screen.take(snapshot)
        screen.query_one(StatusLine).operators = tuple(
            safe_line(who, 24) for who in snapshot.operators if who != self._who
        )[:3]
        if self._small is not None and self._small.is_mounted:
            self._small.say(*self.size, self._three_counts())
        if self._cost:
            screen.query_one(StatusLine).cost = f"{snapshot.took_ms:.1f}ms"

    def on_link_changed(self, message: messages.LinkChanged) -> None:
        status, screen = message.status, self.desk_screen
        before = getattr(self, "_told", LinkStatus())
        self._told = status
        if before.state is LinkState.OFFLINE and status.usable and self.read_at:
            away = spans.age((time.monotonic() - before.since) * 1000)
            self.notify(f"Back after {away}.", markup=False)
        if screen is not None:
            self.tell_screen(screen)
            if before.usable != status.usable:
                screen.refresh_bindings()
        self._show_connect(status)

    def _show_connect(self, status: LinkStatus) -> None:
        """The connect screen stands while there has never been any data."""
        if status.state is LinkState.OFFLINE and not self.read_at:
            if self._connect is None:
                self._connect = ConnectScreen(self.address)
                self.push_screen(self._connect)
            screen = self._connect
            self.call_after_refresh(screen.say, status)
        elif self._connect is not None and status.usable:
            self._connect.dismiss(None)
            self._connect = None

    def on_events_arrived(self, message: messages.EventsArrived) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, DeskScreen) and screen.is_mounted:
                screen.events_arrived(message.events)

    def on_answered(self, message: messages.Answered) -> None:
        message.then(message.value, message.error)

    # --- what the screens are told

    def tell_screen(self, screen: DeskScreen) -> None:
        """Bring a screen's first line, banner and hints up to date."""
        if not screen.is_mounted:
            return
        status = self.link.status
        line = screen.query_one(StatusLine)
        line.crumbs, line.status, line.held = screen.crumbs(), status, self.held
        offline = status.state is LinkState.OFFLINE
        line.data_age = round(time.monotonic() - self.read_at) if offline and self.read_at else 0
        screen.set_class(offline, "-offline")
        screen.query_one(Banner).text = self._trouble(status) if offline else ""

    def _trouble(self, status: LinkStatus) -> str:
        said = [f"{self.glyphs.states['failed']} Redis is away."]
        if self.read_at:
            then = time.time() - (time.monotonic() - self.read_at)
            said.append(f"Data from {spans.clock(round(then * 1000))}.")
        # the error comes last: it may be longer than the line
        return "  ".join((*said, "ctrl+r tries now.", status.error))

    def _every_second(self) -> None:
        screen = self.desk_screen
        if screen is not None and (self.held or not self.link.status.usable):
            self.tell_screen(screen)

    # --- commands

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
        self._note(
            f"{message.command.title}:  {message.done:,} of {message.total:,}   esc stops it"
        )

    def on_command_done(self, message: messages.CommandDone) -> None:
        self._at_work = None
        self._note("")
        outcome = message.outcome
        if outcome is None:
            self.refuse(str(message.error), title=f"{message.command.verb} was not done")
            return
        self._undo = outcome.undo if outcome.undo is not None else self._undo
        hint = "   u takes it back" if outcome.undo is not None else ""
        self.notify(
            safe_text(f"{outcome.text}.{hint}"), markup=False,
            severity="information" if outcome.whole else "warning",
        )  # fmt: skip
        for screen in self.screen_stack:
            if isinstance(screen, DeskScreen) and screen.is_mounted:
                screen.command_done(message.command, outcome)
                screen.refresh_bindings()

    def _note(self, text: str) -> None:
        if screen := self.desk_screen:
            screen.query_one(HintBar).note = text

    def refuse(self, reason: str, *, title: str = "") -> None:
        """Say why something is not done."""
        self.notify(safe_text(reason), title=title, severity="warning", markup=False)

    def copy(self, text: str, what: str) -> None:
        """Copy to the clipboard, over SSH too (OSC 52)."""
        self.copy_to_clipboard(text)
        self.notify(f"Copied {what}.", markup=False, timeout=2)

    # --- where to go

    def open_jobs(self, queue: str | None, state: JobState | None) -> None:
        """The list of jobs of a queue, in a state."""
        self.go("jobs")
        screen = self.screen
        if isinstance(screen, JobsScreen):
            screen.open_view(queue, state)

    def open_job(self, queue: str, job_id: str, row: JobRow | None = None) -> None:
        """The screen of one job, on top of this one; ``row`` is what is known of it already."""
        self.push_screen(JobScreen(queue, job_id, row))

    def go(self, mode: str) -> None:
        """Another mode, without what lies on top of this one."""
        if mode != self.current_mode:
            self.switch_mode(mode)

    # --- actions

    def offered(self, screen: Screen[Any]) -> list[Action]:
        """The actions that ``screen`` has, in the table's order."""
        scopes = {*self.SCOPES, *getattr(screen, "SCOPES", ())}
        return [
            action for action in actions.of(*scopes)
            if hasattr(self if action.scope is Scope.EVERYWHERE else screen,
                       f"action_{action.method}") and action.id != "palette"
        ]  # fmt: skip

    async def perform(self, action: Action) -> None:
        """Do what a key would do, or say why not."""
        owner: Any = self if action.scope is Scope.EVERYWHERE else self.desk_screen
        if owner is None:
            return
        reason = self.reason(action)
        if reason is not None:
            self.refuse(reason)
            return
        await self.run_action(action.method, default_namespace=owner)

    def reason(self, action: Action) -> str | None:
        """Why an action cannot be done now; None when it can."""
        if action.scope is Scope.EVERYWHERE:
            if action.mutating and (refusal := self.refusal()) is not None:
                return refusal
            if action.id == "undo" and self._undo is None:
                return "There is nothing to take back."
            return None
        screen = self.desk_screen
        return None if screen is None else screen.reason(action)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002  # Textual's signature
        entry = BY_METHOD.get(action)
        if entry is None or entry.scope is not Scope.EVERYWHERE:
            return True
        return True if self.reason(entry) is None else None

    async def on_key(self, event: events.Key) -> None:
        """A key whose action cannot be done now: say why."""
        active = self.screen.active_bindings.get(event.key)
        if active is None or active.enabled:
            return
        entry = BY_METHOD.get(active.binding.action)
        reason = None if entry is None else self.reason(entry)
        if reason is not None:
            event.stop()
            self.refuse(reason)

    def on_resize(self, event: events.Resize) -> None:
        width, height = event.size
        small = width < TooSmall.WIDTH or height < TooSmall.HEIGHT
        if small and self._small is None:
            self._small = TooSmall()
            self.push_screen(self._small)
        elif not small and self._small is not None:
            self._small.dismiss(None)
            self._small = None
        if self._small is not None:
            screen = self._small
            self.call_after_refresh(screen.say, width, height, self._three_counts())

    def _three_counts(self) -> str:
        from jobdesk.tui.reads import Stats

        screen = self.desk_screen
        stats = None if screen is None or screen.snapshot is None else screen.snapshot.of(Stats)
        if stats is None:
            return ""
        told = (("failed", "failed"), ("waiting", "waiting"), ("active", "active"))
        return "   ".join(
            f"{self.glyphs.states[name]} {spans.count(sum(getattr(s, name) for s in stats))} {word}"
            for name, word in told
        )

    def on_app_blur(self) -> None:
        self.link.blur(blurred=True)

    def on_app_focus(self) -> None:
        self.link.blur(blurred=False)

    def _theme_changed(self, _: object) -> None:
        from jobdesk.tui.widgets.listing import Listing

        for screen in self.screen_stack:
            for listing in screen.query(Listing):
                listing.repaint_all()

    def action_go_overview(self) -> None:
        self.go("overview")

    def action_go_jobs(self) -> None:
        self.go("jobs")

    def action_go_queues(self) -> None:
        self.go("queues")

    def action_go_workers(self) -> None:
        self.go("workers")

    def action_go_schedules(self) -> None:
        self.go("schedules")

    def action_go_events(self) -> None:
        self.go("events")

    def action_help(self) -> None:
        screen = self.desk_screen
        if screen is None or self.screen is not screen:
            return
        bound = [
            (active.binding.id or "", key, active.enabled)
            for key, active in screen.active_bindings.items()
        ]
        self.push_screen(HelpScreen(keys_of(bound), screen.TITLE_WORD))

    def action_palette(self) -> None:
        from textual.command import CommandPalette

        if self.desk_screen is self.screen:
            self.push_screen(CommandPalette([ActionProvider], placeholder="What is to be done?"))

    def action_back(self) -> None:  # type: ignore[override]  # Textual's is a coroutine
        if self._at_work is not None:
            self.link.stop_command()
            return
        screen = self.screen
        if isinstance(screen, DeskScreen):
            if self._unzoom() or screen.clear():
                return
            if len(self.screen_stack) > 1:
                self.pop_screen()
            elif self.current_mode != HOME:
                self.go(HOME)

    def action_quit(self) -> None:  # type: ignore[override]  # Textual's is a coroutine
        if len(self.screen_stack) > 1:
            self.pop_screen()
        else:
            self.exit(0)

    def action_exit(self) -> None:
        """Leave, from wherever."""
        self.exit(0 if self.read_at else 3)

    def action_pane_next(self) -> None:
        self.screen.focus_next()

    def action_pane_previous(self) -> None:
        self.screen.focus_previous()

    def action_zoom(self) -> None:
        screen = self.desk_screen
        if screen is None or self._unzoom():
            return
        focused = screen.focused
        kept = next((p for p in screen.query(Panel) if focused in p.walk_children()), None)
        for panel in screen.query(Panel):
            panel.set_class(kept is not None and panel is not kept, "-zoomed-out")

    def _unzoom(self) -> bool:
        screen = self.desk_screen
        hidden = [] if screen is None else list(screen.query(".-zoomed-out"))
        for panel in hidden:
            panel.remove_class("-zoomed-out")
        return bool(hidden)

    def action_hold(self) -> None:
        self.held = not self.held
        if screen := self.desk_screen:
            self.tell_screen(screen)
        if not self.held:
            self.link.refresh()

    def action_refresh(self) -> None:
        self.link.refresh()

    def action_faster(self) -> None:
        self._pace(0.5)

    def action_slower(self) -> None:
        self._pace(2.0)

    def _pace(self, factor: float) -> None:
        interval = self.link.pace(self.link.pace_now * factor)
        self.preferences = self.preferences.with_(interval=interval)
        self.notify(f"Every {interval:g} s.", markup=False, timeout=2)

    def action_theme(self) -> None:
        self.search_themes()

    def action_cost(self) -> None:
        self._cost = not self._cost
        if not self._cost and (screen := self.desk_screen):
            screen.query_one(StatusLine).cost = ""

    def action_suspend(self) -> None:
        self.action_suspend_process()

    def action_undo(self) -> None:
        if self._undo is not None:
            command, self._undo = self._undo, None
            self.order(command)


# what Textual binds by itself stays out of the table's way
JobdeskApp.BINDINGS = [
    *bindings_of(JobdeskApp, (Scope.EVERYWHERE,)),
    Binding("ctrl+c", "exit", "quit", show=False, id="exit"),
]
JobdeskApp._merged_bindings = JobdeskApp._merge_bindings()  # noqa: SLF001  # made before the methods were there


def _undo_text(command: Command, kept: str) -> str:
    if not command.undoable:
        return "This cannot be undone."
    return f"This cannot be undone: {kept}." if kept else command.undo_text


def _address(settings: Any) -> str:
    from jobdesk.broker import address

    return str(address.from_settings(settings))
