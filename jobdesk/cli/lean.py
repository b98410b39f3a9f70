"""What a command that is over soon leaves out of what its libraries import.

Most of its time, and of a dashboard's until its first picture, would be the start of Python.
"""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from importlib.machinery import PathFinder
from types import ModuleType
from typing import Any

#: pydantic's switch; here it is thrown for as long as the settings' classes are made.
_PLUGINS = "PYDANTIC_DISABLE_PLUGINS"


def prepare(*, settings: bool) -> None:
    """Before anything else is imported; ``settings`` where the command will want them."""
    # Importing makes objects by the ten thousand and keeps them; the collector, which looks at them
    # every 700, takes a tenth of the time. What stays open for long sets this back.
    gc.set_threshold(1_000_000)
    # Where this is installed, redis imports it to count what nobody will ask this process for.
    sys.modules.setdefault("opentelemetry", None)  # type: ignore[arg-type]  # None: cannot be imported
    _put_off("redis", "asyncio")
    if settings:
        _import_settings()


def _put_off(package: str, part: str) -> None:
    """Let a part that a package imports, and a command does not use, be made when it is used."""
    found = PathFinder.find_spec(package)
    if package in sys.modules or found is None or not found.submodule_search_locations:
        return
    later = _StandIn(f"{package}.{part}")
    later.__path__ = [os.path.join(found.submodule_search_locations[0], part)]  # noqa: PTH118  # pathlib is not imported yet
    sys.modules[later.__name__] = later


def _import_settings() -> None:
    """Import the settings without a search for plugins of pydantic among all that is installed.

    The search, and the module that it is made with, take 20 ms; a plugin that watches models has
    nothing to see in the settings of a command.
    """
    if _PLUGINS in os.environ or "importlib.metadata" in sys.modules:
        return
    os.environ.update({_PLUGINS: "__all__"})
    sys.modules["importlib.metadata"] = _Functions("importlib.metadata")
    try:
        import_module("jobdesk.settings")
    finally:
        os.environ.pop(_PLUGINS)
        if isinstance(sys.modules["importlib.metadata"], _StandIn):
            del sys.modules["importlib.metadata"]


class _StandIn(ModuleType):
    """Stands in for a module until something of it is wanted."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self.wanted(name)

    def wanted(self, name: str) -> Any:
        """What the module has under that name."""
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


class _Functions(_StandIn):
    """One whose functions are imported from it long before they are called."""

    def wanted(self, name: str) -> Any:
        def call(*words: Any, **options: Any) -> Any:
            return _StandIn.wanted(self, name)(*words, **options)

        return call
