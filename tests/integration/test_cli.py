"""Every command on a real Redis: its JSON, its exit codes, and what it must not print."""

import json
import signal
import subprocess
import sys
import time
from functools import partial

import pytest
from click.testing import CliRunner

from jobdesk import settings as settings_module
from jobdesk.broker import events
from jobdesk.broker.inspector import Inspector
from jobdesk.broker.keys import queues as queue_names
from jobdesk.broker.registry import WorkerBeat, publish_queue
from jobdesk.cli.catalogue import COMMANDS
from jobdesk.cli.main import cli
from tests import invariants
from tests.queue_builder import QueueBuilder

STATS = {"name", "waiting", "active", "completed", "failed", "delayed", "paused"}
JOB = {"jobId", "queueName", "type", "state", "progress", "data", "options", "timestamp",
       "processedOn", "finishedOn", "failedReason", "returnValue", "attemptsMade",
       "stacktrace"}  # fmt: skip
HEAVY = {"huey", "rich", "textual", "jsonschema", "jinja2", "sqlalchemy", "httpx"}
EVIL = "\x1b]0;owned\x07\x1b[2J\u202e\x9b31m"
TEMP_FILES = json.dumps({"maxAgeHours": 24})


class Answer:
    """How a command ended."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        (line,) = self.out.splitlines()
        return json.loads(line)


@pytest.fixture
def run(settings):
    """Runs a command in this process."""

    def call(*args, stdin=None):
        told = CliRunner().invoke(cli, [str(arg) for arg in args], input=stdin)
        if told.exception is not None and not isinstance(told.exception, SystemExit):
            raise told.exception
        return Answer(told.exit_code, told.stdout, told.stderr)

    return call


@pytest.fixture
def spawn(environment):
    """Runs ``python -m jobdesk``."""

    def call(*args, stdin="", **changed):
        told = subprocess.run(
            [sys.executable, "-m", "jobdesk", *map(str, args)],
            env={**environment, **changed}, capture_output=True, text=True, input=stdin, timeout=60,
            check=False,
        )  # fmt: skip
        return Answer(told.returncode, told.stdout, told.stderr)

    return call


@pytest.fixture
def thumbs(broker):
    """A queue of one's own, known to Redis."""
    broker.client.sadd(queue_names(broker.namespace), "thumbs")
    return QueueBuilder(broker, "thumbs")


def schedules_of(broker, queue, *names):
    publish_queue(
        broker, queue, types={name: {"schema": {"type": "object"}} for name in names},
        schedules={
            name: {"type": name, "crontab": "0 2 * * *", "next": 1_900_000_000_000}
            for name in names
        },
        keep_completed="86400000:1000", keep_failed="172800000:", max_stalled=3,
        max_active=None, rate_limit=None,
    )  # fmt: skip


# --- looking


def test_queues_prints_the_counts_of_the_original(run, thumbs):
    thumbs.completed("a", "b")
    thumbs.failed("c")
    thumbs.waiting("d")

    answer = run("queues", "--json")

    assert answer.code == 0
    assert answer.json["success"] is True
    assert answer.json["count"] == len(answer.json["data"]) == 7
    assert [row["name"] for row in answer.json["data"]] == [
        "email", "pdf", "notification", "report", "cleanup", "sync", "thumbs",
    ]  # fmt: skip
    assert answer.json["data"][-1] == {
        "name": "thumbs", "waiting": 1, "active": 0, "completed": 2, "failed": 1, "delayed": 0,
        "paused": False,
    }  # fmt: skip


def test_queues_of_one_queue_has_the_same_shape(run, thumbs):
    answer = run("queues", "thumbs", "--json")

    assert answer.json["count"] == 1
    assert set(answer.json["data"][0]) == STATS


def test_queues_for_people_is_a_table(run, thumbs):
    thumbs.waiting("a")

    lines = run("queues").out.splitlines()

    assert lines[0].split() == [
        "QUEUE", "WAITING", "ACTIVE", "DELAYED", "COMPLETED", "FAILED", "NOTE",
    ]  # fmt: skip
    assert lines[-1].split() == ["thumbs", "1", "0", "0", "0", "0"]


