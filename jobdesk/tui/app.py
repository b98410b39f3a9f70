"""The dashboard's app: its modes, where one can go, and what its keys do everywhere.

    widget → screen → ``order(command)`` → policy → confirmation by its tier → the link's writer
    link's reader → ``SnapshotReady`` → the screen on top → its widgets

The first way is in :mod:`~jobdesk.tui.ordering`, the second in :mod:`~jobdesk.tui.linked`. No call
to Redis is made in this thread.
"""

from __future__ import annotations

import gc
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.binding import Binding

from jobdesk.tui import actions, preferences, themes
from jobdesk.tui.actions import BY_METHOD, Action, Scope
from jobdesk.tui.bound import bindings_of
from jobdesk.tui.ordering import OrderingApp
from jobdesk.tui.screens import catalogue
from jobdesk.tui.screens.base import SMALLEST, DeskScreen
from jobdesk.tui.screens.catalogue import HOME
from jobdesk.tui.widgets.listing import Listing
from jobdesk.tui.widgets.panel import Panel
from jobdesk.tui.widgets.statusline import StatusLine

if TYPE_CHECKING:
    from textual import events
    from textual.screen import Screen

    from jobdesk.models import JobRow, JobState
    from jobdesk.tui.filters import Filter
    from jobdesk.tui.screens.jobs import JobsScreen


class JobdeskApp(OrderingApp, inherit_bindings=False):
    """The desk."""

    CSS_PATH = "jobdesk.tcss"
    TITLE = "jobdesk"
    MODES: ClassVar = {mode: partial(catalogue.of_mode, mode) for mode in catalogue.MODES}
    DEFAULT_MODE = HOME
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-preview"), (160, "-broad")]  # noqa: RUF012  # Textual declares it so
    VERTICAL_BREAKPOINTS = [(0, "-low"), (30, "-tall")]  # noqa: RUF012  # as above
    SCOPES: ClassVar = (Scope.EVERYWHERE,)
    # its key is in the table, as all keys are
    ENABLE_COMMAND_PALETTE = False
    NOTIFICATION_TIMEOUT = 4

    # --- life

    def on_mount(self) -> None:
        self.animation_level = "none"
        self.theme_changed_signal.subscribe(self, self._theme_changed)
        self.set_keymap(actions.keymap(dict(self.settings.tui_keymap)))
        self.link.start()
        self.set_interval(1.0, self._every_second)
        self.set_timer(2.0, _collect_again)
        self.introduce()

    def on_unmount(self) -> None:
        preferences.save(self._file, self.preferences.with_(
            theme=self.theme, mode=self.current_mode if self.current_mode in self.MODES else "",
        ))  # fmt: skip
        self.link.stop()

    def get_css_variables(self) -> dict[str, str]:
        # Textual's own $text-muted is a share of black or white that widgets cannot draw text in
        self.theme_variables = themes.with_shades(super().get_css_variables())
        return self.theme_variables

    # --- where to go

    def open_jobs(self, queue: str | None, state: JobState | None) -> None:
        """The list of jobs of a queue, in a state."""
        self._jobs().open_view(queue, state)

    def filter_jobs(self, wanted: Filter) -> None:
        """The list of jobs, with a filter."""
        self._jobs().filter_by(wanted)

    def _jobs(self) -> JobsScreen:
        self.go("jobs")
        return cast("JobsScreen", self.screen)

    def open_job(self, queue: str, job_id: str, row: JobRow | None = None) -> None:
        """The screen of one job, on top of this one; ``row`` is what is known of it already."""
        from jobdesk.tui.screens.job import JobScreen

        self.push_screen(JobScreen(queue, job_id, row))

    def open_row(self, mode: str, name: str) -> None:
        """The board of queues, or of workers, with the cursor on one of them."""
        self.go(mode)
        screen = self.screen
        # one that nobody was on yet is still to be made
        screen.call_after_refresh(lambda: screen.query(Listing).first().seek(name))

    def go(self, mode: str) -> None:
        """The screen of a mode, without what was left lying on top of it."""
        if mode != self.current_mode:
            self.switch_mode(mode)
        while len(self.screen_stack) > 1 and isinstance(self.screen, DeskScreen):
            self.pop_screen()

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
        if action.scope is Scope.LIST:  # of the list that has the focus
            bound = self.screen.active_bindings.values()
            owner = next((one.node for one in bound if one.binding.id == action.id), None)
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
        small = width < SMALLEST[0] or height < SMALLEST[1]
        if small and self._small is None:
            from jobdesk.tui.screens.dialogs import TooSmall

            self._small = TooSmall()
            self.push_screen(self._small)
        elif not small and self._small is not None:
            self._small.dismiss(None)
            self._small = None
        if self._small is not None:
            self._small.say(width, height, self._three_counts())

    def on_app_blur(self) -> None:
        self.link.blur(blurred=True)

    def on_app_focus(self) -> None:
        self.link.blur(blurred=False)

    def _theme_changed(self, _: object) -> None:
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
        from jobdesk.tui.screens.dialogs import HelpScreen, keys_of

        self.push_screen(HelpScreen(keys_of(bound), screen.TITLE_WORD))

    def action_palette(self) -> None:
        from jobdesk.tui.palette import Palette

        if self.desk_screen is self.screen:
            self.push_screen(Palette())

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
        screen.set_class(kept is not None, "-zoomed")

    def _unzoom(self) -> bool:
        screen = self.desk_screen
        hidden = [] if screen is None else list(screen.query(".-zoomed-out"))
        for panel in hidden:
            panel.remove_class("-zoomed-out")
        if screen is not None:
            screen.remove_class("-zoomed")
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

    def action_doctor(self) -> None:
        from jobdesk.tui.screens.doctor import DoctorScreen

        self._lay_over(DoctorScreen)

    def action_audit(self) -> None:
        from jobdesk.tui.screens.audit import AuditScreen

        self._lay_over(AuditScreen)

    def _lay_over(self, kind: type[DeskScreen]) -> None:
        """A screen on top of this one; where it lies below already, what is on top of it goes."""
        if self.desk_screen is not self.screen:
            return
        if not any(isinstance(screen, kind) for screen in self.screen_stack):
            self.push_screen(kind())
            return
        while not isinstance(self.screen, kind):
            self.pop_screen()

    def action_suspend(self) -> None:
        self.action_suspend_process()


def _collect_again() -> None:
    """Collect garbage as a program should that is open for hours; the command line put it off."""
    usual = 10_000
    if gc.get_threshold()[0] > usual:
        # what the start has made stays, and need not be looked at
        gc.freeze()
        gc.set_threshold(usual)


# what Textual binds by itself stays out of the table's way
JobdeskApp.BINDINGS = [
    *bindings_of(JobdeskApp, (Scope.EVERYWHERE,)),
    Binding("ctrl+c", "exit", "quit", show=False, id="exit"),
]
JobdeskApp._merged_bindings = JobdeskApp._merge_bindings()  # noqa: SLF001  # made before the methods were there
