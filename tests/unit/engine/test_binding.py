"""Calls become data, and data calls."""

from __future__ import annotations

import functools
import inspect
import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Optional

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, RootModel

from jobdesk.engine.binding import RESERVED, Signature
from jobdesk.errors import InvalidJobData, InvalidTask

if TYPE_CHECKING:
    from nowhere import OnlyForCheckers  # type: ignore[import-not-found]  # that is the point


class JobContext:
    __job_context__ = True


class Alias(JobContext):
    """A context under another name."""


def of(func, **options):
    return Signature.of(func, "email", "transactional", **options)


def refused(signature, *args, **kwargs):
    with pytest.raises(InvalidJobData) as caught:
        signature.bind(args, kwargs)
    return str(caught.value)


def run(func, data):
    """What the worker does with stored data."""
    signature = of(func)
    args, kwargs = signature.call_arguments(json.loads(json.dumps(data)))
    if signature.context_parameter:
        kwargs[signature.context_parameter] = JobContext()
    return func(*args, **kwargs)


# --- where it is decorated


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_a_parameter_named_as_a_huey_option_is_refused(name):
    namespace = {}
    exec(f"def resize({name}): ...", namespace)

    with pytest.raises(InvalidTask) as caught:
        Signature.of(namespace["resize"], "thumbs", "resize")

    assert str(caught.value) == f"parameter {name!r} of thumbs:resize is a Huey option; rename it"


def test_hueys_context_tasks_may_have_a_parameter_task():
    def send(to, task=None): ...

    signature = of(send, context=True)

    assert signature.bind(("a",), {}) == {"to": "a"}
    assert list(signature.schema()["properties"]) == ["to"]
    assert "no field 'task'" in refused(signature, "a", task=1)


def test_a_parameter_where_args_are_kept_is_refused():
    def send(args, *rest): ...

    with pytest.raises(InvalidTask, match="where \\*args are kept"):
        of(send)


def test_a_function_that_takes_nothing_is_a_task():
    signature = of(lambda: None)

    assert signature.bind((), {}) == {}
    assert signature.call_arguments({}) == ((), {})


# --- the context


def test_a_context_is_found_by_its_type():
    def send(to, *, job: JobContext): ...

    assert of(send).context_parameter == "job"


@pytest.mark.parametrize(
    "annotation",
    [
        JobContext,
        Alias,
        Optional[JobContext],  # noqa: UP045 - the older way to write it is the case
        "JobContext",
        "jobdesk.JobContext",
        "JobContext | None",
        "Optional[JobContext]",
        "typing.Optional['JobContext']",
        "Alias",
    ],
)
def test_a_context_is_found_however_it_is_written(annotation):
    def send(to, job=None): ...

    send.__annotations__["job"] = annotation

    assert of(send).context_parameter == "job"
    assert of(send).bind((), {"to": "a"}) == {"to": "a"}


@pytest.mark.parametrize("annotation", ["str", "list[JobContext]", "Any", int, "1 +", None])
def test_other_annotations_are_no_context(annotation):
    def send(to, job=None): ...

    send.__annotations__["job"] = annotation

    assert of(send).context_parameter is None


def test_a_context_in_between_leaves_the_rest_to_names():
    def send(to, job: JobContext, cc=None):
        return to, job, cc

    signature = of(send)
    data = signature.bind(("a",), {"cc": "b"})
    args, kwargs = signature.call_arguments(data)

    assert send(*args, **kwargs, **{signature.context_parameter: 1}) == ("a", 1, "b")


def test_a_context_cannot_be_given():
    def send(to, *, job: JobContext, **more): ...

    assert "no field 'job'" in refused(of(send), "a", job=1)


def test_a_context_in_the_way_of_args_is_refused():
    def send(job: JobContext, *args): ...

    def only(job: JobContext, /): ...

    def two(*, job: JobContext, again: JobContext): ...

    for func in (send, only, two):
        with pytest.raises(InvalidTask, match="filled by jobdesk"):
            of(func)


# --- names


def resize(path: str, width: int = 200, *, job: JobContext):
    return path, width


