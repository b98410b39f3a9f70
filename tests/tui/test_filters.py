"""The filter language, forms, JSON and tracebacks as text: pure."""

from __future__ import annotations

import dataclasses

import pytest

from jobdesk.models import JobRow, JobState
from jobdesk.tui import filters, forms
from jobdesk.tui.filters import Known, NotAFilter, Term, completions, parse
from jobdesk.tui.text import jsons as jsontext
from jobdesk.tui.text import tracebacks

NOW = 10_000_000


def row(**changes) -> JobRow:
    base = JobRow(
        id="0Vabc", queue="mail", type="send-mail", state=JobState.FAILED, priority=None,
        added_ms=NOW - 7_200_000, run_at_ms=None, started_ms=NOW - 60_000,
        finished_ms=NOW - 30_000, attempts_made=3, attempts=3, stalled=0, generation=0,
        worker="host:1:w", progress=None, error="ValueError: no", fingerprint="f1",
    )  # fmt: skip
    return dataclasses.replace(base, **changes)


def found(text: str, data: str = "", **changes) -> bool:
    return parse(text).matches(row(**changes), data, NOW)


def test_state_and_queue_choose_the_list_and_are_no_conditions():
    wanted = parse("state:failed queue:mail timeout")

    assert (wanted.queue, wanted.state) == ("mail", JobState.FAILED)
    assert wanted.terms == (Term("text", "timeout"),)
    assert parse("state:all queue:*", "mail", JobState.FAILED) == filters.Filter()


@pytest.mark.parametrize(
    ("text", "yes"),
    [
        ("type:send-mail", True), ("type:send", False), ("type:send*", True),
        ("!type:send*", False),
        ("id:0Va", True), ("id:abc", False),
        ("worker:host*", True), ("worker:other", False),
        ("age:<1m", True), ("age:>1m", False), ("ran:>10s", True), ("ran:<10s", False),
        ("tries:3", True), ("tries:>3", False),
        ("group:f1", True), ("group:f2", False),
        ("state:cancelled", False), ("state:retrying", False),
    ],
)  # fmt: skip
def test_each_word_looks_at_its_own_part_of_a_row(text: str, yes: bool):
    assert found(text) is yes


def test_text_is_looked_for_in_what_was_read_in_any_case_and_a_mark_turns_it_round():
    assert found("TIMED", "ReadTimeout: timed out")
    assert not found("!timed", "ReadTimeout: timed out")
    assert found('"timed out"', "ReadTimeout: timed out")
    assert not found('"out timed"', "ReadTimeout: timed out")
    assert found("https://a/b", "see https://a/b")


def test_a_filter_reads_back_as_it_is_written():
    text = 'type:a* !"two words" plain !group:f1 "x:y"'

    assert parse(str(parse(text))) == parse(text)


@pytest.mark.parametrize("text", ["state:lost", "age:soon", "ran:x", "tries:many", "type:"])
def test_what_is_no_filter_is_refused_in_words(text: str):
    with pytest.raises(NotAFilter):
        parse(text)


def test_a_single_id_is_a_place_to_go_to_and_with_more_a_condition():
    assert parse("id:abc").full_id == "abc"
    assert parse("0Vbs4PIR00gvguoU49RGvf").full_id == "0Vbs4PIR00gvguoU49RGvf"
    assert parse("id:abc type:x").full_id is None
    assert parse("!id:abc").full_id is None


def test_words_and_values_are_completed():
    known = Known(("mail", "main", "pdf"), ("send-mail",), ("host:1:w",))

    assert completions("st", known) == ("state:",)
    assert completions("state:fa", known) == ("state:failed",)
    assert completions("x !queue:ma", known) == ("x !queue:mail", "x !queue:main")
    assert completions("type:", known) == ("type:send-mail",)
    assert completions("", known) == ()


SCHEMA = {
    "type": "object",
    "required": ["to", "count"],
    "properties": {
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        "to": {"type": "string"},
        "count": {"type": "integer", "minimum": 1},
        "kind": {"enum": ["a", "b"], "default": "a"},
        "dry": {"type": "boolean"},
        "items": {"$ref": "#/$defs/Items"},
        "who": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/Items"}]},
    },
    "$defs": {"Items": {"type": "array", "items": {"type": "number"}}},
}


def test_a_form_has_the_required_fields_first_each_of_its_kind():
    fields = forms.fields_of(SCHEMA)

    assert [(f.name, f.kind, f.required, f.nullable) for f in fields] == [
        ("to", "text", True, False), ("count", "integer", True, False),
        ("note", "text", False, True), ("kind", "choice", False, False),
        ("dry", "boolean", False, False), ("items", "json", False, False),
        ("who", "json", False, False),
    ]  # fmt: skip


def test_what_is_typed_becomes_json_and_what_is_empty_is_left_out():
    typed = {"to": "a@b", "count": "3", "kind": "b", "dry": "yes", "items": "[1, 2]", "who": "me",
             "note": "null"}  # fmt: skip

    data, wrong = forms.data_of(forms.fields_of(SCHEMA), typed)

    assert wrong == {}
    assert data == {"to": "a@b", "count": 3, "kind": "b", "dry": True, "items": [1, 2],
                    "who": "me", "note": None}  # fmt: skip


def test_what_does_not_fit_a_field_is_told_by_the_field():
    typed = {"count": "3.5", "kind": "c", "dry": "perhaps", "items": "1,2"}

    _, wrong = forms.data_of(forms.fields_of(SCHEMA), typed)

    assert wrong == {
        "to": "is required", "count": "must be a whole number", "kind": "must be one of a, b",
        "dry": "must be true or false",
        "items": 'must be JSON, as ["a", "b"] or {"name": "value"}',
    }  # fmt: skip


@pytest.mark.parametrize("schema", [{}, {"properties": 3}, {"type": "string"}])
def test_a_schema_without_fields_has_no_form(schema: dict):
    assert forms.fields_of(schema) is None


def test_json_comes_in_lines_and_what_is_long_is_cut_and_counted():
    lines, cut = jsontext.lines({"a": [1, "x" * 5000], "\x1b[31m": None})

    text = ["".join(piece for piece, _ in line) for line in lines]
    assert text[0] == "{"
    assert '"a": [' in text[1]
    assert "(5,000 characters, o opens all)" in text[3]
    assert all("\x1b" not in line for line in text)
    assert cut


TRACE = """Traceback (most recent call last):
  File "/srv/.venv/lib/python3.11/site-packages/httpx/_client.py", line 10, in get
    return self.request()
           ^^^^^^^^^^^^^^
  File "/srv/.venv/lib/python3.11/site-packages/httpx/_api.py", line 11, in request
    raise x
  File "/srv/app/tasks.py", line 3, in fetch
    response = get(url)
ValueError: [/foo] no
"""


def test_frames_of_libraries_are_folded_until_they_are_asked_for():
    folded = ["".join(t for t, _ in line) for line in tracebacks.lines(TRACE, unfold=False)]
    whole = ["".join(t for t, _ in line) for line in tracebacks.lines(TRACE, unfold=True)]

    assert folded == [
        "  … 2 library frames folded, space unfolds",
        "/srv/app/tasks.py:3  in fetch",
        "    response = get(url)",
        "ValueError: [/foo] no",
    ]
    assert "httpx/_client.py:10  in get" in whole
