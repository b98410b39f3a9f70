"""A clock that tests set: the scripts take the time from a key instead of the server.

What happens then is the same at every run, to the last character.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from jobdesk.broker import scripts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: the key that has the time, in ms since 1970; it must be set before a script runs
CLOCK = "tests:clock"

_TIME_LUA = f"""\
local function now_ms()
  return tonumber(redis.call('get', '{CLOCK}'))
end

local function now_us()
  return now_ms() * 1000
end
"""


@contextmanager
def set_clock(folder: Path) -> Iterator[None]:
    """The scripts on a clock that is set, made in ``folder``; event ids are of that clock too."""
    before = scripts.FOLDER
    shutil.copytree(before, folder)
    (folder / "include" / "time.lua").write_text(_TIME_LUA)
    events = folder / "include" / "events.lua"
    told = events.read_text()
    assert "'*'" in told, "events.lua adds its entries otherwise by now"
    events.write_text(told.replace("'*'", f"redis.call('get', '{CLOCK}') .. '-' .. n"))
    scripts.FOLDER = folder
    scripts.load.cache_clear()
    try:
        yield
    finally:
        scripts.FOLDER = before
        scripts.load.cache_clear()
