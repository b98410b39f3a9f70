"""What a task's function takes: how a call becomes a job's data, and data a call again.

A :class:`Signature` is made where a function is decorated. It refuses there what can never work
(a parameter named as one of Huey's options), binds the arguments of a call to a JSON object by
name, checks them against the annotations, and turns stored data back into arguments. pydantic is
imported at the first check of an annotated function and never for the others. It stores nothing.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from jobdesk.engine.annotations import (
    adapter_of,
    invalid_value,
    is_context,
    is_json,
    is_model,
    json_form,
    resolved,
    unknown_field,
)
from jobdesk.engine.fields import EMPTY, Field, WholeModel, is_whole
from jobdesk.errors import InvalidJobData, InvalidTask

if TYPE_CHECKING:
    from pydantic import TypeAdapter

#: Huey's ``.s()`` keeps these for itself, and hands a task with ``context=True`` its ``task``.
RESERVED = frozenset(
    {
        "id", "eta", "delay", "retries", "retry_delay", "retry_backoff", "priority", "expires",
        "timeout", "task",
    }
)  # fmt: skip
#: Where the data keeps what ``*args`` took.
REST = "args"


class Signature:
    """The parameters of one task."""

    def __init__(
        self,
        func: Callable[..., Any],
        name: str,
        *,
        fields: tuple[Field, ...],
        rest: Any,
        others: Any,
        context_parameter: str | None,
        injected: frozenset[str],
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
        #: data that names all fields and no other goes by position as it is
        self._simple = rest is None and all(field.positional for field in fields)
        self._positional = tuple(field for field in fields if field.positional)
        self._required = tuple(field.name for field in fields if field.required)
        notes = [field.annotation for field in fields] + [rest, others]
        self._annotated = any(note is not None and note is not EMPTY for note in notes)

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
        return cls(
            func,
            name,
            fields=tuple(fields),
            rest=rest,
            others=others,
            context_parameter=context_parameter,
            injected=frozenset(injected),
        )

    # --- a call becomes data ------------------------------------------------------------------

    def bind(self, args: tuple[Any, ...] | list[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The data of a call with these arguments, checked; :class:`InvalidJobData` if it is bad.

        Values stay as given, models and other values that have a JSON form by their annotation
        become that form. ``bind((), data)`` checks data that is an object already.
        """
        if self._whole is not None:
            return self._whole.stored(self._whole.given(args, kwargs))
        if not args and type(kwargs) is dict:
            return self.check(kwargs)
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
        if type(data) is not dict and not isinstance(data, Mapping):
            raise InvalidJobData(
                f"data of {self.name} is an object with named fields, got {data!r:.60}"
            )
        if self._whole is not None:
            return self._whole.stored(data)
        self._check_names(data)
        stored = dict(data)
        if not self._annotated:
            for name, value in stored.items():
                if hasattr(value, "model_dump"):
                    stored[name] = value.model_dump(mode="json", by_alias=True)
            return stored
        plain = self._plain
        for name, value in data.items():
            if type(value) is plain.get(name):
                continue
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
        if self._whole is not None:
            made = self._whole.made(data)
            field = self.fields[0]
            return ((made,), {}) if field.positional else ((), {field.name: made})
        if self._simple and data.keys() == self._by_name.keys():
            given = [data[name] for name in self._by_name]
            if self._annotated:
                plain = self._plain
                for place, (name, value) in enumerate(zip(self._by_name, given, strict=True)):
                    if type(value) is not plain.get(name):
                        given[place] = self._validated(name, value)
            return tuple(given), {}
        self._check_names(data)
        values = dict(data)
        if self._annotated:
            plain = self._plain
            for name, value in values.items():
                if type(value) is not plain.get(name):
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
        if self._whole is not None:
            return self._whole.schema()
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
                raise unknown_field(name, self._by_name, self.name)
        for name in self._required:
            if name not in data:
                raise InvalidJobData(f"data.{name}: Field required; {self.name}")

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
            if note is None or note is EMPTY:
                continue
            adapter = adapter_of(resolved(note, self._func), name in none_too)
            if adapter is not None:
                adapters[name] = adapter
        return adapters

    @cached_property
    def _plain(self) -> dict[str, type]:
        """The fields annotated with one of JSON's own types, whose values are right as they are."""
        plain = {}
        for field in self.fields:
            if field.annotation is not EMPTY:
                note = resolved(field.annotation, self._func)
                if note in (str, int, float, bool):
                    plain[field.name] = note
        return plain

    def _validated(self, name: str, value: Any) -> Any:
        """``value`` as the function wants it; what is right as it is does not come here."""
        adapters = self._adapters
        field = self._by_name.get(name)
        if field is not None:
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
            raise invalid_value(exc, path, self.name) from None

    def _dumped(self, name: str, given: Any, validated: Any) -> Any:
        """The JSON form that the field's type gives ``validated``; else it stays as given."""
        if name == REST and name not in self._by_name:
            each = self._adapters.get("*")
            return given if each is None else [json_form(each, item, item) for item in validated]
        adapter = self._adapters.get(name if name in self._by_name else "**")
        if adapter is None:
            return given.model_dump(mode="json", by_alias=True) if is_model(given) else given
        return json_form(adapter, validated, given)

    @cached_property
    def _whole(self) -> WholeModel | None:
        """The model that takes the whole data, if the only parameter is annotated with one."""
        if not self._annotated or len(self.fields) != 1:
            return None
        if self._rest is not None or self._others is not None:
            return None
        field = self.fields[0]
        model = resolved(field.annotation, self._func)
        return WholeModel(model, field, self.name) if is_whole(model) else None
