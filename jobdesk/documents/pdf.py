"""The one function that renders a PDF.

HTML is taken to be hostile: it may name ``data:`` URLs of up to 1 MiB and the package's own
assets, and nothing else, neither a file nor a host. There is no limit of time or memory in here;
the pdf queue runs its jobs in a child process that has them. WeasyPrint is imported inside the
call, so that a missing Pango stops the PDFs and nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobdesk import files
from jobdesk.documents import assets
from jobdesk.errors import PermanentError

log = logging.getLogger(__name__)

MAX_HTML_BYTES = 2_000_000
MAX_PAGES = 500
MAX_DATA_URL = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedPdf:
    """A PDF that was written."""

    path: Path
    pages: int
    bytes: int


def render_pdf(
    html: str,
    target: Path,
    *,
    root: Path,
    styles: Sequence[str] = (),
    trusted_assets: Sequence[Path] = (),
    max_html_bytes: int = MAX_HTML_BYTES,
    max_pages: int = MAX_PAGES,
) -> RenderedPdf:
    """Render ``html`` to ``target``, which must lie inside ``root``; whole, or not at all.

    ``styles`` are CSS that the HTML's own goes over; it may load what the HTML may.
    ``trusted_assets`` are folders whose files ``asset:`` may name before the package's own. A
    resource that is not allowed, too much HTML and too many pages are permanent errors.
    """
    for what, text in (("HTML", html), *(("CSS", style) for style in styles)):
        size = len(text.encode("utf-8", "surrogatepass"))
        if size > max_html_bytes:
            raise PermanentError(f"the {what} is {size:,} bytes, limit {max_html_bytes:,}")
    weasyprint = _weasyprint()
    from weasyprint.urls import FatalURLFetchingError

    files.inside(root, target)
    fetcher = _fetcher(trusted_assets)
    try:
        with _complaints(), _fonts() as fonts:
            sheets = [
                weasyprint.CSS(string=style, url_fetcher=fetcher, font_config=fonts)
                for style in styles
            ]
            document = weasyprint.HTML(string=html, base_url=None, url_fetcher=fetcher).render(
                stylesheets=sheets, font_config=fonts
            )
            pages = len(document.pages)
            if pages > max_pages:
                raise PermanentError(f"the document has {pages} pages, limit {max_pages}")
            with files.new_file(target, root=root) as temporary:
                with temporary.open("wb") as stream:
                    document.write_pdf(stream)
                if fetcher.refused:  # inside an SVG, WeasyPrint passes over every exception
                    raise PermanentError(f"the document was refused: {fetcher.refused[0]}")
                written = temporary.stat().st_size
    except RecursionError:
        raise PermanentError("the HTML is nested too deeply to be laid out") from None
    except FatalURLFetchingError as exc:  # a BaseException, which no `except Exception` catches
        raise PermanentError(f"the document was refused: {exc.__cause__ or exc}") from exc
    return RenderedPdf(path=target, pages=pages, bytes=written)


@contextmanager
def _fonts() -> Iterator[Any]:
    """Where one document's own fonts go: copies in the temporary folder, gone at the end.

    WeasyPrint deletes them when the object is collected, which a child process does not live to
    see; each document would leave a megabyte behind.
    """
    from weasyprint.text.fonts import FontConfiguration

    fonts = FontConfiguration()
    try:
        yield fonts
    finally:
        fonts.__del__()


def _weasyprint() -> Any:
    try:
        import weasyprint
    except OSError as exc:
        raise PermanentError(
            "PDFs need Pango: apt-get install libpangoft2-1.0-0 libharfbuzz-subset0"
            f" ({str(exc).splitlines()[0]})"
        ) from exc
    return weasyprint


def _fetcher(folders: Sequence[Path]) -> Any:
    """A fetcher that has no way to the disk or the network to begin with."""
    from weasyprint.urls import URLFetcher, URLFetcherResponse

    class Fetcher(URLFetcher):  # type: ignore[misc]  # WeasyPrint has no types
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.refused: list[str] = []

        def fetch(self, url: str, headers: object = None) -> Any:  # noqa: ARG002  # theirs
            try:
                return self._allowed(url)
            except Exception as exc:
                self.refused.append(str(exc))
                raise

        def _allowed(self, url: str) -> Any:
            scheme, _, rest = url.partition(":")
            if scheme.lower() == "asset":
                body, kind = assets.read(rest, folders)
                return URLFetcherResponse(url, body, {"Content-Type": kind})
            if scheme.lower() != "data":
                raise ValueError(f"a document may not load {url[:200]}")
            if len(url) > MAX_DATA_URL:
                raise ValueError(f"a data: URL of {len(url):,} bytes, limit {MAX_DATA_URL:,}")
            return super().fetch(url)

    return Fetcher(
        timeout=5, allowed_protocols=["data"], allow_redirects=False, fail_on_errors=True
    )


@contextmanager
def _complaints() -> Iterator[None]:
    """Bring WeasyPrint's warnings (a missing glyph, a rule it does not know) into our log."""
    theirs = logging.getLogger("weasyprint")
    handler = _Forward(logging.WARNING)
    theirs.addHandler(handler)
    propagates, theirs.propagate = theirs.propagate, False
    try:
        yield
    finally:
        theirs.propagate = propagates
        theirs.removeHandler(handler)


class _Forward(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        log.warning("weasyprint: %s", record.getMessage()[:500])