def test_arguments_are_stored_under_their_parameters_names():
    signature = of(resize)

    assert signature.bind(("a.jpg",), {"width": 3}) == {"path": "a.jpg", "width": 3}
    assert signature.bind(("a.jpg", 3), {}) == signature.bind((), {"path": "a.jpg", "width": 3})


def test_defaults_are_not_stored():
    assert of(resize).bind(("a.jpg",), {}) == {"path": "a.jpg"}


def test_what_was_passed_by_position_comes_back_by_position():
    def add(a, b=2, c=3): ...

    signature = of(add)

    assert signature.call_arguments(signature.bind((3,), {})) == ((3,), {})
    assert signature.call_arguments(signature.bind((3, 4), {})) == ((3, 4), {})
    assert signature.call_arguments({"a": 1, "c": 5}) == ((1,), {"c": 5})


def test_an_unknown_field_is_told_with_the_one_that_was_meant():
    assert refused(of(resize), path="a", widht=1) == (
        "email:transactional has no field 'widht'; did you mean 'width'?"
    )


def test_a_missing_field_is_told():
    assert refused(of(resize)) == "data.path: Field required; email:transactional"


def test_too_many_arguments_are_told():
    assert "takes 2 positional arguments, got 3" in refused(of(resize), "a", 1, 2)


def test_a_field_given_twice_is_told():
    assert "got field 'path' twice" in refused(of(resize), "a", path="b")


@pytest.mark.parametrize("data", [None, [1], "x", 5])
def test_data_that_is_no_object_is_refused(data):
    with pytest.raises(InvalidJobData, match="is an object with named fields"):
        of(resize).check(data)


def everything(first, second=2, /, third=3, *args, named, other=5, **more):
    return first, second, third, args, named, other, more


arguments = st.integers(0, 9)


@given(
    st.lists(arguments, min_size=1, max_size=6),
    st.fixed_dictionaries(
        {"named": arguments},
        optional={"other": arguments, "x": arguments, "y": arguments, "self": arguments},
    ),
    st.booleans(),
)
def test_whatever_can_be_called_comes_back_as_the_same_call(args, kwargs, third):
    if third and len(args) < 3:
        kwargs["third"] = 7
    signature = of(everything)

    data = json.loads(json.dumps(signature.bind(args, kwargs)))

    assert run(everything, data) == everything(*args, **kwargs)
    assert signature.check(data) == data


@given(st.lists(arguments, max_size=4), st.dictionaries(st.sampled_from("abcdz"), arguments))
def test_it_accepts_what_python_accepts(args, kwargs):
    def func(a, b=2, *, c, d=4): ...

    try:
        inspect.signature(func).bind(*args, **kwargs)
    except TypeError:
        with pytest.raises(InvalidJobData):
            of(func).bind(args, kwargs)
    else:
        of(func).bind(args, kwargs)


def test_rest_must_be_a_list():
    def add(*args): ...

    assert "data.args: Input should be a list" in refused(of(add), args=3)


def test_a_wrapped_function_has_the_signature_of_the_inner_one():
    @functools.wraps(resize)
    def outer(*args, **kwargs):
        return resize(*args, **kwargs)

    signature = of(outer)

    assert signature.context_parameter == "job"
    assert "data.width" in refused(signature, "a", "x")


# --- values


class Tone(StrEnum):
    FORMAL = "formal"


@dataclass
class Address:
    city: str
    zip: int


class Line(BaseModel):
    sku: str
    unit_price: Decimal = Field(Decimal(1), alias="unitPrice")


def order(
    when: datetime,
    tone: Tone,
    lines: list[Line],
    to: Address | None = None,
    n: int = None,  # noqa: RUF013 - written like this often enough
):
    return when, tone, lines, to, n


def test_a_bad_value_is_told_by_its_path():
    assert refused(of(resize), "a", "x").startswith("data.width: Input should be a valid integer")
    assert refused(of(resize), "a", "x").endswith("got 'x'; email:transactional")
    assert "data.lines[0].sku: " in refused(of(order), "2026-01-01", "formal", [{"sku": 1}], None)


