"""Turning a template and its values into HTML.

Templates come from the folder of ``JOBDESK_TEMPLATES`` first, then from the package, so that a firm
can put its own ``invoice.html`` (and ``invoice.css``, ``mail/notice.html`` …) in the place of ours.
Everything is escaped, but in plain text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobdesk.errors import PermanentError

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment


def render_html(template: str, values: Mapping[str, object], folder: Path | None = None) -> str:
    """The HTML of ``template``. A template that does not work fails for good, naming its line."""
    return _rendered(_environment(folder), template, values, folder)


def render_text(template: str, values: Mapping[str, object], folder: Path | None = None) -> str:
    """The plain text of ``template``: nothing is escaped, and amounts have no markup."""
    return _rendered(_environment(folder, plain=True), template, values, folder)


def has_template(template: str, folder: Path | None = None) -> bool:
    """Whether there is such a template, the firm's or ours."""
    import jinja2

    try:
        _environment(folder).get_template(template)
    except jinja2.TemplateNotFound as exc:
        if exc.name == template:
            return False
    except jinja2.TemplateError:
        pass  # it is there, and says what is wrong with it when it is used
    return True


def _rendered(
    environment: SandboxedEnvironment,
    template: str,
    values: Mapping[str, object],
    folder: Path | None,
) -> str:
    import jinja2

    try:
        return environment.get_template(template).render(values)
    except jinja2.TemplateSyntaxError as exc:
        raise PermanentError(f"template {exc.name}, line {exc.lineno}: {exc.message}") from exc
    except jinja2.TemplateNotFound as exc:
        raise PermanentError(f"there is no template {exc}; JOBDESK_TEMPLATES is {folder}") from exc
    except (jinja2.TemplateError, ArithmeticError, TypeError, ValueError, AttributeError) as exc:
        # a filter that was given what it cannot use is the template's fault, or its data's
        raise PermanentError(f"template {template}: {exc}") from exc


@lru_cache(maxsize=8)
def _environment(folder: Path | None, *, plain: bool = False) -> SandboxedEnvironment:
    from jinja2 import ChoiceLoader, FileSystemLoader, PackageLoader, StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment

    from jobdesk.documents import formats

    ours = PackageLoader("jobdesk.documents", "templates")
    loader = ChoiceLoader([FileSystemLoader(folder), ours]) if folder is not None else ours
    environment = SandboxedEnvironment(
        loader=loader,
        autoescape=not plain,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters: dict[str, Callable[..., Any]] = {
        "money": formats.money,
        "amount": formats.amount,
        "number": formats.number,
        "date": formats.long_date,
        "ltr": formats.ltr,
        "bidi": formats.bidi,
        "price": formats.price,
        "cell": formats.cell,
    }
    environment.filters.update(
        {name: _without_markup(use) if plain else use for name, use in filters.items()}
    )
    return environment


def _without_markup(use: Callable[..., Any]) -> Callable[..., Any]:
    def plain(*args: Any, **options: Any) -> Any:
        found = use(*args, **options)
        return found.striptags() if hasattr(found, "striptags") else found

    return plain
