"""The doctor: finds each thing that is wrong, and nothing where nothing is."""

import json

import pytest

from jobdesk.broker import diagnosis
from jobdesk.broker.connection import Broker
from jobdesk.broker.control import Control
from jobdesk.broker.diagnosis import diagnose
from jobdesk.broker.keys import queues as queue_names
from jobdesk.broker.reading import sampling
from jobdesk.broker.reading.findings import Level
from jobdesk.broker.registry import WorkerBeat
from jobdesk.broker.server.rounds import Rounds
from jobdesk.errors import RedisUnavailable
from tests import stored
from tests.queue_builder import QueueBuilder


@pytest.fixture
def thumbs(broker):
    """A queue that a worker serves."""
    broker.client.sadd(queue_names(broker.namespace), "thumbs")
    WorkerBeat(broker, "host:1:w", "host", 1, ["thumbs"], 4, "0.1.0").beat()
    return QueueBuilder(broker, "thumbs")


def findings(broker, **how):
    """Check -> level, of all that is not just well; the test server keeps nothing on disk."""
    found = diagnose(broker, **how)
    usual = {"persistence", "signing"}
    return {
        one.check: one.level
        for one in found
        if one.level is not Level.OK and one.check not in usual
    }


def test_a_queue_that_is_well_has_no_findings(broker, thumbs):
    thumbs.completed("c")
    thumbs.failed("f")
    thumbs.active("a")
    thumbs.waiting("w1", "w2", priority=3)
    thumbs.delayed("d")

    assert findings(broker) == {}
    assert any(one.queue == "thumbs" and one.level is Level.OK for one in diagnose(broker))


def test_where_no_queue_is_known_it_says_so(broker):
    assert findings(broker) == {"queues": Level.NOTE}


def test_what_cannot_be_the_name_of_a_queue_is_told_and_the_others_are_looked_at(broker, thumbs):
    broker.client.sadd(queue_names(broker.namespace), "evil\x1b[2J name", "thumbs")

    found = {one.check: one for one in diagnose(broker)}

    assert found["name"].message.startswith(r"'evil\x1b[2J name' is among the queues")
    assert found["queue"].queue == "thumbs"


def test_jobs_that_wait_without_a_worker_are_a_fault(broker):
    broker.client.sadd(queue_names(broker.namespace), "thumbs")
    QueueBuilder(broker, "thumbs").waiting("w")

    assert findings(broker) == {"no-worker": Level.FAULT}


def test_a_paused_queue_with_jobs_is_a_warning(broker, thumbs):
    thumbs.waiting("w")
    broker.run("pause_queue", thumbs.keys.prefix)

    assert findings(broker) == {"paused": Level.WARNING}


def test_leases_that_ran_out_long_ago_are_a_fault(broker, thumbs):
    thumbs.active("a")
    broker.client.zadd(thumbs.keys.active, {"a": 1000})

    assert findings(broker) == {"stalled": Level.FAULT}


def test_delayed_jobs_that_nobody_moves_are_told(broker, thumbs):
    thumbs.delayed("d")
    broker.client.zadd(thumbs.keys.delayed, {"d": 1000})

    assert findings(broker) == {"overdue": Level.WARNING}
    (found,) = (one for one in diagnose(broker) if one.check == "overdue")
    assert found.message == "thumbs: 1 job delayed, and due for over a minute"


def test_continuations_left_behind_are_told(broker, thumbs):
    broker.client.rpush(thumbs.keys.outgoing, b"{}")

    assert findings(broker) == {"outgoing": Level.WARNING}


def test_a_high_failure_rate_is_a_warning(broker, thumbs):
    thumbs.completed("c")
    thumbs.failed(*(f"f{n}" for n in range(12)))

    assert findings(broker) == {"failures": Level.WARNING}


def test_a_queue_that_grows_faster_than_it_is_worked_off_is_a_warning(broker, thumbs):
    thumbs.completed(*(f"c{n}" for n in range(60)))
    thumbs.waiting(*(f"w{n}" for n in range(100)))

    assert findings(broker) == {"growing": Level.WARNING}

    thumbs.take(100)

    assert findings(broker) == {}


