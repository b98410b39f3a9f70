"""`jobdesk keys`: the keys that really work, from the table and from what the screens offer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobdesk.tui.actions import ACTIONS, BY_ID, Action, shown

if TYPE_CHECKING:
    from collections.abc import Iterator


def offered() -> list[Action]:
    """The actions that some screen has a method for, in the table's order."""
    from jobdesk.tui.app import JobdeskApp
    from jobdesk.tui.screens import catalogue
    from jobdesk.tui.widgets.listing import Listing

    owners: tuple[Any, ...] = (JobdeskApp, Listing, *catalogue.every())
    bound = {binding.id for owner in owners for binding in owner.BINDINGS}
    return [action for action in ACTIONS if action.id in bound]


def rows() -> list[dict[str, object]]:
    """One entry per action."""
    return [
        {
            "id": action.id,
            "keys": [shown(key) for key in action.keys],
            "scope": action.scope.value,
            "what": action.tooltip,
            "changes": action.mutating,
        }
        for action in offered()
    ]


def text() -> str:
    """The cheat-sheet."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    scope = ""
    for row in rows():
        action = BY_ID[str(row["id"])]
        if action.scope.value != scope:
            yield f"{'' if not scope else chr(10)}{action.scope.value.upper()}"
            scope = action.scope.value
        keys = " ".join(shown(key) for key in action.keys)
        yield f"  {keys:<20} {action.tooltip:<58} {action.id}".rstrip()
