"""What a task's function takes: how a call becomes a job's data, and data a call again.

A :class:`Signature` is made where a function is decorated. It refuses there what can never work
(a parameter named as one of Huey's options), binds the arguments of a call to a JSON object by
name, checks them against the annotations, and turns stored data back into arguments. pydantic is
imported at the first check of an annotated function and never for the others. It stores nothing.
"""

from __future__ import annotations

import difflib
import inspect
import re
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from jobdesk.engine.annotations import (
    adapter_of,
    data_path,
    is_context,
    is_json,
    is_model,
    json_form,
    resolved,
)
from jobdesk.errors import InvalidJobData, InvalidTask

if TYPE_CHECKING:
    from pydantic import BaseModel, TypeAdapter

#: Huey's ``.s()`` keeps these for itself, and hands a task with ``context=True`` its ``task``.
RESERVED = frozenset(
    {
        "id", "eta", "delay", "retries", "retry_delay", "retry_backoff", "priority", "expires",
        "timeout", "task",
    }
)  # fmt: skip
#: Where the data keeps what ``*args`` took.
REST = "args"

_EMPTY = inspect.Parameter.empty
_SECRET = re.compile(r"pass|secret|token|auth|cookie|key|card", re.IGNORECASE)


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
        return self.default is _EMPTY


