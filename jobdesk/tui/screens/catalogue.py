"""Every screen by its name. None is imported before it is opened: one is enough to begin with."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.screen import Screen

#: mode -> where its screen is
MODES = {
    "overview": "overview:OverviewScreen",
    "jobs": "jobs:JobsScreen",
    "queues": "queues:QueuesScreen",
    "workers": "workers:WorkersScreen",
    "schedules": "schedules:SchedulesScreen",
    "events": "events:EventsScreen",
}
HOME = "queues"
#: What lies on top of a mode's screen and has keys of its own.
ABOVE = (
    "job:JobScreen", "groups:GroupsScreen", "forecast:ForecastScreen", "doctor:DoctorScreen",
    "audit:AuditScreen", "dialogs:ConfirmScreen",
)  # fmt: skip


def find(place: str) -> type[Screen[Any]]:
    """The class at ``module:Class``."""
    module, _, name = place.partition(":")
    found: type[Screen[Any]] = getattr(import_module(f"jobdesk.tui.screens.{module}"), name)
    return found


def of_mode(mode: str) -> Screen[Any]:
    """A mode's screen, made anew."""
    return find(MODES[mode])()


def every() -> tuple[type[Screen[Any]], ...]:
    """All of them, for the cheat-sheet."""
    return tuple(find(place) for place in (*MODES.values(), *ABOVE))