def test_reading_starts_nothing_and_writes_nothing(run, thumbs, broker):
    before = sorted(broker.client.keys("*"))

    for words in (
        ["queues"], ["jobs", "thumbs"], ["events"], ["workers"], ["schedules"], ["doctor"],
    ):  # fmt: skip
        assert run(*words, "--json").code == 0

    assert sorted(broker.client.keys("*")) == before


def test_jobs_prints_whole_jobs(run, thumbs):
    thumbs.waiting("a", "b", "c")

    answer = run("jobs", "thumbs", "--json", "--end", "1")

    assert answer.json["count"] == 2
    assert [job["jobId"] for job in answer.json["data"]] == ["a", "b"]
    for job in answer.json["data"]:
        assert set(job) == JOB
    assert answer.json["data"][0]["data"] == {"path": "a"}


@pytest.mark.parametrize("status", ["waiting", "active", "delayed", "completed", "failed"])
def test_jobs_of_every_state_show_in_both_forms(run, thumbs, status):
    getattr(thumbs, status)("one")

    shown, told = (
        run("jobs", "thumbs", "--status", status),
        run("jobs", "thumbs", "--status", status, "--json"),
    )

    assert "one  resize" in shown.out
    assert f"1 of 1 {status} jobs" in shown.out
    assert [job["state"] for job in told.json["data"]] == [status]


def test_jobs_come_in_the_order_of_the_service(run, thumbs):
    thumbs.completed("old")
    thumbs.completed("new")
    thumbs.end_at("completed", "old", 1_000)

    answer = run("jobs", "thumbs", "--status", "completed", "--start", "0", "--end", "-1", "--json")

    assert [job["jobId"] for job in answer.json["data"]] == ["new", "old"]


def test_a_page_over_a_thousand_rows_is_refused(run, thumbs):
    answer = run("jobs", "thumbs", "--end", "1000", "--json")

    assert answer.code == 2
    assert answer.json["error"] == "PageTooLarge"


def test_job_prints_the_shape_of_the_original(run, thumbs):
    thumbs.failed("f", error="ValueError: no")

    data = run("job", "thumbs", "f", "--json").json["data"]

    assert set(data) == JOB
    assert data["state"] == "failed"
    assert data["failedReason"] == "ValueError: no, in full"
    assert data["stacktrace"] == ["Traceback …"]
    assert data["attemptsMade"] == 1
    assert data["options"] == {"attempts": 3, "backoff": {"type": "exponential", "delay": 2000}}
    for name in ("timestamp", "processedOn", "finishedOn"):
        assert abs(data[name] - time.time() * 1000) < 60_000


def test_times_that_are_not_yet_are_null(run, thumbs):
    thumbs.waiting("w")

    data = run("job", "thumbs", "w", "--json").json["data"]

    assert (data["processedOn"], data["finishedOn"], data["failedReason"]) == (None, None, None)
    assert data["progress"] == 0


def test_options_are_in_milliseconds(run, thumbs):
    thumbs.delayed("d", delay_ms=5000, fields={"to": 30_000, "rc": "60000:5"})
    run("priority", "thumbs", "d", "2")

    options = run("job", "thumbs", "d", "--json").json["data"]["options"]

    assert options == {
        "priority": 2, "delay": 5000, "attempts": 3, "timeout": 30_000,
        "backoff": {"type": "exponential", "delay": 2000},
        "removeOnComplete": {"age": 60, "count": 5},
    }  # fmt: skip


def test_a_waiting_job_of_a_paused_queue_is_paused(run, thumbs):
    thumbs.waiting("w")
    run("pause", "thumbs")

    assert run("job", "thumbs", "w", "--json").json["data"]["state"] == "paused"
    listed = run("jobs", "thumbs", "--status", "paused", "--json").json["data"]
    assert [job["state"] for job in listed] == ["paused"]


def test_job_for_people_tells_everything(run, thumbs):
    thumbs.failed("f", error="ValueError: no")

    out = run("job", "thumbs", "f").out

    for told in ("failed", "ValueError: no, in full", '"path": "f"', "attempts", "Traceback …"):
        assert told in out


