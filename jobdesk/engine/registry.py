"""The types of a queue: the tasks that its decorators have made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from huey.registry import Registry

from jobdesk.engine.packing import type_name
from jobdesk.errors import InvalidTask

if TYPE_CHECKING:
    from jobdesk.engine.task import JobTask


class TypeRegistry(Registry):  # type: ignore[misc]  # huey has no types
    """Huey's registry, which also finds a task by its type's name."""

    def __init__(self) -> None:
        super().__init__()
        self.by_type: dict[str, type[JobTask]] = {}

    def register(self, task_class: type[JobTask]) -> bool:
        kind = type_name(task_class(()))
        if self.by_type.get(kind) not in (None, task_class):
            raise InvalidTask(
                f"the queue has a type {kind!r} already; give this function another name="
            )
        registered: bool = super().register(task_class)
        self.by_type[kind] = task_class
        return registered

    def unregister(self, task_class: type[JobTask]) -> bool:
        gone: bool = super().unregister(task_class)
        if gone:
            self.by_type.pop(type_name(task_class(())), None)
        return gone
