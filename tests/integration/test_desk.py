"""The desk: each of its methods on a real Redis, with jobs that really run."""

from __future__ import annotations

import inspect
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest

from jobdesk import (
    AsyncDesk,
    Backoff,
    Desk,
    JobContext,
    JobOptions,
    JobSpec,
    PermanentError,
    Queue,
    crontab,
)
from jobdesk.broker.registry import WorkerBeat
from jobdesk.engine import queue as queue_module
from jobdesk.engine.publishing import publish
from jobdesk.errors import (
    ActiveJobs,
    AddUnconfirmed,
    BadInput,
    BadPayload,
    InvalidJobData,
    JobActive,
    JobFailed,
    JobNotFound,
    QueueNotPaused,
    RedisUnavailable,
    ScheduleNotFound,
    UnknownQueue,
    UnknownType,
    WaitTimeout,
    WrongState,
)
from tests import servers, stored
from tests.invariants import check


@pytest.fixture(autouse=True)
def known() -> Iterator[dict[str, Queue]]:
    """The queues of this process by name. Those that a test made are forgotten after it."""
    yield queue_module._known
    for name in ("thumbs", "video", "sound", "now"):
        queue_module._known.pop(name, None)
    for module in ("video", "odd", "broken", "pictures"):
        sys.modules.pop(module, None)


@pytest.fixture
def thumbs(settings) -> Queue:
    queue = Queue(
        "thumbs", defaults=JobOptions(remove_on_complete={"age": 60}, backoff=Backoff.fixed(7))
    )

    @queue.task(attempts=2, timeout=30, priority=3)
    def resize(path: str, width: int = 200, *, job: JobContext) -> dict[str, Any]:
        if width > 4000:
            raise PermanentError("too wide")
        job.progress(50)
        return {"path": path, "width": width}

    @queue.task()
    def tag(*names: str, **more: int) -> list[str]:
        return [*names, *more]

    @queue.periodic_task(crontab(minute="0", hour="3"))
    def prune(days: int = 7) -> int:
        return days

    return queue


@pytest.fixture
def desk(settings, thumbs) -> Desk:
    return Desk()


@pytest.fixture
def published(settings, thumbs, known) -> Desk:
    """A desk on a machine without the code of ``thumbs``, whose worker has started elsewhere."""
    publish(thumbs)
    known.pop("thumbs")
    return Desk()


def run_one(queue: Queue) -> None:
    task = queue.dequeue()
    assert task is not None
    queue.execute(task)


# --- adding


def test_a_job_added_by_name_is_the_job_that_a_call_makes(desk, thumbs):
    called = thumbs.types["resize"]
    by_call = thumbs.enqueue(called((), {"path": "a.jpg", "width": 100}))

    by_name = desk.add_job("thumbs", "resize", {"path": "a.jpg", "width": 100})

    one, two = desk.get_job("thumbs", by_call.id), desk.get_job("thumbs", by_name.id)
    assert one.data == two.data == {"path": "a.jpg", "width": 100}
    assert (one.priority, one.attempts, one.options.timeout) == (3, 2, 30)
    assert (two.priority, two.attempts, two.options.timeout) == (3, 2, 30)


def test_a_job_added_by_name_runs_and_its_handle_knows(desk, thumbs):
    handle = desk.add_job("thumbs", "resize", {"path": "a.jpg"})
    run_one(thumbs)

    assert handle.wait(timeout=5) == {"path": "a.jpg", "width": 200}
    assert handle.status().state == "completed"
    assert desk.wait("thumbs", handle.id, 5) == {"path": "a.jpg", "width": 200}


