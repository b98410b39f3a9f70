"""Turning a template and its values into HTML.

Templates come from the folder of ``JOBDESK_TEMPLATES`` first, then from the package, so that a firm
can put its own ``invoice.html`` (and ``invoice.css``) in the place of ours. Everything is escaped.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from jobdesk.errors import PermanentError

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment


def render_html(template: str, values: Mapping[str, object], folder: Path | None = None) -> str:
    """The HTML of ``template``. A template that does not work fails for good, naming its line."""
    import jinja2

    try:
        return _environment(folder).get_template(template).render(values)
    except jinja2.TemplateSyntaxError as exc:
        raise PermanentError(f"template {exc.name}, line {exc.lineno}: {exc.message}") from exc
    except jinja2.TemplateNotFound as exc:
        raise PermanentError(f"there is no template {exc}; JOBDESK_TEMPLATES is {folder}") from exc
    except jinja2.TemplateError as exc:
        raise PermanentError(f"template {template}: {exc}") from exc


@lru_cache(maxsize=8)
def _environment(folder: Path | None) -> SandboxedEnvironment:
    from jinja2 import ChoiceLoader, FileSystemLoader, PackageLoader, StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment

    from jobdesk.documents import formats

    ours = PackageLoader("jobdesk.documents", "templates")
    loader = ChoiceLoader([FileSystemLoader(folder), ours]) if folder is not None else ours
    environment = SandboxedEnvironment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        money=formats.money,
        amount=formats.amount,
        number=formats.number,
        date=formats.long_date,
        ltr=formats.ltr,
        bidi=formats.bidi,
        price=formats.price,
        cell=formats.cell,
    )
    return environment
