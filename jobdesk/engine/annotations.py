"""Annotations of tasks: which parameter gets the JobContext, what checks the others.

Annotations may be text (``from __future__ import annotations``), may name what exists only for type
checkers, and may be no types at all; nothing here fails for it. pydantic is imported late.
"""

from __future__ import annotations

import difflib
import inspect
import re
import types
import typing
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from jobdesk.errors import InvalidJobData

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_CONTEXT = "JobContext"
_SECRET = re.compile(r"pass|secret|token|auth|cookie|key|card", re.IGNORECASE)


def is_context(annotation: Any, func: Callable[..., Any]) -> bool:
    """Whether a parameter is to get the JobContext: by its type, or by name where that is text.

    By name, because under ``if TYPE_CHECKING`` there is nothing else to go by, and because
    ``engine.context`` cannot be imported from here.
    """
    if isinstance(annotation, str):
        text = annotation.strip("'\" ")
        if wrapped := re.fullmatch(r"(?:\w+\.)*Optional\[(.+)\]", text):
            text = wrapped[1].strip("'\"")
        names = [part for part in text.replace(" ", "").split("|") if part != "None"]
        if len(names) != 1 or not re.fullmatch(r"\w+(\.\w+)*", names[0]):
            return False
        first, *attributes = names[0].split(".")
        found = _globals(func).get(first)
        for attribute in attributes:
            found = getattr(found, attribute, None)
        return (*[first], *attributes)[-1] == _CONTEXT if found is None else _marked(found)
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        chosen = [arg for arg in typing.get_args(annotation) if arg is not types.NoneType]
        return len(chosen) == 1 and _marked(chosen[0])
    return _marked(annotation)


def _marked(annotation: Any) -> bool:
    if not isinstance(annotation, type):
        return False
    return bool(getattr(annotation, "__job_context__", False)) or annotation.__name__ == _CONTEXT


def _globals(func: Callable[..., Any]) -> dict[str, Any]:
    found = inspect.unwrap(func)
    return getattr(found, "__globals__", None) or getattr(
        getattr(found, "__func__", None), "__globals__", {}
    )


def resolved(annotation: Any, func: Callable[..., Any]) -> Any:
    """The annotation as a type; ``Any`` where its text names what cannot be found."""
    try:
        holder = types.SimpleNamespace(__annotations__={"it": annotation})
        return typing.get_type_hints(holder, _globals(func), include_extras=True)["it"]
    except Exception:  # noqa: BLE001 - an annotation may be any expression, and fail in any way
        return Any


def adapter_of(annotation: Any, none_too: bool) -> TypeAdapter[Any] | None:
    """What checks values of a type; None where there is nothing to check."""
    if annotation is Any or annotation is object:
        return None
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticUserError

    try:
        return TypeAdapter(typing.Optional[annotation] if none_too else annotation)  # noqa: UP045 - a value, not a type
    except PydanticUserError:
        return None  # an ordinary class: the codec refuses what JSON cannot carry


def json_form(adapter: TypeAdapter[Any], validated: Any, given: Any) -> Any:
    """What is stored for a value that is not JSON as it is; ``given`` where there is no form."""
    try:
        return adapter.dump_python(validated, mode="json", by_alias=True, warnings=False)
    except Exception:  # noqa: BLE001 - serializers are the application's; the codec refuses next
        return given


def is_model(value: Any) -> bool:
    """Whether ``value`` is a pydantic model's instance, told without importing pydantic."""
    return hasattr(value, "model_dump")


def is_json(value: Any) -> bool:
    """Whether ``value`` is of JSON's own types all through."""
    try:
        return _is_json(value)
    except RecursionError:
        return False


def _is_json(value: Any) -> bool:
    kind = type(value)
    if kind is str or kind is int or kind is float or kind is bool or value is None:
        return True
    if kind is dict:
        return all(type(key) is str and _is_json(item) for key, item in value.items())
    return (kind is list or kind is tuple) and all(map(_is_json, value))


# --- messages -----------------------------------------------------------------------------------


def unknown_field(name: object, known: Iterable[str], task: str) -> InvalidJobData:
    """The error for a field that the task does not have; it names the one that is near."""
    near = difflib.get_close_matches(str(name), known, 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return InvalidJobData(f"{task} has no field {name!r:.80}{hint}")


def invalid_value(exc: ValueError, path: str, task: str) -> InvalidJobData:
    """The error for what pydantic refused: paths and reasons, and values that are no secrets."""
    if not hasattr(exc, "errors"):
        return InvalidJobData(f"{data_path(path, ())}: {exc}; {task}")
    errors = exc.errors(include_url=False, include_context=False)
    shown = []
    for error in errors[:3]:
        place = data_path(path, error["loc"])
        # what our own checks say, pydantic tells as "Value error, ..."
        message = f"{place}: {error['msg'].removeprefix('Value error, ')}"
        plain = error["type"] != "missing" and not isinstance(error["input"], dict | list)
        if plain and not is_secret(place):
            message += f", got {error['input']!r:.60}"
        shown.append(message)
    if len(errors) > len(shown):
        shown.append(f"and {len(errors) - len(shown)} more")
    return InvalidJobData(f"{'; '.join(shown)}; {task}")


def is_secret(path: str) -> bool:
    """Whether the value at a path is not to be shown, going by the path's names."""
    return _SECRET.search(path) is not None


def data_path(first: str, places: tuple[int | str, ...]) -> str:
    """The path of a field as messages show it: ``data.to[0].name``."""
    path = f"data.{first}" if first else "data"
    for place in places:
        path += f"[{place}]" if isinstance(place, int) else f".{place}"
    return path
