"""Who did what, and who is there."""

from __future__ import annotations

import logging
import shlex
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from jobdesk.broker.connection import Broker
from jobdesk.broker.control import Control
from jobdesk.broker.inspector import Inspector
from jobdesk.broker.keys import queues as queue_names
from jobdesk.broker.keys import seen
from jobdesk.broker.operators import presence
from jobdesk.cli.main import cli
from jobdesk.cli.session import operator
from jobdesk.errors import JobNotFound, PageTooLarge
from tests.queue_builder import QueueBuilder

if TYPE_CHECKING:
    from jobdesk.broker.operators.audit import AuditEntry


@pytest.fixture
def jobs(broker: Broker) -> QueueBuilder:
    return QueueBuilder(broker)


@pytest.fixture
def control(broker: Broker) -> Control:
    return Control(broker, "ada@desk")


@pytest.fixture
def inspector(broker: Broker) -> Inspector:
    return Inspector(broker)


def last(inspector: Inspector) -> AuditEntry:
    return inspector.audit("thumbs", 1)[0]


def test_an_entry_says_who_did_what_how_and_to_what(jobs, control, inspector):
    jobs.failed("a1")

    control.retry_job("thumbs", "a1")

    entry = last(inspector)
    assert (entry.queue, entry.who, entry.user) == ("thumbs", "ada@desk", "default")
    assert (entry.action, entry.job_id) == ("retry", "a1")
    assert entry.command == "jobdesk retry thumbs a1"
    assert entry.operation == control.operation != ""
    assert abs(entry.at_ms - inspector.now_ms()) < 5000
    assert entry.count is None


@pytest.mark.parametrize(
    ("act", "action", "count", "command"),
    [
        (lambda c: c.retry_all("thumbs"), "retry all", 1, "jobdesk retry thumbs --all --yes"),
        (lambda c: c.clean_jobs("thumbs", "failed", grace=0), "clean failed", 1,
         "jobdesk clean thumbs --status failed --grace 0s --yes"),
        (lambda c: c.empty_queue("thumbs"), "empty", 2, "jobdesk empty thumbs --yes"),
        (lambda c: c.remove_jobs("thumbs", ["w1"], force=True), "remove", None,
         "jobdesk remove thumbs w1 --force"),
        (lambda c: c.remove_group("thumbs", "00ff"), "remove group", 0,
         "jobdesk group remove thumbs 00ff --yes"),
        (lambda c: c.pause_queue("thumbs"), "pause", None, "jobdesk pause thumbs"),
        (lambda c: c.promote_job("thumbs", "d1"), "promote", None, "jobdesk promote thumbs d1"),
        (lambda c: c.cancel_job("thumbs", "w1"), "cancel", None, "jobdesk cancel thumbs w1"),
        (lambda c: c.change_priority("thumbs", "w1", 2), "priority", None,
         "jobdesk priority thumbs w1 2"),
        (lambda c: c.update_data("thumbs", "w1", b"{}"), "edit", None,
         "jobdesk edit thumbs w1 --data -"),
        (lambda c: c.set_max_active("thumbs", 3), "max_active 3", None,
         "jobdesk limits thumbs --max-active 3"),
        (lambda c: c.set_rate_limit("thumbs", (100, 60)), "rate_limit (100, 60)", None,
         "jobdesk limits thumbs --rate 100/60"),
        (lambda c: c.set_rate_limit("thumbs", None), "rate_limit None", None,
         "jobdesk limits thumbs --rate none"),
    ],
)  # fmt: skip
def test_every_command_is_noted_with_its_command_line(jobs, act, action, count, command):
    control, inspector = Control(jobs.broker, "ada@desk"), Inspector(jobs.broker)
    jobs.failed("f1")
    jobs.delayed("d1")
    jobs.waiting("w1")

    act(control)

    entry = last(inspector)
    assert (entry.action, entry.count, entry.command) == (action, count, command)


