"""Searching lists in bounded steps, and giving jobs other data without their code."""

from __future__ import annotations

import json

import pytest

from jobdesk.broker import signing
from jobdesk.broker.control import Control
from jobdesk.broker.inspector import Inspector
from jobdesk.broker.operators import editing
from jobdesk.broker.operators.editing import Fault
from jobdesk.broker.reading import search
from jobdesk.engine.publishing import publish
from jobdesk.engine.queue import Queue
from jobdesk.errors import BadPayload, InvalidJobId, JobNotFound, UnknownType
from jobdesk.models import JobState
from tests.queue_builder import QueueBuilder

WAITING, FAILED = JobState.WAITING, JobState.FAILED


@pytest.fixture
def queue(broker) -> QueueBuilder:
    return QueueBuilder(broker)


def of(*words: str):
    return lambda row, text: any(word in text for word in words)


def test_a_search_looks_at_so_many_rows_and_goes_on_where_it_was(broker, queue):
    queue.waiting(*(f"w{n:02}" for n in range(30)))

    first = search.search(broker, [("thumbs", WAITING)], lambda row, _: row.id > "w20", rows=25)
    rest = search.search(
        broker, [("thumbs", WAITING)], lambda row, _: row.id > "w20", first.place, rows=25
    )

    assert [row.id for row in first.rows] == ["w21", "w22", "w23", "w24"]
    assert (first.looked, first.total) == (25, 30)
    assert [row.id for row in rest.rows] == ["w25", "w26", "w27", "w28", "w29"]
    assert (rest.looked, rest.place) == (30, None)


def test_a_search_goes_from_list_to_list(broker, queue):
    queue.failed("f1", "f2")
    queue.waiting("w1")
    lists = [("thumbs", WAITING), ("thumbs", JobState.DELAYED), ("thumbs", FAILED)]

    found = search.search(broker, lists, lambda *_: True)

    assert {row.id for row in found.rows} == {"w1", "f1", "f2"}
    assert (found.looked, found.total, found.place) == (3, 3, None)


def test_data_and_the_whole_error_are_looked_into_and_what_is_too_large_is_counted(broker, queue):
    queue.failed("data", payload=json.dumps({"path": "größe"}).encode())
    queue.failed("error", error="ValueError: größe")
    queue.failed("large", payload=json.dumps({"path": "größe" * 20_000}).encode())
    queue.failed("other")

    found = search.search(broker, [("thumbs", FAILED)], of("größe"), texts=True)

    assert {row.id for row in found.rows} == {"data", "error"}
    assert found.too_large == 1


def test_the_end_of_an_error_that_rows_cut_off_is_found(broker, queue):
    queue.failed("f1")  # its error in full ends with "in full"

    found = search.search(broker, [("thumbs", FAILED)], of(", in full"), texts=True)

    assert [row.id for row in found.rows] == ["f1"]


def test_the_next_match_has_a_place_either_way(broker, queue):
    queue.waiting(*(f"w{n}" for n in range(9)))

    def at(start: int, *, back: bool = False, reverse: bool = False):
        return search.find(
            broker, "thumbs", WAITING, lambda row, _: row.id in ("w2", "w6"), start=start,
            back=back, reverse=reverse,
        ).at  # fmt: skip

    assert [at(0), at(3), at(7)] == [2, 6, None]
    assert [at(8, back=True), at(5, back=True), at(1, back=True)] == [6, 2, None]
    assert at(0, reverse=True) == 2


def test_rows_are_read_by_their_ids_and_none_stands_for_those_that_are_gone(broker, queue):
    queue.waiting("w1")

    rows = search.rows_of(broker, [("thumbs", "w1"), ("thumbs", "gone")])

    assert rows[0] is not None
    assert rows[0].state is WAITING
    assert rows[1] is None


def test_a_list_is_read_from_its_other_end(broker, queue):
    queue.waiting("w1", "w2", "w3")

    window = Inspector(broker).window(
        "thumbs", WAITING, reverse=True, limit=2, anchor="w2", anchor_place=1
    )

    assert [row.id for row in window.rows] == ["w3", "w2"]
    assert window.anchor_rank == 1


# --- other data


