"""Every script that changes something, its answer lost: it is sent again, and has one effect.

Each case is played twice, straight and through a proxy that hangs up instead of answering; what
the caller is told and what is in Redis afterwards must be the same.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from jobdesk.broker import scripts
from jobdesk.broker.connection import Broker
from jobdesk.broker.control import Control
from jobdesk.broker.exchange import Exchanged, Finish, Outcome
from jobdesk.engine.publishing import publish
from jobdesk.engine.queue import Queue
from jobdesk.models import NewJob
from tests import invariants, servers
from tests.queue_builder import LEASE_MS, WORKER, QueueBuilder

if TYPE_CHECKING:
    from jobdesk.settings import Settings

#: What differs from run to run: instants, epochs, and ids made for the occasion.
_VARIES = {"ts", "pon", "fon", "ra", "ep", "run_at", "op"}


@dataclass
class Side:
    """One of the two: a queue, the operator's commands, and the worker's."""

    jobs: QueueBuilder
    control: Control


Act = Callable[[Side], Any]
Prepare = Callable[[QueueBuilder], Any]


def _new(*ids: str) -> list[NewJob]:
    fields = (("at", 3), ("bk", "f:0::0:0"))
    return [NewJob(id=i, type="resize", payload=b"{}", fields=fields) for i in ids]


def _active(jobs: QueueBuilder) -> None:
    jobs.running = jobs.active("a1", "a2")  # type: ignore[attr-defined]


def _finish(side: Side) -> Any:
    """Ends of every kind, something after them, and the next job."""
    first, second = side.jobs.running  # type: ignore[attr-defined]
    told = '"o":"failed","w":"","err":"E","tb":""}'
    ends = [
        Finish(first.id, first.epoch, Outcome.COMPLETED, b"1", adds=_new("n1"), outgoing=[b"{}"]),
        Finish(second.id, second.epoch, Outcome.RETRY, b"fp", "E", told, delay_ms=60_000),
    ]
    return side.jobs.moves.exchange(WORKER, 900, 2, LEASE_MS, ends)


def _release(side: Side) -> Any:
    return side.jobs.moves.release_worker(WORKER)


def _undo(side: Side) -> Any:
    side.control.remove_job("thumbs", "a1")
    return side.control.undo("thumbs", side.control.operation).restored


def _waiting(jobs: QueueBuilder) -> None:
    jobs.waiting(*(f"a{n}" for n in range(9)))


def _failed(jobs: QueueBuilder) -> None:
    jobs.failed(*(f"a{n}" for n in range(9)))


def _grouped(jobs: QueueBuilder) -> None:
    jobs._end(
        tuple(f"a{n}" for n in range(9)),
        Outcome.FAILED,
        {},
        value=b"fp",
        error="E",
        attempt='"o":"failed","w":"","err":"E","tb":""}',
    )


def _nothing(_jobs: QueueBuilder) -> None:
    pass


def _held(jobs: QueueBuilder) -> None:
    jobs.broker.client.set(jobs.keys.lock("door"), "mine")


def _scheduled(jobs: QueueBuilder) -> None:
    jobs.broker.client.hset(jobs.keys.sched, mapping={"nightly:spec": "{}", "nightly": 1})


def _expired(jobs: QueueBuilder) -> None:
    jobs.completed(*(f"a{n}" for n in range(9)))
    for n in range(9):
        jobs.end_at("completed", f"a{n}", 1000 + n)


def _running(act: Callable[[Side, Any], Any]) -> Act:
    return lambda side: act(side, side.jobs.running[0])  # type: ignore[attr-defined]


#: What the second call answers where it finds everything done: the effect is one all the same.
TOLD_OTHERWISE = {
    "add_jobs": "the job is told as a duplicate, which it is: of itself",
    "change_priority": "the priority before is the new one",
    "fire_schedule": "LATE: the slot has been fired",
    "pause_queue": "it was paused already",
    "pause_schedule": "it was paused already",
    "release_lock": "it was free already",
    "release_worker": "fewer jobs than there were are counted",
    "resume_queue": "it was not paused",
    "sweep_retention": "fewer jobs than there were are counted",
}
#: Extensions that a reader may ignore, told again by the second call.
TOLD_TWICE = {"add_jobs": "duplicated", "report_progress": "progress"}

CASES: dict[str, tuple[Prepare, Act]] = {
    "add_jobs": (_nothing, lambda s: s.jobs.moves.add(_new("a1", "a2"))),
    "append_log": (_active, _running(lambda s, j: s.jobs.moves.log(j.id, j.epoch, ["line"]))),
    "cancel_job": (_waiting, lambda s: s.control.cancel_job("thumbs", "a1")),
    "change_priority": (_waiting, lambda s: s.control.change_priority("thumbs", "a1", 3)),
    "clean_jobs": (_waiting, lambda s: s.control.clean_jobs("thumbs", "waiting", grace=0, limit=4)),
    "count_in_window": (_nothing, lambda s: s.jobs.moves.count_in_window("c", 60_000)[0]),
    "empty_queue": (_waiting, lambda s: s.control.empty_queue("thumbs")),
    "exchange_jobs": (_active, _finish),
    "fire_schedule": (_scheduled, lambda s: s.jobs.moves.fire("nightly", 2, _new("n.2")[0])),
    "join_chord": (_nothing, lambda s: s.jobs.moves.join_chord("c1", 0, 1, b"1")),
    "obliterate_queue": (_waiting, lambda s: (s.control.pause_queue("thumbs"),
                                              s.control.obliterate_queue("thumbs"))),
    "pause_queue": (_nothing, lambda s: s.control.pause_queue("thumbs")),
    "pause_schedule": (_scheduled, lambda s: s.control.pause_schedule("thumbs", "nightly")),
    "promote_job": (lambda j: j.delayed("a1"), lambda s: s.control.promote_job("thumbs", "a1")),
    "release_lock": (_held, lambda s: s.jobs.moves.release_lock("door", "mine")),
    "release_worker": (_active, _release),
    "remove_group": (_grouped, lambda s: s.control.remove_group("thumbs", "fp", limit=4)),
    "remove_job": (_waiting, lambda s: s.control.remove_job("thumbs", "a1")),
    "renew_leases": (_active, _running(lambda s, j: s.jobs.moves.renew(9, [(j.id, j.epoch)]))),
    "report_progress": (_active, _running(lambda s, j: s.jobs.moves.progress(j.id, j.epoch, "5"))),
    "resume_queue": (lambda j: j.broker.run("pause_queue", j.keys.prefix),
                     lambda s: s.control.resume_queue("thumbs")),
    "retry_group": (_grouped, lambda s: s.control.retry_group("thumbs", "fp", limit=4)),
    "retry_job": (_failed, lambda s: s.control.retry_job("thumbs", "a1")),
    "retry_jobs": (_failed, lambda s: s.control.retry_all("thumbs")),
    "set_limits": (_nothing, lambda s: s.control.set_max_active("thumbs", 3)),
    "sweep_retention": (_expired, lambda s: s.control.sweep("thumbs")),
    "undo_operation": (_waiting, _undo),
    "update_data": (_waiting, lambda s: s.control.update_data("thumbs", "a1", b"{}")),
}  # fmt: skip


def _side(settings: Settings, url: str | None = None) -> Side:
    changed = {"namespace": servers.fresh_namespace(), **({"redis_url": url} if url else {})}
    broker = Broker(settings.model_copy(update=changed))
    return Side(QueueBuilder(broker), Control(broker, "me"))


def test_every_script_is_played():
    assert set(CASES) == set(scripts.names())


@pytest.mark.parametrize("script", CASES)
def test_a_lost_answer_has_one_effect_and_the_same_answer(script, settings, proxy):
    prepare, act = CASES[script]
    straight, lossy = _side(settings), _side(settings, proxy.url)
    for side in (straight, lossy):
        prepare(side.jobs)

    want = act(straight)
    proxy.lose(script)
    got = act(lossy)

    assert proxy.lost == 1
    assert script in TOLD_OTHERWISE or _plain(got) == _plain(want)
    ignored = TOLD_TWICE.get(script)
    assert _kept(lossy, ignored) == _kept(straight, ignored)
    invariants.check(lossy.jobs.broker, "thumbs")
    for side in (straight, lossy):
        side.jobs.broker.close()


def _plain(value: Any) -> Any:
    """An answer without what differs from run to run."""
    if isinstance(value, Exchanged):
        jobs = [dataclasses.replace(job, epoch=b"") for job in value.jobs]
        statuses = ["OK" if status == "ALREADY" else status for status in value.statuses]
        return statuses, value.waiting, jobs
    if dataclasses.is_dataclass(value) and hasattr(value, "operation"):
        return dataclasses.replace(value, operation=bool(value.operation))  # type: ignore[type-var]
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value


def _kept(side: Side, ignored: str | None) -> Any:
    """Everything in the queue but what differs from run to run, and events of that name."""
    jobs = side.jobs
    client: Any = jobs.broker.client
    kept: dict[str, Any] = {"events": [
        (name, job, {k: v for k, v in fields.items() if k not in _VARIES})
        for name, job, fields in jobs.events()
        if name != ignored
    ]}  # fmt: skip
    for state in ("waiting", "active", "delayed", "completed", "failed"):
        ids = jobs.order(state)
        kept[state] = ids if state == "waiting" else sorted(ids)
        for job_id in ids:
            record = jobs.record(job_id)
            kept[f"j:{job_id}"] = {k: v for k, v in record.items() if k not in _VARIES}
    prefix = jobs.keys.prefix
    for raw in sorted(client.keys(prefix + "*")):
        name = raw.decode()[len(prefix) :]
        family, kind = name.partition(":")[0], client.type(raw)
        if family == "evn" and ignored:
            continue
        if family in {"j", "op", "wk", "trash", "stat", "audit", "events", "expire", "epoch"}:
            continue
        if kind == b"string":
            kept[name] = client.get(raw) if family != "tomb" else True
        elif kind == b"list":
            kept[name] = client.llen(raw)
        elif kind == b"hash" and family != "group":
            values = client.hgetall(raw)
            kept[name] = {k: v for k, v in values.items() if not k.startswith(b"sweep")}
    kept["figures"] = _figures(client, prefix)
    kept["groups"] = {
        fp: {k: v for k, v in json.loads(told).items() if k in "nf"}
        for fp, told in client.hgetall(jobs.keys.group).items()
    }
    return kept


def _figures(client: Any, prefix: str) -> dict[bytes, int]:
    """Counts of the hours, without the times taken."""
    found: dict[bytes, int] = {}
    for key in client.keys(prefix + "stat:h*"):
        for name, count in client.hgetall(key).items():
            if name in {b"a", b"c", b"f", b"rt", b"st"}:
                found[name] = found.get(name, 0) + int(count)
    return found


def test_a_job_added_by_an_operator_is_told_as_added_when_the_answer_was_lost(settings, proxy):
    side = _side(settings, proxy.url)
    queue = Queue("thumbs", broker=side.jobs.broker)

    @queue.task()
    def resize(path: str) -> str:
        return path

    publish(queue)
    proxy.lose("add_jobs")

    job_id = side.control.add_job("thumbs", "resize", {"path": "a"})

    assert proxy.lost == 1
    assert side.jobs.order() == [job_id]
    side.jobs.broker.close()
