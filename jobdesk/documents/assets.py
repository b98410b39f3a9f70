"""What a document may load: the package's own styles and fonts, under a scheme of their own.

``asset:invoice.css`` is a style of the package, ``asset:plex-arabic-400.ttf`` one of the fonts that
are installed with it. A name is a name, never a path: nothing else on the machine can be named.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

STYLES = Path(__file__).with_name("styles")
#: The fonts: name, package, file. Plex Sans is variable: one file has every weight. Of the Arabic
#: fonts Almarai joins the fewest letters into one glyph (lam-alef alone), so that text copied or
#: extracted from a PDF reads as written; with Noto's or Plex's every other word comes out mixed up.
FONTS = {
    "plex.ttf": ("fontpkg_ibm_plex_sans", "IBMPlexSans[wdth,wght].ttf"),
    "almarai-400.ttf": ("fontpkg_almarai", "Almarai-Regular.ttf"),
    "almarai-700.ttf": ("fontpkg_almarai", "Almarai-Bold.ttf"),
}
TYPES = {
    ".css": "text/css",
    ".ttf": "font/ttf",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
}
MAX_BYTES = 4_000_000

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)+", re.ASCII)


class AssetRefused(ValueError):
    """Not an asset that a document may load."""


def read(name: str, folders: Sequence[Path] = ()) -> tuple[bytes, str]:
    """The bytes and media type of an asset; ``folders`` go before the package's own styles."""
    kind = TYPES.get(Path(name).suffix.lower())
    if kind is None or not _NAME.fullmatch(name):
        raise AssetRefused(f"asset:{name} is not the name of an asset")
    path = font_path(name) if name in FONTS else _style(name, (*folders, STYLES))
    if path is None:
        raise AssetRefused(f"there is no asset:{name}")
    if path.stat().st_size > MAX_BYTES:
        raise AssetRefused(f"asset:{name} is over {MAX_BYTES:,} bytes")
    return path.read_bytes(), kind


def font_path(name: str) -> Path:
    """Where a font's file is."""
    package, file = FONTS[name]
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise AssetRefused(f"the font package {package.replace('_', '-')} is not installed")
    return Path(spec.origin).parent / "files" / file


def _style(name: str, folders: Sequence[Path]) -> Path | None:
    for folder in folders:
        path = folder / name
        if path.is_file() and not path.is_symlink():
            return path
    return None