def test_workers_that_take_nothing_are_a_fault(broker, thumbs):
    thumbs.waiting("w1", "w2")
    assert findings(broker) == {}

    thumbs.change("w1", ts=1000)

    assert findings(broker) == {"idle": Level.FAULT}


def test_a_queue_that_its_rate_limit_keeps_is_not_idle(broker, thumbs):
    thumbs.waiting("w1")
    thumbs.change("w1", ts=1000)
    Control(broker).set_rate_limit("thumbs", (1, 3600))

    assert findings(broker) == {}


def test_a_queue_of_a_newer_release_is_a_fault(broker, thumbs):
    broker.client.hset(thumbs.keys.meta, "schema", 99)

    assert findings(broker) == {"schema": Level.FAULT}


def test_jobs_of_an_older_release_are_a_fault_and_a_queue_without_any_is_not(broker, thumbs):
    broker.client.hset(thumbs.keys.meta, "schema", 1)
    assert findings(broker) == {}
    thumbs.waiting("w")

    assert findings(broker) == {"schema": Level.FAULT}


# --- jobs one by one


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (lambda c, k: stored.change(c, k, "w", st="f"), "its record says failed"),
        (lambda c, k: c.hdel(k.record("w"), "w"), "without a record"),
        (lambda c, k: stored.lose_payload(c, k, "w"), "data is missing"),
        (lambda c, k: c.zadd(k.failed, {"w": 1}), "waiting and failed at once"),
        (lambda c, k: stored.change(c, k, "w", p=2), "another priority"),
        (lambda c, k: stored.change(c, k, "w", t=None), "no type"),
    ],
)
def test_a_damaged_record_is_a_fault_that_names_the_job(broker, thumbs, harm, why):
    thumbs.waiting("w", "x")
    harm(broker.client, thumbs.keys)

    (fault,) = (one for one in diagnose(broker) if one.level is Level.FAULT)

    assert fault.check == "record"
    assert "job w: " in fault.message
    assert why in fault.message


def test_an_active_job_without_an_epoch_is_a_fault(broker, thumbs):
    thumbs.active("a")
    thumbs.change("a", ep=0)

    assert findings(broker) == {"record": Level.FAULT}


def look(broker, size):
    """All of a sample of the queue."""
    steps = sampling.look(broker, Rounds(broker), "thumbs", size, 100)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def processed(broker):
    return int(broker.client.info("stats")["total_commands_processed"])


def test_the_sample_is_bounded_and_takes_both_ends(broker, thumbs):
    thumbs.waiting(*(f"w{n:03}" for n in range(100)))
    for job_id in ("w000", "w050", "w099"):
        thumbs.change(job_id, st="f")

    looked = look(broker, 10)

    assert looked.count == 10
    assert [job_id for job_id, _ in looked.wrong] == ["w000", "w099"]
    assert look(broker, 0).count == 0


def test_no_request_is_of_more_commands_than_may_be_and_all_is_found_in_parts(broker, thumbs):
    for state in ("failed", "completed", "active", "delayed", "waiting"):
        getattr(thumbs, state)(*(f"{state}{n:02}" for n in range(40)))
    for n in range(30):
        thumbs.change(f"waiting{n:02}", st="f")
    for n in range(100):
        WorkerBeat(broker, f"host:{n}:w", "host", n, ["thumbs"], 4, "0.1.0").beat()

    rounds, costs, found, before = Rounds(broker), [], [], processed(broker)
    for one in diagnosis.steps(broker, rounds, sample=50, most=24):
        if one is None:
            # the count is one too
            costs.append(processed(broker) - before - 1)
            before += costs[-1] + 1
        else:
            found.append(one)

    assert max(costs) <= 24
    assert sum(costs[1:]) == rounds.commands, "but for the server's own"
    assert [one for one in found if one.queue] == [one for one in diagnose(broker) if one.queue]
    assert any("30 jobs of 200 looked at" in one.message for one in found)