def test_options_are_keywords_or_stand_in_their_place(desk):
    at = datetime.now(UTC) + timedelta(hours=1)
    worded = desk.add_job(
        "thumbs", "resize", {"path": "a"}, priority=1, run_at=at, attempts=5, job_id="w1",
        backoff=Backoff.exponential(3), timeout=timedelta(seconds=9), remove_on_complete=True,
    )  # fmt: skip
    given = desk.add_job("thumbs", "resize", {"path": "a"}, {"delay": 60, "priority": 2})
    both = desk.add_job("thumbs", "resize", {"path": "a"}, JobOptions(priority=2), priority=9)

    job = desk.get_job("thumbs", "w1")
    assert worded.id == "w1"
    assert (job.state, job.priority, job.attempts, job.options.timeout) == ("delayed", 1, 5, 9)
    assert job.options.backoff == Backoff.exponential(3)
    assert job.run_at_ms == round(at.timestamp() * 1000)
    assert desk.get_job_status("thumbs", given.id).state == "delayed"
    assert desk.get_job("thumbs", both.id).priority == 9


def test_an_id_that_is_there_is_that_job_and_nothing_is_written(desk):
    desk.add_job("thumbs", "resize", {"path": "a"}, job_id="once")

    again = desk.add_job("thumbs", "resize", {"path": "b"}, job_id="once")

    assert again.duplicate
    assert desk.get_job("thumbs", "once").data == {"path": "a"}


def test_options_of_bull_are_not_taken_for_ours(desk):
    with pytest.raises(BadInput, match="from_bull"):
        desk.add_job("thumbs", "resize", {"path": "a"}, {"removeOnComplete": True})
    with pytest.raises(BadInput, match="no job option 'prio'"):
        desk.add_job("thumbs", "resize", {"path": "a"}, prio=1)
    with pytest.raises(BadInput):
        desk.add_job("thumbs", "resize", {"path": "a"}, 5)


def test_many_jobs_are_added_in_their_order(desk, broker):
    specs = [JobSpec("resize", {"path": f"{n}.jpg"}, {"job_id": f"n{n}"}) for n in range(250)]

    handles = desk.add_bulk_jobs("thumbs", [*specs, ("resize", {"path": "last"}, {"priority": 9})])
    again = desk.add_bulk_jobs("thumbs", specs[:1])

    assert [handle.id for handle in handles[:250]] == [f"n{n}" for n in range(250)]
    assert desk.get_queue_stats("thumbs").waiting == 251
    assert [job.id for job in desk.get_jobs("thumbs", end=2)] == ["n0", "n1", "n2"]
    assert (handles[0].duplicate, again[0].duplicate) == (False, True)
    assert desk.add_bulk_jobs("thumbs", []) == []
    check(broker, "thumbs")


def test_one_bad_job_of_many_keeps_all_out(desk):
    with pytest.raises(InvalidJobData, match=r"job 2 of 3: data\.width"):
        desk.add_bulk_jobs(
            "thumbs", [("resize", {"path": "a"}), ("resize", {"path": "a", "width": "x"}), ("tag",)]
        )
    with pytest.raises(InvalidJobData, match="JobSpec"):
        desk.add_bulk_jobs("thumbs", [{"type": "resize"}])

    assert desk.get_queue_stats("thumbs").waiting == 0


def test_a_call_that_only_the_error_tracker_patched_sees_every_job(desk, monkeypatch):
    from huey.api import Huey

    seen = []
    plain = Huey.enqueue

    def patched(self, task):
        seen.append(task.id)
        task.kwargs["tracker_headers"] = {"trace": "1"}
        return plain(self, task)

    monkeypatch.setattr(Huey, "enqueue", patched)
    one = desk.add_job("thumbs", "resize", {"path": "a"})
    two = desk.add_bulk_jobs("thumbs", [("resize", {"path": "b"})])

    assert seen == [one.id, two[0].id]
    assert desk.get_job("thumbs", one.id).data == {"path": "a"}


