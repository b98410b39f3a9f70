"""What JSON can carry, and what to say of a value that it cannot.

:func:`unusual` runs for every job that is added, so it only tells whether a closer look is needed;
:func:`explain` takes that look, and names the path of what is wrong and what to do instead.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time, timedelta
from decimal import Decimal
from math import isfinite
from typing import Any, NoReturn

from jobdesk.errors import InvalidJobData

MAX_DEPTH = 100
#: Beyond it, JavaScript and Lua no longer tell neighbours apart.
MAX_INT = 2**53
_PATH_SHOWN = 60

Inner = Callable[[Any], Any]


_SCALARS = frozenset({str, bool, type(None)})
_CONTAINERS = frozenset({dict, list, tuple})


def unusual(value: object, bound: int | None) -> bool:
    """Whether a closer look is needed: anything but plain JSON types, a suspicious key or number.

    Breadth first over exact types, since this runs for every job that is added.
    """
    level: list[Any] = [value if type(value) in _CONTAINERS else (value,)]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for container in level:
            items = container
            if type(container) is dict:
                if _has_unusual_key(container):
                    return True
                items = container.values()
            for item in items:
                kind = type(item)
                if kind in _SCALARS:
                    continue
                if kind is int:
                    if bound is not None and not -bound <= item <= bound:
                        return True
                elif kind in _CONTAINERS:
                    below.append(item)
                elif kind is not float or not isfinite(item):
                    return True
        if not below:
            return False
        level = below
    return True


def _has_unusual_key(container: dict[Any, Any]) -> bool:
    for key in container:  # noqa: SIM110 - any() over a generator takes twice as long
        if type(key) is not str or key[:1] == "$":
            return True
    return False


def explain(value: object, root: str, inner: Inner | None = None) -> NoReturn:
    """Raise :class:`InvalidJobData` for what the encoder did not take."""
    look(value, root, inner)
    raise InvalidJobData(f"{root} cannot be written as JSON")


def look(value: object, root: str, inner: Inner | None = None) -> None:
    """Raise :class:`InvalidJobData` for the first thing in ``value`` that JSON cannot carry.

    ``inner`` gives what is written for a value that has a tag, and any other value as it is.
    Without it, what is reserved for tags is refused too, and so are integers beyond 2^53.
    """
    _Look(inner).at(value, root, 1)


class _Look:
    def __init__(self, inner: Inner | None) -> None:
        self.inner = inner
        #: ids of the containers around the one at hand
        self.around: set[int] = set()

    def at(self, value: Any, path: str, depth: int) -> None:
        if self.inner is not None:
            value = self.inner(value)
        if value is None or isinstance(value, bool):
            return
        if isinstance(value, str):
            if not _is_text(value):
                raise InvalidJobData(f"{path} has half a surrogate pair; pass valid Unicode text")
        elif isinstance(value, int):
            if self.inner is None and not -MAX_INT <= value <= MAX_INT:
                raise InvalidJobData(f"{path} is {_short(value)}, beyond 2^53; pass it as text")
        elif isinstance(value, float):
            if not isfinite(value):
                raise InvalidJobData(f"{path} is {float(value)}; JSON has no NaN and no infinity")
        elif isinstance(value, dict | list | tuple):
            self._inside(value, path, depth)
        else:
            raise InvalidJobData(f"{path} is {a_(value)}; {_instead(value)}")

    def _inside(self, value: Any, path: str, depth: int) -> None:
        if id(value) in self.around:
            raise InvalidJobData(f"{path} contains itself; pass a tree")
        if depth > MAX_DEPTH:
            shown = path if len(path) <= _PATH_SHOWN else path[:_PATH_SHOWN] + "…"
            raise InvalidJobData(
                f"{shown} is nested more than {MAX_DEPTH} deep; pass a flatter form"
            )
        self.around.add(id(value))
        if isinstance(value, dict):
            for key, item in value.items():
                self._key(key, path)
                self.at(item, f"{path}.{key}", depth + 1)
        else:
            for index, item in enumerate(value):
                self.at(item, f"{path}[{index}]", depth + 1)
        self.around.discard(id(value))

    def _key(self, key: object, path: str) -> None:
        if not isinstance(key, str):
            raise InvalidJobData(f"{path} has the key {key!r:.60}; keys are text")
        if self.inner is None and key.startswith("$"):
            raise InvalidJobData(
                f"{path} has the key {key!r:.60}; keys starting with '$' are reserved"
            )
        if not _is_text(key):
            raise InvalidJobData(f"{path} has the key {key!a:.60}; pass valid Unicode text")


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _short(value: int) -> str:
    return str(value) if value.bit_length() < 200 else "an integer"


def a_(value: object) -> str:
    """The type of ``value`` with its article."""
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def _instead(value: object) -> str:
    if isinstance(value, date | time):
        return "pass an ISO string"
    if isinstance(value, timedelta):
        return "pass seconds"
    if isinstance(value, set | frozenset):
        return "pass a list"
    if isinstance(value, bytes | bytearray | memoryview):
        return "pass text (base64), or store it and pass a reference"
    if isinstance(value, Decimal):
        return "pass a string"
    return "pass what JSON has: text, numbers, true, false, null, lists and objects"