def test_what_hangs_on_a_job_outlives_its_data(broker, queue):
    then = {"then": {"q": "mail", "t": "send", "id": "next", "a": [], "d": {}}}
    queue.failed("f1", payload=json.dumps([{"path": "a"}, then]).encode())

    Control(broker).edit_job("thumbs", "f1", {"path": "b"})

    job = Inspector(broker).job("thumbs", "f1")
    assert job.data == {"path": "b"}
    assert job.followers == (("then", "mail", "send", "next"),)


def test_a_job_that_is_gone_has_no_data_to_change(broker, queue):
    with pytest.raises(JobNotFound):
        Control(broker).edit_job("thumbs", "gone", {})


def test_data_is_signed_anew_only_where_it_was_signed(settings, broker, queue):
    from pydantic import SecretStr

    from jobdesk.broker.connection import Broker

    key = b"secret-secret"
    body = signing.sealed(key, b'{"path":"a"}', "thumbs", "f1", "resize")
    queue.failed("f1", payload=body)
    queue.failed("f2")
    with Broker(settings.model_copy(update={"secret": SecretStr(key.decode())})) as signed:
        Control(signed).edit_job("thumbs", "f1", {"path": "b"})
        with pytest.raises(BadPayload):
            Control(signed).edit_job("thumbs", "f2", {"path": "b"})

    assert queue.payload("f1") == signing.sealed(key, b'{"path":"b"}', "thumbs", "f1", "resize")


@pytest.fixture
def published(broker) -> Queue:
    made = Queue("thumbs", broker=broker)

    def resize(path: str, width: int = 3) -> str:
        return path

    made.task(priority=4)(resize)
    publish(made)
    return made


def test_a_job_is_added_by_what_is_published_with_a_note_of_its_origin(broker, published):
    job_id = Control(broker, "me@here").add_job(
        "thumbs", "resize", {"path": "a"}, origin="before", attempts=7, delay=60
    )

    job = Inspector(broker).job("thumbs", job_id)
    entry = Inspector(broker).audit("thumbs")[0]
    assert (job.state, job.origin, job.attempts, job.priority) == (
        JobState.DELAYED, "before", 7, 4,
    )  # fmt: skip
    assert (entry.action, entry.job_id) == ("add", job_id)
    assert entry.command.startswith("jobdesk add thumbs resize --data - --delay 1m --attempts 7")


def test_no_job_is_added_twice_or_of_a_type_that_nobody_has(broker, published):
    control = Control(broker)
    control.add_job("thumbs", "resize", {"path": "a"}, job_id="mine")

    with pytest.raises(InvalidJobId):
        control.add_job("thumbs", "resize", {"path": "a"}, job_id="mine")
    with pytest.raises(UnknownType):
        control.add_job("thumbs", "crop", {})


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({}, "to: is required"),
        ({"to": 3}, "to: must be a text"),
        ({"to": "a", "n": 0}, "n: must be 1 or more"),
        ({"to": "a", "kind": "z"}, 'kind: must be one of "x", "y"'),
        ({"to": "a", "strange": 1}, "strange: is no field of this type"),
        ({"to": "a", "list": ["1"]}, "list.0: must be a number"),
        ({"to": ""}, "to: must not be empty"),
        ([], 'the data is a JSON object, as {"to": "a@example.com"}'),
    ],
)
def test_what_does_not_fit_a_schema_is_told_without_the_value(data, told):
    schema = {
        "type": "object", "required": ["to"], "additionalProperties": False,
        "properties": {
            "to": {"type": "string", "minLength": 1}, "n": {"type": "integer", "minimum": 1},
            "kind": {"enum": ["x", "y"]}, "list": {"type": "array", "items": {"type": "number"}},
        },
    }  # fmt: skip

    assert [str(fault) for fault in editing.faults(schema, data)] == [told]


def test_a_secret_is_not_told_and_a_schema_that_does_not_read_refuses_nothing():
    schema = {"properties": {"apiKey": {"type": "string", "format": "x", "not": {}}}}

    assert editing.faults(schema, {"apiKey": "sk"}) == (Fault("apiKey", "does not fit not"),)
    assert editing.faults({"type": "nonsense"}, {"a": 1}) == ()
    assert editing.faults({"$ref": "http://example.com/x"}, {"a": 1}) == ()
