"""Draws the README's pictures: `make pictures` writes docs/pictures/*.svg.

They show the desk of the tests (tests/tui/sample.py) as the snapshots have it; a test holds each to
its snapshot, by the text that stands in the picture for those who do not see it.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "pictures"
SIZE = (120, 35)
#: picture -> the place it shows, see tests/tui/places.py
PICTURES = {
    "board": "queues",
    "job": "job-summary",
    "palette": "palette",
    "why": "why-job",
    "doctor": "doctor",
}
#: Rich's SVG loads its font from elsewhere; what everybody has will do
_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_FAMILY = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"


def main() -> None:
    """Draw all of them."""
    sys.path.insert(0, str(ROOT))
    from jobdesk import settings as settings_module
    from jobdesk.broker.connection import Broker
    from tests import servers
    from tests.clock import set_clock
    from tests.tui import sample

    FOLDER.mkdir(parents=True, exist_ok=True)
    server = servers.Server()
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            settings = settings_module.load(
                redis_url=server.url, namespace="pictures", _env_file=None
            )
            with Broker(settings) as broker, set_clock(folder / "lua"):
                sample.Sample(broker).fill()
            draw(settings, folder)
    finally:
        server.stop()


def draw(settings: object, folder: Path) -> None:
    """Walk to each place, and save what is seen there."""
    from tests.tui import still
    from tests.tui.places import PLACES

    places = {place.name: place for place in PLACES}

    async def session(clock: still.Clock) -> None:
        app = still.StillApp(settings, folder)  # type: ignore[arg-type]  # as main makes them
        async with app.run_test(size=SIZE, notifications=True) as pilot:
            walk = still.Walk(pilot, app, clock)
            await walk.settle()
            for picture, place in PICTURES.items():
                await places[place].go(walk)
                lines = [line.rstrip() for line in walk.lines()]
                told = escape("\n".join(lines))
                drawn = plain(app.export_screenshot(title="jobdesk"))
                head, tag, rest = drawn.partition(">")
                text = f"{head}{tag}\n<desc>{told}</desc>{rest}"
                (FOLDER / f"{picture}.svg").write_text(text, encoding="utf-8")
                await walk.home()

    with still.standstill(drawn=True) as clock:
        asyncio.run(session(clock))


def plain(svg: str) -> str:
    """The picture without what it would load from elsewhere."""
    return _FONTS.sub("", svg).replace("Fira Code, monospace", _FAMILY)


if __name__ == "__main__":
    main()