def test_a_bulk_add_that_breaks_off_says_how_far_it_came(settings, thumbs, make_server):
    server = make_server(tcp=True)
    own = settings.model_copy(update={"redis_url": server.url})
    with Desk(own) as desk:
        desk.add_job("thumbs", "resize", {"path": "a"})
        specs = [("resize", {"path": "a"})] * 250
        queue = desk.catalog.queue("thumbs")
        plain, calls = queue.send_off, []

        def send(jobs):
            calls.append(len(jobs))
            if len(calls) == 2:
                server.kill()
            return plain(jobs)

        queue.send_off = send
        with pytest.raises(AddUnconfirmed, match="the first 100 of 250") as caught:
            desk.add_bulk_jobs("thumbs", specs)

        assert caught.value.job_id
        with pytest.raises(RedisUnavailable):
            desk.add_bulk_jobs("thumbs", specs)


def test_a_mail_is_sent_in_place_when_redis_is_away(settings, tmp_path):
    away = settings.model_copy(update={"redis_url": f"unix://{tmp_path}/none.sock"})
    from jobdesk import settings as settings_module

    settings_module.use(away)
    mail = {"to": "a@example.com", "subject": "x", "text": "y"}
    handle = Desk(away).add_job("email", "transactional", mail)

    assert handle.in_place
    assert handle.wait()["success"] is True


# --- which queue


def test_an_unknown_queue_is_named_with_what_to_do(desk):
    for refused in (
        lambda: desk.add_job("thumb", "resize"),
        lambda: desk.add_bulk_jobs("thumb", []),
        lambda: desk.pause_queue("thumb"),
        lambda: desk.get_jobs("thumb"),
        lambda: desk.set_max_active("thumb", 1),
    ):
        with pytest.raises(UnknownQueue, match=r"'thumb': no worker .* JOBDESK_IMPORTS names no"):
            refused()


def test_a_type_that_is_not_there_is_named_with_the_one_that_is_near(desk):
    with pytest.raises(UnknownType, match=r"'resiz' in queue thumbs; did you mean 'resize'\?"):
        desk.add_job("thumbs", "resiz", {})
    with pytest.raises(UnknownType):
        desk.add_job("thumbs", None, {})