def test_a_job_that_moves_while_it_is_looked_at_is_not_a_fault(broker, thumbs, monkeypatch):
    thumbs.waiting("w")
    read = sampling._read

    def read_late(*args):
        answer = yield from read(*args)
        thumbs.finish(*thumbs.take())
        return [[[b"f", *values[1:]], *rest] for values, *rest in answer]

    monkeypatch.setattr(sampling, "_read", read_late)

    assert look(broker, 10).wrong == ()


# --- signatures


@pytest.mark.parametrize("secret", [None, "hush-hush"])
@pytest.mark.parametrize("payload", [b"{}", b"s1.abcdef01.c2ln.{}"])
def test_payloads_that_workers_will_refuse_are_a_fault(settings, broker, thumbs, secret, payload):
    from pydantic import SecretStr

    thumbs.waiting("w", payload=payload)
    given = None if secret is None else SecretStr(secret)

    with Broker(settings.model_copy(update={"secret": given})) as signing:
        found = findings(signing)

    fits = payload.startswith(b"s1.") == (secret is not None)
    assert found == ({} if fits else {"signature": Level.FAULT})


def test_without_a_secret_it_says_that_payloads_are_not_signed(broker):
    assert any(one.check == "signing" and one.level is Level.NOTE for one in diagnose(broker))


# --- the server


def server_findings(settings, server):
    url = settings.model_copy(update={"redis_url": server.url})
    with Broker(url) as broker:
        return {one.check: one for one in diagnose(broker) if one.level is not Level.OK}


def test_a_server_that_throws_jobs_away_is_a_fault(settings, make_server):
    server = make_server("--maxmemory-policy", "allkeys-lru")

    assert server_findings(settings, server)["eviction"].level is Level.FAULT


def test_a_server_that_keeps_nothing_is_a_warning(settings, make_server):
    found = server_findings(settings, make_server())

    assert found["persistence"].level is Level.WARNING
    assert "loses every job" in found["persistence"].message


def test_a_server_with_an_append_only_file_is_well(settings, make_server):
    assert "persistence" not in server_findings(settings, make_server("--appendonly", "yes"))


def test_a_server_that_is_nearly_full_is_told(settings, make_server):
    server = make_server("--maxmemory", "1mb")

    assert server_findings(settings, server)["memory"].level in (Level.WARNING, Level.FAULT)


def test_a_server_that_does_not_tell_is_only_noted(settings, make_server):
    server = make_server()
    client = server.client()
    client.execute_command("ACL", "SETUSER", "shy", "on", ">x", "~*", "+@all", "-info", "-config")
    client.close()
    shy = settings.model_copy(update={"redis_url": f"unix://shy:x@{server.socket}"})

    with Broker(shy) as broker:
        found = findings(broker)

    assert found == {"info": Level.NOTE, "queues": Level.NOTE}


def test_without_redis_there_is_nothing_to_diagnose(settings):
    away = settings.model_copy(update={"redis_url": "unix:///nowhere/redis.sock"})

    with Broker(away) as broker, pytest.raises(RedisUnavailable):
        diagnose(broker)


def test_findings_reach_the_command_and_its_exit_code(broker, thumbs):
    from click.testing import CliRunner

    from jobdesk.cli.main import cli

    thumbs.waiting("w")
    well = CliRunner().invoke(cli, ["doctor", "--json"])
    stored.lose_payload(broker.client, thumbs.keys, "w")
    ill, shown = CliRunner().invoke(cli, ["doctor", "--json"]), CliRunner().invoke(cli, ["doctor"])

    assert (well.exit_code, json.loads(well.stdout)["success"]) == (0, True)
    told = json.loads(ill.stdout)
    assert (ill.exit_code, told["success"]) == (1, False)
    assert {"level", "check", "queueName", "message", "meaning", "advice"} == set(told["data"][0])
    assert shown.exit_code == 1
    assert "FAULT" in shown.stdout
    assert shown.stdout.rstrip().endswith("1 fault, 1 warning")
