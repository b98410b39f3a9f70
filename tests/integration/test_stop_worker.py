"""Ending a worker by its name: only the very process that registered itself is ever signalled."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress

import pytest

from jobdesk.broker import keys, registry
from jobdesk.broker.control import Control
from jobdesk.broker.inspector import Inspector
from jobdesk.broker.processes import Process, mark_of
from jobdesk.broker.registry import WorkerBeat
from jobdesk.errors import WorkerNotFound, WorkerOutOfReach
from tests.queue_builder import QueueBuilder

_SLEEPER = "import signal, time; signal.signal(15, lambda *_: exit(7)); print(flush=True); "


@pytest.fixture
def sleeper():
    """A process that stands for a worker's: it ends with 7 on TERM."""
    process = subprocess.Popen(
        [sys.executable, "-c", _SLEEPER + "time.sleep(60)"], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.fixture
def beat(broker, sleeper):
    """The heartbeat of that process, with a job of ``thumbs`` in hand."""
    made = WorkerBeat(
        broker, f"{os.uname().nodename}:{sleeper.pid}:ab12", os.uname().nodename, sleeper.pid,
        ["thumbs", "mails"], 2, "1",
    )  # fmt: skip
    made.beat({"thumbs": ["a1"]})
    return made


def changed(broker, beat, **fields):
    """The same worker, its report changed."""
    name = keys.worker_info(broker.namespace, beat.worker)
    told = json.loads(broker.client.get(name)) | fields
    broker.client.set(name, json.dumps(told))


def test_a_mark_is_of_one_process_only(sleeper):
    assert mark_of(sleeper.pid) == mark_of(sleeper.pid) != ""
    assert mark_of(sleeper.pid) != mark_of(os.getpid())

    sleeper.kill()
    held = None
    with suppress(ProcessLookupError):
        held = Process(sleeper.pid)
    sleeper.wait()

    assert mark_of(sleeper.pid) == ""
    if held is not None:
        with pytest.raises(ProcessLookupError):
            held.send(signal.SIGTERM)
        held.close()


def test_a_worker_is_told_to_stop_by_the_beginning_of_its_name(broker, sleeper, beat):
    control = Control(broker, who="op@here")

    done = control.stop_worker(beat.worker[:-2])

    assert sleeper.wait(5) == 7
    assert done.told == f"Told worker {beat.worker} to stop: it ends its 1 job first"
    (entry,) = _audit(broker)
    assert (entry.action, entry.who, entry.count) == ("stop worker", "op@here", 1)
    assert entry.command == f"jobdesk stop {beat.worker}"
    assert Inspector(broker).audit("mails") == ()
    assert [one.stopping for one in Inspector(broker).workers()] == [True]


def _audit(broker):
    return Inspector(broker).audit("thumbs")


def test_a_killed_worker_is_known_to_be_lost_and_its_jobs_come_back(broker, sleeper, beat):
    jobs = QueueBuilder(broker, "thumbs")
    jobs.active("a1")
    jobs.change("a1", w=beat.worker)

    done = Control(broker, who="op@here").stop_worker(beat.worker, kill=True)

    assert done.told == f"Killed worker {beat.worker}; its 1 job comes back"
    assert sleeper.wait(5) == -signal.SIGKILL
    assert Inspector(broker).workers() == ()
    (lost,) = Inspector(broker).workers(lost=True)
    assert lost.ended_ms
    assert lost.lost(lost.ended_ms)
    assert lost.in_hand == {"thumbs": ("a1",)}
    assert Inspector(broker).stats("thumbs").waiting == 1
    with pytest.raises(WorkerNotFound):
        Control(broker).stop_worker(beat.worker, kill=True)


@pytest.mark.parametrize(
    ("fields", "kill", "says"),
    [
        ({"host": "elsewhere"}, True, r"runs on elsewhere.*run there: jobdesk stop .* --kill"),
        ({"mark": "another/start/1"}, True, "is another process by now"),
        ({"mark": ""}, True, "restart it by hand"),
        ({"pid": 0}, True, "restart it by hand"),
        ({"pid": -1}, True, "restart it by hand"),
        ({"pid": 2**22 + 1}, True, "is gone"),
        ({"fork": True, "parent": 12}, False, "kill -TERM 12"),
    ],
)
def test_what_is_not_that_process_is_left_alone(beat, sleeper, fields, kill, says):
    broker = beat.broker
    changed(broker, beat, **fields)

    with pytest.raises(WorkerOutOfReach, match=says):
        Control(broker, who="op@here").stop_worker(beat.worker, kill=kill)

    assert sleeper.poll() is None
    assert _audit(broker) == ()


def test_a_beginning_that_several_have_is_refused(broker, sleeper, beat):
    WorkerBeat(broker, beat.worker + "x", beat.host, 1, ["thumbs"], 2, "1").beat()

    with pytest.raises(WorkerNotFound, match="2 workers begin with"):
        Control(broker).stop_worker(beat.worker[:-1])
    with pytest.raises(WorkerNotFound, match="no worker ''"):
        Control(broker).stop_worker("")

    assert sleeper.poll() is None


def test_the_command_line_stops_a_worker(broker, sleeper, beat, environment):
    answer = subprocess.run(
        [sys.executable, "-m", "jobdesk", "stop", beat.worker, "--kill", "--json"],
        env=environment, capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip

    assert sleeper.wait(5) == -signal.SIGKILL
    assert json.loads(answer.stdout)["data"] == {
        "worker": beat.worker, "pid": sleeper.pid, "signal": "KILL", "held": 1,
    }  # fmt: skip


def test_what_lost_workers_held_is_forgotten_in_time(broker, beat):
    beat.beat({"thumbs": ["a1"]})
    name = keys.worker_last(broker.namespace, beat.worker)

    assert 0 < broker.client.ttl(name) <= registry.LAST_TTL_S
    beat.retire()
    registry.bury(broker, beat.worker)
    assert Inspector(broker).workers(lost=True) == ()