def test_only_the_module_of_the_queue_is_imported(environment):
    code = (
        "import sys; from jobdesk import Desk; desk = Desk();"
        "desk.add_job('email', 'transactional',"
        " {'to': 'a@example.com', 'subject': 's', 'text': 't'});"
        "print([m for m in sys.modules if m.startswith('jobdesk.tasks.') and m.count('.') == 2"
        " and not m.endswith('mailing')]);"
        "print([m for m in ('weasyprint', 'textual', 'jsonschema') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stdout.split("\n")[:2] == ["['jobdesk.tasks.email']", "[]"], done.stderr


def test_importing_jobdesk_imports_nothing_heavy():
    code = (
        "import sys, jobdesk; heavy = {'redis', 'huey', 'pydantic', 'textual', 'click', 'rich'};"
        "print(sorted(heavy & set(sys.modules)), jobdesk.__version__, 'Desk' in dir(jobdesk));"
        "[getattr(jobdesk, name) for name in jobdesk.__all__]"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.stdout.startswith("[] "), done.stderr
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith("True")


def test_queues_of_ones_own_are_found_by_the_setting(settings, tmp_path, monkeypatch):
    (tmp_path / "video.py").write_text(
        "from jobdesk import Queue\nqueue = huey = Queue('video')\n"
        "@queue.task()\ndef cut(path: str): return path\n"
    )
    (tmp_path / "odd.py").write_text("from jobdesk import Queue\nqueue = Queue('sound')\n")
    (tmp_path / "broken.py").write_text("raise RuntimeError('no licence')\n")
    monkeypatch.syspath_prepend(tmp_path)
    own = settings.model_copy(update={"imports": ("broken", "odd", "video")})
    with Desk(own) as desk:
        desk.add_job("video", "cut", {"path": "a"})

        assert desk.get_queue_stats("video").waiting == 1
        assert "odd" not in sys.modules, "the module called like the queue is the first"
        assert desk.get_queue_stats("sound").waiting == 0
        with pytest.raises(UnknownQueue, match=r"broken cannot be imported \(RuntimeError: no lic"):
            desk.add_job("nothing", "cut", {})


def test_queues_of_an_installed_package_are_found_by_its_entry_point(
    settings, tmp_path, monkeypatch
):
    (tmp_path / "pictures.py").write_text(
        "from jobdesk import Queue\nqueue = huey = Queue('video')\n"
        "@queue.task()\ndef cut(path: str): return path\n"
    )
    told = tmp_path / "pictures-1.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: pictures\nVersion: 1.0\n")
    (told / "entry_points.txt").write_text("[jobdesk.queues]\nvideo = pictures:queue\n")
    monkeypatch.syspath_prepend(tmp_path)

    assert Desk().add_job("video", "cut", {"path": "a"}).status().type == "cut"


def test_a_module_that_another_thread_is_importing_is_waited_for(settings, tmp_path, monkeypatch):
    (tmp_path / "video.py").write_text(
        "from jobdesk import Queue\nqueue = huey = Queue('video')\n"
        "import pause_here; pause_here.reached.set(); pause_here.go_on.wait(10)\n"
        "@queue.task()\ndef cut(path: str): return path\n"
    )
    pause = ModuleType("pause_here")
    pause.reached, pause.go_on = threading.Event(), threading.Event()
    monkeypatch.setitem(sys.modules, "pause_here", pause)
    monkeypatch.syspath_prepend(tmp_path)
    own = settings.model_copy(update={"imports": ("video",)})
    with Desk(own) as desk, ThreadPoolExecutor(2) as pool:
        first = pool.submit(desk.add_job, "video", "cut", {"path": "a"})
        assert pause.reached.wait(10)
        second = pool.submit(desk.add_job, "video", "cut", {"path": "b"})
        threading.Timer(0.2, pause.go_on.set).start()

        assert first.result(20).status().type == second.result(20).status().type == "cut"


def test_a_desk_on_another_redis_adds_there(settings, thumbs, desk, make_server):
    other = settings.model_copy(update={"redis_url": make_server().url})
    with Desk(other) as elsewhere:
        handle = elsewhere.add_job("thumbs", "resize", {"path": "a"}, job_id="far")

        assert elsewhere.get_job("thumbs", "far").data == {"path": "a"}
        assert elsewhere.add_bulk_jobs("thumbs", [("resize", {"path": "b"})])[0].status()
        assert handle.status().state == "waiting"
        assert elsewhere.get_queue_stats("thumbs").waiting == 2
    with pytest.raises(JobNotFound):
        desk.get_job("thumbs", "far")


def test_a_desk_with_a_secret_of_its_own_signs_with_it(settings, thumbs, desk):
    from pydantic import SecretStr

    desk.add_job("thumbs", "resize", {"path": "a"}, job_id="plain")
    signing = settings.model_copy(update={"secret": SecretStr("s" * 32)})
    with Desk(signing) as other:
        other.add_job("thumbs", "resize", {"path": "a"}, job_id="signed")

        assert other.inspector.payload("thumbs", "signed").signed
        assert not other.inspector.payload("thumbs", "plain").signed
        with pytest.raises(BadPayload):
            other.update_job_data("thumbs", "plain", {"path": "b"})
        other.update_job_data("thumbs", "signed", {"path": "b"})
        assert other.inspector.payload("thumbs", "signed").signed
        assert other.get_job("thumbs", "signed").data == {"path": "b"}


# --- a queue known by what is published


def test_a_published_type_is_added_without_its_code(published, thumbs, known):
    handle = published.add_job("thumbs", "resize", {"path": "a", "width": 5}, job_id="p1")
    job = published.get_job("thumbs", "p1")

    assert (job.priority, job.attempts, job.options.timeout) == (3, 2, 30)
    assert job.options.backoff == Backoff.fixed(7)
    kept = stored.read(published.broker.client, published.broker.keys("thumbs"), "p1")
    assert "rc" not in kept
    assert "thumbs" not in known
    run_one(thumbs)
    assert handle.wait(5) == {"path": "a", "width": 5}


def test_a_published_type_is_the_same_job_as_by_its_function(published, thumbs):
    client, keys = published.broker.client, published.broker.keys("thumbs")
    published.add_job("thumbs", "resize", {"path": "a"}, job_id="p1", attempts=4)
    thumbs.types["resize"]
    task = thumbs.types["resize"]((), {"path": "a"}, id="f1")
    task.job_options = JobOptions(attempts=4)
    thumbs.enqueue(task)

    one, two = (stored.read(client, keys, job_id) for job_id in ("p1", "f1"))
    assert one | {"ts": ""} == two | {"ts": ""}
    assert stored.payload(client, keys, "p1") == stored.payload(client, keys, "f1")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({}, "data.path: Field required; thumbs:resize"),
        ({"path": "a", "widht": 1}, "thumbs:resize has no field 'widht'; did you mean 'width'?"),
        ({"path": "a", "width": "x"}, "data.width: 'x' is not of type 'integer'; thumbs:resize"),
        ({"path": {1}}, "data.path is a set; pass a list"),
        ({"path": float("nan")}, "data.path is nan; JSON has no NaN and no infinity"),
    ],
)
def test_data_that_does_not_fit_the_published_schema_is_refused(published, data, says):
    with pytest.raises(InvalidJobData) as caught:
        published.add_job("thumbs", "resize", data)

    assert str(caught.value) == says
    assert published.get_queue_stats("thumbs").waiting == 0


