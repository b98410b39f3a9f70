"""Commands over many jobs: they can be stopped, and when the connection breaks they say how far."""

from __future__ import annotations

import queue

import pytest

from jobdesk import settings as settings_module
from jobdesk.broker.connection import Broker
from jobdesk.broker.inspector import Inspector
from jobdesk.tui.commands.queues import EmptyQueue
from jobdesk.tui.link import messages
from jobdesk.tui.link.writer import Writer
from jobdesk.tui.ordering import broken_off
from tests.tui.conftest import registered

MANY = 2000


@pytest.fixture
def carry_out():
    """Runs a command in a writer, ``meanwhile()`` when it first says how far it is."""
    writers = []

    def run(settings, command, meanwhile):
        told = queue.SimpleQueue()

        def post(message):
            if isinstance(message, messages.CommandProgress) and told.empty():
                meanwhile(writers[-1])
            told.put(message)

        writers.append(Writer(settings, post, who="tester@here", written=lambda: None))
        writers[-1].put(command)
        while not isinstance(done := told.get(timeout=20), messages.CommandDone):
            pass
        return done

    yield run
    for writer in writers:
        writer.end()
        writer.join(5)


def test_a_command_over_many_jobs_stops_between_two_batches(settings, broker, carry_out):
    jobs = registered(broker, "thumbs")
    jobs.waiting(*(f"w{n}" for n in range(MANY)))

    done = carry_out(settings, EmptyQueue("thumbs", MANY), lambda writer: writer.stop_command())

    left = Inspector(broker).stats("thumbs").waiting
    assert done.outcome is not None
    assert not done.outcome.whole
    assert 0 < left < MANY
    assert f"{MANY - left:,}" in done.outcome.text


def test_a_connection_lost_in_the_middle_is_told_with_what_had_been_done(make_server, carry_out):
    server = make_server(tcp=True)
    settings = settings_module.load(redis_url=server.url, _env_file=None)
    with Broker(settings) as broker:
        registered(broker, "thumbs").waiting(*(f"w{n}" for n in range(MANY)))

    done = carry_out(settings, EmptyQueue("thumbs", MANY), lambda _: server.kill())

    title, text = broken_off(done)
    assert done.outcome is None
    assert 0 < done.done < MANY
    assert title == f"Remove broke off after {done.done:,} of {done.total:,}"
    assert str(server.port) in text
    assert ("may have been done" in text) == done.unsure


def test_a_command_that_never_reached_redis_is_told_as_not_done(make_server, carry_out):
    server = make_server(tcp=True)
    server.kill()
    settings = settings_module.load(redis_url=server.url, _env_file=None)

    done = carry_out(settings, EmptyQueue("thumbs", 5), lambda _: None)

    assert broken_off(done)[0] == "Remove was not done"
