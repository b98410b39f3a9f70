"""A queue of which only is known what its workers have published: types, schemas, defaults.

It adds jobs on a machine without the tasks' code. Data is checked against the JSON Schema of the
type; the worker checks it again, by the function. Nothing is ever run here.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from jobdesk.broker.inspector import Inspector
from jobdesk.broker.keys import Meta
from jobdesk.engine.annotations import data_path, is_secret, unknown_field
from jobdesk.engine.plainjson import look
from jobdesk.engine.queue import Queue
from jobdesk.engine.task import JobTask
from jobdesk.errors import BadInput, InvalidJobData, UnknownType
from jobdesk.models import Backoff, JobOptions, Retention, TypeInfo

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker

logger = logging.getLogger("jobdesk.queue")

_PLAIN = ("priority", "attempts", "timeout", "lifo", "remove_on_complete", "remove_on_fail")


class PublishedQueue(Queue):
    """A queue known by what Redis holds of it."""

    def __init__(
        self, name: str, types: Iterable[TypeInfo], broker: Broker, defaults: JobOptions
    ) -> None:
        super().__init__(name, broker=broker, defaults=defaults)
        for info in types:
            self._registry.register(_task_class(self, info))

    def _introduce(self) -> None:
        """Not known to continuations: those of a queue without code are carried, not made."""


def read(broker: Broker, name: str) -> PublishedQueue | None:
    """The queue as its workers have published it; None when none has."""
    keys = broker.keys(name)
    with broker.errors("HMGET"):
        told: Any = broker.client.hmget(
            keys.meta, [Meta.SCHEMA, Meta.KEEP_COMPLETED, Meta.KEEP_FAILED]
        )
    schema, completed, failed = told
    types = Inspector(broker).types(name)
    if schema is None and not types:
        return None
    defaults = JobOptions(
        remove_on_complete=_retention(completed), remove_on_fail=_retention(failed)
    )
    return PublishedQueue(name, types, broker, defaults)


class PublishedSignature:
    """What a function's :class:`~jobdesk.engine.binding.Signature` does, by a JSON Schema alone."""

    def __init__(self, name: str, schema: Mapping[str, Any]) -> None:
        #: ``queue:type``, for messages
        self.name = name
        self._schema = schema
        self._made: Any = None

    def bind(self, args: tuple[Any, ...] | list[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The data, checked; :class:`InvalidJobData` where it does not fit the schema."""
        if args:
            raise InvalidJobData(f"{self.name} takes an object with named fields")
        data = dict(kwargs)
        # What JSON cannot carry is told as such, before the schema is asked about it.
        look(data, "data")
        from jsonschema.exceptions import best_match
        from referencing.exceptions import Unresolvable

        try:
            error = best_match(self._validator.iter_errors(json.loads(json.dumps(data))))
        except (Unresolvable, RecursionError, re.error) as exc:
            self._say_unread(exc)
            return data
        if error is not None:
            self._refuse(error)
        return data

    def call_arguments(self, data: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The data as keywords: there is no function to know more."""
        return (), dict(data)

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the data."""
        return dict(self._schema)

    @property
    def _validator(self) -> Any:
        if self._made is None:
            from jsonschema import Draft202012Validator
            from jsonschema.exceptions import SchemaError
            from referencing import Registry

            schema: Mapping[str, Any] | bool = dict(self._schema)
            try:
                Draft202012Validator.check_schema(schema)
            except SchemaError as exc:
                self._say_unread(exc.message)
                schema = True
            # A registry of our own: jsonschema's default one fetches what a $ref names.
            self._made = Draft202012Validator(schema, registry=Registry())
        return self._made

    def _say_unread(self, why: object) -> None:
        logger.warning(
            "%s: its published schema cannot be read (%s): only its worker checks the data",
            self.name, why,
        )  # fmt: skip

    def _refuse(self, error: Any) -> NoReturn:
        path = data_path("", tuple(error.absolute_path))
        properties = error.schema.get("properties", {}) if isinstance(error.schema, dict) else {}
        if error.validator == "additionalProperties" and isinstance(error.instance, dict):
            strange = next((n for n in error.instance if n not in properties), None)
            if strange is not None and not error.absolute_path:
                raise unknown_field(strange, properties, self.name)
        if error.validator == "required" and isinstance(error.instance, dict):
            missing = next(n for n in error.validator_value if n not in error.instance)
            raise InvalidJobData(f"{path}.{missing}: Field required; {self.name}")
        if is_secret(path) or isinstance(error.instance, dict | list) or len(error.message) > 200:
            raise InvalidJobData(f"{path}: does not fit {error.validator!r}; {self.name}")
        raise InvalidJobData(f"{path}: {error.message}; {self.name}")


def _task_class(queue: PublishedQueue, info: TypeInfo) -> type[JobTask]:
    defaults = _options(info.defaults)
    settings = {
        "__module__": f"published.{queue.name}",
        "__doc__": info.doc,
        "queue": queue,
        "signature": PublishedSignature(f"{queue.name}:{info.name}", info.schema),
        "type_name": info.name,
        "job_defaults": defaults,
        "context": False,
        "execute": _execute,
        "default_retries": (defaults.attempts or queue.defaults.attempts or 1) - 1,
        "default_priority": defaults.priority,
        "default_timeout": defaults.timeout,
    }
    return type(info.name, (JobTask,), settings)


def _execute(task: JobTask) -> NoReturn:
    raise UnknownType(f"{type(task).signature.name} runs in its workers; its code is not here")


def _options(told: Mapping[str, Any]) -> JobOptions:
    """The defaults of a type as published; what another release may have written is left out."""
    given = {name: told[name] for name in _PLAIN if told.get(name) is not None}
    try:
        backoff = Backoff.decode(str(told.get("backoff", "")))
    except (ValueError, KeyError):
        backoff = None  # a function, which its workers ask
    try:
        return JobOptions(**given, backoff=backoff)
    except BadInput:
        return JobOptions(backoff=backoff)


def _retention(raw: bytes | None) -> Retention | None:
    try:
        return None if raw is None else Retention.decode(raw.decode())
    except ValueError:
        return None