def test_many_published_jobs_are_added_and_edited(published):
    specs = [("tag", {"args": ("a", "b"), "n": 1}), ("resize", {"path": "x"}, {"job_id": "e1"})]
    published.add_bulk_jobs("thumbs", specs)

    published.update_job_data("thumbs", "e1", {"path": "y"})

    assert published.get_job("thumbs", "e1").data == {"path": "y"}
    with pytest.raises(InvalidJobData):
        published.update_job_data("thumbs", "e1", {"path": 3})


def test_a_type_that_a_worker_brings_later_is_found(published, thumbs):
    with pytest.raises(UnknownType):
        published.add_job("thumbs", "crop", {})
    name = published.broker.keys("thumbs").types
    published.broker.client.hset(name, "crop", json.dumps({"schema": {"type": "object"}}))

    assert published.add_job("thumbs", "crop", {"x": 1}).status().type == "crop"


def test_a_schema_that_cannot_be_read_leaves_the_check_to_the_worker(published):
    name = published.broker.keys("thumbs").types
    told = {"schema": {"type": "nonsense"}, "defaults": {"attempts": -1, "backoff": "a function"}}
    published.broker.client.hset(name, "later", json.dumps(told))

    published.add_job("thumbs", "later", {"x": 1}, job_id="l1")

    job = published.get_job("thumbs", "l1")
    assert (job.data, job.attempts) == ({"x": 1}, 3)


def test_a_schema_that_refers_elsewhere_fetches_nothing(published):
    name = published.broker.keys("thumbs").types
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        there = f"http://127.0.0.1:{listening.getsockname()[1]}/schema"
        told = {"schema": {"properties": {"x": {"$ref": there}}}}
        published.broker.client.hset(name, "far", json.dumps(told))

        published.add_job("thumbs", "far", {"x": 1})

        with pytest.raises(BlockingIOError):
            listening.accept()


@pytest.mark.parametrize(
    "schema", [{"$ref": "#"}, {"properties": {"x": {"pattern": "("}}}, {"$ref": "#/$defs/none"}]
)
def test_a_schema_that_breaks_the_checker_leaves_the_check_to_the_worker(published, schema):
    name = published.broker.keys("thumbs").types
    published.broker.client.hset(name, "odd", json.dumps({"schema": schema}))

    assert published.add_job("thumbs", "odd", {"x": "1"}).status().state == "waiting"


