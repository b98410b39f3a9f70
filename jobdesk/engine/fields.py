"""The fields of a task's data: one per parameter, or all those of one pydantic model."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from jobdesk.engine.annotations import invalid_value, is_json, is_model, unknown_field
from jobdesk.errors import InvalidJobData

if TYPE_CHECKING:
    from pydantic import BaseModel

EMPTY = inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter that the data has a field for."""

    name: str
    annotation: Any
    default: Any
    #: can be passed by position: it comes before ``*``, and before an injected parameter
    positional: bool
    positional_only: bool

    @property
    def required(self) -> bool:
        """Whether the data must have it."""
        return self.default is EMPTY


def is_whole(annotation: object) -> bool:
    """Whether an annotation is a model with fields of its own, told without importing pydantic."""
    if not isinstance(annotation, type) or not hasattr(annotation, "model_fields"):
        return False
    return not getattr(annotation, "__pydantic_root_model__", False)


class WholeModel:
    """The one parameter of a task whose model takes the whole data object.

    Aliases and names are both read. Unknown fields are refused, unless the model says itself
    what becomes of them (``extra``).
    """

    def __init__(self, model: type[BaseModel], field: Field, task: str) -> None:
        self._model = model
        self._field = field
        self._task = task
        self._closed = model.model_config.get("extra") is None

    def given(self, args: tuple[Any, ...] | list[Any], kwargs: Mapping[str, Any]) -> Any:
        """What a call gives as the object: its one argument, or all its keyword arguments."""
        name = self._field.name
        if args:
            if len(args) > 1 or kwargs or not self._field.positional:
                raise InvalidJobData(f"{self._task} takes one object, or its fields by name")
            return args[0]
        if len(kwargs) == 1 and name in kwargs:
            value = kwargs[name]
            if is_model(value) or name not in self._names:
                return value
        return kwargs

    def stored(self, given: Any) -> dict[str, Any]:
        """The object as it is kept: as given where that is JSON; checked in any case."""
        if is_model(given):
            return self._dumped(given)
        if not isinstance(given, Mapping):
            raise InvalidJobData(
                f"data of {self._task} is an object with named fields, got {given!r:.60}"
            )
        made = self.made(given)
        stored = dict(given)
        if not is_json(stored):
            forms = made.model_dump(mode="json", by_alias=False, exclude_unset=True)
            forms |= made.model_dump(mode="json", by_alias=True, exclude_unset=True)
            for name, value in stored.items():
                if not is_json(value) and name in forms:
                    stored[name] = forms[name]
        return stored

    def made(self, data: Mapping[str, Any]) -> BaseModel:
        """The model of a data object; :class:`InvalidJobData` where it does not fit."""
        if not data and not self._field.required:
            return cast("BaseModel", self._field.default)
        if self._closed:
            for name in data:
                if name not in self._names:
                    raise unknown_field(name, self._names, self._task)
        try:
            return self._model.model_validate(dict(data), by_alias=True, by_name=True)
        except ValueError as exc:  # pydantic's ValidationError
            raise invalid_value(exc, "", self._task) from None

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the object."""
        made = self._model.model_json_schema(by_alias=True)
        if self._closed:
            made.setdefault("additionalProperties", False)
        return made

    def _dumped(self, given: Any) -> dict[str, Any]:
        dumped: dict[str, Any] = given.model_dump(mode="json", by_alias=True)
        try:
            self.made(dumped)
        except InvalidJobData:
            # Its aliases for writing are not those for reading, so the names must do.
            dumped = given.model_dump(mode="json", by_alias=False)
            self.made(dumped)
        return dumped

    @cached_property
    def _names(self) -> tuple[str, ...]:
        """Every name that a field can be given by."""
        names: dict[str, None] = {}
        for name, info in self._model.model_fields.items():
            names[name] = None
            for alias in (info.alias, info.validation_alias):
                for choice in getattr(alias, "choices", [alias]):
                    first = getattr(choice, "path", [choice])[0]
                    if isinstance(first, str):
                        names[first] = None
        return tuple(names)