def test_an_unknown_job_is_refused(run, thumbs):
    answer = run("job", "thumbs", "nobody")

    assert answer.code == 2
    assert answer.out == ""
    assert answer.err == "JobNotFound: no job nobody in queue thumbs\n"


def test_an_unknown_queue_is_refused_with_the_nearest_name(run, thumbs):
    for words in (["queues", "thumb"], ["jobs", "thumb"], ["pause", "thumb"], ["clean", "thumb"]):
        answer = run(*words, "--json")

        assert answer.code == 2
        assert answer.json == {
            "success": False, "error": "UnknownQueue",
            "message": "no queue 'thumb'; did you mean 'thumbs'?",
        }  # fmt: skip


def test_workers_show_what_they_have_in_hand(run, broker):
    beat = WorkerBeat(broker, "host:1:w", "host", 1, ["thumbs"], 4, "0.1.0")
    beat.beat({"thumbs": ["a"]})

    (told,) = run("workers", "--json").json["data"]

    assert told["active"] == {"thumbs": ["a"]}
    assert set(told) == {
        "id", "host", "pid", "queues", "slots", "active", "version", "startedOn", "lastBeat",
    }  # fmt: skip
    assert "host:1:w" in run("workers").out


def test_schedules_show_when_they_run(run, broker):
    schedules_of(broker, "cleanup", "temp-files")
    broker.client.sadd(queue_names(broker.namespace), "cleanup")

    (told,) = run("schedules", "--json").json["data"]

    assert told == {
        "name": "temp-files", "queueName": "cleanup", "type": "temp-files",
        "crontab": "0 2 * * *", "paused": False, "lastRun": None, "nextRun": 1_900_000_000_000,
    }  # fmt: skip
    assert "temp-files" in run("schedules", "cleanup").out


# --- events


def test_events_are_one_object_a_line(run, thumbs):
    thumbs.completed("a")

    lines = run("events", "thumbs", "--json").out.splitlines()
    told = [json.loads(line) for line in lines]

    assert [one["event"] for one in told] == ["waiting", "active", "completed", "drained"]
    assert told[0].keys() == {"queue", "event", "jobId", "type", "timestamp"}
    assert told[3].keys() == {"queue", "event", "timestamp"}
    assert told[1]["worker"] == "host:1:w"
    assert told[2]["attempt"] == 1


def test_events_since_a_while_and_the_last_few(run, thumbs):
    thumbs.waiting("a", "b", "c")

    assert len(run("events", "--since", "1h", "--json").out.splitlines()) == 3
    last = run("events", "--last", "2", "--json").out.splitlines()
    assert [json.loads(line)["jobId"] for line in last] == ["b", "c"]
    assert run("events", "--last", "0", "--json").out == ""
    assert run("events", "--last", "1", "--since", "1h").code == 2


def test_events_for_people_are_lines_with_a_clock(run, thumbs):
    thumbs.failed("f")

    last = run("events", "thumbs").out.splitlines()[-2]

    assert "thumbs" in last
    assert "failed" in last
    assert "error=ValueError: no" in last


