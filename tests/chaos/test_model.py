"""Any sequence of calls, faults among them, leaves the scripts and the model in the same state.

Random calls alone do not find a missing fence (tried): so there are rules that play a fault
through to its end, and every script is sometimes called again, as after a lost answer.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from hypothesis import Phase
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from jobdesk.broker.connection import Broker
from jobdesk.broker.control import Control
from jobdesk.broker.entries import events_of
from jobdesk.broker.exchange import Exchanged, Finish, Outcome
from jobdesk.broker.transitions import Transitions
from jobdesk.models import NewJob
from tests import invariants, servers, stored
from tests.chaos.model import End, Job, Model
from tests.clock import CLOCK, set_clock

if TYPE_CHECKING:
    from jobdesk.settings import Settings

IDS = st.sampled_from(["a1", "b2", "c3", "d4", "e5"])
WORKERS = st.sampled_from(["h:1:w", "h:2:w", "g:1:w"])
KINDS = st.sampled_from([*"ccfrrnxbbus"])
STATES = {"w": "waiting", "d": "delayed", "c": "completed", "f": "failed"}
LEASE_MS = 60_000
QUEUE = "model"

jobs_ = st.builds(
    Job,
    id=IDS,
    priority=st.sampled_from([1, 4, 11]),
    lifo=st.booleans(),
    state=st.sampled_from(["w", "w", "w", "d"]),
    data=st.sampled_from([b"{}", b'{"n":1}']),
    keep=st.sampled_from([True, True, False]),
)


class Scripts(RuleBasedStateMachine):
    """The scripts on one side, the model on the other."""

    broker: Broker

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.moves = Transitions(self.broker, QUEUE)
        self.keys = self.broker.keys(QUEUE)
        self.client: Any = self.broker.client
        self.control = Control(self.broker)
        #: every run there has been: (id, epoch); most of them have ended, or lost their lease
        self.runs: list[tuple[str, str]] = []
        self.requests = dict.fromkeys(["h:1:w", "h:2:w", "g:1:w"], 0)
        self.told = 0
        self.operations: list[str] = []
        self.calls = 0

    @initialize(
        stalls=st.sampled_from([1, 3]),
        jobs=st.lists(jobs_, min_size=2, max_size=4),
        kind=st.sampled_from(["", *"cfrb"]),
    )
    def begin(self, stalls: int, jobs: list[Job], kind: str) -> None:
        """Something of everything, so that few steps find nothing to do."""
        self.client.delete(*self.client.keys(self.keys.prefix + "*"), "none")
        self.client.hset(self.keys.meta, "max_stalled", stalls)
        self.model.max_stalled = stalls
        self.add(jobs, again=False)
        self._exchange("h:1:w", 2, [])
        self.they_agree()
        if kind and self.runs:
            self._next("h:1:w")
            self._exchange("h:1:w", 1, [End(*self.runs[0], kind)])

    # --- producers

    @rule(jobs=st.lists(jobs_, min_size=1, max_size=3), again=st.booleans())
    def add(self, jobs: list[Job], again: bool) -> None:
        """One or a few; sent twice when the answer was lost."""
        for _ in range(1 + again):
            got = self.moves.add([_new(job) for job in jobs])
            want = self.model.add_all(jobs)
            assert [(added.value, state.value) for added, state in got] == [
                (what, _STATE[letter]) for what, letter in want
            ]

    # --- workers

    @rule(
        worker=WORKERS, want=st.integers(0, 4), housekeeping=st.booleans(), again=st.booleans(),
        ends=st.lists(
            st.tuples(st.integers(0, 8), KINDS, st.booleans(), st.lists(jobs_, max_size=1)),
            max_size=3,
        ),
    )  # fmt: skip
    def exchange(
        self,
        worker: str,
        want: int,
        housekeeping: bool,
        again: bool,
        ends: list[tuple[int, str, bool, list[Job]]],
    ) -> None:
        """Ends of runs, newest first, those among them that lost their lease long ago."""
        told = []
        for index, kind, flag, adds in ends:
            if self.runs:
                job_id, epoch = self.runs[-1 - index % len(self.runs)]
                value = {"c": b'"done"', "s": b"1"}.get(kind, b"")
                told.append(End(job_id, epoch, kind, value, delay=flag, adds=adds))
        self.requests[worker] += 1
        for _ in range(1 + again):
            self._exchange(worker, want, told, housekeeping)

    def _exchange(
        self, worker: str, want: int, ends: list[End], housekeeping: bool = False
    ) -> Exchanged:
        finishes = [
            Finish(
                end.job_id, end.epoch.encode(), Outcome(end.kind), end.value, "E: no",
                '"o":"failed","w":"","err":"","tb":""}', 60_000 if end.delay else 0,
                adds=[_new(job) for job in end.adds],
            )
            for end in ends
        ]  # fmt: skip
        request = self.requests[worker]
        got = self.moves.exchange(
            worker, request, want, LEASE_MS, finishes, housekeeping=housekeeping
        )
        epoch = got.jobs[0].epoch.decode() if got.jobs else ""
        statuses, taken = self.model.exchange(
            worker, request, want, ends, housekeeping=housekeeping, epoch=epoch
        )
        assert got.statuses == statuses
        assert [job.id for job in got.jobs] == taken
        for job in got.jobs:
            known = self.model.jobs[job.id]
            assert job.payload == known.data
            assert (job.attempts_made, job.stalls) == (known.made, known.stalls)
            assert job.generation == known.generation
            if (job.id, epoch) not in self.runs:
                newest = max((int(ep) for _, ep in self.runs), default=0)
                assert int(epoch) >= newest, "an epoch went back"
                self.runs.append((job.id, epoch))
        return got

    @precondition(lambda self: self.runs)
    @rule(index=st.integers(0, 8), what=st.sampled_from(["renew", "progress", "log"]))
    def report(self, index: int, what: str) -> None:
        job_id, epoch = self.runs[-1 - index % len(self.runs)]
        if what == "log":
            job = self.model.jobs.get(job_id)
            mine = job is not None and job.state == "a" and job.epoch == epoch
            got = self.moves.log(job_id, epoch.encode(), ["line"])
            assert got == ("OK" if mine else "STALE")
        elif what == "progress":
            got = self.moves.progress(job_id, epoch.encode(), "50")
            assert got == self.model.progress(job_id, epoch)
        else:
            (got,) = self.moves.renew(LEASE_MS, [(job_id, epoch.encode())])
            assert got == self.model.renew(job_id, epoch)

    @precondition(lambda self: self.model.ids("a"))
    @rule(worker=WORKERS)
    def release_worker(self, worker: str) -> None:
        assert self.moves.release_worker(worker) == self.model.release_worker(worker)

    @precondition(lambda self: self.model.ids("a") or self.model.ids("w"))
    @rule(worker=WORKERS, kind=KINDS, flag=st.booleans(), again=st.booleans())
    def run_one(self, worker: str, kind: str, flag: bool, again: bool) -> None:
        """One job from its take to its end."""
        self._next(worker)
        self._exchange(worker, 1, [])
        for job_id in self.model.ids("a")[:1]:
            end = End(job_id, self.model.jobs[job_id].epoch, kind, b"1", delay=flag)
            self._next(worker)
            for _ in range(1 + again):
                self._exchange(worker, 0, [end])

    # --- faults, played to their end

    @precondition(lambda self: self.model.ids("a"))
    @rule(worker=WORKERS, kind=KINDS, again=st.booleans())
    def stall_and_retake(self, worker: str, kind: str, again: bool) -> None:
        """A worker sleeps through its lease; another runs the job; then the first reports."""
        for job_id in self.model.ids("a")[:1]:
            old = self.model.jobs[job_id].epoch
            self._let_leases_end([job_id])
            self._next(worker)
            self._exchange(worker, 5, [], housekeeping=True)
            self._next(worker)
            for _ in range(1 + again):
                self._exchange(worker, 0, [End(job_id, old, kind, b"1")])

    @precondition(lambda self: self.model.ids("a"))
    @rule(worker=WORKERS, kind=KINDS, job=jobs_, by=st.sampled_from(["remove", "remove", "all"]))
    def remove_and_add_again(self, worker: str, kind: str, job: Job, by: str) -> None:
        """The id of a running job is used again, and taken again; then the first run reports."""
        for job_id in self.model.ids("a")[:1]:
            old = self.model.jobs[job_id].epoch
            if by == "remove":
                self._remove(job_id, "1", "")
            else:
                self._obliterate()
            job.id, job.state, job.priority = job_id, "w", 1
            self.add([job], again=False)
            self._next(worker)
            self._exchange(worker, 9, [])
            self._next(worker)
            self._exchange(worker, 0, [End(job_id, old, kind, b"1")])

    @precondition(lambda self: self.model.ids("w"))
    @rule(worker=WORKERS, how=st.sampled_from(["stall", "end", "remove"]))
    def replay_after_a_change(self, worker: str, how: str) -> None:
        """The answer of a take is lost; before it is asked for again, its jobs move on."""
        self.set_queue("resume")
        self.set_queue("")
        self._next(worker)
        got = self._exchange(worker, 2, [])
        for job in got.jobs[:1]:
            if how == "stall":
                self._let_leases_end([job.id])
                other = "h:2:w" if worker == "h:1:w" else "h:1:w"
                self._next(other)
                self._exchange(other, 5, [], housekeeping=True)
            elif how == "remove":
                self._remove(job.id, "1", "")
            else:
                other = "h:2:w" if worker == "h:1:w" else "h:1:w"
                self._next(other)
                self._exchange(other, 0, [End(job.id, job.epoch.decode(), "c", b"1")])
        self._exchange(worker, 2, [])

    @precondition(lambda self: self.model.ids("a"))
    @rule(data=st.data())
    def let_leases_end(self, data: st.DataObject) -> None:
        active = st.sampled_from(self.model.ids("a"))
        self._let_leases_end(data.draw(st.lists(active, unique=True)))

    @precondition(lambda self: self.model.ids("d"))
    @rule(data=st.data())
    def make_due(self, data: st.DataObject) -> None:
        job_id = data.draw(st.sampled_from(self.model.ids("d")))
        self.client.zadd(self.keys.delayed, {job_id: 1})
        self.model.make_due(job_id)

    # --- operators

    @rule(what=st.sampled_from(["pause", "pause", "resume", "resume", "flush", "", 1, 1, 2]))
    def set_queue(self, what: str | int) -> None:
        """Pause and resume it, set how many may run at once, or forget all scripts."""
        if what in {"pause", "resume"}:
            _, changed = self._run(f"{what}_queue")
            assert changed == self.model.pause(on=what == "pause")
        elif what == "flush":
            self.client.script_flush()
        else:
            self._run("set_limits", what, "-", "-")
            self.model.max_active = int(what) if what else None

    @precondition(lambda self: self.model.ids("w"))
    @rule(worker=WORKERS, what=st.sampled_from(["pause", 1, 2]), stays=st.booleans())
    def hold_back(self, worker: str, what: str | int, stays: bool) -> None:
        """Jobs wait, and few of them, or none, may be taken."""
        self.set_queue(what)
        self._next(worker)
        self._exchange(worker, 4, [])
        if not stays:
            self.set_queue("resume" if what == "pause" else "")

    @rule(data=st.data(), force=st.sampled_from(["", "1"]), keep=st.booleans(), again=st.booleans())
    def remove(self, data: st.DataObject, force: str, keep: bool, again: bool) -> None:
        operation = self._operation() if keep else ""
        self._remove(self._pick(data, "wadcf"), force, operation, again)

    def _remove(self, job_id: str, force: str, operation: str, again: bool = False) -> None:
        args = (job_id, force, self._request(), operation, "remove", "me")
        want = self.model.remove(job_id, force=bool(force), operation=operation)
        self._agree("remove_job", args, want, again and want[0] == "OK")

    @rule(data=st.data(), keep=st.booleans(), again=st.booleans())
    def retry(self, data: st.DataObject, keep: bool, again: bool) -> None:
        job_id = self._pick(data, "f")
        operation = self._operation() if keep else ""
        args = (job_id, self._request(), operation, "retry", "me")
        want = self.model.retry(job_id, operation)
        self._agree("retry_job", args, want, again and want[0] == "OK")

    @rule(data=st.data(), again=st.booleans())
    def promote(self, data: st.DataObject, again: bool) -> None:
        job_id = self._pick(data, "d")
        want = self.model.promote(job_id)
        self._agree("promote_job", (job_id, self._request()), want, again and want[0] == "OK")

    @rule(data=st.data(), again=st.booleans())
    def cancel(self, data: st.DataObject, again: bool) -> None:
        job_id = self._pick(data, "wad")
        want = self.model.cancel(job_id)
        self._agree("cancel_job", (job_id, self._request()), want, again and want[0] == "OK")

    @rule(data=st.data(), priority=st.sampled_from([1, 4, 11]))
    def change_priority(self, data: st.DataObject, priority: int) -> None:
        job_id = self._pick(data, "wd")
        want = self.model.change_priority(job_id, priority)
        self._agree("change_priority", (job_id, priority), want)

    @rule(data=st.data(), new=st.sampled_from([b"{}", b'{"n":2}']), again=st.booleans())
    def update_data(self, data: st.DataObject, new: bytes, again: bool) -> None:
        job_id = self._pick(data, "wdcf")
        want = self.model.update_data(job_id, new)
        self._agree("update_data", (job_id, new), want, again)

    @precondition(lambda self: len(self.model.jobs) > 2)
    @rule(what=st.sampled_from(["retry", "retry", *"wdcf", "empty"]), limit=st.integers(1, 3))
    def many(self, what: str, limit: int) -> None:
        """Commands on many jobs."""
        if what == "retry":
            got = self._run("retry_jobs", limit, "", "", "", "")
            assert got[4] == self.model.retry_jobs(limit)
        elif what == "empty":
            got = self._run("empty_queue", limit, "", "", "")
            assert tuple(got[1:3]) == self.model.empty(limit)
        else:
            got = self._run("clean_jobs", STATES[what], 0, limit, "", "", "", "")
            assert got[3] == self.model.clean(what, limit)

    def _obliterate(self) -> None:
        self._run("pause_queue")
        self.control.obliterate_queue(QUEUE, force=True)
        self.model.obliterate()
        self.told = 0
        assert invariants.check(self.broker, QUEUE) == {}

    @precondition(lambda self: self.operations)
    @rule(index=st.integers(0, 3), again=st.booleans())
    def undo(self, index: int, again: bool) -> None:
        operation = self.operations[-1 - index % len(self.operations)]
        request = self._request()
        want = self.model.undo(operation)
        for _ in range(1 + (again and want[0] != "NOTFOUND")):
            got = self._run("undo_operation", operation, 100, request)
            assert (got if got[0] == "NOTFOUND" else got[3:]) == want

    # --- agreement

    @invariant()
    def they_agree(self) -> None:
        places = invariants.check(self.broker, QUEUE)
        assert places == {job.id: _STATE[job.state] for job in self.model.jobs.values()}
        times = {}
        for state in ("delayed", "completed", "failed"):
            for raw, score in self.client.zrange(self.keys.state(state), 0, -1, withscores=True):
                times[raw.decode()] = int(score)
        self.model.learn(times)
        line = self.client.zrange(self.keys.wait, 0, -1, withscores=True)
        assert [(raw.decode(), score) for raw, score in line] == [
            (job.id, float(job.place)) for job in self.model.line()
        ]
        for job in self.model.jobs.values():
            self._same(job)
        self._same_events()

    def _same(self, job: Job) -> None:
        record = stored.read(self.client, self.keys, job.id)
        got = (
            int(record.get("p", 11)), int(record.get("am", 0)), int(record.get("stc", 0)),
            int(record.get("rel", 0)), int(record.get("gen", 0)), "cx" in record,
        )  # fmt: skip
        want = (job.priority, job.made, job.stalls, job.released, job.generation, job.cancelled)
        assert got == want, f"{job.id}: {record}"
        if job.state == "a":
            assert (record["ep"], record["w"]) == (job.epoch, job.worker)
        assert stored.payload(self.client, self.keys, job.id) == job.data
        assert (stored.result(self.client, self.keys, job.id) or b"") == job.result

    def _same_events(self) -> None:
        """Per job in the model's order, none missing in the numbers."""
        entries = self.client.xrange(self.keys.events)
        events = [event for entry in entries for event in events_of(QUEUE, *entry)]
        assert [event.n for event in events] == list(range(1, len(events) + 1))
        got = events[self.told :]
        want = self.model.events[self.told :]
        for job_id in {event.job_id or "" for event in got} | {each[1] for each in want}:
            mine = [event for event in got if (event.job_id or "") == job_id]
            theirs = [each for each in want if each[1] == job_id]
            assert [event.name for event in mine] == [each[0] for each in theirs]
            for event, (name, _, fields) in zip(mine, theirs, strict=True):
                told = {key: str(value) for key, value in dict(event.fields).items()}
                assert fields.items() <= told.items(), f"{job_id}: {name} {told}"
        self.told = len(self.model.events)

    # --- inside

    def _pick(self, data: st.DataObject, states: str) -> str:
        """As a rule a job for which the command makes sense."""
        fit = [job.id for job in self.model.jobs.values() if job.state in states]
        any_ = data.draw(st.integers(0, 5)) == 0
        return str(data.draw(IDS if any_ or not fit else st.sampled_from(fit)))

    def _let_leases_end(self, ids: list[str]) -> None:
        for job_id in ids:
            self.client.zadd(self.keys.active, {job_id: 1}, xx=True)
            self.model.let_lease_end(job_id)

    def _next(self, worker: str) -> None:
        self.requests[worker] += 1

    def _run(self, script: str, *args: Any) -> Any:
        return _text(self.broker.run(script, self.keys.prefix, *args))

    def _agree(self, script: str, args: Any, want: list[Any], again: bool = False) -> None:
        for _ in range(1 + again):
            assert self._run(script, *args)[: len(want)] == want

    def _request(self) -> str:
        self.calls += 1
        return f"r{self.calls}"

    def _operation(self) -> str:
        self.operations.append(f"o{len(self.operations)}")
        return self.operations[-1]


