"""Key bindings made from the table of actions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.binding import Binding, BindingType

from jobdesk.tui.actions import BY_ID, Action, Scope, of

if TYPE_CHECKING:
    from collections.abc import Iterable


def bindings(*ids: str) -> list[BindingType]:
    """The bindings of these actions."""
    return [_binding(BY_ID[id_]) for id_ in ids]


def bindings_of(owner: type, scopes: Iterable[Scope]) -> list[BindingType]:
    """The bindings of all actions of these scopes that ``owner`` has a method for."""
    return [_binding(a) for a in of(*scopes) if a.keys and hasattr(owner, f"action_{a.method}")]


def _binding(action: Action) -> Binding:
    return Binding(
        ",".join(action.keys),
        action.method,
        action.label,
        show=action.hint > 0,
        tooltip=action.tooltip,
        id=action.id,
    )