# --- one job


def test_a_failed_job_is_retried_with_all_its_attempts(desk, thumbs):
    handle = desk.add_job("thumbs", "resize", {"path": "a", "width": 9999})
    run_one(thumbs)
    with pytest.raises(JobFailed, match="too wide"):
        desk.wait("thumbs", handle.id, 5)
    assert desk.get_job_status("thumbs", handle.id).failed_reason == "PermanentError: too wide"

    desk.update_job_data("thumbs", handle.id, {"path": "a", "width": 10})
    generation = desk.retry_job("thumbs", handle.id)

    assert generation == 1
    run_one(thumbs)
    assert desk.wait("thumbs", handle.id, 5) == {"path": "a", "width": 10}
    with pytest.raises(WrongState):
        desk.retry_job("thumbs", handle.id)


def test_all_failed_jobs_are_retried(desk, thumbs):
    desk.add_bulk_jobs("thumbs", [("resize", {"path": "a", "width": 9999})] * 3)
    for _ in range(3):
        run_one(thumbs)

    assert desk.get_queue_stats("thumbs").failed == 3
    assert desk.retry_all("thumbs").count == 3
    assert desk.get_queue_stats("thumbs").waiting == 3


def test_a_running_job_is_removed_by_force_only(desk, thumbs):
    handle = desk.add_job("thumbs", "resize", {"path": "a"})
    assert thumbs.dequeue().id == handle.id

    with pytest.raises(JobActive):
        desk.remove_job("thumbs", handle.id)
    with pytest.raises(JobActive):
        desk.update_job_data("thumbs", handle.id, {"path": "b"})
    assert desk.cancel_job("thumbs", handle.id).state == "active"
    assert desk.remove_job("thumbs", handle.id, force=True) == "active"
    with pytest.raises(JobNotFound):
        desk.get_job_status("thumbs", handle.id)
    with pytest.raises(JobNotFound):
        desk.update_job_data("thumbs", handle.id, {"path": "b"})


def test_a_delayed_job_is_promoted_and_a_waiting_one_cancelled(desk):
    desk.add_job("thumbs", "resize", {"path": "a"}, job_id="d1", delay=60)
    desk.promote_job("thumbs", "d1")
    assert desk.get_job_status("thumbs", "d1").state == "waiting"

    assert desk.cancel_job("thumbs", "d1").at_once
    with pytest.raises(JobFailed, match="JobCancelled"):
        desk.wait("thumbs", "d1", 5)


def test_a_changed_priority_changes_who_is_next(desk):
    desk.add_bulk_jobs("thumbs", [("resize", {"path": n}, {"job_id": n}) for n in ("j1", "j2")])

    assert desk.change_priority("thumbs", "j2", 1) == 3
    assert [job.id for job in desk.get_jobs("thumbs")] == ["j2", "j1"]


def test_new_data_is_checked_and_what_hangs_on_the_job_stays(desk, thumbs):
    resize, tag = thumbs.types["resize"], thumbs.types["tag"]
    task = resize((), {"path": "a"}, id="first")
    task.on_complete = tag(("done",), {}, id="second")
    thumbs.enqueue(task)

    with pytest.raises(InvalidJobData, match=r"data\.width"):
        desk.update_job_data("thumbs", "first", {"path": "a", "width": "x"})
    with pytest.raises(InvalidJobData):
        desk.update_job_data("thumbs", "first", ["a"])
    desk.update_job_data("thumbs", "first", {"path": "b", "width": 3})
    run_one(thumbs)

    assert desk.wait("thumbs", "first", 5) == {"path": "b", "width": 3}
    assert desk.get_job_status("thumbs", "second").state == "waiting"


def test_waiting_ends_when_the_job_does_or_the_time_is_up(desk, thumbs):
    handle = desk.add_job("thumbs", "resize", {"path": "a"})
    with pytest.raises(WaitTimeout):
        desk.wait("thumbs", handle.id, 0.01)
    thread = threading.Thread(target=run_one, args=(thumbs,))
    thread.start()

    assert desk.wait("thumbs", handle.id, 20) == {"path": "a", "width": 200}
    thread.join()


