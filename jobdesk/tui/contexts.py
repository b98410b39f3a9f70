"""Named places to connect to, as in k9s: ``jobdesk --context prod``."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobdesk.errors import InvalidSetting

if TYPE_CHECKING:
    from jobdesk.settings import Settings


@dataclass(frozen=True, slots=True)
class Context:
    """One place, and the settings that lead there."""

    name: str
    settings: Settings
    #: shown in red, and asked twice
    production: bool = False


def choose(settings: Settings, name: str | None) -> Context:
    """The context of that name from ``JOBDESK_CONTEXTS``; without a name the plain settings."""
    if not name:
        return Context("", settings)
    known = settings.contexts
    if name not in known:
        there = ", ".join(sorted(known)) or "none is set"
        raise InvalidSetting(f"JOBDESK_CONTEXTS has no context {name!r} ({there})")
    entry = known[name]
    changes: dict[str, object] = {"redis_url": entry.url.get_secret_value()}
    if entry.namespace is not None:
        changes["namespace"] = entry.namespace
    production = entry.production if entry.production is not None else name.startswith("prod")
    return Context(name, settings.model_copy(update=changes), production)


def in_shell(line: str, name: str) -> str:
    """A ``jobdesk`` command line as it is to be typed for the context of that name."""
    return line.replace("jobdesk", f"jobdesk --context {shlex.quote(name)}", 1) if name else line