def test_followed_events_go_on_until_interrupted_and_end_quietly(environment, thumbs, broker):
    thumbs.waiting("a")
    follower = subprocess.Popen(
        [sys.executable, "-m", "jobdesk", "events", "--follow", "--json"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # a shell lets what it runs in the background ignore it
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  # no other thread
    )  # fmt: skip
    try:
        assert json.loads(follower.stdout.readline())["jobId"] == "a"
        thumbs.waiting("b")
        assert json.loads(follower.stdout.readline())["jobId"] == "b"
        # a queue that was not there when it began
        broker.client.sadd(queue_names(broker.namespace), "later")
        QueueBuilder(broker, "later").waiting("c")
        assert json.loads(follower.stdout.readline())["queue"] == "later"

        follower.send_signal(2)
        out, err = follower.communicate(timeout=20)
    finally:
        follower.kill()
        follower.communicate()
    assert follower.returncode == 130
    assert (out, err) == ("", "")


def test_a_reader_that_has_seen_enough_is_no_error(environment, thumbs):
    thumbs.waiting(*(f"job-{n}" for n in range(100)))
    thumbs.waiting(*(f"more-{n}" for n in range(100)))
    reading = subprocess.Popen(
        [sys.executable, "-m", "jobdesk", "events", "--last", "1000", "--follow"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        reading.stdout.readline()
        reading.stdout.close()
        thumbs.waiting("last")
        err = reading.stderr.read()
        code = reading.wait(20)
    finally:
        reading.kill()
        reading.wait()
        reading.stderr.close()

    assert code == 0
    assert err == b""


# --- one job


def test_retry_puts_a_failed_job_back(run, thumbs, broker):
    thumbs.failed("f")

    answer = run("retry", "thumbs", "f", "--json")

    done = answer.json["data"]
    assert done.pop("operation")
    assert done == {"queueName": "thumbs", "jobId": "f"}
    assert answer.json["message"]
    assert invariants.check(broker, "thumbs") == {"f": "waiting"}


def test_retry_all_says_how_many(run, thumbs):
    thumbs.failed("a", "b")

    answer = run("retry", "thumbs", "--all", "--json")

    done = answer.json["data"]
    assert done.pop("operation")
    assert done == {"queueName": "thumbs", "count": 2, "jobIds": ["a", "b"]}
    assert Inspector(thumbs.broker).stats("thumbs").waiting == 2


@pytest.mark.parametrize("words", [[], ["f", "--all"]])
def test_retry_wants_one_job_or_all(run, thumbs, words):
    assert run("retry", "thumbs", *words).code == 2


def test_retry_of_a_waiting_job_is_refused(run, thumbs):
    thumbs.waiting("w")

    answer = run("retry", "thumbs", "w", "--json")

    assert answer.code == 2
    assert answer.json["error"] == "WrongState"


def test_cancel_tells_whether_it_was_at_once(run, thumbs):
    thumbs.active("a")
    thumbs.waiting("w")

    assert run("cancel", "thumbs", "w", "--json").json["data"] == {
        "queueName": "thumbs", "jobId": "w", "was": "waiting", "atOnce": True,
    }  # fmt: skip
    assert run("cancel", "thumbs", "a", "--json").json["data"]["atOnce"] is False


def test_promote_lets_a_delayed_job_wait(run, thumbs):
    thumbs.delayed("d")

    assert run("promote", "thumbs", "d").code == 0
    assert thumbs.order("waiting") == ["d"]


def test_priority_reorders_the_line(run, thumbs):
    thumbs.waiting("a", "b")

    answer = run("priority", "thumbs", "b", "1", "--json")

    assert answer.json["data"] == {
        "queueName": "thumbs", "jobId": "b", "priority": 1, "was": None,
    }  # fmt: skip
    assert thumbs.order() == ["b", "a"]
    assert run("priority", "thumbs", "b", "none").code == 0


@pytest.mark.parametrize("level", ["0", "11", "high", "1.5"])
def test_a_priority_that_is_none_is_refused(run, thumbs, level):
    thumbs.waiting("a")

    answer = run("priority", "thumbs", "a", level, "--json")

    assert answer.code == 2
    assert answer.json["error"] == "InvalidPriority"


def test_remove_refuses_a_running_job_unless_forced(run, thumbs, broker):
    thumbs.active("a")

    refused = run("remove", "thumbs", "a", "--json")
    forced = run("remove", "thumbs", "a", "--force", "--json")

    assert (refused.code, refused.json["error"]) == (2, "JobActive")
    done = forced.json["data"]
    assert done.pop("operation")
    assert done == {"queueName": "thumbs", "jobId": "a", "was": "active"}
    assert invariants.check(broker, "thumbs") == {}


def test_commands_are_in_the_audit_of_their_queue(run, thumbs, broker):
    thumbs.waiting("a")

    run("remove", "thumbs", "a")

    ((_, fields),) = broker.client.xrange(broker.keys("thumbs").audit)
    assert fields[b"action"] == b"remove"
    assert b"@" in fields[b"who"]


# --- adding and editing


def test_add_prints_the_job_as_it_was_stored(run, broker):
    answer = run(
        "add", "cleanup", "temp-files", "--data", TEMP_FILES, "--delay", "1h", "--priority", "3",
        "--backoff", "fixed:10s", "--timeout", "90s", "--attempts", "5", "--json",
    )  # fmt: skip

    data = answer.json["data"]
    assert answer.code == 0
    assert set(data) == {"jobId", "queueName", "type", "data", "options"}
    assert data["data"] == {"maxAgeHours": 24}
    assert data["options"] == {
        "priority": 3, "delay": 3_600_000, "attempts": 5, "timeout": 90_000,
        "backoff": {"type": "fixed", "delay": 10_000},
    }  # fmt: skip
    assert Inspector(broker).job("cleanup", data["jobId"]).state == "delayed"


def test_data_comes_from_a_file_or_from_stdin(run, tmp_path):
    file = tmp_path / "data.json"
    file.write_text(TEMP_FILES)

    by_file = run("add", "cleanup", "temp-files", "--data", f"@{file}", "--json")
    by_stdin = run("add", "cleanup", "temp-files", "--data", "-", "--json", stdin=TEMP_FILES)

    assert by_file.json["data"]["data"] == by_stdin.json["data"]["data"] == {"maxAgeHours": 24}


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ("{", "InvalidJobData"),
        ("[1]", "InvalidJobData"),
        ("@/no/such/file", "BadInput"),
        ('{"nonsense": 1}', "InvalidJobData"),
        ("[" * 100_000, "InvalidJobData"),
    ],
)
def test_data_that_cannot_be_is_refused_and_nothing_added(run, broker, data, error):
    answer = run("add", "cleanup", "temp-files", "--data", data, "--json")

    assert answer.code == 2
    assert answer.json["error"] == error
    assert Inspector(broker).stats("cleanup").waiting == 0


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["cleanup", "temp-filez"], "UnknownType"),
        (["cleanups", "temp-files"], "UnknownQueue"),
        (["cleanup", "temp-files", "--priority", "11"], "InvalidPriority"),
        (["cleanup", "temp-files", "--backoff", "linear:2"], "InvalidBackoff"),
        (["cleanup", "temp-files", "--backoff", "fixed"], "InvalidBackoff"),
        (["cleanup", "temp-files", "--delay", "soon"], "BadParameter"),
        (["cleanup", "temp-files", "--job-id", "a:b"], "InvalidJobId"),
        (["cleanup", "temp-files", "--attempts", "0"], "InvalidAttempts"),
    ],
)
def test_what_add_refuses_has_a_name(run, words, error):
    answer = run("add", *words, "--json")

    assert answer.code == 2
    assert answer.json["error"] == error


