"""``undo``, ``groups``, ``group`` and ``why`` at the command line."""

import json

import pytest
from click.testing import CliRunner

from jobdesk.broker.control import Control
from jobdesk.broker.exchange import Outcome
from jobdesk.broker.keys import queues as queue_names
from jobdesk.cli.main import cli
from jobdesk.cli.session import operator
from tests.queue_builder import QueueBuilder

FP = "00112233445566ff"


@pytest.fixture
def run(settings):
    def call(*args):
        told = CliRunner().invoke(cli, list(args))
        if told.exception is not None and not isinstance(told.exception, SystemExit):
            raise told.exception
        return told

    return call


@pytest.fixture
def thumbs(broker):
    broker.client.sadd(queue_names(broker.namespace), "thumbs", "other")
    return QueueBuilder(broker, "thumbs")


def fail(jobs, *ids):
    for job in jobs.active(*ids):
        jobs.finish(job, Outcome.FAILED, value=FP.encode(), error="ValueError: no",
                    attempt='"o":"failed","w":"","err":"ValueError: no","tb":""}')  # fmt: skip


def test_undo_brings_back_what_the_last_command_took(run, thumbs, broker):
    other = QueueBuilder(broker, "other")
    thumbs.waiting("a1", "a2")
    other.waiting("b1")
    run("remove", "other", "b1")
    run("empty", "thumbs")

    answer = run("undo", "--json")

    assert answer.exit_code == 0
    told = json.loads(answer.stdout)
    assert told["message"] == "empty of queue thumbs is undone: 2 jobs are back"
    assert told["data"]["jobIds"] == ["a1", "a2"]
    assert thumbs.order() == ["a1", "a2"]
    assert run("undo").stdout == "remove of queue other is undone: 1 job is back\n"
    assert other.order() == ["b1"]


def test_undo_says_what_it_could_not_bring_back(run, thumbs):
    thumbs.waiting("a1")
    run("remove", "thumbs", "a1")
    thumbs.waiting("a1")

    answer = run("undo", "thumbs", "--json")

    told = json.loads(answer.stdout)
    assert told["message"].endswith("1 job is not: a job of that id has been added since")
    assert told["data"]["refused"][0]["jobId"] == "a1"


def test_undo_leaves_what_others_did_unless_it_is_named(run, thumbs, broker):
    thumbs.waiting("a1")
    others = Control(broker, "bob@elsewhere")
    others.remove_job("thumbs", "a1")

    refused = run("undo", "thumbs")

    assert refused.exit_code == 2
    assert "nothing that you did to queue thumbs can be undone; 1 of others" in refused.stderr
    assert run("undo", "thumbs", others.operation).exit_code == 0
    assert thumbs.order() == ["a1"]


def test_undo_lists_what_can_be_undone(run, thumbs):
    assert run("undo", "--list").stdout == "Nothing can be undone.\n"
    thumbs.waiting("a1")
    run("remove", "thumbs", "a1")

    (row,) = json.loads(run("undo", "--list", "--json").stdout)["data"]

    assert (row["queueName"], row["action"], row["who"], row["count"]) == (
        "thumbs", "remove", operator(), 1,
    )  # fmt: skip
    assert row["operation"] in run("undo", "--list").stdout


def test_groups_lists_failures_by_cause(run, thumbs):
    assert run("groups", "thumbs").stdout == "No failures are known of queue thumbs.\n"
    fail(thumbs, "a1", "a2")

    (row,) = json.loads(run("groups", "thumbs", "--json").stdout)["data"]

    assert (row["group"], row["count"], row["jobIds"]) == (FP, 2, ["a2", "a1"])
    assert "ValueError: no" in run("groups", "thumbs").stdout


def test_a_group_is_retried_or_removed(run, thumbs):
    fail(thumbs, "a1", "a2", "a3")

    one = run("group", "retry", "thumbs", FP, "--limit", "1", "--json")
    rest = run("group", "remove", "thumbs", FP)

    assert json.loads(one.stdout)["data"]["count"] == 1
    said, undo = rest.stdout.splitlines()
    assert said == "2 jobs of queue thumbs removed"
    assert (thumbs.order(), thumbs.order("failed")) == (["a1"], [])

    run(*undo.removeprefix("undo it by: jobdesk ").split())
    assert set(thumbs.order("failed")) == {"a2", "a3"}


def test_why_says_the_reasons(run, thumbs):
    thumbs.waiting("a1")

    codes = [one["code"] for one in json.loads(run("why", "thumbs", "a1", "--json").stdout)["data"]]

    assert codes == ["no-worker", "next"]
    assert run("why", "thumbs").stdout == "no worker has queue thumbs\n"
    assert run("why", "thumbs", "nope").exit_code == 2