def test_a_secret_value_is_not_told():
    def login(password: int): ...

    assert "hunter2" not in refused(of(login), "hunter2")


def test_many_bad_values_are_told_in_short():
    def many(numbers: list[int]): ...

    assert "and 5 more" in refused(of(many), list("abcdefgh"))


def test_json_values_are_stored_as_given_and_converted_for_the_call():
    data = {
        "when": "2026-01-01T00:00:00Z",
        "tone": "formal",
        "lines": [{"sku": "a", "unitPrice": 2}],
    }

    assert of(order).bind((), data) == data
    assert run(order, data) == (
        datetime(2026, 1, 1, tzinfo=UTC),
        Tone.FORMAL,
        [Line(sku="a", unitPrice=Decimal(2))],
        None,
        None,
    )


def test_values_of_the_annotated_types_become_json():
    call = (datetime(2026, 1, 1, tzinfo=UTC), Tone.FORMAL, [Line(sku="a")], Address("Riyadh", 1))

    data = of(order).bind(call, {})

    assert data == {
        "when": "2026-01-01T00:00:00Z",
        "tone": "formal",
        "lines": [{"sku": "a", "unitPrice": "1"}],
        "to": {"city": "Riyadh", "zip": 1},
    }
    assert run(order, data) == (*call, None)


def test_a_default_of_none_allows_none():
    assert of(order).bind(("2026-01-01", "formal", []), {"n": None})["n"] is None


def test_a_model_for_an_unannotated_parameter_becomes_json():
    def send(order, /, **more): ...

    assert of(send).bind((Line(sku="a"),), {}) == {"order": {"sku": "a", "unitPrice": "1"}}


def test_rest_and_more_are_checked_by_their_annotations():
    def add(*args: int, **more: Line): ...

    assert "data.args[1]: " in refused(of(add), 1, "x")
    assert "data.a.sku: " in refused(of(add), a={})
    assert of(add).call_arguments({"args": ["1", 2], "a": {"sku": "x"}}) == (
        (1, 2),
        {"a": Line(sku="x")},
    )
    assert of(add).bind((1,), {"a": Line(sku="x")}) == {
        "args": [1],
        "a": {"sku": "x", "unitPrice": "1"},
    }


def test_annotations_that_mean_nothing_here_check_nothing():
    def send(a: OnlyForCheckers, b: Any, c: JobFactory, d: 1 + 1, e: Exception): ...  # noqa: F821

    data = {"a": 1, "b": [2], "c": {}, "d": None, "e": "x"}

    assert of(send).bind((), data) == data
    assert of(send).call_arguments(data) == ((1, [2], {}, None, "x"), {})
    jsonschema.validate(data, of(send).schema())


def test_stored_data_that_no_longer_fits_is_told_when_it_is_run():
    with pytest.raises(InvalidJobData, match="Field required"):
        of(resize).call_arguments({})
    with pytest.raises(InvalidJobData, match=r"data\.width"):
        of(resize).call_arguments({"path": "a", "width": "wide"})


def test_functions_without_annotations_do_not_import_pydantic():
    """Late, since importing pydantic is most of a small program's start."""
    script = (
        "import sys\n"
        "from jobdesk.engine.binding import Signature\n"
        "def f(a, b=2, *args, **more): ...\n"
        "s = Signature.of(f, 'q', 't')\n"
        "s.call_arguments(s.bind((1, 2, 3), {'x': 1})); s.schema()\n"
        "sys.exit('pydantic' in sys.modules)\n"
    )

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


# --- one model takes all


class Mail(BaseModel):
    to: str | list[str]
    reply_to: str | None = Field(None, alias="replyTo")
    due: datetime | None = None


def send(mail: Mail, *, job: JobContext):
    return mail


def test_a_model_takes_the_whole_object():
    data = {"to": "a", "replyTo": "b"}

    assert of(send).bind((), data) == data
    assert of(send).bind((data,), {}) == data
    assert of(send).bind((), {"mail": data}) == data
    assert of(send).check(data) == data
    assert run(send, data) == Mail(to="a", replyTo="b")