def test_an_id_that_is_there_is_the_job_that_is_there(run):
    first = run("add", "cleanup", "temp-files", "--job-id", "mine", "--json")
    second = run("add", "cleanup", "temp-files", "--job-id", "mine", "--json")

    assert "duplicate" not in first.json["data"]
    assert second.json["data"]["duplicate"] is True
    assert "nothing was added" in run("add", "cleanup", "temp-files", "--job-id", "mine").out


def test_waiting_for_a_job_that_does_not_end_in_time_is_a_no(run):
    answer = run("add", "cleanup", "temp-files", "--wait-timeout", "0.2s", "--json")

    assert answer.code == 1
    assert answer.json["error"] == "WaitTimeout"


@pytest.mark.parametrize(("error", "code"), [("", 0), ("ValueError: no", 1)])
def test_waiting_for_a_job_tells_its_result_or_its_error(environment, broker, error, code):
    """A worker of ours takes the job that the command has added."""
    adding = subprocess.Popen(
        [sys.executable, "-m", "jobdesk", "add", "cleanup", "temp-files", "--wait", "--json"],
        env=environment, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    cleanup = QueueBuilder(broker, "cleanup")
    try:
        deadline = time.monotonic() + 30
        while not (jobs := cleanup.take()):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        from jobdesk.broker.exchange import Outcome

        if error:
            cleanup.finish(jobs[0], Outcome.FAILED, error=error)
        else:
            cleanup.finish(jobs[0], value=b'{"removed": 3, "token": "hush"}')
        out, _ = adding.communicate(timeout=30)
    finally:
        adding.kill()
        adding.communicate()

    told = json.loads(out)
    assert adding.returncode == code
    if error:
        assert told["error"] == "JobFailed"
        assert error in told["message"]
    else:
        assert told["data"]["state"] == "completed"
        assert told["data"]["returnValue"] == {"removed": 3, "token": "[hidden]"}


def test_edit_replaces_the_data_checked_as_when_added(run, broker):
    job_id = run("add", "cleanup", "temp-files", "--data", TEMP_FILES, "--json").json["data"][
        "jobId"
    ]

    changed = run("edit", "cleanup", job_id, "--data", '{"maxAgeHours": 48}', "--json")
    refused = run("edit", "cleanup", job_id, "--data", '{"nonsense": 1}', "--json")

    assert changed.json["data"]["changed"] is True
    assert (refused.code, refused.json["error"]) == (2, "InvalidJobData")
    assert Inspector(broker).job("cleanup", job_id).data == {"maxAgeHours": 48}


@pytest.mark.parametrize(("script", "changed"), [("sed -i s/24/12/", True), ("true", False)])
def test_edit_without_data_opens_the_editor(run, spawn, broker, script, changed):
    job_id = run("add", "cleanup", "temp-files", "--data", TEMP_FILES, "--json").json["data"][
        "jobId"
    ]

    answer = spawn("edit", "cleanup", job_id, "--json", EDITOR=script, VISUAL=script)

    assert answer.code == 0, answer.out + answer.err
    assert answer.json["data"]["changed"] is changed
    hours = 12 if changed else 24
    assert Inspector(broker).job("cleanup", job_id).data == {"maxAgeHours": hours}


# --- queues


def test_pause_and_resume_say_what_changed(run, thumbs):
    assert run("pause", "thumbs", "--json").json["data"]["changed"] == ["thumbs"]
    assert run("pause", "thumbs", "--json").json["data"]["changed"] == []
    assert run("queues", "thumbs", "--json").json["data"][0]["paused"] is True
    assert run("resume", "thumbs", "--json").json["data"]["changed"] == ["thumbs"]


def test_all_queues_pause_at_once(run, thumbs):
    answer = run("pause", "--all", "--json")

    assert len(answer.json["data"]["changed"]) == 7
    assert run("pause").code == run("pause", "thumbs", "--all").code == 2


def test_clean_removes_what_is_old_enough(run, thumbs, broker):
    thumbs.completed("old", "new")
    thumbs.end_at("completed", "old", 1_000)

    answer = run("clean", "thumbs", "--grace", "1h", "--json")

    done = answer.json["data"]
    assert done.pop("operation")
    assert done == {"queueName": "thumbs", "count": 1, "jobIds": ["old"]}
    assert run("clean", "thumbs", "--grace", "0", "--limit", "-1", "--json").code == 2
    assert run("clean", "thumbs", "--status", "active").code == 2


def test_empty_removes_what_waits_and_rests(run, thumbs):
    thumbs.completed("c")
    thumbs.waiting("w")
    thumbs.delayed("d")

    answer = run("empty", "thumbs", "--json")

    assert answer.json["data"]["count"] == 2
    assert Inspector(thumbs.broker).stats("thumbs").completed == 1


def test_obliterate_wants_a_yes_where_nobody_can_be_asked(run, thumbs, broker):
    thumbs.waiting("w")
    run("pause", "thumbs")

    refused = run("obliterate", "thumbs", "--json")
    done = run("obliterate", "thumbs", "--yes", "--json")

    assert (refused.code, refused.json["error"]) == (2, "BadInput")
    assert done.json["data"]["count"] == 1
    assert "thumbs" not in Inspector(broker).queues()


def test_obliterate_refuses_a_queue_that_runs(run, thumbs):
    assert run("obliterate", "thumbs", "--yes", "--json").json["error"] == "QueueNotPaused"

    thumbs.active("a")
    run("pause", "thumbs")

    assert run("obliterate", "thumbs", "--yes", "--json").json["error"] == "ActiveJobs"


def test_wait_ends_when_the_queue_is_drained(environment, thumbs):
    (job,) = thumbs.active("a")
    waiting = subprocess.Popen(
        [sys.executable, "-m", "jobdesk", "wait", "thumbs", "--drained", "--timeout=30s", "--json"],
        env=environment, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(2)
        thumbs.finish(job)
        out, _ = waiting.communicate(timeout=20)
    finally:
        waiting.kill()
        waiting.communicate()

    assert waiting.returncode == 0
    assert json.loads(out)["data"] == {"queueName": "thumbs", "delayed": 0, "failed": 0}


def test_wait_gives_up_with_a_no(run, thumbs):
    thumbs.waiting("w")

    answer = run("wait", "thumbs", "--drained", "--timeout", "0.1", "--json")

    assert answer.code == 1
    assert answer.json["error"] == "WaitTimeout"
    assert run("wait", "thumbs").code == 2


# --- schedules


def test_a_schedule_is_paused_resumed_and_run(run, broker):
    schedules_of(broker, "cleanup", "temp-files")

    assert run("schedule", "pause", "temp-files", "--json").json["data"]["changed"] is True
    assert run("schedules", "--json").json["data"][0]["paused"] is True
    assert run("schedule", "resume", "temp-files", "--json").json["data"]["changed"] is True
    ran = run("schedule", "run", "temp-files", "--json").json["data"]
    assert Inspector(broker).job("cleanup", ran["jobId"]).type == "temp-files"


def test_a_schedule_is_named_by_its_queue_where_two_have_it(run, broker, thumbs):
    schedules_of(broker, "cleanup", "nightly")
    schedules_of(broker, "thumbs", "nightly")

    assert run("schedule", "pause", "nightly", "--json").json["error"] == "BadInput"
    assert run("schedule", "pause", "nightly", "--queue", "thumbs").code == 0
    missing = run("schedule", "run", "nightli", "--json")
    assert (missing.code, missing.json["error"]) == (2, "ScheduleNotFound")
    assert "did you mean 'nightly'?" in missing.json["message"]


# --- what must not be printed


def test_nothing_of_a_job_can_steer_the_terminal(run, thumbs, broker):
    payload = json.dumps({"title": EVIL, EVIL: 1}).encode()
    thumbs.failed("f", error=f"ValueError: {EVIL}", payload=payload)
    thumbs.change("f", t=f"resize{EVIL}")
    thumbs.completed("c", value={"text": EVIL})
    thumbs.delayed("d", payload=payload)

    for words in (
        ["jobs", "thumbs", "--status", "failed"], ["job", "thumbs", "f"], ["job", "thumbs", "c"],
        ["events", "thumbs"], ["doctor"],
    ):  # fmt: skip
        for form in ([], ["--json"]):
            out = run(*words, *form).out

            for char in "\x1b\x07\x9b\u202e":
                assert char not in out, (words, form)


def test_escaped_json_is_still_the_same_value(run, thumbs):
    thumbs.waiting("w", payload=json.dumps({"title": EVIL + "مرحبا"}).encode())

    answer = run("job", "thumbs", "w", "--json")

    assert answer.json["data"]["data"] == {"title": EVIL + "مرحبا"}
    assert "مرحبا" in answer.out


def test_an_error_about_a_job_is_made_harmless_too(run, thumbs):
    answer = run("job", "thumbs", f"x{EVIL}")

    assert answer.code == 2
    assert "\x1b" not in answer.err


def test_secrets_are_hidden_at_every_depth_unless_asked_for(run, thumbs):
    data = {"to": "a", "password": "canary", "deep": [{"apiKey": "canary", "n": 1}]}
    thumbs.completed("c", value={"accessToken": "canary", "ok": True})
    thumbs.waiting("w", payload=json.dumps(data).encode())

    for words in (["job", "thumbs", "w"], ["job", "thumbs", "c"], ["jobs", "thumbs"]):
        assert "canary" not in run(*words).out
        assert "canary" not in run(*words, "--json").out
        if words[0] == "job":
            assert "canary" in run(*words, "--reveal").out
    told = run("job", "thumbs", "w", "--json").json["data"]["data"]
    assert told == {"to": "a", "password": "[hidden]", "deep": [{"apiKey": "[hidden]", "n": 1}]}
    assert run("job", "thumbs", "w", "--json", "--reveal").json["data"]["data"] == data


# --- the whole program


def test_help_lists_every_command_once_by_what_it_is_for(spawn):
    answer = spawn("--help")

    assert answer.code == 0
    listed = [line.split()[0] for line in answer.out.splitlines() if line.startswith("  ")]
    for name in COMMANDS:
        assert listed.count(name) == 1, name


def test_without_a_command_and_a_terminal_it_helps(spawn):
    answer = spawn()

    assert answer.code == 0
    assert answer.out.startswith("Usage: jobdesk")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(run, name):
    answer = run(name, "--help")

    assert answer.code == 0
    assert answer.out.startswith(f"Usage: jobdesk {name}")


def test_an_unknown_command_is_bad_input(run):
    answer = run("quues")
    told = run("quues", "--json")

    assert answer.code == told.code == 2
    assert "did you mean 'queues'?" in answer.err
    assert told.json["success"] is False


def test_an_unknown_option_is_bad_input_in_json_too(run):
    answer = run("queues", "--nope", "--json")

    assert (answer.code, answer.json["error"]) == (2, "NoSuchOption")
    assert run("queues", "--nope").out == ""


def test_version_is_told(run):
    assert run("--version").out.startswith("jobdesk ")


@pytest.mark.parametrize(
    "words",
    [
        ["queues"], ["jobs", "email"], ["job", "email", "x"], ["events"], ["workers"], ["doctor"],
        ["schedules"], ["pause", "email"], ["retry", "email", "x"], ["wait", "email", "--drained"],
        ["add", "cleanup", "temp-files"], ["obliterate", "email", "--yes"],
    ],
)  # fmt: skip
def test_without_redis_every_command_exits_3(run, settings, words):
    away = settings.model_copy(update={"redis_url": "unix:///nowhere/redis.sock"})
    settings_module.use(away)

    answer, told = run(*words), run(*words, "--json")

    assert (answer.code, answer.out) == (3, "")
    assert answer.err.startswith("RedisUnavailable: ")
    assert told.code == 3
    assert told.json["error"] == "RedisUnavailable"


def test_exit_codes_reach_the_shell(spawn, thumbs):
    thumbs.waiting("w")

    assert spawn("queues").code == 0
    assert spawn("wait", "thumbs", "--drained", "--timeout", "0.1").code == 1
    assert spawn("job", "thumbs", "nobody").code == 2
    away = spawn("queues", "--json", REDIS_URL="redis://127.0.0.1:1")
    assert away.code == 3
    assert away.json["success"] is False


def test_a_bad_setting_is_named_without_a_traceback(spawn):
    answer = spawn("queues", REDIS_URL="mongodb://x")

    assert answer.code == 2
    assert answer.err.startswith("InvalidSetting: REDIS_URL")


def test_the_output_survives_a_terminal_without_unicode(spawn, thumbs):
    thumbs.waiting("w", payload=json.dumps({"title": "مرحبا"}).encode())

    told = spawn("job", "thumbs", "w", "--json", PYTHONIOENCODING="ascii")
    shown = spawn("job", "thumbs", "w", PYTHONIOENCODING="ascii")

    assert told.json["data"]["data"] == {"title": "مرحبا"}
    assert shown.code == 0


def test_a_worker_works_off_what_was_added(spawn, run, broker):
    job_id = run("add", "cleanup", "temp-files", "--data", TEMP_FILES, "--json").json["data"][
        "jobId"
    ]

    answer = spawn("worker", "cleanup", "--burst")

    assert answer.code == 0, answer.err
    assert Inspector(broker).job("cleanup", job_id).state == "completed"
    assert events.newest(broker, "cleanup", 1)


def test_looking_imports_nothing_that_takes_long(environment, thumbs):
    """Neither the engine, nor what only dashboards and documents need."""
    thumbs.waiting("w")
    for words in (["queues"], ["jobs", "thumbs", "--json"], ["job", "thumbs", "w"]):
        code = (
            "import sys\nfrom jobdesk.cli.main import cli\n"
            f"try: cli.main({words!r})\nexcept SystemExit: pass\n"
            "print(*{m.partition('.')[0] for m in sys.modules}, file=sys.stderr)"
        )
        told = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )

        assert not set(told.stderr.split()) & HEAVY