def test_an_undo_is_noted_too(jobs, control, inspector):
    jobs.waiting("a1")
    control.remove_job("thumbs", "a1")
    operation = control.operation

    control.undo("thumbs", operation)

    entry = last(inspector)
    assert (entry.action, entry.count) == ("undo", 1)
    assert entry.command == f"jobdesk undo thumbs {operation}"


def test_what_was_refused_is_not_noted(control, inspector):
    with pytest.raises(JobNotFound):
        control.remove_job("thumbs", "nope")

    assert inspector.audit("thumbs") == ()


def test_entries_come_the_newest_first_and_as_many_as_asked_for(jobs, control, inspector):
    for _ in range(3):
        control.pause_queue("thumbs")
        control.resume_queue("thumbs")

    found = inspector.audit("thumbs", 4)

    assert [entry.action for entry in found] == ["resume", "pause", "resume", "pause"]
    assert inspector.audit("thumbs", 0) == ()
    with pytest.raises(PageTooLarge):
        inspector.audit("thumbs", 1001)


def test_a_command_line_of_the_audit_does_the_same_again(jobs, control, inspector):
    jobs.broker.client.sadd(queue_names(jobs.broker.namespace), "thumbs")
    jobs.waiting("a1", "a2")
    control.remove_job("thumbs", "a1")
    line = last(inspector).command.replace("a1", "a2")

    told = CliRunner().invoke(cli, shlex.split(line)[1:])

    assert told.exit_code == 0
    assert jobs.order() == []
    assert last(inspector).who == operator()


def test_the_redis_user_stands_beside_the_name(make_server, settings):
    server = make_server()
    server.client().acl_setuser("ops", enabled=True, nopass=True, keys="*", categories=["+@all"])
    url = server.url.replace("unix://", "unix://ops:x@")
    with Broker(settings.model_copy(update={"redis_url": url})) as broker:
        Control(broker, "ada@desk").pause_queue("thumbs")

        assert Inspector(broker).audit("thumbs")[0].user == "ops"


def test_where_redis_does_not_say_who_one_is_the_command_is_noted_without(make_server, settings):
    server = make_server()
    server.client().acl_setuser("ops", enabled=True, nopass=True, keys="*", categories=["+@all"],
                                commands=["-acl"])  # fmt: skip
    url = server.url.replace("unix://", "unix://ops:x@")
    with Broker(settings.model_copy(update={"redis_url": url})) as broker:
        Control(broker, "ada@desk").pause_queue("thumbs")

        (entry,) = Inspector(broker).audit("thumbs")
        assert (entry.who, entry.user) == ("ada@desk", "")


def test_an_audit_that_cannot_be_written_fails_no_command(jobs, control, caplog):
    caplog.set_level(logging.WARNING, "jobdesk.broker")
    jobs.broker.client.set(jobs.keys.audit, "not a stream")

    assert control.pause_queue("thumbs") is True

    assert "pause on queue thumbs is not in its audit" in caplog.text


# --- presence


def test_operators_who_are_at_work_see_each_other(broker, control, inspector):
    control.seen()
    Control(broker).seen("bob@desk")

    found = inspector.present()

    assert {one.who for one in found} == {"ada@desk", "bob@desk"}
    assert all(abs(one.seen_ms - inspector.now_ms()) < 5000 for one in found)


def test_who_says_nothing_for_thirty_seconds_or_leaves_is_not_there(broker, control, inspector):
    control.seen()
    Control(broker).seen("bob@desk")
    name = seen(broker.namespace)
    broker.client.zadd(name, {"bob@desk": inspector.now_ms() - presence.PRESENT_MS - 1})

    assert [one.who for one in inspector.present()] == ["ada@desk"]

    control.seen()
    assert broker.client.zcard(name) == 1
    assert 0 < broker.client.pttl(name) <= presence.PRESENT_MS

    control.left()
    assert inspector.present() == ()