_STATE = {"w": "waiting", "a": "active", "d": "delayed", "c": "completed", "f": "failed"}


def _new(job: Job) -> NewJob:
    fields: list[tuple[str, str | int]] = [("at", 3), ("bk", "f:0::0:0")]
    if not job.keep:
        fields += [("rc", ":0"), ("rf", ":0")]
    return NewJob(
        id=job.id, type="resize", payload=job.data, priority=job.priority,
        delay_ms=60_000 if job.state == "d" else 0, lifo=job.lifo, fields=tuple(fields),
    )  # fmt: skip


def _text(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, list):
        return [_text(each) for each in value]
    return value


def _hold(settings: Settings, examples: int, steps: int, *, seeded: bool) -> None:
    """Run the machine on a namespace of its own."""
    broker = Broker(settings.model_copy(update={"namespace": servers.fresh_namespace()}))
    machine = type("Machine", (Scripts,), {"broker": broker})
    try:
        run_state_machine_as_test(
            machine,
            settings=hypothesis.settings(
                max_examples=examples,
                stateful_step_count=steps,
                derandomize=seeded,
                database=None,
                deadline=None,
                # the short one need not tell the shortest way to a fault, only that there is one
                phases=(Phase.generate,) if seeded else (Phase.generate, Phase.shrink),
                suppress_health_check=list(hypothesis.HealthCheck),
            ),
        )
    finally:
        broker.close()


def test_the_scripts_do_what_the_model_says(settings, make_server, tmp_path):
    # on a server that holds nothing else, since every step looks through all keys, and
    # on a clock that stands still: which of two jobs ended first decides what a step finds to do
    server = make_server()
    server.client().set(CLOCK, 1_773_151_530_000)
    alone = settings.model_copy(update={"redis_url": server.url})
    with set_clock(tmp_path / "lua"):
        _hold(alone, examples=40, steps=40, seeded=True)


@pytest.mark.chaos
def test_the_scripts_do_what_the_model_says_at_length(settings):
    _hold(settings, examples=600, steps=60, seeded=False)


def test_the_model_reads_as_it_is_told():
    """The model's own sanity: a stalled job keeps its place, a retried one loses it."""
    model = Model()
    for name in ("a1", "b2"):
        model.add(Job(name))
    model.exchange("w", 1, 1, [], housekeeping=False, epoch="7")
    model.let_lease_end("a1")
    model.exchange("w", 2, 0, [], housekeeping=True, epoch="")

    assert json.dumps([job.id for job in model.line()]) == '["a1", "b2"]'