# --- queues


def test_jobs_are_listed_by_state_with_their_data(desk, thumbs):
    desk.add_bulk_jobs("thumbs", [("resize", {"path": str(n)}) for n in range(12)])
    run_one(thumbs)
    run_one(thumbs)

    assert [job.data["path"] for job in desk.get_jobs("thumbs", "completed")] == ["1", "0"]
    assert desk.get_jobs("thumbs", "completed")[0].return_value == {"path": "1", "width": 200}
    assert len(desk.get_jobs("thumbs")) == 10
    assert [job.data["path"] for job in desk.get_jobs("thumbs", "waiting", -2, -1)] == ["10", "11"]


def test_the_counts_name_the_six_queues_and_those_used(desk, thumbs):
    desk.add_job("thumbs", "resize", {"path": "a"})

    names = [stats.name for stats in desk.get_all_queue_stats()]
    assert names == ["email", "pdf", "notification", "report", "cleanup", "sync", "thumbs"]
    assert desk.get_queue_stats("email").waiting == 0


def test_a_paused_queue_gives_no_jobs_until_it_is_resumed(desk, thumbs):
    handle = desk.add_job("thumbs", "resize", {"path": "a"})

    assert (desk.pause_queue("thumbs"), desk.pause_queue("thumbs")) == (True, False)
    assert desk.get_queue_stats("thumbs").paused
    assert handle.status().state == "paused"
    assert thumbs.dequeue() is None
    assert (desk.resume_queue("thumbs"), desk.resume_queue("thumbs")) == (True, False)
    run_one(thumbs)


def test_a_queue_is_cleaned_emptied_and_obliterated(desk, thumbs, broker):
    desk.add_bulk_jobs("thumbs", [("resize", {"path": "a"})] * 5)
    desk.add_job("thumbs", "resize", {"path": "a"}, delay=60)
    run_one(thumbs)
    run_one(thumbs)

    assert desk.clean_jobs("thumbs").count == 0, "nothing is a day old"
    assert desk.clean_jobs("thumbs", grace=0, limit=1).count == 1
    assert desk.clean_jobs("thumbs", 0, "completed").count == 1
    assert desk.empty_queue("thumbs").count == 4
    check(broker, "thumbs")
    desk.add_job("thumbs", "resize", {"path": "a"})
    thumbs.dequeue()
    with pytest.raises(QueueNotPaused):
        desk.obliterate_queue("thumbs")
    desk.pause_queue("thumbs")
    with pytest.raises(ActiveJobs):
        desk.obliterate_queue("thumbs")
    assert desk.obliterate_queue("thumbs", force=True).done


def test_limits_are_set_and_lifted(desk, thumbs):
    desk.add_bulk_jobs("thumbs", [("resize", {"path": "a"})] * 3)
    desk.set_max_active("thumbs", 1)
    desk.set_rate_limit("thumbs", (100, 60))

    stats = desk.get_queue_stats("thumbs")
    assert (stats.max_active, stats.rate_limit) == (1, (100, 60))
    assert thumbs.dequeue() is not None
    assert thumbs.dequeue() is None
    desk.set_max_active("thumbs", None)
    desk.set_rate_limit("thumbs", None)
    assert thumbs.dequeue() is not None


# --- workers, schedules, events


def test_workers_are_listed(desk, broker):
    beat = WorkerBeat(broker, "host:1:x", "host", 1, ["thumbs"], 4, "1")
    beat.beat({"thumbs": ["j1"]})

    assert [(w.id, w.slots) for w in desk.get_workers()] == [("host:1:x", 4)]


