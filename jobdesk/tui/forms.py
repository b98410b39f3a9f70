"""A form from a type's published JSON Schema: which fields it has, and what was typed as JSON.

Simple fields are typed as they are; lists, objects and what may be of many kinds are typed as JSON.
Pure: nothing is drawn, and nothing checked that the schema's own check tells better.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: How deep a ``$ref`` is followed.
_DEEP = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One field of the data."""

    name: str
    label: str
    #: text, number, integer, boolean, choice or json
    kind: str
    required: bool = False
    nullable: bool = False
    default: Any = None
    has_default: bool = False
    choices: tuple[Any, ...] = ()
    hint: str = ""


class NotAValue(ValueError):
    """What was typed is not what the field takes, in words."""


def fields_of(schema: Mapping[str, Any]) -> tuple[FormField, ...] | None:
    """The fields of an object's schema, the required ones first; None where it has none to list."""
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return None
    wanted = schema.get("required")
    required = {str(name) for name in wanted} if isinstance(wanted, list) else set()
    made = [
        _field(str(name), one, schema, required=str(name) in required)
        for name, one in properties.items()
        if isinstance(one, Mapping)
    ]
    return tuple(sorted(made, key=lambda field: not field.required))


def value_of(field: FormField, typed: str) -> Any:
    """What was typed, as JSON; raises ``NotAValue``."""
    text = typed.strip()
    if field.nullable and text == "null":
        return None
    match field.kind:
        case "text":
            return typed
        case "boolean":
            if text.lower() in ("true", "yes", "y", "1"):
                return True
            if text.lower() in ("false", "no", "n", "0"):
                return False
            raise NotAValue("must be true or false")
        case "integer" | "number":
            try:
                return _number(text, whole=field.kind == "integer")
            except ValueError:
                kind = "a whole number" if field.kind == "integer" else "a number"
                raise NotAValue(f"must be {kind}") from None
        case "choice":
            for choice in field.choices:
                if text in (choice, _json(choice)):
                    return choice
            raise NotAValue(f"must be one of {', '.join(map(_plain, field.choices))}")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        # a plain word where a text may stand too
        if text[:1] not in '{["' and _may_be_text(field):
            return typed
        raise NotAValue('must be JSON, as ["a", "b"] or {"name": "value"}') from None


def text_of(field: FormField, value: Any) -> str:
    """A value as it would be typed."""
    if field.kind in ("text", "choice") and isinstance(value, str):
        return value
    return _json(value)


def data_of(
    fields: tuple[FormField, ...], typed: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """The data that was typed, without what was left empty, and what is wrong by field."""
    data: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for field in fields:
        text = typed.get(field.name, "")
        if not text.strip():
            if field.required:
                wrong[field.name] = "is required"
            continue
        try:
            data[field.name] = value_of(field, text)
        except NotAValue as exc:
            wrong[field.name] = str(exc)
    return data, wrong


def _number(text: str, *, whole: bool) -> int | float:
    value: object = json.loads(text)
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        raise ValueError(text)  # noqa: TRY004  # of what was typed, not of an argument
    return value


def _field(
    name: str, told: Mapping[str, Any], root: Mapping[str, Any], *, required: bool
) -> FormField:
    shape, nullable = _shape(told, root, _DEEP)
    enum = shape.get("enum")
    kind = {
        "string": "text", "integer": "integer", "number": "number", "boolean": "boolean",
    }.get(str(shape.get("type")), "json")  # fmt: skip
    choices: tuple[Any, ...] = ()
    if isinstance(enum, list) and enum:
        kind, choices = "choice", tuple(enum)
    elif "const" in shape:
        kind, choices = "choice", (shape["const"],)
    return FormField(
        name=name,
        label=name,
        kind=kind,
        required=required,
        nullable=nullable,
        default=told.get("default"),
        has_default="default" in told,
        choices=choices,
        hint=_hint(kind, shape, nullable=nullable),
    )


def _shape(
    told: Mapping[str, Any], root: Mapping[str, Any], deep: int
) -> tuple[Mapping[str, Any], bool]:
    """What a property is, through references, and whether it may be null."""
    ref = told.get("$ref")
    if isinstance(ref, str) and ref.startswith("#/") and deep:
        found: Any = root
        for part in ref[2:].split("/"):
            found = found.get(part) if isinstance(found, Mapping) else None
        return _shape(found, root, deep - 1) if isinstance(found, Mapping) else ({}, False)
    forms = told.get("anyOf") or told.get("oneOf")
    if isinstance(forms, list):
        others = [one for one in forms if isinstance(one, Mapping) and one.get("type") != "null"]
        nullable = len(others) < len(forms)
        if len(others) == 1 and deep:
            shape, more = _shape(others[0], root, deep - 1)
            return shape, nullable or more
        texts = any(one.get("type") == "string" for one in others)
        return {"title": "any", "x-text": texts}, nullable
    kind = told.get("type")
    if isinstance(kind, list):
        others = [one for one in kind if one != "null"]
        if len(others) == 1:
            return {**told, "type": others[0]}, "null" in kind
        return {}, "null" in kind
    return told, False


def _hint(kind: str, shape: Mapping[str, Any], *, nullable: bool) -> str:
    """What may be typed, in a few words."""
    if kind == "choice":
        return " or ".join(_plain(one) for one in shape.get("enum", [shape.get("const")]))
    told = {"boolean": "true or false", "integer": "whole number", "number": "number",
            "text": "text"}.get(kind, "")  # fmt: skip
    if kind == "json":
        told = {"array": "JSON list", "object": "JSON object"}.get(str(shape.get("type")), "JSON")
        if shape.get("x-text"):
            told = "text or JSON"
    low, high = shape.get("minimum"), shape.get("maximum")
    if low is not None and high is not None:
        told += f", {low} to {high}"
    elif low is not None:
        told += f", {low} or more"
    return told + (", or null" if nullable and kind != "text" else "")


def _may_be_text(field: FormField) -> bool:
    return field.hint.startswith("text or")


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