class Signature:
    """The parameters of one task."""

    def __init__(
        self,
        func: Callable[..., Any],
        name: str,
        fields: tuple[Field, ...],
        rest: Any,
        others: Any,
        context_parameter: str | None,
        injected: frozenset[str] = frozenset(),
    ) -> None:
        self._func = func
        #: ``queue:type``, for messages
        self.name = name
        self.fields = fields
        #: the parameter that gets the :class:`JobContext`, if any
        self.context_parameter = context_parameter
        self._injected = injected
        # The annotations of *args and **kwargs; None where there is no such parameter.
        self._rest = rest
        self._others = others
        self._by_name = {field.name: field for field in fields}
        self._positional = tuple(field for field in fields if field.positional)
        self._required = tuple(field.name for field in fields if field.required)
        notes = [field.annotation for field in fields] + [rest, others]
        self._annotated = any(note is not None and note is not _EMPTY for note in notes)

    @classmethod
    def of(
        cls, func: Callable[..., Any], queue: str, type_: str, *, context: bool = False
    ) -> Signature:
        """The signature of ``func``; :class:`InvalidTask` where it cannot be a task.

        ``context=True`` is Huey's: the function gets its Task as ``task``, which is left out.
        """
        fields: list[Field] = []
        rest = others = context_parameter = None
        injected: list[str] = []
        by_position = True
        name = f"{queue}:{type_}"
        for parameter in inspect.signature(func).parameters.values():
            kind = parameter.kind
            if kind is parameter.VAR_KEYWORD:
                others = parameter.annotation
                continue
            if kind is parameter.VAR_POSITIONAL:
                if not by_position:
                    raise InvalidTask(
                        f"parameter {injected[-1]!r} of {name} is filled by jobdesk; put it behind"
                        f" *{parameter.name}"
                    )
                rest = parameter.annotation
                continue
            gets_context = is_context(parameter.annotation, func)
            if gets_context or (context and parameter.name == "task"):
                if kind is parameter.POSITIONAL_ONLY or (gets_context and context_parameter):
                    raise InvalidTask(
                        f"parameter {parameter.name!r} of {name} is filled by jobdesk, by name and"
                        " once; move it behind '*'"
                    )
                if gets_context:
                    context_parameter = parameter.name
                injected.append(parameter.name)
                if kind is parameter.POSITIONAL_OR_KEYWORD:
                    by_position = False
                continue
            if parameter.name in RESERVED:
                raise InvalidTask(
                    f"parameter {parameter.name!r} of {name} is a Huey option; rename it"
                )
            fields.append(
                Field(
                    parameter.name,
                    parameter.annotation,
                    parameter.default,
                    kind is not parameter.KEYWORD_ONLY and by_position,
                    kind is parameter.POSITIONAL_ONLY,
                )
            )
        if rest is not None and any(field.name == REST for field in fields):
            raise InvalidTask(f"parameter {REST!r} of {name} is where *args are kept; rename it")
        return cls(func, name, tuple(fields), rest, others, context_parameter, frozenset(injected))

    # --- a call becomes data ------------------------------------------------------------------

    def bind(self, args: tuple[Any, ...] | list[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The data of a call with these arguments, checked; :class:`InvalidJobData` if it is bad.

        Values stay as given, models and other values that have a JSON form by their annotation
        become that form. ``bind((), data)`` checks data that is an object already.
        """
        if self.model is not None and (whole := self._whole(args, kwargs)) is not None:
            return self._checked_whole(whole)
        data: dict[str, Any] = {}
        for field, value in zip(self._positional, args, strict=False):
            data[field.name] = value
        if len(args) > len(self._positional):
            if self._rest is None:
                self._fail(f"takes {len(self._positional)} positional arguments, got {len(args)}")
            data[REST] = list(args[len(self._positional) :])
        for name, value in kwargs.items():
            if name in data:
                self._fail(f"got field {name!r} twice, by position and by name")
            data[name] = value
        return self.check(data)

    def check(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """``data`` as it is to be stored; :class:`InvalidJobData` where it does not fit."""
        if not isinstance(data, Mapping):
            raise InvalidJobData(
                f"data of {self.name} is an object with named fields, got {data!r:.60}"
            )
        if self.model is not None:
            return self._checked_whole(data)
        self._check_names(data)
        stored = dict(data)
        if not self._annotated:
            for name, value in stored.items():
                if hasattr(value, "model_dump"):
                    stored[name] = value.model_dump(mode="json", by_alias=True)
            return stored
        for name, value in data.items():
            validated = self._validated(name, value)
            if not is_json(value):
                stored[name] = self._dumped(name, value, validated)
        return stored

    # --- data becomes a call ------------------------------------------------------------------

    def call_arguments(self, data: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Positional and keyword arguments for the function, converted to what it asks for.

        What can go by position does, as far as the data has it without a gap. The injected
        parameters are not among them.
        """
        if self.model is not None:
            made = self._made(data)
            field = self.fields[0]
            return ((made,), {}) if field.positional else ((), {field.name: made})
        self._check_names(data)
        values = dict(data)
        if self._annotated:
            for name, value in values.items():
                values[name] = self._validated(name, value)
        rest = values.pop(REST, ()) if self._rest is not None else ()
        args: list[Any] = []
        for field in self._positional:
            if field.name in values:
                args.append(values.pop(field.name))
            elif rest or any(later.name in values for later in self._after(field)):
                # Something behind it can only go by position, so its default goes along.
                args.append(field.default)
            else:
                break
        return (*args, *rest), values

    def _after(self, field: Field) -> list[Field]:
        """The positional-only fields behind ``field``."""
        place = self._positional.index(field)
        return [later for later in self._positional[place + 1 :] if later.positional_only]

    # --- its schema ---------------------------------------------------------------------------

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the data."""
        if self.model is not None:
            made = self.model.model_json_schema(by_alias=True)
            if self._closed:
                made.setdefault("additionalProperties", False)
            return made
        shapes, definitions = self._shapes() if self._annotated else ({}, {})
        properties: dict[str, Any] = {}
        for field in self.fields:
            shape = dict(shapes.get(field.name, {}))
            if not field.required and is_json(field.default):
                shape["default"] = field.default
            properties[field.name] = shape
        if self._rest is not None:
            properties[REST] = {"type": "array", "items": shapes.get("*", {})}
        made = {
            "type": "object",
            "properties": properties,
            "required": list(self._required),
            "additionalProperties": shapes.get("**", True) if self._others is not None else False,
        }
        if definitions:
            made["$defs"] = definitions
        return made

    def _shapes(self) -> tuple[dict[str, Any], dict[str, Any]]:
        from pydantic import TypeAdapter
        from pydantic.errors import PydanticInvalidForJsonSchema

        wanted = []
        for name, adapter in self._adapters.items():
            try:
                adapter.json_schema()
            except PydanticInvalidForJsonSchema:
                continue  # a type with no form in JSON Schema: anything goes
            wanted.append((name, "validation", adapter))
        found, definitions = TypeAdapter.json_schemas(wanted, by_alias=True)  # type: ignore[arg-type]  # a list of what it asks for
        return {str(key[0]): value for key, value in found.items()}, definitions.get("$defs", {})

    # --- names --------------------------------------------------------------------------------

    def _check_names(self, data: Mapping[str, Any]) -> None:
        for name, value in data.items():
            if name in self._by_name:
                continue
            if name == REST and self._rest is not None:
                if not isinstance(value, list | tuple):
                    raise InvalidJobData(
                        f"data.{REST}: Input should be a list, got {value!r:.60}; {self.name}"
                    )
            elif self._others is None or name in self._injected:
                self._unknown(name, self._by_name)
        for name in self._required:
            if name not in data:
                raise InvalidJobData(f"data.{name}: Field required; {self.name}")

    def _unknown(self, name: object, known: typing.Iterable[str]) -> NoReturn:
        near = difflib.get_close_matches(str(name), known, 1)
        self._fail(f"has no field {name!r:.80}" + (f"; did you mean {near[0]!r}?" if near else ""))

    def _fail(self, what: str) -> NoReturn:
        raise InvalidJobData(f"{self.name} {what}")

    # --- values -------------------------------------------------------------------------------

    @cached_property
    def _adapters(self) -> dict[str, TypeAdapter[Any]]:
        """A checker per annotated field; ``*`` and ``**`` for what those take."""
        notes = {field.name: field.annotation for field in self.fields} | {
            "*": self._rest,
            "**": self._others,
        }
        none_too = {field.name for field in self.fields if field.default is None}
        adapters: dict[str, TypeAdapter[Any]] = {}
        for name, note in notes.items():
            if note is None or note is _EMPTY:
                continue
            adapter = adapter_of(resolved(note, self._func), name in none_too)
            if adapter is not None:
                adapters[name] = adapter
        return adapters

    def _validated(self, name: str, value: Any) -> Any:
        """``value`` as the function wants it."""
        adapters = self._adapters
        if name in self._by_name:
            adapter = adapters.get(name)
        elif name == REST and self._rest is not None:
            each = adapters.get("*")
            if each is None:
                return value
            return [self._run(each, item, f"{REST}[{place}]") for place, item in enumerate(value)]
        else:
            adapter = adapters.get("**")
        return value if adapter is None else self._run(adapter, value, name)

    def _run(self, adapter: TypeAdapter[Any], value: Any, path: str) -> Any:
        try:
            return adapter.validate_python(value, by_alias=True, by_name=True)
        except ValueError as exc:  # pydantic's ValidationError, which is not imported for this
            raise self._invalid(exc, path) from None

    def _dumped(self, name: str, given: Any, validated: Any) -> Any:
        """The JSON form that the field's type gives ``validated``; else it stays as given."""
        if name == REST and name not in self._by_name:
            each = self._adapters.get("*")
            return given if each is None else [json_form(each, item, item) for item in validated]
        adapter = self._adapters.get(name if name in self._by_name else "**")
        if adapter is None:
            return given.model_dump(mode="json", by_alias=True) if is_model(given) else given
        return json_form(adapter, validated, given)

    def _invalid(self, exc: ValueError, path: str) -> InvalidJobData:
        if not hasattr(exc, "errors"):
            return InvalidJobData(f"{data_path(path, ())}: {exc}; {self.name}")
        errors = exc.errors(include_url=False, include_context=False)
        shown = []
        for error in errors[:3]:
            place = data_path(path, error["loc"])
            message = f"{place}: {error['msg']}"
            plain = error["type"] != "missing" and not isinstance(error["input"], dict | list)
            if plain and not _SECRET.search(place):
                message += f", got {error['input']!r:.60}"
            shown.append(message)
        if len(errors) > len(shown):
            shown.append(f"and {len(errors) - len(shown)} more")
        return InvalidJobData(f"{'; '.join(shown)}; {self.name}")

    # --- one model for the whole object -------------------------------------------------------

    @cached_property
    def model(self) -> type[BaseModel] | None:
        """The pydantic model that takes the whole data, if the only parameter is one."""
        if not self._annotated or len(self.fields) != 1:
            return None
        if self._rest is not None or self._others is not None:
            return None
        found = resolved(self.fields[0].annotation, self._func)
        if not isinstance(found, type) or not hasattr(found, "model_fields"):
            return None
        return None if getattr(found, "__pydantic_root_model__", False) else found

    def _whole(self, args: tuple[Any, ...] | list[Any], kwargs: Mapping[str, Any]) -> Any:
        """What a call gives as the object: the one argument, or all the keyword arguments."""
        name = self.fields[0].name
        if args:
            if len(args) > 1 or kwargs or not self.fields[0].positional:
                self._fail(f"takes one object ({name!r}), or its fields by name")
            return args[0]
        if len(kwargs) == 1 and name in kwargs:
            value = kwargs[name]
            if is_model(value) or name not in self._model_names:
                return value
        if not kwargs and not self.fields[0].required:
            return {}
        return kwargs

    def _checked_whole(self, whole: Any) -> dict[str, Any]:
        if is_model(whole):
            dumped = whole.model_dump(mode="json", by_alias=True)
            try:
                self._made(dumped)
            except InvalidJobData:
                # Its aliases for writing are not those for reading, so the names must do.
                dumped = whole.model_dump(mode="json", by_alias=False)
                self._made(dumped)
            return typing.cast("dict[str, Any]", dumped)
        if not isinstance(whole, Mapping):
            raise InvalidJobData(
                f"data of {self.name} is an object with named fields, got {whole!r:.60}"
            )
        made = self._made(whole)
        stored = dict(whole)
        if not is_json(stored):
            dumped = made.model_dump(mode="json", by_alias=True, exclude_unset=True)
            by_name = made.model_dump(mode="json", by_alias=False, exclude_unset=True)
            both = {**by_name, **dumped}
            for name, value in stored.items():
                if not is_json(value) and name in both:
                    stored[name] = both[name]
        return stored

    def _made(self, data: Mapping[str, Any]) -> BaseModel:
        model = self.model
        assert model is not None
        if not data and not self.fields[0].required:
            return typing.cast("BaseModel", self.fields[0].default)
        if self._closed:
            for name in data:
                if name not in self._model_names:
                    self._unknown(name, self._model_names)
        try:
            return model.model_validate(dict(data), by_alias=True, by_name=True)
        except ValueError as exc:
            raise self._invalid(exc, "") from None

    @cached_property
    def _closed(self) -> bool:
        """Whether unknown fields are refused: unless the model says what becomes of them."""
        return self.model is not None and self.model.model_config.get("extra") is None

    @cached_property
    def _model_names(self) -> tuple[str, ...]:
        assert self.model is not None
        names: dict[str, None] = {}
        for name, info in self.model.model_fields.items():
            names[name] = None
            for alias in (info.alias, info.validation_alias):
                for choice in getattr(alias, "choices", [alias]):
                    first = getattr(choice, "path", [choice])[0]
                    if isinstance(first, str):
                        names[first] = None
        return tuple(names)
