"""The app's end of the link: what it tells is brought to the screen on top.

No call to Redis is made in this thread.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from textual.app import App

from jobdesk.safetext import safe_line, safe_text
from jobdesk.tui import preferences, themes
from jobdesk.tui.contexts import in_shell
from jobdesk.tui.link.link import Link
from jobdesk.tui.link.status import LinkState, LinkStatus
from jobdesk.tui.screens.base import DeskScreen
from jobdesk.tui.standing import stands
from jobdesk.tui.text import spans
from jobdesk.tui.text.glyphs import ASCII, UNICODE
from jobdesk.tui.widgets.banner import Banner
from jobdesk.tui.widgets.hintbar import HintBar
from jobdesk.tui.widgets.statusline import StatusLine

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from textual.filter import LineFilter

    from jobdesk.tui.company import Company
    from jobdesk.tui.contexts import Context
    from jobdesk.tui.link import messages
    from jobdesk.tui.screens.connect import ConnectScreen
    from jobdesk.tui.screens.dialogs import TooSmall


class LinkedApp(App[int]):
    """An app with a link, and screens that show what it reads."""

    def __init__(
        self, context: Context, *, read_only: bool = False, mode: str = "", who: str = "",
        state_file: Path | None = None, company: Company | None = None,
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
        first = mode or self.preferences.mode
        if first in self.MODES:
            self.DEFAULT_MODE = first  # type: ignore[misc]  # where this session begins
        interval = self.preferences.interval or settings.tui_refresh
        self.link = Link(
            settings, self.post_message, read_only=read_only, interval=interval, who=who
        )
        #: monotonic: when the newest snapshot was read; 0: none yet
        self.read_at = 0.0
        self._server_ms = 0
        self.held = False
        self.company = company
        self._trouble_told = ""
        self._cost = False
        self._connect: ConnectScreen | None = None
        self._small: TooSmall | None = None
        super().__init__()
        self.set_class(self.glyphs is ASCII, "-ascii")
        self._begin_with(self.preferences.theme or settings.tui_theme)

    def _begin_with(self, theme: str) -> None:
        """Choose the colours before any CSS is parsed: that takes long enough once."""
        self.register_theme(themes.DARK)
        self.register_theme(themes.LIGHT)
        known = theme if theme in self.available_themes else themes.DEFAULT
        self.set_reactive(LinkedApp.theme, known)
        # what Textual does when a theme is chosen later: it begins with a dark one
        dark = self.current_theme.dark
        self.set_class(dark, "-dark-mode")
        self.set_class(not dark, "-light-mode")
        self._refresh_truecolor_filter(self.ansi_theme)
        self._parsed_for = self.get_css_variables()
        self.stylesheet.set_variables(self._parsed_for)

    def refresh_css(self, animate: bool = True) -> None:
        """Style everything anew, and parse the CSS again only where its variables have changed.

        Textual asks for it at the start, and whenever a screen is opened for the first time.
        """
        variables = self.get_css_variables()
        if variables != self._parsed_for:
            self._parsed_for = variables
            super().refresh_css(animate=animate)
            return
        for screen in self.screen_stack:
            self.stylesheet.update(screen, animate=animate)
            screen._css_update_count = self._css_update_count  # noqa: SLF001  # as Textual's own does

    def get_line_filters(self) -> Sequence[LineFilter]:
        found = super().get_line_filters()
        if self.glyphs is not ASCII:
            return found
        from jobdesk.tui.text.plain import PLAIN_SIGNS

        return [*found, PLAIN_SIGNS]

    @property
    def desk_screen(self) -> DeskScreen | None:
        """The screen with data on top, below what dialogs there are."""
        for screen in reversed(self.screen_stack):
            if isinstance(screen, DeskScreen):
                return screen
        return None

    def now_ms(self) -> int:
        """The Redis server's clock, as far as is known."""
        return self._server_ms + round((time.monotonic() - self.read_at) * 1000)

    # --- what the link tells: while the app ends, nobody hears it

    def on_snapshot_ready(self, message: messages.SnapshotReady) -> None:
        if not self.is_running:
            return
        snapshot = message.snapshot
        self.read_at = time.monotonic()
        self._server_ms = snapshot.now_ms
        screen = self.desk_screen
        # one that was opened just now has no widgets yet
        if screen is None or self.held or not stands(screen):
            return
        screen.take(snapshot)
        screen.query_one(StatusLine).operators = tuple(
            safe_line(who, 24) for who in snapshot.operators if who != self._who
        )[:3]
        if self._small is not None:
            self._small.say(*self.size, self._three_counts())
        if self._cost:
            screen.query_one(StatusLine).cost = f"{snapshot.took_ms:.1f}ms"

    def _three_counts(self) -> str:
        from jobdesk.tui.link.reads import Stats

        screen = self.desk_screen
        stats = None if screen is None or screen.snapshot is None else screen.snapshot.of(Stats)
        if stats is None:
            return ""
        told = (("failed", "failed"), ("waiting", "waiting"), ("active", "active"))
        return "   ".join(
            f"{self.glyphs.states[name]} {spans.count(sum(getattr(s, name) for s in stats))} {word}"
            for name, word in told
        )

    def on_link_changed(self, message: messages.LinkChanged) -> None:
        if not self.is_running:
            return
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
            from jobdesk.tui.screens.connect import ConnectScreen

            if self._connect is None:
                self._connect = ConnectScreen(self.address)
                self.push_screen(self._connect)
            screen = self._connect
            screen.say(status)
        elif self._connect is not None and status.usable:
            self._connect.dismiss(None)
            self._connect = None

    def on_events_arrived(self, message: messages.EventsArrived) -> None:
        if not self.is_running:
            return
        for screen in self.screen_stack:
            if isinstance(screen, DeskScreen) and stands(screen):
                screen.events_arrived(message.events)

    def on_answered(self, message: messages.Answered) -> None:
        if not self.is_running:
            return
        message.then(message.value, message.error)

    # --- what the screens are told

    def tell_screen(self, screen: DeskScreen) -> None:
        """Bring a screen's first line, banner and hints up to date."""
        if not stands(screen):
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
        # live, the snapshots do it; an answer that is overdue is told by nobody
        if screen is not None and (self.held or self.link.status.state is not LinkState.LIVE):
            self.tell_screen(screen)
        trouble = "" if self.company is None else self.company.trouble()
        if trouble != self._trouble_told:
            self._trouble_told = trouble
            self.notify(safe_text(trouble), severity="error", markup=False, timeout=20)

    def introduce(self) -> None:
        """Say what runs under this dashboard, and where it writes its log."""
        if self.company is not None:
            self.notify(
                f"Workers run under this dashboard and end with it.\n{self.company.log}",
                markup=False, timeout=8,
            )  # fmt: skip

    # --- what is said to the operator

    def in_shell(self, line: str) -> str:
        """A command line, as it does the same to what this session looks at."""
        return in_shell(line, self.context_name)

    def _note(self, text: str) -> None:
        if (screen := self.desk_screen) and stands(screen):
            screen.query_one(HintBar).note = text

    def refuse(self, reason: str, *, title: str = "") -> None:
        """Say why something is not done."""
        self.notify(safe_text(reason), title=title, severity="warning", markup=False)

    def copy(self, text: str, what: str) -> None:
        """Copy to the clipboard, over SSH too (OSC 52)."""
        self.copy_to_clipboard(text)
        self.notify(f"Copied {what}.", markup=False, timeout=2)


def _address(settings: Any) -> str:
    from jobdesk.broker.server import address

    return str(address.from_settings(settings))