def test_a_schedule_is_listed_run_paused_and_resumed(desk, thumbs):
    publish(thumbs)

    assert [s.name for s in desk.get_schedules("thumbs")] == ["prune"]
    assert [s.queue for s in desk.get_schedules()] == ["thumbs"]
    handle = desk.run_schedule("thumbs", "prune")
    run_one(thumbs)
    assert handle.wait(5) == 7
    assert (desk.pause_schedule("thumbs", "prune"), desk.get_schedules()[0].paused) == (True, True)
    assert desk.resume_schedule("thumbs", "prune")
    with pytest.raises(ScheduleNotFound):
        desk.run_schedule("thumbs", "prun")
    with pytest.raises(ScheduleNotFound):
        desk.pause_schedule("thumbs", "prun")


def test_events_are_followed_from_the_call_on(desk, thumbs):
    desk.add_job("thumbs", "resize", {"path": "before"})
    following = desk.events("thumbs")
    handle = desk.add_job("thumbs", "resize", {"path": "a"})

    event = next(following)
    assert (event.name, event.job_id) == ("waiting", handle.id)
    assert len(list(desk.events("thumbs", since="0", follow=False))) == 2
    assert list(desk.events("thumbs", since=event.id, follow=False)) == []


def test_commands_are_noted_under_a_name(settings, thumbs, broker):
    desk = Desk(who="ops")
    desk.pause_queue("thumbs")

    noted = broker.client.xrange(broker.keys("thumbs").audit)
    assert [entry[b"who"] for _, entry in noted] == [b"ops"]


def test_a_queue_in_immediate_mode_runs_what_is_added(settings):
    queue = Queue("now", immediate=True)
    queue.task(name="double")(_double)

    assert Desk().add_job("now", "double", {"number": 2}).get() == 4
    assert [h.get() for h in Desk().add_bulk_jobs("now", [("double", {"number": 3})])] == [6]


def _double(number: int) -> int:
    return number * 2


# --- awaited


def test_the_awaited_desk_has_all_methods(desk):
    def public(cls):
        return {n for n, v in vars(cls).items() if not n.startswith("_") and inspect.isfunction(v)}

    assert public(Desk) - {"event_reader"} == public(AsyncDesk)


def test_a_desk_is_awaited(settings, thumbs):
    import asyncio

    async def use() -> None:
        async with AsyncDesk(settings) as desk:
            handles = await asyncio.gather(
                *(desk.add_job("thumbs", "resize", {"path": str(n)}, priority=1) for n in range(20))
            )
            run_one(thumbs)
            first = (await desk.get_jobs("thumbs", "completed"))[0]
            assert await desk.wait("thumbs", first.id) == first.return_value
            assert (await desk.get_queue_stats("thumbs")).waiting == 19
            events = [e.name async for e in desk.events("thumbs", since="0", follow=False)]
            assert events.count("waiting") == 20
            following = desk.events("thumbs", since="0")
            assert (await anext(following)).name == "waiting"
            await following.aclose()
            waiting = next(h.id for h in handles if h.id != first.id)
            with pytest.raises(WaitTimeout, match=r"after 1\.2 s"):
                await desk.wait("thumbs", waiting, 1.2)
            with pytest.raises(UnknownQueue):
                await desk.add_job("thumb", "resize")

    asyncio.run(use())


def test_a_cancelled_wait_lets_its_thread_go(settings, thumbs):
    import asyncio

    async def use() -> None:
        async with AsyncDesk(settings) as desk:
            handle = await desk.add_job("thumbs", "resize", {"path": "a"})
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(desk.wait("thumbs", handle.id), 0.1)

    asyncio.run(asyncio.wait_for(use(), 20))


def test_the_namespace_of_a_desk_is_its_settings(settings, thumbs, desk):
    other = settings.model_copy(update={"namespace": servers.fresh_namespace()})
    with Desk(other) as elsewhere:
        elsewhere.add_job("thumbs", "resize", {"path": "a"})

        assert elsewhere.get_queue_stats("thumbs").waiting == 1
    assert desk.get_queue_stats("thumbs").waiting == 0
