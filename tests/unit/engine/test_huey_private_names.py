"""The private names of Huey that jobdesk stands on: each is there, and is called as we call it.

A release of Huey that changes one of them fails here, by name, before it fails anywhere else.
"""

from __future__ import annotations

import ast
import inspect
import re
import tomllib
from pathlib import Path
from typing import Any

import huey
import pytest
from huey.api import Huey, MemoryHuey, RateLimit, Result, Task, TaskLock, TaskWrapper
from huey.constants import EmptyData
from huey.consumer import Consumer, Environment, Scheduler, Worker
from huey.registry import Registry
from huey.signals import Signal
from huey.utils import ChordConfig

ENGINE = Path(__file__).parents[3] / "jobdesk" / "engine"

#: Methods that we override or call, with the parameters that we count on.
METHODS = [
    (Huey, "_execute", ["self", "task", "timestamp"]),
    (Huey, "_emit", ["self", "signal", "task", "args", "kwargs"]),
    (Huey, "_run_pre_execute", ["self", "task"]),
    (Huey, "_run_post_execute", ["self", "task", "task_value", "exception"]),
    (Huey, "_requeue_task", ["self", "task", "timestamp", "retry_eta"]),
    (Huey, "_check_chord", ["self", "cc", "value"]),
    (Huey, "_abort_chord_member", ["self", "task", "value"]),
    (Huey, "_enqueue_chord", ["self", "chord_obj"]),
    (Huey, "_enqueue_chord_member", ["self", "task", "config"]),
    (Huey, "_timeout_context", ["self", "task"]),
    (Huey, "_pipeline_results", ["self", "task"]),
    (Huey, "_result_handle", ["self", "task"]),
    (Huey, "_task_key", ["self", "task_class", "key"]),
    (Huey, "_get_timestamp", ["self"]),
    (Result, "_get", ["self", "preserve"]),
    (Consumer, "_create_worker", ["self"]),
    (Consumer, "_create_scheduler", ["self"]),
    (Consumer, "_create_process", ["self", "process", "name"]),
    (Consumer, "_join_workers", ["self"]),
    (Consumer, "_handle_signal", ["self", "signum", "frame"]),
]  # fmt: skip

#: Public ones whose shape matters just as much, since we override them.
OVERRIDDEN = [
    (Huey, "enqueue", ["self", "task"]),
    (Huey, "dequeue", ["self"]),
    (Huey, "execute", ["self", "task", "timestamp"]),
    (Huey, "put_result", ["self", "key", "data"]),
    (Huey, "is_revoked", ["self", "task", "timestamp", "peek"]),
    (Huey, "serialize_task", ["self", "task"]),
    (Huey, "deserialize_task", ["self", "data"]),
    (Huey, "lock_task", ["self", "lock_name", "ttl"]),
    (Huey, "rate_limit", ["self", "name", "limit", "per", "retry"]),
    (Huey, "flush_locks", ["self", "names"]),
    (Huey, "build_error_result", ["self", "task", "exception"]),
    (TaskWrapper, "create_task", ["self", "func", "context", "name", "settings"]),
    (Registry, "register", ["self", "task_class"]),
    (Registry, "unregister", ["self", "task_class"]),
    (Worker, "loop", ["self", "now"]),
    (Worker, "initialize", ["self"]),
    (Worker, "shutdown", ["self"]),
    (Scheduler, "loop", ["self", "now"]),
    (Consumer, "stop", ["self", "graceful"]),
    (Consumer, "loop", ["self", "health_check_ts"]),
    (Consumer, "check_worker_health", ["self"]),
    (Environment, "is_alive", ["self", "proc"]),
]  # fmt: skip

