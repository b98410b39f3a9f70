"""The command palette: every action that the screen offers, by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider

from jobdesk.tui.actions import Action, Scope, shown

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from jobdesk.tui.app import JobdeskApp


class Palette(CommandPalette):
    """Textual's, over the actions of the screen that it opens on."""

    CSS_PATH = "screens/dialogs.tcss"

    def __init__(self) -> None:
        super().__init__([ActionProvider], placeholder="What is to be done?")


class ActionProvider(Provider):
    """Actions from the table, with their keys."""

    async def discover(self) -> Hits:
        for action in self._offered():
            yield DiscoveryHit(self._title(action), self._runner(action), help=action.tooltip)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for action in self._offered():
            title = self._title(action)
            score = max(matcher.match(title), 0.5 * (query.lower() in action.tooltip.lower()))
            if score > 0:
                yield Hit(score, matcher.highlight(title), self._runner(action),
                          help=action.tooltip)  # fmt: skip

    def _offered(self) -> list[Action]:
        return self._desk.offered(self.screen)

    def _title(self, action: Action) -> str:
        key = f"   {shown(action.keys[0])}" if action.keys else ""
        where = "" if action.scope is Scope.EVERYWHERE else f"{action.scope.value}: "
        return f"{where}{action.label}{key}"

    def _runner(self, action: Action) -> Callable[[], Awaitable[None]]:
        async def run() -> None:
            await self._desk.perform(action)

        return run

    @property
    def _desk(self) -> JobdeskApp:
        return cast("JobdeskApp", self.app)