def test_a_model_is_read_by_names_as_well_as_by_aliases():
    assert of(send).bind((), {"to": "a", "reply_to": "b"}) == {"to": "a", "reply_to": "b"}
    assert run(send, {"to": "a", "reply_to": "b"}).reply_to == "b"


def test_a_model_s_instance_is_stored_by_its_aliases():
    mail = Mail(to="a", replyTo="b", due=datetime(2026, 1, 1, tzinfo=UTC))
    expected = {"to": "a", "replyTo": "b", "due": "2026-01-01T00:00:00Z"}

    assert of(send).bind((mail,), {}) == expected
    assert of(send).bind((), {"mail": mail}) == expected
    assert run(send, expected) == mail


def test_values_in_a_model_s_object_become_json():
    due = datetime(2026, 1, 1, tzinfo=UTC)

    assert of(send).bind((), {"to": "a", "due": due}) == {"to": "a", "due": "2026-01-01T00:00:00Z"}


def test_a_model_s_bad_fields_are_told():
    assert "data.to: Field required" in refused(of(send))
    assert refused(of(send), too="a") == (
        "email:transactional has no field 'too'; did you mean 'to'?"
    )
    assert "data.due: " in refused(of(send), to="a", due="soon")
    assert "takes one object" in refused(of(send), {"to": "a"}, to="b")
    assert "is an object with named fields" in refused(of(send), "a")


def test_a_model_may_say_that_unknown_fields_are_welcome():
    class Open(BaseModel):
        model_config = ConfigDict(extra="allow")
        to: str

    def func(it: Open): ...

    func.__annotations__["it"] = Open

    assert of(func).bind((), {"to": "a", "x": 1}) == {"to": "a", "x": 1}
    assert of(func).schema()["additionalProperties"] is True


def test_a_model_s_aliases_for_reading_are_known():
    class Many(BaseModel):
        to: str = Field(
            validation_alias=AliasChoices("recipient", "rcpt"), serialization_alias="written"
        )

    def func(*, it: Many):
        return it

    func.__annotations__["it"] = Many

    assert of(func).bind((), {"rcpt": "a"}) == {"rcpt": "a"}
    assert of(func).bind((), {"it": Many(rcpt="a")}) == {"to": "a"}
    assert run(func, {"to": "a"}) == Many(rcpt="a")


def test_a_model_that_may_be_left_out_gets_its_default():
    default = Mail(to="nobody")

    def func(mail: Mail = default):
        return mail

    assert of(func).bind((), {}) == {}
    assert run(func, {}) is default


def test_a_root_model_is_a_field_like_others():
    class Names(RootModel[list[str]]):
        pass

    def func(names: Names):
        return names

    func.__annotations__["names"] = Names

    assert of(func).bind((["a"],), {}) == {"names": ["a"]}
    assert run(func, {"names": ["a"]}) == Names(["a"])


# --- schema


def test_a_schema_without_annotations_says_what_is_required():
    assert of(everything).schema() == {
        "type": "object",
        "properties": {
            "first": {},
            "second": {"default": 2},
            "third": {"default": 3},
            "named": {},
            "other": {"default": 5},
            "args": {"type": "array", "items": {}},
        },
        "required": ["first", "named"],
        "additionalProperties": True,
    }


def test_a_schema_has_the_types_and_what_they_refer_to():
    schema = of(order).schema()

    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(
        {"when": "2026-01-01", "tone": "formal", "lines": [{"sku": "a", "unitPrice": 1}]}, schema
    )
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"when": "2026-01-01", "tone": "rude", "lines": []}, schema)


def test_a_model_s_schema_is_its_own_and_closed():
    schema = of(send).schema()

    assert set(schema["properties"]) == {"to", "replyTo", "due"}
    assert schema["required"] == ["to"]
    assert schema["additionalProperties"] is False


def test_a_schema_is_json():
    for func in (resize, everything, order, send):
        json.dumps(of(func).schema())