#: Attributes, by the object that has them.
ATTRIBUTES: dict[str, dict[str, type | tuple[type, ...]]] = {
    "huey": {
        "_immediate": bool, "_locks": set, "_registry": Registry, "_signal": Signal,
        "_tasks_in_flight": set, "_timeout_handler": type(None), "_startup": dict,
        "_shutdown": dict, "_pre_execute": dict, "_post_execute": dict,
    },
    "registry": {"_registry": dict, "_periodic_tasks": list},
    "consumer": {
        "_signal_actions": dict, "_signum": type(None), "_restart": bool, "_graceful": bool,
    },
    "result": {"_result": type(EmptyData)},
    "lock": {"_huey": Huey, "_name": str, "_ttl": type(None), "_key": str},
    "limit": {
        "_huey": Huey, "_name": str, "_limit": int, "_per": int, "_retry": bool,
        "_counter_key": str,
    },
}  # fmt: skip


def objects() -> dict[str, Any]:
    """One of each kind of object that ATTRIBUTES names."""
    made = MemoryHuey()
    return {
        "huey": made,
        "registry": made._registry,
        "consumer": Consumer(MemoryHuey()),
        "result": Result(made, Task()),
        "lock": TaskLock(made, "a"),
        "limit": RateLimit(made, "a", limit=1, per=1),
    }


def test_the_release_is_one_that_these_tests_know() -> None:
    found = tuple(int(part) for part in re.findall(r"\d+", huey.__version__)[:3])
    project = tomllib.loads((ENGINE.parents[1] / "pyproject.toml").read_text())["project"]

    assert (3, 5, 4) <= found < (4,)
    assert "huey>=3.5.4,<4" in project["dependencies"]


@pytest.mark.parametrize(
    ("owner", "name", "parameters"),
    [pytest.param(*row, id=f"{row[0].__name__}.{row[1]}") for row in [*METHODS, *OVERRIDDEN]],
)
def test_a_method_of_hueys_takes_what_we_count_on(
    owner: type, name: str, parameters: list[str]
) -> None:
    method = getattr(owner, name)

    assert list(inspect.signature(method).parameters) == parameters


@pytest.mark.parametrize("kind", ATTRIBUTES)
def test_an_object_of_hueys_has_the_attributes_we_read(kind: str) -> None:
    found = objects()[kind]

    for name, value_type in ATTRIBUTES[kind].items():
        assert isinstance(getattr(found, name), value_type), name


def test_signals_are_sent_to_a_dict_of_receivers_with_those_of_any() -> None:
    signals = Signal()

    assert signals.receivers == {"any": []}


def test_a_lock_is_known_by_a_key_that_ends_with_its_name() -> None:
    made = MemoryHuey("mine")
    TaskLock(made, "a.lock")

    assert made._locks == {"mine.lock.a.lock"}


def test_chord_members_carry_id_size_index_and_callback() -> None:
    config = ChordConfig("c", 3, 1, Task())

    assert (config.cid, config.size, config.idx) == ("c", 3, 1)
    assert isinstance(config.callback, Task)


def test_a_task_is_revoked_under_r_and_its_id() -> None:
    task = Task(id="a")

    assert task.revoke_id == "r:a"
    assert task._deadline is None


def test_execute_and_enqueue_are_called_through_the_class() -> None:
    """Error trackers replace them there; Huey itself must look them up anew each time."""
    seen = []

    class Watched(MemoryHuey):
        def _execute(self, task: Task, timestamp: Any) -> Any:
            seen.append(task.id)
            return super()._execute(task, timestamp)

    watched = Watched()

    @watched.task()
    def one() -> int:
        return 1

    handle = one()

    assert watched.execute(watched.dequeue()) == 1
    assert seen == [handle.id]


def test_no_other_private_name_of_hueys_is_used() -> None:
    listed = {row[1] for row in METHODS} | {name for names in ATTRIBUTES.values() for name in names}
    hueys = {name for found in objects().values() for name in vars(found)}
    hueys |= {
        name
        for owner in (
            Huey,
            Result,
            TaskLock,
            RateLimit,
            Registry,
            Consumer,
            Worker,
            Scheduler,
            Task,
        )
        for name in dir(owner)
    }
    used = set()
    for path in ENGINE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute | ast.FunctionDef):
                name = node.attr if isinstance(node, ast.Attribute) else node.name
                if re.fullmatch(r"_[a-z]\w*", name):
                    used.add(name)

    assert used & hueys <= listed
